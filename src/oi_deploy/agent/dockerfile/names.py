"""Names in a Dockerfile that are not those of what is there: sources and programs."""

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from posixpath import basename, dirname

from oi_deploy.agent.dockerfile import commands
from oi_deploy.agent.dockerfile.context import Context
from oi_deploy.agent.dockerfile.edits import Edit, Lines, drop_word, everywhere, swap, swap_word
from oi_deploy.agent.dockerfile.files import Dockerfile, closest, is_plain
from oi_deploy.agent.dockerfile.image import is_known
from oi_deploy.agent.dockerfile.reads import is_private

_PROGRAM_FILE = re.compile(r"(?<![\w./-])[\w./-]+\.(?:py|js|mjs|cjs|ts|rb|php|pl|sh|jar)(?![\w.])")
# A step that installs what one file lists, and does nothing else.
_INSTALLS = re.compile(r"(?:python3? -m )?pip3? install (?:--?[a-z-]+ )*(?:-r|--requirement) \S+")
# How much of two names is the same.
_SAME_NAME, _ALIKE, _SAME_WORD = 0.85, 0.8, 0.6
_TEST = re.compile(r"test|check|setup|conftest|config", re.IGNORECASE)


def missing_sources(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """COPY of what is not there."""
    for part in item.instructions():
        for source in part.sources:
            if not is_plain(source) or context.exists(source) or source.strip("./") in ("",):
                continue
            if folder := _of_several(source, context.names):
                yield swap_word(lines, range(part.line, part.last + 1), source, f"{folder}/")
                continue
            near = closest(source, context.names)
            if near in part.sources and len(part.sources) > 1 and _likeness(near, source) >= _ALIKE:
                yield drop_word(lines, range(part.line, part.last + 1), source)
                continue
            folder = folder_like(source, context)
            if folder and _is_read_as(folder, source, part.rest, context):
                yield everywhere(lines, source.removeprefix("./").strip("/"), folder.strip("/"))
            close = folder or (near if _is_slip(source, near) else "")
            close = close or _renamed(item, source, context.names)
            if not close and (folder := _other_package(item, source, context)):
                yield everywhere(lines, source.strip("/"), folder)
            if not close and (folder := _of_module(item, source, context)):
                yield swap_word(lines, range(part.line, part.last + 1), source.rstrip("/"), folder)
            if not close and (folder := _other_folder(item, source, context)):
                yield everywhere(lines, source.removeprefix("./").strip("/"), folder)
            if not close or close in part.sources:
                continue
            yield swap_word(lines, range(part.line, part.last + 1), source, close)


def _of_several(wanted: str, names: Sequence[str]) -> str:
    """The folder of that name which has several files of that name below it; empty if none has.

    That is `data/` of `server/data/2025/lines.csv` and `server/data/2026/lines.csv` for
    `data/lines.csv`.
    """
    above, name = dirname(wanted.removeprefix("./")), basename(wanted)
    same = [it for it in names if basename(it) == name]
    below = re.compile(rf"((?:.*/)?{re.escape(above)})/.*")
    found = {match[1] for it in same if (match := below.fullmatch(it))}
    return found.pop() if above and len(same) > 1 and len(found) == 1 else ""


def _is_read_as(new: str, old: str, copied: str, context: Context) -> bool:
    """Whether a folder came to a place of its old name, and programs look for the new one."""
    here, now = (it.removeprefix("./").strip("/") for it in (old, new))
    programs = (".py", ".js", ".mjs", ".cjs")
    texts = [it for path, it in context.texts.items() if path.endswith(programs)]
    here_or_now = [re.compile(rf"['\"/]{re.escape(it)}['\"/]") for it in (here, now)]
    reads = [any(map(it.search, texts)) for it in here_or_now]
    return copied.split()[-1].removeprefix("./").strip("/") == here and reads == [False, True]


def _is_slip(wanted: str, found: str) -> bool:
    """Whether a file is what a name was misspelt for, and not another one of its family.

    `config.test.yaml` is none for `config.prod.yaml`, and no file with a secret is one.
    """
    if not found or is_private(found):
        return False
    one, other = (PurePosixPath(path).name.lower() for path in (wanted, found))
    parts = [re.split(r"[._-]", name) for name in (one, other)]
    if len(parts[0]) != len(parts[1]):
        # A script may only lack its ending.
        return _likeness(one, other) >= _SAME_NAME or other == f"{one}.sh"
    return all(_likeness(it, its) >= _SAME_WORD for it, its in zip(*parts, strict=True))


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


def _other_package(item: Dockerfile, wanted: str, context: Context) -> str:
    """The only package of the context, where the Dockerfile starts one that is not there."""
    old = wanted.strip("/")
    if "/" in old or not re.search(rf"-m[\", ]+{re.escape(old)}\b", item.text):
        return ""
    made = (name for name in context.names if name.endswith(("/__main__.py", "/__init__.py")))
    found = {dirname(name) for name in made if name.count("/") == 1 and not _TEST.search(name)}
    return found.pop() if len(found) == 1 else ""


def _of_module(item: Dockerfile, wanted: str, context: Context) -> str:
    """The only folder with the module that is started, where Python looks in the missing one."""
    old = wanted.removeprefix("./").strip("/")
    started = re.search(r"-m[\", ]+(\w+)", item.text)
    looks = re.search(rf"PYTHONPATH=\S*/{re.escape(old)}/?(?=[\s\"':]|$)", item.text)
    if "/" in old or "." in old or old in context.folders or not (started and looks):
        return ""
    package = re.compile(rf"/{started[1]}(?:\.py|/__main__\.py)$")
    found = {package.sub("", it) for it in context.names if package.search(it)}
    return found.pop() if len(found) == 1 and not found & {*item.copies()} else ""


def _other_folder(item: Dockerfile, wanted: str, context: Context) -> str:
    """The only folder that a program reads from and nothing copies; empty if there are more."""
    old = wanted.removeprefix("./").strip("/")
    if "/" in old or "." in old or old in context.folders or not context.told.amiss:
        return ""
    copied = {it.removeprefix("./").partition("/")[0].strip("/") for it in item.copies()}
    tops = {it.partition("/")[0] for it in context.names if "/" in it and not is_private(it)}
    texts = [text for path, text in context.texts.items() if not _TEST.search(path)]
    found = {
        it
        for it in tops - copied
        if not (it.startswith(".") or _TEST.search(it))
        and any(re.search(rf"['\"/]{re.escape(it)}['\"/]", text) for text in texts)
    }
    return found.pop() if len(found) == 1 and not {"", "."} & copied else ""


def gone_sources(
    gone: Collection[str], context: Context, item: Dockerfile, lines: Lines
) -> Iterator[Edit | None]:
    """COPY of a file that is said to be gone, with the step that installs from it: both go.

    They stay where another instruction names the file.
    """
    for part in item.instructions():
        missing = [it for it in part.sources if it in gone and not context.exists(it)]
        if len(missing) != 1 or part.line != part.last:
            continue
        source, name = missing[0], basename(missing[0])
        users = [
            other
            for other in item.instructions()
            if other != part and re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", other.rest)
        ]
        installs = [it for it in users if it.word == "RUN" and _INSTALLS.fullmatch(it.rest)]
        if len(part.sources) > 1:
            if not users:
                yield drop_word(lines, [part.line], source)
            continue
        if users == installs and all(it.line == it.last for it in users):
            numbers = [part.line, *(it.line for it in users)]
            left = tuple(text for at, text in enumerate(lines, 1) if at not in numbers)
            yield Edit("'" + ";".join(f"{number}d" for number in numbers) + "'", left)


def renamed_in_commands(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A command that names a program which neither the repository nor another step has."""
    every = item.instructions()
    if not all(is_known(base, item.stages()) for base in item.bases()):
        return
    brought = {PurePosixPath(source).name for source in item.copies()}
    if "." in item.copies():
        brought |= {name for name in context.names if "/" not in name and not _TEST.search(name)}
    for part in every:
        if part.word not in ("RUN", "CMD", "ENTRYPOINT"):
            continue
        rest = [other for other in every if other is not part]
        steps = [commands.split(other.rest) for other in rest if other.word == "RUN"]
        # A step may have made the program.
        if any(step is None or not commands.is_quiet(step) for step in steps):
            continue
        others = " ".join(other.rest for other in rest)
        for file in _PROGRAM_FILE.findall(part.rest):
            name, ending = PurePosixPath(file).name, PurePosixPath(file).suffix
            if name in others or any(PurePosixPath(path).name == name for path in context.names):
                continue
            if part.word == "RUN" and not _is_started(part.rest, file):
                continue
            known = [path for path in brought if path.endswith(ending)]
            # The same program as a module of another kind.
            kinds = (".js", ".mjs", ".cjs") if ending in (".js", ".mjs", ".cjs") else ()
            twins = [
                path
                for path in brought
                if path in {f"{file.rpartition('.')[0]}{it}" for it in kinds}
            ]
            told = [path for path in known if is_called(path, context.told.text)]
            new = (
                (twins[0] if len(twins) == 1 else "")
                or (told[0] if len(told) == 1 and part.word != "RUN" else "")
                or like(name, known)
                or (known[0] if len(known) == 1 and part.word != "RUN" else "")
            )
            if new:
                new = file.removesuffix(name) + new
                yield swap_word(lines, range(part.line, part.last + 1), file, new)


def is_called(path: str, text: str) -> bool:
    """Whether a text has the path as a word."""
    return re.search(rf"(?<![\w./-]){re.escape(path)}(?![\w/-]|\.\w)", text, re.ASCII) is not None


def like(name: str, names: Iterable[str]) -> str:
    """The name that another one is misspelt for; empty if there is none."""
    by_case = {it.lower(): it for it in names}
    close = difflib.get_close_matches(name.lower(), by_case, n=1, cutoff=0.75)
    return by_case[close[0]] if close else ""


def _is_started(text: str, file: str) -> bool:
    return re.search(rf"(?:python[\d.]*|node|sh|bash) {re.escape(file)}", text) is not None


def folder_like(wanted: str, context: Context) -> str:
    """The folder that a word for one means; empty if there is none, or it is a file's."""
    path = wanted.strip("/")
    if PurePosixPath(path).suffix:
        return ""
    same = [it for it in context.folders if dirname(it) == dirname(path)]
    close = difflib.get_close_matches(path.lower(), [it.lower() for it in same], n=1, cutoff=0.6)
    found = [it for it in same if close and it.lower() == close[0]]
    return f"{found[0]}/" if wanted.endswith("/") and found else found[0] if found else ""


def _renamed(item: Dockerfile, wanted: str, names: Sequence[str]) -> str:
    """The only file of the same kind and folder that nothing copies; empty if there are more."""
    path, copied = PurePosixPath(wanted), item.copies()
    same = [
        name
        for name in names
        if PurePosixPath(name).suffix == path.suffix != ""
        and PurePosixPath(name).parent == path.parent
        and name not in copied
        and not is_private(name)
    ]
    return same[0] if len(same) == 1 else ""


def without_lock(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """`npm ci` needs a lock file."""
    locks = ("package-lock.json", "npm-shrinkwrap.json")
    if any(basename(name) in locks for name in context.names) or any(map(context.exists, locks)):
        return
    for part in item.instructions():
        match = re.search(r"\bnpm ci\b", lines[part.line - 1]) if part.word == "RUN" else None
        if match and "package.json" in context.names and "lock" not in item.text:
            yield swap(lines, part.line, match.start(), "npm ci", "npm install")
