"""Usual mistakes of a Dockerfile that the rest of it, or a program, gives away."""

import json
import re
from collections.abc import Iterator
from posixpath import basename, dirname

from oi_deploy.agent.dockerfile import kinds
from oi_deploy.agent.dockerfile.context import Context
from oi_deploy.agent.dockerfile.edits import Edit, Lines, swap, swap_word
from oi_deploy.agent.dockerfile.files import Dockerfile, Instruction, base_of
from oi_deploy.agent.dockerfile.names import is_misspelt
from oi_deploy.agent.dockerfile.reads import module_of
from oi_deploy.agent.dockerfile.slips import last_stage

_PLAIN = re.compile(r"[\w./:@=+, -]+", re.ASCII)
_STARTS = ("CMD", "ENTRYPOINT")
_WORDS = frozenset(
    [
        *("FROM", "RUN", "CMD", "COPY", "ADD", "ENV", "ARG", "USER", "EXPOSE", "WORKDIR"),
        *("ENTRYPOINT", "LABEL", "VOLUME", "HEALTHCHECK", "STOPSIGNAL", "SHELL", "ONBUILD"),
    ]
)
_PROGRAMS = (
    *("python3", "python", "node", "npm", "npx", "yarn", "nginx", "pip", "pip3", "bash"),
    *("gunicorn", "uvicorn", "flask"),
)
_HOST = re.compile(
    r"(?P<before>(?<![\w$])[A-Z_]*(?:HOST|BIND|ADDR(?:ESS)?|LISTEN)=|--(?:host|bind)[= \",]+)"
    r"(?P<host>127\.0\.0\.1|localhost)(?![\w.-])"
)
_PAGES = "/usr/share/nginx/html"


def started(part: Instruction) -> list[str]:
    """The words of a start, in either form; empty where they are not plain."""
    if part.rest.startswith("["):
        try:
            words = json.loads(part.rest)
        except (ValueError, RecursionError):
            return []
        return [str(it) for it in words] if isinstance(words, list) else []
    return part.rest.removeprefix("exec ").split()


def dangling(lines: Lines) -> Iterator[Edit | None]:
    """A sign that lets a line go on, where the next one is an instruction of its own."""
    for number, line in enumerate(lines, 1):
        text = line.rstrip()
        if not text.endswith("\\") or text.lstrip().startswith("#"):
            continue
        after = next(((at, it) for at, it in enumerate(lines[number:], number) if it.strip()), None)
        if after is None or after[0] == number or after[1].split()[0] not in _WORDS:
            continue
        left = re.sub(r"[ &]*.$", "", text)
        yield Edit(f"'{number}s#[ &]*.$##'", (*lines[: number - 1], left, *lines[number:]))


def bases(item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A Dockerfile without any FROM: the image of the program that it starts."""
    parts = item.instructions()
    if not parts or any(part.word == "FROM" for part in parts):
        return
    words = [started(part) for part in parts if part.word in _STARTS]
    program = kinds.table()["programs"].get(words[-1][0], "") if words and words[-1] else ""
    if program:
        text = f"FROM {program}:{kinds.table()['tags'][program]}"
        yield Edit(f"'1i {text}'", (text, *lines))


def programs(item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A start, or a step, whose program is misspelt."""
    for part in item.instructions():
        if part.word not in (*_STARTS, "RUN"):
            continue
        word = next(iter(started(part)), "")
        close = [it for it in _PROGRAMS if len(it) > 3 and is_misspelt(word, it)]
        if re.fullmatch(r"[a-z]+\d?", word) and word not in _PROGRAMS and close:
            yield swap_word(lines, range(part.line, part.last + 1), word, close[0])


def settings(item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A list that begins with a variable, which no list sets."""
    for part in last_stage(item):
        words = started(part) if part.word in _STARTS and part.rest.startswith("[") else []
        if not words or not re.fullmatch(r"[A-Z_][A-Z0-9_]*=\S*", words[0]):
            continue
        text = f"{part.word} exec env {' '.join(words)}"
        if part.line == part.last and _PLAIN.fullmatch(text) and len(words) > 1:
            left = (*lines[: part.line - 1], text, *lines[part.line :])
            yield Edit(f"'{part.line}s#.*#{text}#'", left)


def hosts(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """An address that only the container itself reaches."""
    text = "\n".join(context.texts.values())
    for part in last_stage(item):
        for number in range(part.line, part.last + 1):
            match = _HOST.search(lines[number - 1])
            if match is None or part.word not in ("ENV", *_STARTS):
                continue
            name = match["before"].rstrip("=")
            if part.word != "ENV" or re.search(rf"\b{re.escape(name)}\b", text):
                yield swap(lines, number, match.start("host"), match["host"], "0.0.0.0")  # noqa: S104


def pages(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A site that comes to where nginx does not look for it."""
    stage = last_stage(item)
    base = base_of(stage[0]) if stage else ""
    if not re.fullmatch(r"(?:\S*/)?nginx(?::\S+)?", base) or "/etc/nginx" in item.text:
        return
    copies = [it for it in stage if it.word == "COPY" and "[" not in it.rest]
    if any(_PAGES in it.rest for it in copies):
        return
    for part in copies:
        words = [it for it in part.rest.split() if not it.startswith("--")]
        sources = [it.removeprefix("./").rstrip("/") for it in words[:-1]]
        site = any(f"{it}/index.html".removeprefix("./") in context.known for it in sources)
        site = site or any(it.endswith("index.html") for it in sources) or "--from" in part.rest
        if site and len(words) > 1 and words[-1].startswith("/"):
            numbers = range(part.line, part.last + 1)
            yield swap_word(lines, numbers, words[-1].rstrip("/"), _PAGES)


def scripts(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A script that is started by its name alone, and lies in the working folder."""
    stage = last_stage(item)
    for part in stage:
        word = next(iter(started(part)), "") if part.word in _STARTS else ""
        if word not in context.known or not word.endswith(".sh") or "/" in word:
            continue
        system = any("/bin" in it.rest.split()[-1] for it in stage if it.word == "COPY")
        if not system and "PATH" not in item.text:
            yield swap_word(lines, range(part.line, part.last + 1), word, f"./{word}")


def packages(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A program that imports its own package by name, and is started as a file of it."""
    if "PYTHONPATH" in item.text:
        return
    for part in last_stage(item):
        words = started(part) if part.word in _STARTS else []
        at = next((it for it, word in enumerate(words) if word.endswith(".py")), 0)
        if not at or not re.fullmatch(r"python[\d.]*", words[0]) or part.line != part.last:
            continue
        path = words[at].removeprefix("./")
        module = module_of(path, context.texts.get(path, ""), context.known)
        if not module or not dirname(path) or basename(path) in item.text.replace(part.rest, ""):
            continue
        command = " ".join([*words[:at], "-m", module, *words[at + 1 :]])
        text = f"{part.word} exec {command}"
        if _PLAIN.fullmatch(text) and not (part.word == "ENTRYPOINT" and "CMD" in item.text):
            left = (*lines[: part.line - 1], text, *lines[part.line :])
            yield Edit(f"'{part.line}s#.*#{text}#'", left)
