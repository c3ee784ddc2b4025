"""Slips of a Dockerfile that its programs, or a message in the prompt, give away."""

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from posixpath import basename, dirname

from oi_deploy.agent.dockerfile import lint, npm
from oi_deploy.agent.dockerfile.context import Context
from oi_deploy.agent.dockerfile.edits import (
    Edit,
    Lines,
    delete,
    move_block,
    move_down,
    put_after,
    put_before,
    swap_word,
)
from oi_deploy.agent.dockerfile.files import Dockerfile, Instruction, base_of
from oi_deploy.agent.dockerfile.names import is_called

_NAME = re.compile(r"(?<![\w$])([A-Z][A-Z0-9_]*)=")
_PROGRAMS = (".py", ".js", ".mjs", ".cjs", ".sh")
_READ = re.compile(
    r"(?:environ\[['\"]|environ\.get\(['\"]|getenv\(['\"]|process\.env\[['\"]|process\.env\.)"
    r"([A-Z][A-Z0-9_]*)"
)
# Commands that begin a line of a longer RUN only behind a sign that joins them.
_BEGINS = re.compile(
    r"(?:apt-get|apk|pip3?|npm|useradd|groupadd|adduser|addgroup|chown|chmod|mkdir|cp|mv|rm|ln|touch"
    r"|sed|echo|python3?|node|curl|wget|tar)\s"
)
_INSTALLS = re.compile(r"\b(?:apt-get|apt|apk|pip3?|npm|yarn)\b.*\b(?:install|add|i)\b")
_DONE = re.compile(r"(?:&&|\|\||;|\||\bthen|\bdo|\{|\()\s*$")


def last_stage(item: Dockerfile) -> list[Instruction]:
    """The instructions of the stage that becomes the image, its FROM first."""
    every = list(item.instructions())
    starts = [at for at, part in enumerate(every) if part.word == "FROM"]
    return every[starts[-1] :] if starts else []


def variables(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """ENV of a name that no program reads, where one is read that is very like it."""
    texts = [text for path, text in context.texts.items() if path.endswith(_PROGRAMS)]
    read = {name for text in texts for name in _READ.findall(text)}
    set_here = {
        name
        for part in item.instructions()
        if part.word == "ENV"
        for name in _NAME.findall(part.rest)
    }
    for part in item.instructions():
        for name in _NAME.findall(part.rest) if part.word == "ENV" else ():
            close = difflib.get_close_matches(name, read - set_here, n=1, cutoff=0.85)
            used = any(name in text for text in texts) or f"${name}" in item.text
            if name not in read and close and not used:
                yield swap_word(lines, range(part.line, part.last + 1), name, close[0])


def arguments(item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """ARG is there while the image is built; what starts it needs ENV."""
    stage = last_stage(item)
    starts = [
        it for it in stage if it.word in ("CMD", "ENTRYPOINT") and not it.rest.startswith("[")
    ]
    for part in stage:
        name = part.rest.partition("=")[0].strip() if part.word == "ARG" else ""
        if not re.fullmatch(r"[A-Za-z_]\w*", name) or part.line != part.last:
            continue
        used = any(re.search(rf"\$(?:{name}\b|\{{{name}\b)", it.rest) for it in starts)
        kept = any(
            it.word == "ENV" and re.search(rf"(?:^|\s){name}[= ]", it.rest)
            for it in item.instructions()
        )
        if used and not kept:
            text = f"ENV {name}=${name}"
            left = (*lines[: part.line], text, *lines[part.line :])
            yield Edit(f"'{part.line}a {text}'", left)


def joined(lines: Lines) -> Iterator[Edit | None]:
    """The lines of an ENV or a RUN without the sign that joins one to the next."""
    word = ""
    for number, (line, following) in enumerate(pairwise(lines), 1):
        text, after = line.strip(), following.strip()
        goes_on = text.endswith("\\")
        word = word or text.partition(" ")[0].upper()
        if word == "ENV" and not goes_on and re.match(r"[A-Z][A-Z0-9_]*=\S", after):
            place = following.find(after)
            left = (*lines[:number], f"{following[:place]}ENV {after}", *lines[number + 1 :])
            yield Edit(f"'{number + 1}s#{after.partition('=')[0]}=#ENV &#'", left)
            return
        body = text.removesuffix("\\").strip()
        command = body.partition(" ")[2] if body.upper().startswith("RUN ") else body
        begins = _BEGINS.match(re.sub(r"^(?:&&|;)\s*", "", command).strip())
        # The line of a list of packages may have the name of a program.
        lists = _INSTALLS.search(command) or len(after.removesuffix("\\").split()) < 2
        goes_wrong = word == "RUN" and goes_on and begins and not lists
        if goes_wrong and _BEGINS.match(after) and not _DONE.search(body):
            place = following.find(after)
            program = after.split()[0]
            # In a `sed`, an ampersand means something else.
            new = f"{following[:place]}|| exit 1; {after}"
            left = (*lines[:number], new, *lines[number + 1 :])
            yield Edit(f"'{number + 1}s#{program}#|| exit 1; {program}#'", left)
            return
        if not goes_on:
            word = ""


def starts(item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """CMD that begins with all of ENTRYPOINT, or that is no list where the base has one."""
    stage = last_stage(item)
    found = {part.word: part for part in stage if part.word in ("CMD", "ENTRYPOINT")}
    cmd = found.get("CMD")
    if cmd is None or cmd.line != cmd.last:
        return
    entry, words = (words_of(found[it].rest) if it in found else [] for it in ("ENTRYPOINT", "CMD"))
    if len(entry) > 1 and words[: len(entry)] == entry and len(words) > len(entry):
        begin = re.escape(cmd.rest[: cmd.rest.find(f'"{words[len(entry)]}"')].removeprefix("["))
        line = lines[cmd.line - 1]
        match = re.search(begin, line)
        if match and all(re.fullmatch(r"[\w./@:=-]+", it) for it in entry):
            # A dot is any sign: no quote stands in the line.
            pattern = re.sub(r"[\"\[]", ".", match[0])
            left = line[: match.start()] + line[match.end() :]
            yield Edit(
                f"'{cmd.line}s#{pattern}##'", (*lines[: cmd.line - 1], left, *lines[cmd.line :])
            )
    base = stage[0].rest.split()[0].rpartition("/")[2] if stage[0].rest else ""
    plain = re.sub(r"[^\w;-]+", " ", cmd.rest).strip()
    default = plain.rstrip(";") == "nginx -g daemon off" and not (words and plain.endswith(";"))
    default = default or words == ["nginx"]
    if base.startswith("nginx") and cmd.rest.startswith("[") and default:
        # The base has the same.
        yield delete(lines, cmd.line)


def words_of(rest: str) -> list[str]:
    """The words of a list; none if it is no list."""
    try:
        words = json.loads(rest)
    except (ValueError, RecursionError):
        return []
    return [str(it) for it in words] if isinstance(words, list) else []


def forbidden(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A script that may not be started, or a step that may not write as the image's user."""
    if not context.told.forbidden:
        if "chown" not in item.text:
            yield lint.user_before(lines, lambda part: _keeps_something(part, context))
        return
    stage = last_stage(item)
    for part in stage:
        if part.word not in ("CMD", "ENTRYPOINT", "RUN"):
            continue
        words = words_of(part.rest) or part.rest.removeprefix("exec ").split()
        script = next(iter(words), "")
        ours = any(basename(it) == basename(script) for it in context.names)
        done = rf"chmod[^\n]*(?:{re.escape(basename(script))}|\*)"
        if not re.fullmatch(r"\.?/[\w./-]+|[\w./-]+\.sh", script) or not ours:
            continue
        if re.search(done, item.text):
            continue
        brings = [it for it in stage if it.word == "COPY" and it.line < part.line]
        if not brings or "--chmod" in brings[-1].rest or basename(script) not in item.text:
            continue
        place = brings[-1].last
        user = next((it.line for it in stage if it.word == "USER" and it.line < part.line), 0)
        if user and user <= place:
            # Before it, the file is not there; after it, only root could change it.
            yield move_down(lines, user, place)
            continue
        yield put_after(lines, place, f"RUN chmod +x {script}")
    yield lint.user_before(
        lines, lambda part: bool(_WRITES.match(part.rest) or _OF_ROOT.match(part.rest))
    )
    if not any(part.word == "RUN" and _WRITES.match(part.rest) for part in stage):
        yield from _owned(context, stage, lines)
    # What root makes now, the user still writes to.
    users = [it for it in stage if it.word == "USER"]
    if len(users) == 1 and _WRITTEN.search(context.told.text) and "chown" not in item.text:
        made = [
            path
            for it in stage
            if it.word == "RUN" and it.line < users[0].line
            for step in it.rest.split(" && ")
            if (folder := _MADE.fullmatch(step))
            for path in folder["paths"].split()
        ]
        if made:
            text = f"RUN chown -R {users[0].rest} {' '.join(made)}"
            yield put_before(lines, users[0].line, text)


def _keeps_something(part: Instruction, context: Context) -> bool:
    """Whether a step runs a program of the project that writes files beside it."""
    program = re.match(r"(?:python3?|node) (?:\./)?([\w./-]+\.(?:py|[cm]?js))(?:\s|$)", part.rest)
    text = context.texts.get(program[1], "") if program else ""
    return bool(_KEEPS.search(text)) and "/tmp" not in text + part.rest  # noqa: S108 - a word there


_KEEPS = re.compile(
    r"\b(?:writeFile|appendFile|createWriteStream)(?:Sync)?\("
    r"|\.write_(?:text|bytes)\(|\bopen\([^()\n]*['\"]w"
)


def _owned(context: Context, stage: Sequence[Instruction], lines: Lines) -> Iterator[Edit | None]:
    """A folder that the image's user may not write to becomes its own."""
    path = _DENIED.search(context.told.text)
    users = [it for it in stage if it.word == "USER"]
    folder = dirname(path["path"] or path["node"]) if path else ""
    places = [it.rest.rstrip("/") for it in stage if it.word == "WORKDIR"]
    inside = any(f"{folder}/".startswith(f"{place}/") for place in places if place)
    if not users or not re.fullmatch(r"[\w.-]+(?::[\w.-]+)?", users[-1].rest):
        return
    if folder in ("", "/") or not (inside or folder in "\n".join(lines)):
        return
    name = users[-1].rest.partition(":")[0]
    text = f"RUN install -d -o {name} {folder}"
    if name not in ("root", "0") and text not in "\n".join(lines):
        yield put_before(lines, users[-1].line, text)


_WRITES = re.compile(r"(?:python3?|node|npm|sh|bash)\b")
_OF_ROOT = re.compile(r"(?:mkdir|chown|chmod|install|useradd|adduser)\b")
_MADE = re.compile(r"mkdir (?:-p )?(?P<paths>/?\w[\w./-]*(?: /?\w[\w./-]*)*)", re.ASCII)
_WRITTEN = re.compile(r"\bwrit(?:e|es|able|ing)\b|写", re.IGNORECASE)
_DENIED = re.compile(
    r"[Pp]ermission denied:? ['\"`]?(?P<path>/[\w./-]+\.\w+)"
    r"|EACCES[^'\"\n]*['\"](?P<node>/[\w./-]+)"
)


def folders(item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A last stage that has a relative COPY, is started in a folder, and sets none."""
    stage = last_stage(item)
    of_a_stage = bool(stage) and base_of(stage[0]) in item.stages()
    if of_a_stage or any(part.word == "WORKDIR" for part in stage):
        return
    places = [
        words[-1].removeprefix("./").rstrip("/")
        for part in stage
        if part.word == "COPY" and not (words := part.rest.split())[-1].startswith("/")
    ]
    for part in stage:
        if part.word not in ("CMD", "ENTRYPOINT"):
            continue
        words = words_of(part.rest) or part.rest.split()
        # What lies in a folder of the system is the base image's own.
        for word in (it for it in words if not it.startswith(("/usr/", "/bin/", "/etc/"))):
            for place in filter(None, places):
                found = re.fullmatch(rf"(/[\w./-]+)/{re.escape(place)}/[\w./-]+", word)
                if found:
                    yield put_after(lines, stage[0].last, f"WORKDIR {found[1]}")


def order_of_stages(item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A stage that copies from a later one comes after it."""
    every = item.instructions()
    starts = [part for part in every if part.word == "FROM"]
    names = [it[-1].lower() if len(it := part.rest.split()) == 3 else "" for part in starts]
    ends = [*(part.line - 1 for part in starts[1:]), len(lines)]
    for at, part in enumerate(starts):
        inner = (it for it in every if part.line < it.line <= ends[at])
        flags = (re.search(r"--from=(\S+)", it.rest) for it in inner if it.word == "COPY")
        wanted = [names.index(it[1].lower()) for it in flags if it and it[1].lower() in names]
        if wanted and max(wanted) > at:
            yield move_block(lines, part.line, ends[at], ends[max(wanted)])
            return


def scripts(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """`npm run` of what package.json does not have: what is like it, or what starts the program."""
    known = npm.scripts(context.texts)
    for part in item.instructions():
        found = re.search(r"\bnpm\W+run\W+([\w:-]+)", part.rest)
        if not known or found is None or found[1] in known or part.word not in ("CMD", "RUN"):
            continue
        # Another package.json may have it.
        others = sum(basename(it) == "package.json" for it in context.names) > 1
        if others or re.search(r"--(?:if-present|prefix|workspaces?)\b|\s-w\b", part.rest):
            continue
        said = [it for it in known if is_called(it, context.told.text)]
        close = difflib.get_close_matches(found[1], known, n=1, cutoff=0.7)
        close = close or (said if len(said) == 1 else [])
        new = close[0] if close else "start" if part.word == "CMD" and "start" in known else ""
        if new:
            yield swap_word(lines, range(part.line, part.last + 1), found[1], new)


def interpreters(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A script that starts the image and does not say what runs it."""
    if "exec format error" not in context.told.text.lower():
        return
    stage = last_stage(item)
    for part in stage:
        if part.word not in ("CMD", "ENTRYPOINT"):
            continue
        script = next(iter(words_of(part.rest) or part.rest.split()), "")
        same = [it for it in context.names if basename(it) == basename(script)]
        if any(context.texts.get(it, "").startswith("#!") for it in same):
            continue
        if re.fullmatch(r"\.?/[\w./-]+", script) and len(same) == 1:
            text = f"RUN sed -i 1i#!/bin/sh {script}"
            user = next((it.line for it in stage if it.word == "USER"), part.line)
            at = min(user, part.line)
            if text not in item.text:
                left = (*lines[: at - 1], text, *lines[at - 1 :])
                yield Edit(f"'{at}i {text}'", left)
