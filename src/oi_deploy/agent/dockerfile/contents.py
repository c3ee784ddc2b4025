"""What a stage of a Dockerfile has after some of its steps, as far as that is certain."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from posixpath import basename, dirname, join, normpath

_SYSTEM = re.compile(
    r"/(?:bin|boot|dev|etc|home|lib\w*|media|mnt|proc|root|run|sbin|sys|tmp|usr|var|go)/"
)
_FOLDERS = ("/", "/etc", "/usr", "/usr/bin", "/usr/local", "/usr/local/bin", "/opt", "/srv", "/var",
            "/home", "/root", "/usr/src", "/usr/share/nginx/html", "/usr/lib")  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """What a stage has after some of its steps.

    Attributes:
        number: from 0.
        name: empty if it has none.
        certain: whether nothing else may be there.
        workdir: the working folder.
        set_workdir: whether an instruction has set it.
        files: paths in the image, each with that in the context.
        copied: folders of the context that were copied, each with its place in the image.
        loose: places below which anything may be.
        said: the texts of the steps that may have made what they name.
        searched: other places where modules are looked for.
    """

    number: int = 0
    name: str = ""
    certain: bool = True
    workdir: str = "/"
    set_workdir: bool = False
    files: tuple[tuple[str, str], ...] = ()
    copied: tuple[tuple[str, str], ...] = ()
    loose: tuple[str, ...] = ()
    said: str = ""
    searched: tuple[str, ...] = ()

    def has(self, path: str, exists: Callable[[str], bool]) -> bool:
        """Whether a path is there, or may be."""
        if not self.certain or any(is_below(path, place) for place in self.loose):
            return True
        if any(is_below(place, path) for place, _ in self.files) or is_below(self.workdir, path):
            return True
        if re.search(rf"(?<![\w.-]){re.escape(basename(path))}(?![\w-])", self.said):
            return True
        own = self.set_workdir and self.workdir not in _FOLDERS and is_below(path, self.workdir)
        if _SYSTEM.match(path) and not own:
            return True
        return any(
            is_below(path, place) and exists(joined(source, path[len(place.rstrip("/")) :]))
            for source, place in self.copied
        )  # fmt: skip

    def named(self, name: str) -> list[str]:
        """Paths of files with a name."""
        return list(dict.fromkeys(place for place, _ in self.files if basename(place) == name))

    def folders(self) -> set[str]:
        """The folders that are there."""
        return {
            *_FOLDERS,
            self.workdir,
            *(dirname(place) for place, _ in self.files),
            *(place for _, place in self.copied),
        }

    def with_loose(self, place: str) -> "Stage":
        """It with a place below which anything may be."""
        return replace(self, loose=(*self.loose, place))


def joined(source: str, rest: str) -> str:
    """A path below another one."""
    return normpath(join(source, rest.lstrip("/")))


def is_below(path: str, folder: str) -> bool:
    """Whether a path is a folder, or in it."""
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")
