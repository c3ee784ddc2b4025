"""Dockerfiles: what is in them, which one belongs to what, its build context."""

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

Exists = Callable[[str], bool]


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
        noted: the folder that it is built in, where the prompt or the repository says that.
    """

    path: str
    text: str = ""
    noted: str = ""

    @property
    def folder(self) -> str:
        """The folder that it lies in; `.` for the root."""
        return str(PurePosixPath(self.path).parent)

    def instructions(self) -> tuple[Instruction, ...]:
        """Its instructions, in order."""
        found: list[Instruction] = []
        parts: list[str] = []
        start = 0
        for number, line in enumerate(split_lines(self.text), 1):
            text = line.strip()
            if text.startswith("#") or not text:
                continue
            start = start if parts else number
            parts.append(text.removesuffix("\\").strip())
            if text.endswith("\\"):
                continue
            word, *rest = " ".join(parts).split(None, 1)
            found.append(Instruction(start, number, word.upper(), "".join(rest)))
            parts = []
        return tuple(found)

    def copies(self) -> tuple[str, ...]:
        """What it takes from the build context."""
        return tuple(source for item in self.instructions() for source in item.sources)

    def bases(self) -> tuple[str, ...]:
        """The images that it begins with."""
        return tuple(base for item in self.instructions() if (base := base_of(item)))

    def stages(self) -> frozenset[str]:
        """The names of its stages."""
        words = [part.rest.split() for part in self.instructions() if part.word == "FROM"]
        return frozenset(it[-1] for it in words if len(it) > 2 and it[-2].upper() == "AS")

    def context(self, exists: Exists) -> str:
        """The folder to build in: its own, unless what it copies is there in the root only."""
        plain = PurePosixPath(self.path).name.lower() == "dockerfile"
        if self.folder == ".":
            return "."
        sources = [source for source in self.copies() if not set(source) & set("*?[")]
        # Of what is named with a variable, the folder before it.
        copies = (
            it.rest for it in self.instructions() if it.word == "COPY" and "--from" not in it.rest
        )
        sources += [
            path for rest in copies for path in re.findall(r"(?<!\S)([\w./-]+)/[^/\s]*\$\S* ", rest)
        ]
        here = sum(exists(inside(self.folder, source)) for source in sources)
        root = sum(exists(inside(".", source)) for source in sources)
        if self.noted and sum(exists(inside(self.noted, it)) for it in sources) > max(here, root):
            return self.noted
        if root == here:
            return self.noted or (self.folder if plain else ".")
        return "." if root > here else self.folder

    def build(
        self,
        reference: str,
        exists: Exists,
        arguments: Mapping[str, str] | None = None,
        target: str = "",
    ) -> str:
        """The command line that builds it, or a stage of it, with values for build arguments."""
        context = self.context(exists)
        usual = inside(context, "Dockerfile")
        file = "" if self.path == usual else f" -f {self.path}"
        values = "".join(f" --build-arg {it[0]}={it[1]}" for it in (arguments or {}).items())
        stage = f" --target {target}" if target else ""
        return f"docker build -t {reference}{values}{stage}{file} {context}"


def split_lines(text: str) -> list[str]:
    """The lines of a text as `sed` counts them: other signs that end lines elsewhere do not."""
    return re.split(r"\r?\n", text.removesuffix("\n")) if text else []


def base_of(part: Instruction) -> str:
    """The image that a FROM names; empty for another instruction."""
    words = [word for word in part.rest.split() if not word.startswith("--")]
    return words[0] if part.word == "FROM" and words else ""


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
    words = ("dockerfile", "containerfile")
    known = any(name == it or name.startswith(f"{it}.") or name.endswith(f".{it}") for it in words)
    return known and not name.endswith((".dockerignore", ".containerignore"))


def choose(
    found: Sequence[Dockerfile], names: Iterable[str], mentioned: Collection[str]
) -> Dockerfile | None:
    """The Dockerfile that a prompt means; None if that is not clear.

    Args:
        found: all of the repository.
        names: of the Deployment and of its image, the most exact first.
        mentioned: paths that the prompt names.
    """
    # The word alone may mean any.
    themselves = [item for item in found if item.path in mentioned and item.path != "Dockerfile"]
    # "Build apps/admin with its Dockerfile.prod".
    called = [
        item
        for item in found
        if PurePosixPath(item.path).name in mentioned
        and PurePosixPath(item.path).name != "Dockerfile"
        and item.folder in mentioned
    ]
    themselves = themselves or called
    named = list(names)
    inside_mentioned = [item for item in found if item.folder in mentioned]
    for candidates in (themselves, inside_mentioned, found):
        if candidates is not themselves and themselves:
            return themselves[0]
        for name in named:
            for item in candidates:
                file = PurePosixPath(item.path).name.lower().split(".")
                if PurePosixPath(item.folder).name == name or name in file:
                    return item
    words = {word for name in named for word in name.split("-")}
    alike = [item for item in inside_mentioned if PurePosixPath(item.folder).name in words]
    if len(alike) == 1:
        return alike[0]
    if len(inside_mentioned) == 1:
        return inside_mentioned[0]
    root = [item for item in found if item.path == "Dockerfile"]
    return root[0] if root else found[0] if len(found) == 1 else None


# Folders of what is not in use.
_ASIDE = re.compile(r"(?:^|/)(?:archived?|old|backups?|bak|attic|legacy|obsolete)/", re.IGNORECASE)


def closest(wanted: str, names: Iterable[str]) -> str:
    """The path whose file name is most like that of another path; empty if none is like it."""
    plain = sorted(
        (path for path in names if is_plain(path)),
        key=lambda path: (_ASIDE.search(path) is not None, path.count("/")),
    )
    by_name = {PurePosixPath(path).name: path for path in reversed(plain)}
    close = difflib.get_close_matches(PurePosixPath(wanted).name, by_name, n=1, cutoff=0.6)
    return by_name[close[0]] if close else ""
