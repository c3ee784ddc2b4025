"""The container that holds a pod's network while its real containers come and go.

Kubernetes uses an image called `pause` for this. Here it is made on the spot, from a program of a
few bytes that waits for ever, because no public registry may be reachable.
"""

from __future__ import annotations

import io
import struct
import tarfile

from devkit.cluster.engine import Engine, EngineError

IMAGE = "oi-deploy-devkit/pause"
_TAG = "1"
# again: mov eax, 34 (SYS_pause); syscall; jmp again
_CODE = bytes.fromhex("b822000000 0f05 ebf7".replace(" ", ""))
_BASE = 0x400000
_HEADERS = 64 + 56


def program() -> bytes:
    """Return a static x86-64 Linux ELF program that waits for ever."""
    size = _HEADERS + len(_CODE)
    ident = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    entry = _BASE + _HEADERS
    header = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, entry, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    return ident + header + segment + _CODE


async def ensure_image(engine: Engine) -> None:
    """Make the image unless the engine has it."""
    try:
        await engine.call("GET", f"/images/{IMAGE}:{_TAG}/json")
    except EngineError as error:
        if error.status != 404:
            raise
    else:
        return
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("pause")
        member.mode, member.size = 0o755, len(program())
        archive.addfile(member, io.BytesIO(program()))
    await engine.call(
        "POST",
        "/images/create",
        params={"fromSrc": "-", "repo": IMAGE, "tag": _TAG, "changes": 'ENTRYPOINT ["/pause"]'},
        data=buffer.getvalue(),
        headers={"Content-Type": "application/x-tar"},
    )


def reference() -> str:
    """Return the image's full name."""
    return f"{IMAGE}:{_TAG}"
