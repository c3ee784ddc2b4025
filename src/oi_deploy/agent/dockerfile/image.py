"""Which files an image has at each step of its Dockerfile, as far as that is certain."""

import fnmatch
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from posixpath import basename, dirname, join, normpath, relpath

from oi_deploy.agent.dockerfile import commands
from oi_deploy.agent.dockerfile.commands import Need
from oi_deploy.agent.dockerfile.contents import Stage, is_below, joined
from oi_deploy.agent.dockerfile.context import Context, with_scripts
from oi_deploy.agent.dockerfile.files import Dockerfile, Instruction
from oi_deploy.agent.dockerfile.reads import is_test

# Images whose files are known well enough: nothing of a project is in them.
_KNOWN = re.compile(
    r"(?:[\w.-]+(?::\d+)?/)*(?:python|node|golang|nginx|debian|ubuntu|alpine|busybox|scratch|httpd|ruby|php"
    r"|rust|openjdk|eclipse-temurin)(?:[:@]\S+)?"
)


@dataclass(frozen=True)
class Lack:
    """Something that an instruction needs and that surely is not there.

    Attributes:
        part: the instruction.
        need: what it needs.
        stage: as it is before the instruction.
        source: where something is copied from, if that is a stage.
    """

    part: Instruction
    need: Need
    stage: Stage
    source: Stage | None = None


@dataclass
class _Walk:
    context: Context
    stages: list[Stage] = field(default_factory=list)
    lacks: list[Lack] = field(default_factory=list)


def is_known(base: str, stages: Collection[str]) -> bool:
    """Whether nothing of a project can be in an image, or it is one of the stages."""
    return _KNOWN.fullmatch(base) is not None or base in stages


def lacks(item: Dockerfile, context: Context) -> list[Lack]:
    """What surely is not there when it is needed, in order; nothing where that is not known."""
    every = item.instructions()
    if "<<" in item.text or any(part.word in ("SHELL", "ONBUILD") for part in every):
        return []
    walk = _Walk(context)
    starts: dict[str, Instruction] = {}
    for part in every:
        if part.word == "FROM":
            starts = {}
            walk.stages.append(_from(part, walk.stages))
        elif walk.stages:
            if part.word in ("CMD", "ENTRYPOINT"):
                starts[part.word] = part
                if part.word == "ENTRYPOINT":
                    starts.pop("CMD", None)
            walk.stages[-1] = _step(part, walk)
    if walk.stages and starts:
        _check_start(starts, walk)
    return walk.lacks


def stages(item: Dockerfile, context: Context) -> list[Stage]:
    """What is copied into each stage."""
    walk = _Walk(context)
    for part in item.instructions():
        if part.word == "FROM":
            walk.stages.append(_from(part, walk.stages))
        elif walk.stages and part.word != "RUN":
            walk.stages[-1] = _step(part, walk)
    return walk.stages


def _from(part: Instruction, stages: Sequence[Stage]) -> Stage:
    words = [word for word in part.rest.split() if not word.startswith("--")]
    name = words[2] if len(words) == 3 and words[1].upper() == "AS" else ""
    base = words[0] if words else ""
    for stage in stages:
        if base.lower() == stage.name.lower() != "":
            return replace(stage, number=len(stages), name=name)
    return Stage(number=len(stages), name=name, certain=bool(_KNOWN.fullmatch(base)))


def _step(part: Instruction, walk: _Walk) -> Stage:
    stage = walk.stages[-1]
    if part.word == "WORKDIR":
        known = "$" not in part.rest and re.fullmatch(r"[\w./-]+", part.rest)
        place = normpath(join(stage.workdir, part.rest))
        return replace(
            stage, workdir=place, set_workdir=True, certain=stage.certain and bool(known)
        )
    if part.word in ("COPY", "ADD"):
        return _copy(part, walk)
    if part.word == "ENV" and re.search(r"PYTHONPATH|NODE_PATH", part.rest):
        return replace(stage, said=f"{stage.said}\n{part.rest}", searched=_searched(part.rest))
    if part.word == "RUN":
        return _run(part, walk)
    return stage


def _searched(text: str) -> tuple[str, ...]:
    """The folders of PYTHONPATH or NODE_PATH."""
    values = re.findall(r"(?:PYTHONPATH|NODE_PATH)[= ]['\"]?([^\s'\"]+)", text)
    return tuple(it.rstrip("/") or "/" for value in values for it in value.split(":"))


def _with_search(wanted: Iterable[Need], stage: Stage) -> Iterator[Need]:
    """Needs, with the places of modules where they are looked for besides."""
    for need in wanted:
        more = [
            normpath(join(stage.workdir, folder, relpath(path, stage.workdir)))
            for folder in (stage.searched if need.module else ())
            for path in need.paths
        ]
        yield replace(need, paths=(*need.paths, *more))


def _run(part: Instruction, walk: _Walk) -> Stage:
    stage = walk.stages[-1]
    found = None if part.rest.startswith(("[", "--")) else commands.split(part.rest)
    if found is None:
        return replace(stage, certain=False)
    found = with_scripts(found, walk.context)
    made = _made(part.rest, found)
    # After a command that may make anything, nothing is known to lack.
    sure = sum(1 for _ in takewhile(lambda it: commands.is_quiet([it]), found)) + 1
    wanted = tuple(_with_search(commands.needs(found[:sure], stage.workdir), stage))
    tests = tuple(_tests_of(found[:sure], stage))
    for need in (*wanted, *_read_by((*wanted, *tests), stage, walk.context)):
        if _is_lacking(need, stage, walk.context, made):
            walk.lacks.append(Lack(part, need, stage))
    if not all(map(commands.is_install, found)):
        walk.lacks += _told(part, stage, walk, made)
    said = f"{stage.said}\n{part.rest}"
    quiet = commands.is_quiet(found) and not (_runs_scripts(found, walk.context))
    return replace(stage, said=said, certain=stage.certain and quiet)


def _tests_of(found: Iterable[Sequence[str]], stage: Stage) -> Iterator[Need]:
    """The tests that commands find by themselves, of those that are there."""
    for words in found:
        if not re.match(
            r"node --test(?: |$)|(?:python3? -m )?(?:unittest|pytest)\b", " ".join(words[:3])
        ):
            continue
        # Those that the command names, if it names any.
        only = [it.strip("./") for it in words if "/" in it or re.match(r"tests?\.\w", it)]
        for place, name in stage.files:
            if only and not any(is_below(name, it.partition("::")[0]) for it in only):
                continue
            if is_test(name) and is_below(place, stage.workdir):
                yield Need(name, (place,))


_SCRIPTS = re.compile(r'"(?:(?:pre|post)?install|prepare)"\s*:')


def _runs_scripts(found: Iterable[Sequence[str]], context: Context) -> bool:
    """Whether an installation runs scripts of the project, which may make anything."""
    installs = any(words[0] in ("npm", "yarn") for words in found)
    return installs and bool(_SCRIPTS.search(context.texts.get("package.json", "")))


def _made(text: str, found: Iterable[Sequence[str]]) -> str:
    """What a step itself may make before it needs it."""
    made = re.findall(r">+\s*(\S+)", text)
    for words in found:
        if words[0] in ("cp", "mv", "ln"):
            made += words[-1:]
        elif words[0] in ("touch", "tee", "sed", "mkdir"):
            made += words[1:]
    return " ".join(made)


def _is_lacking(need: Need, stage: Stage, context: Context, made: str = "") -> bool:
    """Whether it surely is not there; a module that the project does not have is a library."""
    names = (re.escape(basename(path)) for path in need.paths)
    if any(re.search(rf"(?<![\w.-]){name}(?![\w.-])", made) for name in names):
        return False
    program = need.paths[0].endswith((".py", ".js", ".mjs", ".cjs"))
    if stage.searched and (need.module or program):
        return False
    if need.module and need.word != "npm":
        tail = re.escape(need.word.replace(".", "/"))
        module = re.compile(rf"(?:^|/){tail}(?:\.py|/__main__\.py|/__init__\.py)$")
        ours = [name for name in context.names if module.search(name)]
        top = need.word.partition(".")[0]
        # No library has a part of a package of ours.
        if not ours and (top == need.word or f"{top}/__init__.py" not in context.known):
            return False
    if need.word == "npm" and "package.json" not in context.known:
        return False
    return not any(stage.has(path, context.exists) for path in need.paths)


def _read_by(wanted: Iterable[Need], stage: Stage, context: Context) -> Iterator[Need]:
    """What the programs among some needs import and open, and what their modules do."""
    paths = {path for need in wanted for path in need.paths}
    left = [(place, name) for place, name in stage.files if place in paths]
    known = {place for place, _ in stage.files}
    seen: set[str] = set()
    tested = any(is_test(name) for _, name in left)
    while left:
        place, name = left.pop()
        if name in seen:
            continue
        seen.add(name)
        for read in context.reads(name, tested=tested):
            inside = normpath(join(dirname(place), relpath(read.name, dirname(name) or ".")))
            path = inside if read.beside else normpath(join(stage.workdir, read.name))
            if path in known:
                left.append((path, read.name))
            # It may have been moved there with the folder that the program came with.
            elif read.beside or inside not in known:
                yield Need(read.name, (path,))


def _check_start(starts: dict[str, Instruction], walk: _Walk) -> None:
    stage = walk.stages[-1]
    parts = [starts[word] for word in ("ENTRYPOINT", "CMD") if word in starts]
    texts = [starts[word].rest if word in starts else "" for word in ("ENTRYPOINT", "CMD")]
    found = commands.start(*texts)
    named_there = commands.needs(with_scripts(found or (), walk.context), stage.workdir)
    wanted = tuple(_with_search(named_there, stage))
    for need in (*wanted, *_read_by(wanted, stage, walk.context)):
        part = next((it for it in parts if need.word in it.rest), parts[-1])
        if _is_lacking(need, stage, walk.context):
            walk.lacks.append(Lack(part, need, stage))

    walk.lacks += _told(parts[-1], stage, walk)


def _told(part: Instruction, stage: Stage, walk: _Walk, made: str = "") -> Iterator[Lack]:
    """What a message misses and the folder of this stage does not have: only where it comes first.

    A step that makes something may have made it, unless the message says where it is missed.
    """
    for name, place in walk.context.lost:
        path = normpath(join(stage.workdir, name))
        if any(lack.need.word == name for lack in walk.lacks) or (place and place != path):
            continue
        if any(stage.has(normpath(join(it, name)), walk.context.exists) for it in stage.searched):
            continue
        # It was missed in the stage that works there, and that may have it now.
        # What tests miss is missed where they run.
        of_tests = is_test(name) or re.match(r"(?:tests?|spec|__tests__)/", name)
        same = "/" if of_tests else stage.workdir
        others = (it for it in walk.stages[:-1] if it.workdir not in ("/", same))
        earlier = [it for it in others if is_below(place, it.workdir)]
        if place and any(it.has(place, walk.context.exists) for it in earlier):
            continue
        sure = replace(stage, certain=True, loose=(), said="") if place else stage
        if _is_lacking(Need(name, (path,)), sure, walk.context, made):
            yield Lack(part, Need(name, (path,)), sure)


def _copy(part: Instruction, walk: _Walk) -> Stage:
    stage, context = walk.stages[-1], walk.context
    words = [word for word in part.rest.split() if not word.startswith("--")]
    if "[" in part.rest or "$" in part.rest or len(words) < 2:
        return replace(stage, certain=False)
    *sources, to = words
    flag = re.search(r"--from=(\S+)", part.rest)
    place = normpath(join(stage.workdir, to))
    if flag:
        other = _stage_called(flag[1], walk.stages)
        return _copy_from(part, walk, other, sources, place) if other else stage.with_loose(place)
    several = len(sources) > 1 or any(set(it) & set("*?") for it in sources)
    into = several or to.endswith(("/", ".")) or place in stage.folders()
    files, copied = list(stage.files), list(stage.copied)
    for source in (name for it in sources for name in _matching(it, context)):
        if source in context.known:
            if source.endswith((".tar", ".gz", ".tgz", ".xz", ".bz2")) and part.word == "ADD":
                return replace(stage, certain=False)
            files.append((join(place, basename(source)) if into else place, source))
        elif source == "." or source in context.folders:
            copied.append((source, place))
            files += [(join(place, rest), name) for name, rest in _inner(source, context)]
        elif context.exists(source):
            return stage.with_loose(place)
    return replace(stage, files=tuple(files), copied=tuple(copied))


def _copy_from(
    part: Instruction, walk: _Walk, source: Stage, sources: Sequence[str], place: str
) -> Stage:
    for word in sources:
        path = normpath(join("/", word))
        need = Need(word, (path,))
        if not set(word) & set("*?[") and not source.has(path, walk.context.exists):
            walk.lacks.append(Lack(part, need, walk.stages[-1], source))
    stage = walk.stages[-1]
    into = len(sources) > 1 or part.rest.endswith(("/", "."))
    files, copied = list(stage.files), list(stage.copied)
    for word in sources:
        path = normpath(join("/", word))
        inner = [(file, name) for file, name in source.files if is_below(file, path)]
        single = join(place, basename(path)) if into or place in stage.folders() else place
        if not source.certain or not inner:
            # What is called like a file brings nothing else.
            named_file = re.search(r"\w\.[a-z]{2,5}$", word)
            stage = stage.with_loose(single if named_file else place)
            if not named_file:
                return stage
            continue
        for file, name in inner:
            rest = file.removeprefix(path).lstrip("/")
            files.append((join(place, rest) if rest else single, name))
        for name, folder in source.copied:
            if is_below(folder, path):
                copied.append((name, normpath(join(place, folder.removeprefix(path).lstrip("/")))))
            elif is_below(path, folder):
                copied.append((joined(name, path.removeprefix(folder)), place))
    return replace(stage, files=tuple(files), copied=tuple(copied))


def _stage_called(name: str, stages: Sequence[Stage]) -> Stage | None:
    for stage in stages[:-1]:
        if name in (str(stage.number),) or name.lower() == stage.name.lower():
            return stage
    return None


def _matching(source: str, context: Context) -> Iterator[str]:
    """The files and folders of the context that a word of COPY means."""
    name = normpath(source.lstrip("/")) if source.strip("./") else "."
    if not set(name) & set("*?["):
        yield name
        return
    for path in sorted({*context.names, *context.folders}):
        if path.count("/") == name.count("/") and fnmatch.fnmatchcase(path, name):
            yield path


def _inner(folder: str, context: Context) -> Iterator[tuple[str, str]]:
    prefix = "" if folder == "." else f"{folder}/"
    for name in context.names:
        if name.startswith(prefix):
            yield name, name.removeprefix(prefix)
