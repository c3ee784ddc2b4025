"""Wrong places in a Dockerfile that its programs, or a message in the prompt, give away."""

import re
from collections.abc import Iterator, Sequence
from posixpath import basename, dirname, join, normpath

from oi_deploy.agent.dockerfile import image, npm
from oi_deploy.agent.dockerfile.bases import is_misspelt
from oi_deploy.agent.dockerfile.contents import Stage
from oi_deploy.agent.dockerfile.context import Context
from oi_deploy.agent.dockerfile.edits import (
    Edit,
    Lines,
    move_down,
    put_after,
    put_before,
    swap,
    swap_word,
)
from oi_deploy.agent.dockerfile.files import Dockerfile, Instruction
from oi_deploy.agent.dockerfile.reads import folders_made, is_private
from oi_deploy.agent.dockerfile.slips import last_stage


def made(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """COPY from a stage of a folder that its program does not make, where it makes another one."""
    every = item.instructions()
    for part in every:
        flag = re.search(r"--from=(\S+)", part.rest)
        words = [it for it in part.rest.split() if not it.startswith("--")]
        if part.word != "COPY" or not flag or len(words) != 2:
            continue
        stage = _stage(flag[1], every)
        steps = [it.rest for it in stage if it.word == "RUN"]
        workdirs = [it.rest for it in stage if it.word == "WORKDIR" and it.rest.startswith("/")]
        place = workdirs[-1].rstrip("/") if workdirs else ""
        texts = [
            context.texts[name]
            for step in steps
            for name in context.texts
            if re.search(rf"(?<![\w-]){re.escape(basename(name))}(?![\w-])", _script(step, context))
        ]
        found = {it for text in texts for it in folders_made(text)}
        wanted = words[0].rstrip("/")
        # What it makes, or what is in it.
        fits = any(f"{wanted}/".startswith(f"{place}/{it}/") for it in found)
        if not place or len(found) != 1 or fits or any(basename(wanted) in it for it in steps):
            continue
        new = f"{place}/{found.pop()}"
        if re.fullmatch(r"[\w./-]+", new) and basename(wanted).count(".") == 0:
            slash = "/" if words[0].endswith("/") else ""
            yield swap_word(lines, [part.line], words[0], f"{new}{slash}")


def _stage(name: str, every: Sequence[Instruction]) -> list[Instruction]:
    """The instructions of a stage that is called so, or has that number."""
    found: list[Instruction] = []
    number, here = -1, False
    for part in every:
        if part.word == "FROM":
            number += 1
            called = re.search(r"(?i)\sAS\s+(\S+)", part.rest)
            here = name.lower() in (str(number), called[1].lower() if called else "")
        elif here:
            found.append(part)
    return found


def _script(step: str, context: Context) -> str:
    """A step, with what `npm run` stands for."""
    names = re.findall(r"\bnpm (?:run )?([\w:-]+)", step)
    return " ".join([step, *(text for it in names if (text := npm.scripts(context.texts).get(it)))])


def placed(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A file that a message misses at a place of the image outside of the project's own."""
    for path in context.told.lost:
        if not path.startswith("/"):
            continue
        for part in item.instructions():
            if part.word != "RUN" or path not in part.rest or part.line != part.last:
                continue
            later = [
                it for it in item.instructions()
                if it.line > part.line and it.sources and _is_brought(it, path, context)
            ]  # fmt: skip
            if later:
                yield move_down(lines, part.line, later[0].last)
                return
        stage = last_stage(item)
        # There it is a part of the project, of this stage or of another one.
        workdirs = [it.rest for it in item.instructions() if it.word == "WORKDIR"]
        if any(path.startswith(f"{it.rstrip('/')}/") for it in workdirs):
            continue
        yield from _started_as(path, stage, context, lines)
        brought = any(_is_brought(it, path, context) for it in stage if it.sources)
        same = [it for it in context.names if basename(it) == basename(path)]
        copies = [it for it in stage if it.word in ("COPY", "ADD")]
        if len(same) == 1 and copies and not brought and dirname(path) != "/":
            text = f"COPY {same[0]} {dirname(path)}/"
            yield put_after(lines, copies[-1].last, text)


def _started_as(
    path: str, stage: Sequence[Instruction], context: Context, lines: Lines
) -> Iterator[Edit | None]:
    """The start of a program that came to the same folder under another name."""
    if any(basename(it) == basename(path) for it in context.names):
        return
    places = [it.rest.split()[-1].rstrip("/") for it in stage if it.sources and "[" not in it.rest]
    same = {it for it in places if dirname(it) == dirname(path) and it.endswith(path[-3:])}
    for part in stage:
        if part.word in ("CMD", "ENTRYPOINT") and path in part.rest and len(same) == 1:
            yield swap_word(lines, range(part.line, part.last + 1), path, *same)


def _is_brought(part: Instruction, path: str, context: Context) -> bool:
    """Whether a COPY to an absolute place brings a file there."""
    place = part.rest.split()[-1]
    for source in part.sources:
        name = source.removeprefix("./").strip("/") or "."
        if name in context.known:
            here = {place.rstrip("/"), join(place, basename(name))}
            if path in here:
                return True
        elif path.startswith(f"{place.rstrip('/')}/"):
            rest = path.removeprefix(f"{place.rstrip('/')}/")
            if normpath(join(name, rest)) in context.known:
                return True
    return False


def servers(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """The main configuration of nginx in the place of a site's, or the other way round."""
    told = re.search(
        r"\"?(\w+)\"? directive is not allowed here in (/etc/nginx/\S*\w)", context.told.text
    )
    told = told or re.search(r"\"?(server)\"? directive is not allowed here", context.told.text)
    if told is None:
        return
    old, new = "/etc/nginx/conf.d", "/etc/nginx/nginx.conf"
    if told[1] == "server":
        old, new = "/etc/nginx/nginx.conf", "/etc/nginx/conf.d/default.conf"
    for part in item.instructions():
        words = part.rest.split()
        if part.word == "COPY" and len(words) == 2 and words[1].startswith(old):
            yield swap_word(lines, [part.line], words[1], new)


def modules(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """PYTHONPATH of a folder that is not there, where one has what the programs import."""
    texts = (text for path, text in context.texts.items() if path.endswith(".py"))
    imported = {name for text in texts for name in _IMPORTS.findall(text)}
    started = re.findall(r"-m[\s\",]+([a-z_]\w*)", item.text)
    found = {
        dirname(path)
        for name in {*imported, *started, *context.told.modules}
        for path in (
            *(it for it in context.names if it.endswith(f"/{name}.py")),
            *(dirname(it) for it in context.names if it.endswith(f"/{name}/__init__.py")),
        )
        if "/" not in dirname(path)
        and dirname(path)
        # A package is found from the folder that it is in.
        and f"{dirname(path)}/__init__.py" not in context.known
    }
    for part in item.instructions():
        match = re.search(r"PYTHONPATH=(/[\w./-]+)", part.rest) if part.word == "ENV" else None
        old = basename(match[1].rstrip("/")) if match else ""
        comes = any(
            it.rest.split()[-1].strip("./").rpartition("/")[2] == old and context.exists(source)
            for it in item.instructions()
            for source in it.sources
        )
        gone = match and not comes and old not in context.folders and not context.exists(old)
        if match and gone and len(found) == 1:
            number = next(it for it in range(part.line, part.last + 1) if match[0] in lines[it - 1])
            (new,) = found
            start = lines[number - 1].index(match[0])
            place = match[0].rstrip("/").removesuffix(old) + new
            copied = any(it.rest.split()[-1].strip("./") in ("", new) for it in item.instructions()
                         if it.word == "COPY")  # fmt: skip
            if copied or new in item.copies() or "." in item.copies():
                yield swap(lines, number, start, match[0].rstrip("/"), place)


def variables(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A variable with the path of a file that its stage has, and at another place only."""
    steps = " ".join(it.rest for it in item.instructions() if it.word == "RUN")
    for part, path, stage in _in_variables(r"=\"?(/[\w./-]+\.\w+)", context, item):
        there = stage.named(basename(path))
        if not path.startswith(f"{stage.workdir.rstrip('/')}/") or stage.workdir == "/":
            continue
        # A step may write it, here or elsewhere.
        wrote = {
            normpath(join(stage.workdir, it))
            for it in re.findall(r">\s*([\w./-]+)", steps)
            if basename(it) == basename(path)
        }
        if len(wrote) == 1 and path not in wrote and path not in steps:
            yield _instead(part, path, wrote.pop(), lines)
        made = basename(path) in steps
        if not made and len(there) == 1 and not stage.has(path, context.exists):
            yield _instead(part, path, there[0], lines)


# It may come to be there when the container starts.
_KEPT = re.compile(r"\bVOLUME\b|\bvolumes?\b|\bmount|ENTRYPOINT|挂载|数据卷")


def folders(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A variable with the path of a folder that is misspelt: its stage has the other one."""
    steps = " ".join(it.rest for it in item.instructions() if it.word == "RUN")
    for part, path, stage in _in_variables(r"=\"?(/[\w./-]+)", context, item):
        above, name = dirname(path.rstrip("/")), basename(path.rstrip("/"))
        there = {it for it in stage.folders() if dirname(it) == above}
        near = [it for it in there if is_misspelt(name, basename(it), of_a_list=True)]
        if path.rstrip("/") in there or "." in name or name in steps or above == "/":
            continue
        if len(near) == 1:
            yield _instead(part, path, near[0], lines)


def _in_variables(
    pattern: str, context: Context, item: Dockerfile
) -> Iterator[tuple[Instruction, str, Stage]]:
    """Paths in the variables of stages; none where something may come to be there later."""
    if _KEPT.search(f"{item.text}\n{context.told.text}"):
        return
    known = image.stages(item, context)
    number = -1
    for part in item.instructions():
        number += part.word == "FROM"
        if part.word == "ENV" and number >= 0:
            yield from ((part, path, known[number]) for path in re.findall(pattern, part.rest))


def _instead(part: Instruction, old: str, new: str, lines: Lines) -> Edit | None:
    """Another path, as a word or as the end of one."""
    numbers = range(part.line, part.last + 1)
    return swap_word(lines, numbers, old, new) or _in_word(part, old, new, lines)


def _in_word(part: Instruction, old: str, new: str, lines: Lines) -> Edit | None:
    """The change of a part of a word."""
    for number in range(part.line, part.last + 1):
        if old in lines[number - 1]:
            return swap(lines, number, lines[number - 1].index(old), old, new)
    return None


_SERVERS = frozenset(
    {"gunicorn", "uvicorn", "flask", "hypercorn", "waitress", "celery", "aiohttp", "daphne"}
)


def started_modules(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A start by the name of a package that a message misses, where another one has the module."""
    missed = {it.partition(".")[0] for it in context.told.modules}
    for part in last_stage(item):
        match = re.search(r"-m[\s\",]+(\w+)((?:\.\w+)*)", part.rest)
        if part.word not in ("CMD", "ENTRYPOINT") or match is None or match[1] not in missed:
            continue
        old, rest = match[1], match[2].replace(".", "/") or "/__main__"
        if old in context.folders or f"{old}.py" in context.known:
            continue
        # A library is not installed.
        listed = "\n".join(text for path, text in context.texts.items() if "requirements" in path)
        if old in _SERVERS or re.search(rf"(?im)^{re.escape(old)}\b", listed):
            continue
        tops = {it.partition("/")[0] for it in context.known if "/" in it}
        found = [it for it in sorted(tops) if f"{it}{rest}.py" in context.known]
        if len(found) == 1:
            numbers = range(part.line, part.last + 1)
            yield swap_word(lines, numbers, f"{old}{match[2]}", f"{found[0]}{match[2]}")


def working_folders(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A step in a folder below the one that has the package which a message misses."""
    workdir, before = "/", ""
    for part in item.instructions():
        if part.word == "FROM":
            workdir, before = "/", ""
        elif part.word == "WORKDIR":
            workdir, before = join(workdir, part.rest), workdir
        elif part.word == "RUN" and before != "/" and workdir.startswith(f"{before}/"):
            for module in context.told.modules:
                package = module.partition(".")[0]
                there = package in context.folders or f"{package}.py" in context.known
                inner = f"{workdir.removeprefix(before).strip('/')}/{package}"
                found_here = inner in context.folders or f"{inner}.py" in context.known
                if there and not found_here and "PYTHONPATH" not in item.text:
                    yield put_before(lines, part.line, f"ENV PYTHONPATH={before}")


def searched(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A test or a start that misses a package in a folder that Python is not told to look in."""
    known = image.stages(item, context)
    number, is_told = -1, False
    for part in item.instructions():
        if part.word == "FROM":
            number, is_told = number + 1, False
        elif part.word == "ENV":
            is_told = is_told or "PYTHONPATH" in part.rest
        elif number >= 0 and not is_told and _RUNS_PYTHON.search(f"{part.word} {part.rest}"):
            stage = known[number]
            for module in context.told.modules:
                top = module.partition(".")[0]
                package = re.compile(rf"(?:^|/){re.escape(top)}(?:\.py|/__(?:init|main)__\.py)$")
                files = [it for it, name in stage.files if package.search(name)]
                roots = {package.sub("", it) or "/" for it in files}
                if len(roots) == 1 and not roots & {stage.workdir, "/"}:
                    yield put_before(lines, part.line, f"ENV PYTHONPATH={roots.pop()}")


_RUNS_PYTHON = re.compile(
    r"^RUN (?!.*(?:PYTHONPATH|\bcd\b)).*\b(?:unittest|pytest)\b|^(?:CMD|ENTRYPOINT) .*\bpython"
)
_IMPORTS = re.compile(r"^(?:import|from) ([a-z_]\w*)", re.MULTILINE)


def globs(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """COPY of the programs of a folder, where a message misses something and more is in it."""
    for part in item.instructions():
        for source in part.sources:
            folder, _, name = source.removeprefix("./").rpartition("/")
            more = context.told.missed and any(
                it.startswith(f"{folder}/") and "/" in it.removeprefix(f"{folder}/")
                for it in context.names
            )
            # Or its programs name data that lie beside them; all that is there comes then.
            hidden = any(dirname(it) == folder and is_private(it) for it in context.names)
            more = more or any(
                dirname(it) == folder and not it.endswith(name[1:]) and not hidden
                and basename(it) not in item.text
                and any(f'"{basename(it)}"' in text for path, text in context.texts.items()
                        if dirname(path) == folder and path.endswith(name[1:]))
                for it in context.names
            )  # fmt: skip
            if re.fullmatch(r"\*\.\w+", name) and folder in context.folders and more:
                line = lines[part.line - 1].replace(f"{folder}/{name}", f"{folder}/", 1)
                left = (*lines[: part.line - 1], line, *lines[part.line :])
                yield Edit(f"'{part.line}s#{folder}/[*]{name[1:]}#{folder}/#'", left)
