"""Which files of the repository a program surely needs: what it imports, and what it opens by name.

It is read and never run, so only what stands there letter by letter is found.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from posixpath import dirname, join, normpath

_PATH = r"(?P<path>[\w-][\w.-]*(?:/[\w.-]+)*)"
_PYTHON_IMPORT = re.compile(
    r"^(?P<indent>[ \t]*)"
    r"(?:from[ \t]+(?P<origin>\.*[\w.]*)[ \t]+import[ \t]+\(?[ \t]*(?P<names>[\w, \t]+)"
    r"|import[ \t]+(?P<modules>[\w.]+(?:[ \t]*,[ \t]*[\w.]+)*))",
    re.MULTILINE | re.ASCII,
)
_NODE_IMPORT = re.compile(
    r"(?:\brequire\(|\bfrom\s|\bimport\(|^import\s)\s*['\"](?P<path>\.{1,2}/[\w./-]+)['\"]",
    re.MULTILINE | re.ASCII,
)
_NODE_ENDINGS = ("", ".js", ".mjs", ".cjs", ".json", "/index.js", "/index.mjs")
# A text that is opened for reading, as seen from the working folder.
_OPENED = re.compile(
    rf"(?:\bopen|\bPath|\breadFileSync|\breadFile|\bcreateReadStream)\(\s*['\"](?:\./)?{_PATH}['\"]"
    r"(?!\s*,\s*(?:mode\s*=\s*)?['\"][wax])",
    re.ASCII,
)
# The same in pieces: Path("layouts", "base.html").
_PIECES = re.compile(
    r"\b(?:Path|join)\(\s*(?P<pieces>['\"][\w.-]+['\"](?:\s*,\s*['\"][\w.-]+['\"])+)\s*\)", re.ASCII
)
# The same as seen from the program's own folder.
_BESIDE = re.compile(
    r"(?:\bparent|\b__dirname|\bdirname\(__file__\)|\b(?:BASE|HERE|ROOT)(?:_DIR)?)\s*[/,+]\s*"
    rf"['\"]/?{_PATH}['\"]",
    re.ASCII,
)


@dataclass(frozen=True)
class Read:
    """A file that a program needs.

    Attributes:
        name: in the repository.
        beside: whether it is looked for from the program's folder, and not from the working folder.
    """

    name: str
    beside: bool


def reads(program: str, text: str, names: Collection[str]) -> Iterator[Read]:
    """What a program needs of the repository's files.

    Args:
        program: its path.
        text: what stands in it.
        names: of all files, like its own.
    """
    folder = dirname(program)
    imported = _node(text, folder, names)
    if program.endswith(".py"):
        imported = _python(text, folder, names)
    yield from (Read(name, True) for name in imported)
    for match in _PIECES.finditer(text):
        name = "/".join(re.findall(r"[\w.-]+", match["pieces"]))
        if name in names:
            yield Read(name, False)
    for pattern, beside in ((_OPENED, False), (_BESIDE, True)):
        for match in pattern.finditer(text):
            name = normpath(join(folder if beside else "", match["path"]))
            if name in names:
                yield Read(name, beside)


def _python(text: str, folder: str, names: Collection[str]) -> Iterator[str]:
    for match in _PYTHON_IMPORT.finditer(text):
        # What may be missing is imported in a `try`.
        if match["indent"]:
            continue
        origin = match["origin"] or ""
        dots = len(origin) - len(origin.lstrip("."))
        place = normpath(join(folder, *[".."] * (dots - 1))) if dots > 1 else folder
        inner = origin.lstrip(".").replace(".", "/")
        parts = [part.strip() for part in (match["names"] or match["modules"] or "").split(",")]
        if match["modules"]:
            modules = [part.replace(".", "/") for part in parts]
        else:
            words = [part.partition(" ")[0] for part in parts]
            modules = [inner] if inner else []
            modules += [join(inner, word) for word in words if word]
        for module in modules:
            name = normpath(join(place, module))
            found = (it for it in (f"{name}.py", f"{name}/__init__.py") if it in names)
            yield from found


def _node(text: str, folder: str, names: Collection[str]) -> Iterator[str]:
    for match in _NODE_IMPORT.finditer(text):
        name = normpath(join(folder, match["path"]))
        yield from (it for ending in _NODE_ENDINGS if (it := name + ending) in names)
