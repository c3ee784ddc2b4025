"""Dockerfiles: which one belongs to what, its build context, what is wrong in it.

Every remedy is one complete command line: a small model runs a line, and ignores advice.
"""

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from oi_deploy.agent import dockerfile_lint as lint

Exists = Callable[[str], bool]

_PROGRAM_FILE = re.compile(r"(?<![\w./-])[\w./-]+\.(?:py|js|mjs|cjs|ts|rb|php|pl|sh|jar)(?![\w.])")


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile.

    Attributes:
        line: the number of its first line, from 1.
        last: the number of its last line.
        word: in capitals.
        rest: what follows it, joined to one line.
    """

    line: int
    last: int
    word: str
    rest: str

    @property
    def sources(self) -> tuple[str, ...]:
        """What a COPY or ADD takes from the build context."""
        if self.word not in ("COPY", "ADD") or "--from=" in self.rest or "<<" in self.rest:
            return ()
        words = [word for word in self.rest.split() if not word.startswith("--")]
        if words[:1] and words[0].startswith("["):
            words = re.findall(r'"([^"]*)"', self.rest)
        return tuple(word for word in words[:-1] if "://" not in word and "$" not in word)


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile of the repository.

    Attributes:
        path: its path.
        text: its content.
    """

    path: str
    text: str = ""

    @property
    def folder(self) -> str:
        """The folder that it lies in; `.` for the root."""
        return str(PurePosixPath(self.path).parent)

    def instructions(self) -> tuple[Instruction, ...]:
        """Its instructions, in order."""
        found: list[Instruction] = []
        parts: list[str] = []
        start = 0
        for number, line in enumerate(self.text.splitlines(), 1):
            text = line.strip()
            if text.startswith("#") or (not text and not parts):
                continue
            start = start if parts else number
            parts.append(text.removesuffix("\\").strip())
            if text.endswith("\\"):
                continue
            word, _, rest = " ".join(parts).partition(" ")
            found.append(Instruction(start, number, word.upper(), rest.strip()))
            parts = []
        return tuple(found)

    def copies(self) -> tuple[str, ...]:
        """What it takes from the build context."""
        return tuple(source for item in self.instructions() for source in item.sources)

    def bases(self) -> tuple[str, ...]:
        """The images that it begins with."""
        return tuple(
            item.rest.split()[0]
            for item in self.instructions()
            if item.word == "FROM" and item.rest
        )

    def context(self, exists: Exists) -> str:
        """The folder to build in: its own, unless what it copies is there in the root only."""
        plain = PurePosixPath(self.path).name.lower() == "dockerfile"
        if self.folder == ".":
            return "."
        sources = [source for source in self.copies() if not set(source) & set("*?[")]
        here = sum(exists(inside(self.folder, source)) for source in sources)
        root = sum(exists(inside(".", source)) for source in sources)
        if root == here:
            return self.folder if plain else "."
        return "." if root > here else self.folder

    def build(
        self, reference: str, exists: Exists, arguments: Mapping[str, str] | None = None
    ) -> str:
        """The command line that builds it, with values for build arguments."""
        context = self.context(exists)
        usual = inside(context, "Dockerfile")
        file = "" if self.path == usual else f" -f {self.path}"
        values = "".join(f" --build-arg {it[0]}={it[1]}" for it in (arguments or {}).items())
        return f"docker build -t {reference}{values}{file} {context}"


def inside(folder: str, path: str) -> str:
    """A path below a folder of the repository, without `.` and a slash at its ends."""
    text = path.strip("/").removeprefix("./").strip("/")
    return (text if folder == "." else f"{folder}/{text}").removesuffix("/.").rstrip("/") or "."


def is_plain(path: str) -> bool:
    """Whether a path can stand in a command line as it is: it is somebody else's text."""
    return re.fullmatch(r"[\w./@+-]+", path) is not None and not path.startswith("-")


def is_dockerfile(path: str) -> bool:
    """Whether a file is one, by its name."""
    name = path.rpartition("/")[2].lower()
    return name == "dockerfile" or name.startswith("dockerfile.") or name.endswith(".dockerfile")


def choose(
    found: Sequence[Dockerfile], names: Iterable[str], mentioned: Collection[str]
) -> Dockerfile | None:
    """The Dockerfile that a prompt means; None if that is not clear.

    Args:
        found: all of the repository.
        names: of the Deployment and of its image, the most exact first.
        mentioned: paths that the prompt names.
    """
    for item in found:
        # The word alone may mean any.
        if item.path in mentioned and item.path != "Dockerfile":
            return item
    named = list(names)
    inside_mentioned = [item for item in found if item.folder in mentioned]
    for candidates in (inside_mentioned, found):
        for name in named:
            for item in candidates:
                file = PurePosixPath(item.path).name.lower().split(".")
                if PurePosixPath(item.folder).name == name or name in file:
                    return item
    if len(inside_mentioned) == 1:
        return inside_mentioned[0]
    root = [item for item in found if item.path == "Dockerfile"]
    return root[0] if root else found[0] if len(found) == 1 else None


def repairs(
    item: Dockerfile, paths: Sequence[str], exists: Exists, images: Sequence[str] = ()
) -> tuple[str, ...]:
    """Command lines for what surely makes its build or its start fail; the first mistake first.

    Args:
        item: the Dockerfile.
        paths: of the repository's files.
        exists: whether something is there, files that git ignores included.
        images: what the engine has, if the base image is to be looked at too.
    """
    context = item.context(exists)
    near = [
        path for path in filter(is_plain, paths) if context == "." or path.startswith(f"{context}/")
    ]
    names = [path if context == "." else path.removeprefix(f"{context}/") for path in near]
    found = [
        *lint.repairs(item.path, item.text),
        *_bases(item, images),
        *_missing_sources(item, context, names, exists),
        *_order(item, names),
        *_start(item, names),
    ]
    return tuple(dict.fromkeys(found))


def _line(item: Dockerfile, number: int, old: str, new: str) -> str:
    return f"sed -i '{number}s#{old}#{new}#' {item.path}"


def _bases(item: Dockerfile, images: Sequence[str]) -> Iterable[str]:
    words = [part.rest.split() for part in item.instructions() if part.word == "FROM"]
    stages = {word[-1] for word in words if len(word) > 2 and word[-2].upper() == "AS"}
    for part in item.instructions():
        base = part.rest.split()[0] if part.word == "FROM" and part.rest else ""
        if not base or base in images or base in stages or base == "scratch" or "$" in base:
            continue
        same = [image for image in images if image.partition(":")[0] == base.partition(":")[0]]
        if close := difflib.get_close_matches(base, same or images, n=1, cutoff=0.7):
            yield _line(item, part.line, base, close[0])


def _missing_sources(
    item: Dockerfile, context: str, names: Sequence[str], exists: Exists
) -> Iterable[str]:
    for part in item.instructions():
        for source in part.sources:
            if not is_plain(source) or exists(inside(context, source)):
                continue
            if close := closest(source, names) or _renamed(item, source, names):
                yield _line(item, part.line, source, close)
                yield from (
                    _line(item, other.line, source, close)
                    for other in item.instructions()
                    if other is not part and not other.sources and source in _words(other.rest)
                )


def _words(text: str) -> list[str]:
    return re.findall(r"[\w./-]+", text)


def _renamed(item: Dockerfile, wanted: str, names: Sequence[str]) -> str:
    """The only file of the same kind and folder that nothing copies; empty if there are more."""
    path, copied = PurePosixPath(wanted), item.copies()
    same = [
        name
        for name in names
        if PurePosixPath(name).suffix == path.suffix != ""
        and PurePosixPath(name).parent == path.parent
        and name not in copied
    ]
    return same[0] if len(same) == 1 else ""


def closest(wanted: str, names: Iterable[str]) -> str:
    """The path whose file name is most like that of another path; empty if none is like it."""
    plain = [path for path in names if is_plain(path)]
    by_name = {PurePosixPath(path).name: path for path in reversed(plain)}
    close = difflib.get_close_matches(PurePosixPath(wanted).name, by_name, n=1, cutoff=0.6)
    return by_name[close[0]] if close else ""


def _order(item: Dockerfile, names: Sequence[str]) -> Iterable[str]:
    """A RUN that uses a file which only the next COPY of its stage brings."""
    stage: list[Instruction] = []
    for part in (*item.instructions(), Instruction(0, 0, "FROM", "")):
        if part.word == "FROM":
            yield from _order_in(item, stage, names)
            stage = []
        else:
            stage.append(part)


def _order_in(
    item: Dockerfile, stage: Sequence[Instruction], names: Sequence[str]
) -> Iterable[str]:
    for place, part in enumerate(stage):
        if part.word != "RUN" or part.line != part.last:
            continue
        used = [
            name
            for name in names
            if re.search(rf"(?<![\w/.-]){re.escape(name)}(?![\w.-])", part.rest)
        ]
        for name in used:
            if any(_brings(other, name) for other in stage[:place]):
                continue
            later = [other for other in stage[place:] if _brings(other, name)]
            if later:
                yield f"sed -i -e '{part.line}{{h;d}}' -e '{later[0].last}G' {item.path}"
                return


def _brings(copy: Instruction, name: str) -> bool:
    sources = [source.strip("./") for source in copy.sources]
    return any(it in ("", name) or name.startswith(f"{it}/") for it in sources)


def _start(item: Dockerfile, names: Sequence[str]) -> Iterable[str]:
    """A CMD or ENTRYPOINT that names a program file which the image cannot have."""
    every = item.instructions()
    starts = [part for part in every if part.word in ("CMD", "ENTRYPOINT")]
    brought = {PurePosixPath(source).name for part in every for source in part.sources}
    for part in starts[-1:]:
        for file in _PROGRAM_FILE.findall(part.rest):
            name = PurePosixPath(file).name
            others = " ".join(other.rest for other in every if other is not part)
            if name in others or any(PurePosixPath(path).name == name for path in names):
                continue
            ending = PurePosixPath(file).suffix
            known = [path for path in brought if path.endswith(ending)] or [
                path for path in names if path.endswith(ending) and "/" not in path
            ]
            if len(known) == 1:
                yield _line(item, part.line, name, PurePosixPath(known[0]).name)


def add_to_copy(item: Dockerfile, step: int, name: str) -> str:
    """The line that lets the last COPY before a step bring one more file; empty if none can.

    Args:
        item: the Dockerfile.
        step: the number of the instruction that failed, from 1.
        name: the file, relative to the build context.
    """
    before = item.instructions()[:step]
    for part in reversed(before):
        if part.word == "FROM":
            return ""
        if part.word == "COPY" and part.sources and "[" not in part.rest:
            if name in part.sources or not part.rest.split()[-1].endswith(("/", ".")):
                return ""
            return f"sed -i '{part.line}s#{part.sources[0]}#{name} {part.sources[0]}#' {item.path}"
    return ""
