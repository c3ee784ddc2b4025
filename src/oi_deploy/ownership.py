"""Whose files are whose while the model's code runs, and that each is given back."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def owned(workspace: Path, owner: os.stat_result, user: tuple[int, int]) -> Iterator[None]:
    """Give a workspace of root's to the user; at the end all in it belongs to its owner again."""
    try:
        if owner.st_uid == 0:
            _give(workspace, user)
        yield
    finally:
        _give(workspace, (owner.st_uid, owner.st_gid), user[0])


def _give(workspace: Path, to: tuple[int, int], sandbox_uid: int = -1) -> None:
    """Change the owner of a directory and all in it, never through links.

    A file with several names may have one outside the workspace, so it keeps its owner, unless
    the sandbox itself has made it.
    """
    os.chown(workspace, *to)
    for directory, name, found in _entries(workspace):
        shared = found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode)
        if shared and found.st_uid != sandbox_uid:
            continue
        if (found.st_uid, found.st_gid) != to:
            os.chown(name, *to, dir_fd=directory, follow_symlinks=False)


def _entries(top: Path) -> Iterator[tuple[int, str, os.stat_result]]:
    """Everything below a directory: its open directory, its name there, and its status.

    `os.fwalk` does the same, but it fails in directories that are nested a thousand times.

    Raises:
        OSError: somebody has moved a directory meanwhile.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    here = os.open(top, flags)
    # The directories on the way from the top: which one each is, and where to go from there.
    way: list[tuple[os.stat_result, list[str]]] = []
    arrived = True
    try:
        while True:
            if arrived:
                folders: list[str] = []
                for name in os.listdir(here):  # noqa: PTH208 - an open directory
                    found = os.stat(name, dir_fd=here, follow_symlinks=False)
                    if stat.S_ISDIR(found.st_mode):
                        folders.append(name)
                    yield here, name, found
                way.append((os.fstat(here), folders))
            elif not os.path.samestat(os.fstat(here), way[-1][0]):
                raise OSError(f"{top}: somebody has moved a directory in it")
            arrived = bool(way[-1][1])
            if not arrived:
                way.pop()
                if not way:
                    return
            there = os.open(way[-1][1].pop() if arrived else "..", flags, dir_fd=here)
            os.close(here)
            here = there
    finally:
        os.close(here)


SHIELDED = 0o770


@contextmanager
def shielded(path: Path) -> Iterator[None]:
    """Take a directory from its owner, who the model's code runs as; a missing one stays missing.

    Its group keeps its rights, and is not that of the model's code: the runner, of this user and
    this group, can go on with its folders also when the run is killed and gives nothing back.
    """
    if not path.is_dir():
        yield
        return
    before = path.stat()
    os.chown(path, 0, before.st_gid)
    path.chmod(SHIELDED)
    try:
        yield
    finally:
        os.chown(path, before.st_uid, before.st_gid)
        path.chmod(stat.S_IMODE(before.st_mode))
