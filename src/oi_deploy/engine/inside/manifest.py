"""The checksum manifest of a model's folder: every file that it lists is read and compared.

Nothing is remembered: whoever can change a file can set its size and time too.
"""

import hashlib
import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from oi_deploy.engine.inside.model_files import again, are, some
from oi_deploy.engine.inside.words import Problem, say

MANIFEST = "SHA256SUMS"
_CHUNK = 4 * 1024**2
_SAY_EVERY_S = 2.0


def entries(text: str) -> "dict[str, str]":
    r"""The digests in a manifest by file, as `sha256sum` writes it: `DIGEST  NAME`, `DIGEST *NAME`.

    A line with a name that holds `\` or a line end begins with `\` (coreutils' manual).

    Raises:
        Problem: a line is none of these, or its file lies outside the model's folder.
    """
    found = {}
    for number, line in enumerate(re.split(r"\r?\n", text), 1):
        match = re.fullmatch(r"(\\?)([0-9a-fA-F]{64}) [ *](.+)", line)
        if not match and line.strip():
            raise Problem(
                f"{MANIFEST}, line {number}, is not `DIGEST  NAME`",
                f"Write it anew, in the model's folder: `sha256sum * > {MANIFEST}`",
            )
        if match:
            escaped, digest, name = match.groups()
            if escaped:
                name = re.sub(r"\\(.)", lambda it: {"n": "\n", "r": "\r"}.get(it[1], it[1]), name)
            if Path(name).is_absolute() or ".." in Path(name).parts:
                raise Problem(
                    f"{MANIFEST} names {name}, which is not in the model's folder",
                    "Write names relative to that folder.",
                )
            found[name] = digest.lower()
    return found


def verify(folder: Path) -> None:
    """Compare all files that the manifest lists, if there is a manifest.

    Raises:
        Problem: one is missing, or is not what it says.
    """
    if not (folder / MANIFEST).exists():
        return
    wanted = entries((folder / MANIFEST).read_text(encoding="utf-8", errors="surrogateescape"))
    remedy = f"{again(folder)}, or correct {MANIFEST}."
    if missing := [name for name in wanted if not (folder / name).is_file()]:
        raise Problem(f"{some(missing)} {are(missing)} listed in {MANIFEST} and missing", remedy)
    sizes = {name: (folder / name).stat().st_size for name in wanted}
    total, done, over = sum(sizes.values()), [0], threading.Event()

    def digest(name: str) -> str:
        hashed = hashlib.sha256()
        with (folder / name).open("rb") as file:
            while data := file.read(_CHUNK):
                hashed.update(data)  # lets the other threads work meanwhile
                done[0] += len(data)
        return hashed.hexdigest()

    def tell() -> None:
        while True:
            say(f"checking the model's files: {done[0] / 1e9:.1f} of {total / 1e9:.1f} GB")
            if over.wait(_SAY_EVERY_S):
                return

    teller = threading.Thread(target=tell)
    teller.start()
    try:
        # The largest first, so that no thread is left alone with it in the end.
        names = sorted(wanted, key=lambda name: -sizes[name])
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
            digests = dict(zip(names, threads.map(digest, names), strict=True))
    finally:
        over.set()
        teller.join()
    if wrong := sorted(name for name in wanted if digests[name] != wanted[name]):
        raise Problem(f"{some(wrong)} {are(wrong)} not what {MANIFEST} says", remedy)
