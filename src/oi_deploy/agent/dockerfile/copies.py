"""What brings files into an image that a Dockerfile is written for."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from oi_deploy.agent.dockerfile import kinds, npm
from oi_deploy.agent.dockerfile.kinds import PAGES, Kind
from oi_deploy.agent.dockerfile.reads import reads
from oi_deploy.agent.dockerfile.stages import Stages
from oi_deploy.agent.dockerfile.wishes import Wishes

# The working folder where the prompt names none.
APP = "/app"


@dataclass(frozen=True)
class Copies:
    """The files of a project, and what is wanted of them.

    Attributes:
        names: of its files.
        wanted: what the prompt says.
        texts: the content of some files.
    """

    names: tuple[str, ...]
    wanted: Wishes
    texts: Mapping[str, str]

    def ways(self, kind: Kind) -> Iterator[list[str]]:
        """Lines that bring the files, the most exact first."""
        stages = self.wanted.stages
        if stages is not None and not stages.proves:
            yield from self._from_two(kind, stages)
            return
        source = f"--from={stages.name} {self.wanted.workdir or APP}/" if stages else ""
        if kind.start:
            yield from self._some(kind, source)
        yield [
            *self._every(kind, source),
            *self._shown(kind),
            *self.installs(kind.base),
        ]

    def _from_two(self, kind: Kind, stages: Stages) -> Iterator[list[str]]:
        """What the first stage makes, and some of the repository."""
        wanted, to = self.wanted, f"{self.pages}/" if kind.pages else "./"
        known = dict.fromkeys(it for it in (*wanted.only, *wanted.listed) if self._has(it))
        own = [path for path in known if path not in stages.taken]
        # What pages are made from is not shown with them.
        if kind.pages:
            own = [path for path in own if path not in stages.reads or path in wanted.only]
        first = [path for path in kinds.files_of(kind.start) if path in self.names][:1]
        # A folder that is filled may have it, too.
        beside = [path for path in own if path not in first]
        if not first or (not beside and any(path.endswith("/") for path in stages.made)):
            yield [*self._made(kind, stages), *self._each(beside if first else own, to)]
        # Beside the program, a folder keeps its name.
        made = list(self._made(kind, stages, whole=True))
        if kind.start:
            there = {*(path for path, _ in wanted.placed), *stages.taken}
            # What the program opens lies beside it: a file with the version, say.
            opened = [
                it.name
                for path in first
                for it in reads(path, self.texts.get(path, ""), self.names, deep=True)
                if not any(_is_in(it.name, out) for out in wanted.left_out)
            ]
            more = [
                path
                for path in (*first, *opened)
                if not any(_is_in(path, it) for it in (*own, *there))
            ]
            yield [*made, *self._each(dict.fromkeys([*own, *more]), to)]
            yield [*made, *self._each(self._all_but(wanted.left_out, "."), to)]

    def _some(self, kind: Kind, source: str) -> Iterator[list[str]]:
        """What the prompt names, if the program that is started is among it."""
        wanted = self.wanted
        # Where settings are, no program is.
        placed = [path for path, to in wanted.placed if not to.startswith(("/etc/", "/var/"))]
        for names in (dict.fromkeys((*wanted.only, *wanted.listed)), wanted.only):
            paths = [path for path in names if self._has(path)]
            if paths and self._starts_with(kind.start, [*paths, *placed]):
                yield [
                    *self._each(paths, "./", source=source),
                    *self.installs(kind.base),
                ]
        if placed and self._starts_with(kind.start, placed):
            yield []

    @property
    def pages(self) -> str:
        """The folder that the server shows: its own, or the one that its settings name."""
        own = [self.texts.get(path, "") for path, to in self.wanted.placed if "/etc/nginx" in to]
        roots = set(re.findall(r"(?m)^\s*root\s+(/[\w./-]*\w)/?\s*;", "\n".join(own)))
        return next(iter(roots)) if len(roots) == 1 else PAGES

    def _every(self, kind: Kind, source: str) -> Iterator[str]:
        """All that is there, but what is not wanted."""
        to, top = f"{self.pages}/" if kind.pages else "./", kind.pages or "."
        if kind.pages and any(
            place.startswith(self.pages) or path == top for path, place in self.wanted.placed
        ):
            return
        if top == "." and "index.html" in self.wanted.listed and kind.pages:
            yield from self._each([it for it in self.wanted.listed if self._has(it)], to)
            return
        left_out = [path for path in self.wanted.left_out if not _is_in(top, path)]
        prefix = "" if top == "." else f"{top}/"
        # A server shows all that is in its folder: what begins with a dot is not for it.
        if kind.pages != "." and not any(path.startswith(prefix) for path in left_out):
            yield f"COPY {source}{prefix or '.'} {to if prefix else '.'}".replace("/. ", "/ ")
        else:
            yield from self._each(self._all_but(left_out, top), to, prefix, source)

    def _made(self, kind: Kind, stages: Stages, *, whole: bool = False) -> Iterator[str]:
        """What comes from the first stage, unless it has a place of its own.

        Args:
            kind: of the project.
            stages: what they do.
            whole: whether folders come with their names.
        """
        root = works_in(stages, self.wanted.workdir or APP)
        placed = {path for path, _ in self.wanted.placed}
        for path in stages.made:
            if path.rstrip("/") in placed:
                continue
            named_whole = f" {path}" in f" {kind.start}"
            kept = f"./{path}" if whole or named_whole else "./"
            if not path.endswith("/"):
                # It is started where it lies, or beside it.
                alone = not named_whole and f" {PurePosixPath(path).name}" in f" {kind.start}"
                above = "" if alone else path.rpartition("/")[0]
                kept = f"./{above}/".replace("//", "/")
            to = f"{self.pages}/" if kind.pages else kept
            yield f"COPY --from={stages.name} {root}/{path} {to}"
        taken = [path for path in stages.taken if path not in placed and self._has(path)]
        yield from self._each(taken, "./", source=f"--from={stages.name} {root}/")

    def _has(self, path: str) -> bool:
        return path in self.names or bool(self._inner(path))

    def _shown(self, kind: Kind) -> Iterator[str]:
        """Files beside the folder of pages that are to be shown with them."""
        if kind.pages not in ("", "."):
            beside = (it for it in self.wanted.shown if it in self.names and "/" not in it)
            yield from (f"COPY {path} {self.pages}/" for path in beside)

    def _inner(self, folder: str) -> list[str]:
        return [path for path in self.names if path.startswith(f"{folder}/")]

    def _starts_with(self, start: str, only: Collection[str]) -> bool:
        """Whether the file that a command starts, if it is one of ours, is among some."""
        needed = [path for path in kinds.files_of(start) if path in self.names]
        ends = [it for path in kinds.files_of(start) for it in only if it.endswith(f"/{path}")]
        return bool(ends) or all(any(_is_in(path, it) for it in only) for path in needed[:1])

    def _all_but(self, left_out: Collection[str], folder: str) -> Iterator[str]:
        """The fewest files and folders that together have all but those."""
        prefix = "" if folder == "." else f"{folder}/"
        inner = (path.removeprefix(prefix) for path in self.names if path.startswith(prefix))
        for name in dict.fromkeys(path.partition("/")[0] for path in inner):
            path = f"{prefix}{name}"
            if name.startswith(".") or path in left_out:
                continue
            if any(it.startswith(f"{path}/") for it in left_out):
                yield from self._all_but(left_out, path)
            else:
                yield path

    def _each(
        self, paths: Iterable[str], to: str, prefix: str = "", source: str = ""
    ) -> Iterator[str]:
        """A COPY for all files that stay in the same folder, and one for each folder."""
        flag, _, root = source.rpartition(" ")
        flag += " " if flag else ""
        every = list(paths)
        single = [path for path in every if path in self.names]
        for place in dict.fromkeys(path.removeprefix(prefix).rpartition("/")[0] for path in single):
            same = [path for path in single
                    if path.removeprefix(prefix).rpartition("/")[0] == place]  # fmt: skip
            names = " ".join(f"{root}{path}" for path in same)
            yield f"COPY {flag}{names} {f'{to}{place}/' if place else to}"
        for path in every:
            if path not in self.names:
                yield f"COPY {flag}{root}{path}/ {to}{path.removeprefix(prefix)}/"

    def installs(self, base: str) -> Iterator[str]:
        """Lines that install packages on a base image, by its repository."""
        for item in kinds.table()["installs"] if self.wanted.installs else ():
            there = item["base"] == base and item["file"] in self.names
            if there and self._has_needs(item["file"]):
                yield f"RUN {item['run']}"

    def _has_needs(self, file: str) -> bool:
        """Whether there is anything to install that the repository does not have already."""
        if file == "requirements.txt" and file in self.texts:
            return re.search(r"(?m)^\s*[^#\s]", self.texts[file]) is not None
        vendored = any(path.startswith("node_modules/") for path in self.names)
        return file != "package.json" or (not vendored and npm.needs_installation(self.texts))

    def placed(self) -> Iterator[str]:
        """Lines for what has a place of its own."""
        stages = self.wanted.stages
        root = f"{works_in(stages, self.wanted.workdir or APP)}/" if stages else ""
        for path, place in self.wanted.placed:
            made = next((it for it in stages.made if it.rstrip("/") == path), "") if stages else ""
            if stages and (made or path in stages.taken):
                yield f"COPY --from={stages.name} {root}{made or path} {place}/"
            elif path not in self.names:
                yield f"COPY {path}/ {self._inside(path, place)}/"
            else:
                yield f"COPY {path} {place if _is_file(place, path) else f'{place}/'}"

    def _inside(self, folder: str, place: str) -> str:
        """Where a folder comes to: a package keeps its name, of another one the content counts."""
        name = folder.rpartition("/")[2]
        package = {f"{folder}/__init__.py", f"{folder}/__main__.py"} & set(self.names)
        return f"{place}/{name}" if package and place.rpartition("/")[2] != name else place

    def place(self, value: str, kind: Kind, app: str) -> str:
        """A value; for a file of the repository, its path in the image."""
        path = value.removeprefix("file:")
        if path == value:
            return value
        for source, place in self.wanted.placed:
            if path == source:
                own = source in self.names and not _is_file(place, source)
                return f"{place}/{PurePosixPath(path).name}" if own else place
            if path.startswith(f"{source}/"):
                return f"{place}/{path.removeprefix(f'{source}/')}"
        return f"{self.pages if kind.pages else app}/{path}".removesuffix("/.")


def works_in(stages: Stages, app: str) -> str:
    """Where the first stage works: what the image takes lies as it does there."""
    return app if stages.taken or stages.proves else "/src"


def _is_in(path: str, other: str) -> bool:
    return path == other or path.startswith(f"{other}/")


def _is_file(place: str, path: str) -> bool:
    """Whether a place is that of a file, and not of the folder that it comes into."""
    return (
        PurePosixPath(place).suffix != ""
        and PurePosixPath(place).suffix == PurePosixPath(path).suffix
    )
