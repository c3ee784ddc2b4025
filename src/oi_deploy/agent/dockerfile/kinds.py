"""How the project in a folder starts, and what its image begins with."""

import fnmatch
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any

import yaml

from oi_deploy.agent import named
from oi_deploy.agent.dockerfile import found, npm
from oi_deploy.agent.dockerfile.reads import module_of
from oi_deploy.agent.dockerfile.spoken import start_of
from oi_deploy.agent.dockerfile.wishes import Wishes

PAGES = "/usr/share/nginx/html"
_WORDS = re.compile(r"[\w./:@%+=,~ -]+", re.ASCII)


@functools.cache
def table() -> dict[str, Any]:
    """The table, as it is written."""
    source = files("oi_deploy.agent").joinpath("prompts/dockerfiles.yaml")
    content: dict[str, Any] = yaml.safe_load(source.read_text(encoding="utf-8"))
    return content


@dataclass(frozen=True)
class Kind:
    """How a project starts.

    Attributes:
        base: the repository of its base image.
        start: the command; empty for pages.
        pages: the folder that a web server is to show; empty for a program.
        below: the folder that the command starts in; `.` for the project's.
        variables: those that it is started with; a path of the project begins with `file:`.
    """

    base: str
    start: str = ""
    pages: str = ""
    below: str = "."
    variables: tuple[tuple[str, str], ...] = ()


def kind(names: Sequence[str], wanted: Wishes, texts: Mapping[str, str]) -> Kind | None:
    """What the prompt says, else the project itself, else the first of the table that fits.

    None if nothing does.

    Args:
        names: of the folder's files.
        wanted: what the prompt says.
        texts: of some of the files.
    """
    known = table()
    named_bases = [repository_of(base) for base in wanted.bases]
    shows = "nginx" in named_bases and (
        wanted.stages or any(place.startswith(PAGES) for _, place in wanted.placed)
    )
    if shows and not wanted.start:
        return Kind("nginx", pages=".")
    start = wanted.start or start_of(wanted.program, known["endings"])
    kinds = [one for item in known["kinds"] if (one := _fits(item, names, wanted.pages))]
    kinds = [_without_npm(it, names, wanted, texts) for it in kinds if _starts(it, names, texts)]
    words = start.split()
    if words[:1] == ["python3"] and len(words) > 1:
        # As a file, it would not find its own package.
        module = module_of(words[1], texts.get(words[1], ""), names)
        start = " ".join(["python3 -m", module, *words[2:]]) if module else start
    if start == "npm start" and wanted.no_npm:
        plain = found.of_npm(texts, names)
        start = plain.command if plain else start
    if start and _WORDS.fullmatch(start):
        own = known["programs"].get(re.sub(r"[\d.]+$", "", start.split()[0]))
        # A script may start anything.
        base = next(filter(None, [own, *named_bases, *(it.base for it in kinds)]), "")
        return Kind(base, start, below=_below(start, names)) if base else None
    told = None
    if wanted.notes:
        told = found.of_notes(texts, names, pointed_to=True, named=wanted.named)
    said = told or found.of_services(texts, names) or found.of_package(texts, names)
    if said and not wanted.site and (one := _of(said, names, wanted)):
        return one
    same = [it for it in kinds if it.base in named_bases]
    pages = [it for it in kinds if it.pages and wanted.site]
    if wanted.stages and wanted.site and not same:
        return Kind("nginx", pages=".")
    if chosen := next(iter((*pages, *same, *kinds)), None):
        return chosen
    said = found.of_notes(texts, names)
    said = said or found.only_server(texts, names, known["endings"], wanted.called)
    return _of(said, names, wanted) if said else None


def _starts(kind: Kind, names: Sequence[str], texts: Mapping[str, str]) -> bool:
    """Whether npm has something to start: a script for it, or the file that it starts without."""
    known = "package.json" not in texts or "start" in npm.scripts(texts) or "server.js" in names
    return kind.start != "npm start" or known


def _without_npm(
    kind: Kind, names: Sequence[str], wanted: Wishes, texts: Mapping[str, str]
) -> Kind:
    """With the program that `npm start` starts: npm does not hand signals on."""
    said = found.of_npm(texts, names) if kind.start == "npm start" else None
    return (_of(said, names, wanted) if said else None) or kind


def _of(said: found.Start, names: Sequence[str], wanted: Wishes) -> Kind | None:
    """The kind of a project that says itself how it is started."""
    program = re.sub(r"[\d.]+$", "", said.command.split()[0])
    base = table()["programs"].get(program, "")
    # A folder where modules are looked for is none to start in.
    below = "." if dict(said.variables).get("PYTHONPATH") else _below(said.command, names)
    variables = tuple((name, _instead(value, wanted.named)) for name, value in said.variables)
    return Kind(base, said.command, below=below, variables=variables) if base else None


def _instead(value: str, named_there: Sequence[str]) -> str:
    """The file that the prompt names in the place of its neighbour: `prod.ini` for `dev.ini`."""
    path = PurePosixPath(value.removeprefix("file:"))
    near = [
        it
        for it in named_there
        if PurePosixPath(it).parent == path.parent and PurePosixPath(it).suffix == path.suffix != ""
    ]
    return f"file:{near[0]}" if value != str(path) and len(near) == 1 else value


def _fits(item: Mapping[str, Any], names: Sequence[str], pages: str) -> Kind | None:
    top = [path for path in names if "/" not in path]
    deep = item["file"].count("/")
    matching = fnmatch.filter((path for path in names if path.count("/") == deep), item["file"])
    site = f"{pages}/index.html"
    matching = [site] if "pages" in item and deep and site in matching else matching
    if (deep and len(matching) != 1) or set(item.get("unless", ())) & set(top):
        return None
    entries = [name for name in item.get("entries", []) if name in top]
    if not matching or ("entries" in item and not entries and len(matching) != 1):
        return None
    entry = entries[0] if entries else matching[0]
    if "entries" in item and not entry.endswith(".py"):
        return None
    below = entry.rpartition("/")[0]
    if "pages" in item:
        return Kind(item["base"], pages=item["pages"].replace("{folder}", below))
    start = item["start"].replace("{entry}", entry).replace("{folder}", below)
    return Kind(item["base"], start)


def repository_of(reference: str) -> str:
    """The last part of an image's name, without its tag."""
    return named.repository_of(reference).rpartition("/")[2]


def files_of(start: str) -> Iterator[str]:
    """The files that a command may start, as it names them."""
    words = start.split() or [""]
    for place, word in enumerate(words[1:], 1):
        if words[place - 1] == "-m":
            module = word.replace(".", "/")
            yield from (f"{module}/__main__.py", f"{module}.py")
        elif ":" in word:
            yield f"{word.partition(':')[0].replace('.', '/')}.py"
        elif PurePosixPath(word).suffix in table()["endings"]:
            yield word.removeprefix("./")
    if words[0] == "npm":
        yield "package.json"


def _below(start: str, names: Sequence[str]) -> str:
    """The folder whose files the command names; the project's own if it has them, or none has."""
    for file in files_of(start):
        if file in names:
            return "."
        ends = [path for path in names if path.endswith(f"/{file}")]
        if len(ends) == 1:
            return ends[0].removesuffix(f"/{file}")
    return "."
