"""What git itself obeys is after a run as it was before: configuration, hooks, other repositories.

The next git command in the workspace is the runner's own, on its host: the checkout of the next job
begins with one. Git starts programs that a repository's configuration names (`core.fsmonitor`,
filters, `core.hooksPath`) and its hooks, so whoever may write these runs code there. What git only
stores (objects, references, the index) may change.
"""

import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# In a repository's own directory; nothing in them names a program.
_DATA = frozenset(
    {
        "objects", "refs", "logs", "index", "HEAD", "packed-refs", "shallow", "ORIG_HEAD",
        "FETCH_HEAD", "MERGE_HEAD", "MERGE_MSG", "MERGE_MODE", "COMMIT_EDITMSG", "description",
    }
)  # fmt: skip
_GIT = ".git"


@dataclass(frozen=True)
class _Entry:
    """A file, link or directory: what it is, whose it is, and what is in it."""

    mode: int
    uid: int
    gid: int
    content: bytes

    @classmethod
    def of(cls, path: Path) -> "_Entry":
        found = path.lstat()
        content = b""
        if stat.S_ISREG(found.st_mode):
            content = path.read_bytes()
        elif stat.S_ISLNK(found.st_mode):
            content = os.fsencode(path.readlink())
        return cls(found.st_mode, found.st_uid, found.st_gid, content)

    def is_at(self, path: Path) -> bool:
        """Whether the same thing is there; its owner is given back elsewhere."""
        try:
            found = path.lstat()
            if found.st_mode != self.mode:
                return False
            # What is longer need not be read, however long it is.
            is_file = stat.S_ISREG(found.st_mode)
            if is_file and found.st_size != len(self.content):
                return False
            return _Entry.of(path).content == self.content
        except OSError:
            return False

    def write(self, path: Path) -> None:
        """Put it where nothing is; the directory above is one of ours."""
        if stat.S_ISDIR(self.mode):
            path.mkdir()
        elif stat.S_ISLNK(self.mode):
            path.symlink_to(os.fsdecode(self.content))
        else:
            with path.open("xb") as file:
                file.write(self.content)
        os.chown(path, self.uid, self.gid, follow_symlinks=False)
        if not stat.S_ISLNK(self.mode):
            path.chmod(stat.S_IMODE(self.mode))


@contextmanager
def kept(workspace: Path) -> Iterator[list[str]]:
    """Keep git's own files; the list says in the end which were changed, made or taken away.

    Nobody may write to the workspace any more when the block ends.
    """
    # Each repository: which directory it was, and what in it must not change.
    before = {
        path: (_identity(path), {one: _Entry.of(one) for one in _own_files(path)})
        for path in _repositories(workspace)
    }
    changed: list[str] = []

    def note(path: Path) -> None:
        changed.append(str(path.relative_to(workspace)))

    try:
        yield changed
    finally:
        for path in list(_repositories(workspace)):
            if path not in before or _identity(path) != before[path][0]:
                note(path)
                _remove(path)
        for path, (_, files) in before.items():
            if os.path.lexists(path):
                for name in _put_back(path, files):
                    note(name)


def _identity(path: Path) -> tuple[int, int]:
    found = path.lstat()
    # A file is known by its content, which is kept.
    return (found.st_dev, found.st_ino) if stat.S_ISDIR(found.st_mode) else (0, 0)


def _repositories(workspace: Path) -> Iterator[Path]:
    """Everything called `.git`: a repository, or the file that says where one is."""
    waiting = [workspace]
    while waiting:
        directory = waiting.pop()
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    if entry.name == _GIT:
                        yield directory / _GIT
                    elif entry.is_dir(follow_symlinks=False):
                        waiting.append(directory / entry.name)
        except OSError:
            continue  # nested so deep that git does not get there either


def _own_files(repository: Path) -> Iterator[Path]:
    """What git obeys in a repository, directories before what is in them.

    Of submodules (`modules/`) that is everything but their objects.
    """
    waiting = [repository]
    while waiting:
        path = waiting.pop()
        inside = path.relative_to(repository).parts
        if (inside and inside[0] in _DATA) or inside[-1:] == ("objects",):
            continue
        yield path
        if path.is_dir() and not path.is_symlink():
            waiting += sorted(path.iterdir())


def _put_back(repository: Path, before: dict[Path, _Entry]) -> Iterator[Path]:
    """Make it as it was; yields what was not."""
    for path in list(_own_files(repository)):
        if path not in before and os.path.lexists(path):
            yield path
            _remove(path)
    for path, entry in before.items():
        if not entry.is_at(path):
            yield path
            if stat.S_ISDIR(entry.mode) and path.is_dir() and not path.is_symlink():
                path.chmod(stat.S_IMODE(entry.mode))
            else:
                _remove(path)
                entry.write(path)


def _remove(path: Path) -> None:
    # Not Python's own, which fails in directories that are nested a thousand times.
    subprocess.run(("/bin/rm", "-rf", "--", str(path)), check=True)  # noqa: S603
