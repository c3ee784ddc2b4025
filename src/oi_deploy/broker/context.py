"""The files of a build, packed by us with the rights of the model's user.

The docker command would read them as root, and would follow what changes under its eyes. Here the
Dockerfile that is checked is the one that is sent.

The broker runs this file as a program of its own (`python -m`), since it takes as long as what it
packs wants: a pattern of .dockerignore can be matched in so many ways that it never ends. A process
can be killed for that, a thread cannot. It stays root but for its rights to files, so no process of
the model's user can look into it.
"""

import base64
import errno
import io
import json
import os
import stat
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from docker.utils.build import exclude_paths

from oi_deploy.broker.request import BuildContext, Refused
from oi_deploy.broker.rights import rights_of

_RULE = "docker.build.context"
_FILE = "docker.build.file"
_LARGEST = 2 * 1024**3
_MOST_DOCKERFILE = 1024 * 1024


# The exit code that says that a refusal stands on standard error.
REFUSED = 3


def job(context: BuildContext, user: tuple[int, int]) -> bytes:
    """What the program reads on its standard input."""
    content = context.content
    return json.dumps(
        {
            "directory": str(context.directory) if context.directory else None,
            "dockerfile": context.dockerfile,
            "content": None if content is None else base64.b64encode(content).decode(),
            "user": user,
        }
    ).encode()


def main() -> int:
    """Pack what standard input says into standard output."""
    given: Mapping[str, Any] = json.loads(sys.stdin.buffer.read())
    content = given["content"]
    context = BuildContext(
        directory=Path(given["directory"]) if given["directory"] else None,
        dockerfile=given["dockerfile"],
        content=None if content is None else base64.b64decode(content),
        arguments={},
    )
    uid, gid = given["user"]
    try:
        with rights_of(uid, gid):
            pack(context, sys.stdout.buffer)
    except Refused as no:
        sys.stderr.write(json.dumps([no.rule, no.reason]))
        return REFUSED
    return 0


def refusal(text: str) -> Refused:
    """The refusal that the program has written; any other failure refuses too."""
    try:
        rule, reason = json.loads(text)
        return Refused(str(rule), str(reason))
    except ValueError:
        return Refused(_RULE, f"the build context cannot be packed: {text[-500:]}")


def pack(context: BuildContext, into: IO[bytes]) -> None:
    """Write the context as a tar archive; its Dockerfile comes first, see `dockerfile_in`.

    Raises:
        Refused: a file cannot be read, there is no Dockerfile, or it is all too large.
    """
    content, directory = context.content, context.directory
    names = [name for name in _files(context) if name != context.dockerfile]
    if content is None:
        content = _read_dockerfile(context)
    elif directory is None and _is_archive(content):
        raise Refused(_RULE, "an archive from stdin cannot be built; name a directory")
    if len(content) > _MOST_DOCKERFILE:
        raise Refused(_FILE, f"{context.dockerfile} is larger than 1 MiB")
    # The command looks at the first 1024 bytes to tell an archive from a Dockerfile (docker/cli,
    # cli/command/image/build/context.go). Extended headers would not fit, so none comes first.
    with tarfile.open(fileobj=into, mode="w|", format=tarfile.GNU_FORMAT) as tar:
        root = tarfile.TarInfo(".")
        root.type, root.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(root)
        info = tarfile.TarInfo(context.dockerfile)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
        for name in names if directory else ():
            _add(tar, Path(str(directory)), name)


def dockerfile_in(archive: IO[bytes]) -> bytes:
    """The Dockerfile of an archive that `pack` has made; the archive is at its beginning again."""
    archive.seek(0)
    with tarfile.open(fileobj=archive, mode="r|") as tar:
        tar.next()
        member = tar.next()
        stream = tar.extractfile(member) if member else None
        content = stream.read() if stream else b""
    archive.seek(0)
    return content


def _read_dockerfile(context: BuildContext) -> bytes:
    """The Dockerfile of the directory."""
    path = Path(str(context.directory)) / context.dockerfile
    try:
        with open(_open(path), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Refused(_FILE, f"{context.dockerfile} is not a regular file")
            return file.read(_MOST_DOCKERFILE + 1)
    except FileNotFoundError:
        text = f"there is no {context.dockerfile} in the build context"
        raise Refused(_FILE, text) from None
    except OSError as error:
        # The engine would resolve a link, to a file that was not checked.
        why = "is not a regular file" if error.errno == errno.ELOOP else str(error.strerror)
        raise Refused(_FILE, f"{context.dockerfile} {why}") from None


def _files(context: BuildContext) -> list[str]:
    """The paths to send: without what .dockerignore names."""
    directory = context.directory
    if directory is None:
        return []
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
        return sorted(exclude_paths(str(directory), patterns, dockerfile=context.dockerfile))
    except (OSError, RecursionError) as error:
        raise Refused(_RULE, f"the build context cannot be read: {error}") from None


def _open(path: Path) -> int:
    """Open a file that is there: no link, and not waiting for the other end of a pipe."""
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)


def _add(tar: tarfile.TarFile, directory: Path, name: str) -> None:
    """Add one file, directory or link."""
    path = directory / name
    try:
        info = tar.gettarinfo(path, arcname=name)
        if info is None:
            return  # a socket
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        if not info.isreg() and not info.islnk():
            tar.addfile(info)
            return
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
            tar.addfile(info, file)
    except OSError as error:
        raise Refused(_RULE, f"{name} cannot be read: {error.strerror or error}") from None


def _is_archive(content: bytes) -> bool:
    """Whether docker would take it for an archive (pkg/archive of moby, DetectCompression)."""
    packed = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
    return content.startswith(packed) or content[257:262] == b"ustar"


if __name__ == "__main__":
    sys.exit(main())
