"""The files of a build, packed by us with the rights of the model's user.

The docker command would read them as root, and would follow what changes under its eyes. Here the
Dockerfile that is checked is the one that is sent.
"""

import io
import os
import stat
import tarfile
from pathlib import Path
from typing import IO

from docker.utils.build import exclude_paths

from oi_deploy.broker.request import BuildContext, Refused

_RULE = "docker.build.context"
_FILE = "docker.build.file"
_LARGEST = 2 * 1024**3
_MOST_DOCKERFILE = 1024 * 1024


def pack(context: BuildContext, into: IO[bytes]) -> bytes:
    """Write the context as a tar archive; return its Dockerfile.

    Raises:
        Refused: a file cannot be read, there is no Dockerfile, or it is all too large.
    """
    content = context.content
    # The command looks at the first 1024 bytes to tell an archive from a Dockerfile (docker/cli,
    # cli/command/image/build/context.go). Extended headers would not fit, so none comes first.
    with tarfile.open(fileobj=into, mode="w", format=tarfile.GNU_FORMAT) as tar:
        root = tarfile.TarInfo(".")
        root.type, root.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(root)
        if context.directory is not None:
            for name in _files(context.directory, context.dockerfile):
                if name != context.dockerfile or content is None:
                    found = _add(tar, context.directory, name, keep=name == context.dockerfile)
                    content = found if name == context.dockerfile else content
        elif _is_archive(content or b""):
            raise Refused(_RULE, "an archive from stdin cannot be built; name a directory")
        if content is None:
            raise Refused(_FILE, f"there is no {context.dockerfile} in the build context")
        if context.content is not None:
            info = tarfile.TarInfo(context.dockerfile)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    if len(content) > _MOST_DOCKERFILE:
        raise Refused(_FILE, f"{context.dockerfile} is larger than 1 MiB")
    into.seek(0)
    return content


def _files(directory: Path, dockerfile: str) -> list[str]:
    """The paths to send: without what .dockerignore names, but always the Dockerfile."""
    patterns: list[str] = []
    try:
        with open(_open(directory / ".dockerignore"), encoding="utf-8") as file:
            lines = [line.strip() for line in file.read(_MOST_DOCKERFILE).splitlines()]
        patterns = [line for line in lines if line and not line.startswith("#")]
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(_RULE, f".dockerignore cannot be read: {error}") from None
    try:
        return sorted(exclude_paths(str(directory), patterns, dockerfile=dockerfile))
    except (OSError, RecursionError) as error:
        raise Refused(_RULE, f"the build context cannot be read: {error}") from None


def _open(path: Path) -> int:
    """Open a file that is there: no link, and not waiting for the other end of a pipe."""
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)


def _add(tar: tarfile.TarFile, directory: Path, name: str, *, keep: bool) -> bytes | None:
    """Add one file, directory or link; return the content if it is to be kept."""
    path = directory / name
    try:
        info = tar.gettarinfo(path, arcname=name)
        if info is None:
            return None  # a socket
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        if not info.isreg() and not info.islnk():
            if keep:
                # The engine would resolve a link, to a file that was not checked.
                raise Refused(_FILE, f"{name} is not a regular file")
            tar.addfile(info)
            return None
        # Several names of one file are sent as so many files.
        info.type, info.linkname = tarfile.REGTYPE, ""
        with open(_open(path), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise Refused(_RULE, f"{name} changed while it was read")
            # A sparse file takes no room until it is read.
            if tar.offset + found.st_size > _LARGEST:
                raise Refused(
                    _RULE,
                    f"the build context is larger than {_LARGEST // 1024**3} GiB; name what is "
                    "not needed in .dockerignore",
                )
            info.size = found.st_size
            if not keep:
                tar.addfile(info, file)
                return None
            content = file.read(min(info.size, _MOST_DOCKERFILE + 1))
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
            return content
    except OSError as error:
        raise Refused(_RULE, f"{name} cannot be read: {error.strerror or error}") from None


def _is_archive(content: bytes) -> bool:
    """Whether docker would take it for an archive (pkg/archive of moby, DetectCompression)."""
    packed = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
    return content.startswith(packed) or content[257:262] == b"ustar"
