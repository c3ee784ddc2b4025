"""Forms of instructions that the engine, or a shell, does not read as they were meant."""

import difflib
import json
import re
from collections.abc import Iterator
from posixpath import basename

from oi_deploy.agent.dockerfile import commands
from oi_deploy.agent.dockerfile.context import Context
from oi_deploy.agent.dockerfile.edits import (
    Edit,
    Lines,
    move_down,
    move_up,
    put_before,
    swap,
    swap_word,
)
from oi_deploy.agent.dockerfile.files import Dockerfile, Instruction, base_of
from oi_deploy.agent.dockerfile.image import is_known
from oi_deploy.agent.dockerfile.slips import last_stage

_FLAGS = ("from", "chown", "chmod")
# Users that an image has, or that have no name.
_THERE = re.compile(
    r"root|nobody|www-data|daemon|bin|sys|sync|games|man|lp|mail|news|uucp|proxy|backup|list|irc"
    r"|node|nginx|\d+|.*\$.*"
)


def every(item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """All that can be seen without a look at other files."""
    parts = item.instructions()
    if any(part.word == "SHELL" for part in parts):
        return
    for part in parts:
        yield from _flags(part, lines)
        yield from _unnamed(part, parts, lines)
        yield from _source(part, lines)
        yield from _health(part, lines)
    yield from _first(parts, lines)
    yield from _users(item, lines)
    yield from _entry(item, lines)


def _flags(part: Instruction, lines: Lines) -> Iterator[Edit | None]:
    """`--form=` for `--from=`."""
    found = re.match(r"--([a-z]+)=", part.rest) if part.word in ("COPY", "ADD") else None
    if found and found[1] not in (*_FLAGS, "link", "parents", "exclude", "checksum", "keep"):
        close = difflib.get_close_matches(found[1], _FLAGS, n=1, cutoff=0.7)
        start = lines[part.line - 1].find(found[0])
        if close and start >= 0:
            yield swap(lines, part.line, start, found[0], f"--{close[0]}=")


def _unnamed(
    part: Instruction, parts: tuple[Instruction, ...], lines: Lines
) -> Iterator[Edit | None]:
    """COPY from a name that no stage has, where the only stage before it has none."""
    flag = re.search(r"--from=([a-z][\w-]*)(?=\s)", part.rest) if part.word == "COPY" else None
    before = [it for it in parts if it.word == "FROM" and it.line < part.line]
    named = any(" as " in it.rest.lower() for it in parts if it.word == "FROM")
    image = flag is not None and is_known(flag[1], ())
    if flag and len(before) == 2 and not named and not image:
        start = lines[part.line - 1].find(flag[0])
        yield swap(lines, part.line, start, flag[0], "--from=0") if start >= 0 else None


def _source(part: Instruction, lines: Lines) -> Iterator[Edit | None]:
    """`source` is a word of bash; `/bin/sh` has a dot for it."""
    match = re.match(r"source (?=[\w./-]+(?:\s|$))", part.rest) if part.word == "RUN" else None
    if match and "bash" not in part.rest:
        start = lines[part.line - 1].find("source ")
        yield swap(lines, part.line, start, "source ", ". ") if start >= 0 else None


def _health(part: Instruction, lines: Lines) -> Iterator[Edit | None]:
    """HEALTHCHECK without the word CMD before the command."""
    if part.word != "HEALTHCHECK" or part.line != part.last:
        return
    match = re.match(r"(?:--[\w-]+=\S+\s+)*(?P<word>[a-z][\w./-]*)", part.rest)
    if match and match["word"].upper() not in ("CMD", "NONE"):
        yield swap_word(lines, [part.line], match["word"], f"CMD {match['word']}")


def _first(parts: tuple[Instruction, ...], lines: Lines) -> Iterator[Edit | None]:
    """An instruction above the first FROM belongs below it."""
    start = next((it for it in parts if it.word == "FROM"), None)
    for part in parts:
        if start is None or part.line >= start.line:
            return
        if part.word not in ("ARG",) and part.line == part.last:
            yield move_down(lines, part.line, start.last)


def _users(item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A user that nobody makes, or that is made after it is needed."""
    stage = last_stage(item)
    if not stage or not re.match(r"(?:python|node|nginx|debian|ubuntu):", base_of(stage[0])):
        return
    # A file or a script of the project may make it.
    steps = [commands.split(it.rest) for it in stage if it.word == "RUN"]
    if "passwd" in item.text or any(it is None or not commands.is_quiet(it) for it in steps):
        return
    makes = {
        found[1]: part
        for part in stage
        if part.word == "RUN"
        and (found := re.search(r"(?:useradd|adduser)\s[^&;|]*?([\w-]+)\s*(?:$|&|;)", part.rest))
    }
    for part in stage:
        owner = re.match(r"--chown=([a-z][\w-]*)", part.rest) if part.word == "COPY" else None
        if owner and owner[1] in makes and makes[owner[1]].line > part.line:
            yield move_up(lines, makes[owner[1]].line, part.line)
        name = part.rest.partition(":")[0]
        known = _THERE.fullmatch(name) or name in item.text.replace(f"USER {name}", "")
        if part.word == "USER" and not known and re.fullmatch(r"[a-z][\w-]*", name):
            yield put_before(lines, part.line, f"RUN useradd {name}")


def _entry(item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """ENTRYPOINT in shell form gets no words of a CMD list, unless it names them."""
    found = {it.word: it for it in last_stage(item) if it.word in ("CMD", "ENTRYPOINT")}
    if set(found) != {"CMD", "ENTRYPOINT"}:
        return
    entry, cmd = found["ENTRYPOINT"], found["CMD"]
    try:
        words = json.loads(cmd.rest)
    except (ValueError, RecursionError):
        return
    plain = re.fullmatch(r"(?:exec )?[\w./-]+(?: [\w./=-]+)*", entry.rest)
    if plain and entry.line == entry.last and isinstance(words, list) and words:
        text = f"ENTRYPOINT exec {entry.rest.removeprefix('exec ')} $0 $@"
        left = (*lines[: entry.line - 1], text, *lines[entry.line :])
        yield Edit(f"'{entry.line}s#.*#{text}#'", left)


def one_word(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A list of one word that is a whole command: no program is called so."""
    for part in last_stage(item):
        match = re.fullmatch(r'\[\s*"(?P<text>[\w./:@=-]+(?: [\w./:@=-]+)+)"\s*\]', part.rest)
        if part.word not in ("CMD", "ENTRYPOINT") or match is None or part.line != part.last:
            continue
        if match["text"] in context.known:
            continue
        found = {it.word: it for it in last_stage(item) if it.word in ("CMD", "ENTRYPOINT")}
        text = f"{part.word} exec {match['text']}"
        if len(found) > 1:
            # In this form, a shell gives it the words of CMD.
            if part.word == "CMD" or not found["CMD"].rest.startswith("["):
                continue
            text += " $0 $@"
        left = (*lines[: part.line - 1], text, *lines[part.line :])
        yield Edit(f"'{part.line}s#.*#{text}#'", left)


def ends(text: str, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A script whose lines end as on Windows, where the prompt says so."""
    if not re.search(r"\bCRLF\b|\bWindows\b|\\r", text):
        return
    stage = last_stage(item)
    for part in stage:
        if part.word not in ("CMD", "ENTRYPOINT"):
            continue
        script = re.search(r"(?<![\w./-])(?:\./|/)?[\w./-]+\.sh\b", part.rest)
        if script and basename(script[0]) in item.text.replace(part.rest, ""):
            line = f"RUN sed -i s/[[:cntrl:]]$// {script[0]}"
            user = next((it.line for it in stage if it.word == "USER"), part.line)
            at = min(user, part.line)
            if line not in item.text:
                yield Edit(f"'{at}i {line}'", (*lines[: at - 1], line, *lines[at - 1 :]))
