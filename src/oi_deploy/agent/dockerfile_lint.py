"""Slips in the text of a Dockerfile, which can be seen without a look at anything else.

Each remedy is one `sed` without a backslash or a double quote: a small model writes it as a JSON
string.
"""

import difflib
import re
from collections.abc import Iterable
from itertools import pairwise

_INSTRUCTIONS = (
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL"),
    *("MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
)
# Of a file of the repository, no more is read.
MOST_BYTES = 6000
_PLAIN = re.compile(r"[\w./@+=:-]+", re.ASCII)


def repairs(path: str, text: str) -> tuple[str, ...]:
    """Command lines for what surely makes a build fail; those that join lines come last.

    Args:
        path: of the Dockerfile.
        text: its content.
    """
    # In a here-document, or with another escape character, lines mean something else.
    if "<<" in text or re.search(r"(?im)^#\s*escape\s*=", text):
        return ()
    lines = text.splitlines()
    if len(text.encode()) >= MOST_BYTES:
        lines = lines[:-1]  # it was cut
    edits = (*_within(lines), *_across(lines))
    return tuple(f"sed -i -E '{edit}' {path}" for edit in edits)


def _within(lines: list[str]) -> Iterable[str]:
    """Edits of single lines: misspelt instructions and stages, COPY to nowhere, wrong quotes."""
    stages = [
        match[1] for line in lines if (match := re.search(r"(?i)^\s*FROM\s.*\sAS\s+(\S+)", line))
    ]
    goes_on = False
    for number, line in enumerate(lines, 1):
        first, goes_on_before = not goes_on, goes_on
        goes_on = line.rstrip().endswith("\\")
        word, _, rest = line.strip().partition(" ")
        if not word or word.startswith("#"):
            goes_on = goes_on_before
            continue
        if not first:
            continue
        if word.upper() not in _INSTRUCTIONS:
            close = difflib.get_close_matches(word.upper(), _INSTRUCTIONS, n=1, cutoff=0.7)
            if close and word.isalpha():
                yield f"{number}s#{word}#{close[0]}#"
            continue
        yield from _copy(number, word.upper(), rest, stages) if not goes_on else ()
        yield from _exec_form(number, word, rest) if not goes_on else ()


def _copy(number: int, word: str, rest: str, stages: list[str]) -> Iterable[str]:
    if word not in ("COPY", "ADD"):
        return
    named = re.search(r"--from=([A-Za-z][\w-]*)(?=\s)", rest)
    if named and stages and named[1].lower() not in (stage.lower() for stage in stages):
        # What is like none of them is an image.
        close = difflib.get_close_matches(named[1], stages, n=1, cutoff=0.75)
        if close and _PLAIN.fullmatch(close[0]):
            yield f"{number}s#--from={named[1]}#--from={close[0]}#"
    paths = [item for item in rest.split() if not item.startswith("--")]
    if len(paths) == 1 and "[" not in rest:
        yield f"{number}s#$# ./#"


def _exec_form(number: int, word: str, rest: str) -> Iterable[str]:
    """A list in single quotes is no JSON: a shell would look for a program called `[python3,`."""
    words = re.findall(r"'([^']*)'", rest)
    if word.upper() not in ("CMD", "ENTRYPOINT") or '"' in rest or not words:
        return
    if re.fullmatch(r"\[\s*'[^']*'(?:\s*,\s*'[^']*')*\s*\]", rest) and all(
        map(_PLAIN.fullmatch, words)
    ):
        yield f"{number}s#.*#{word} exec {' '.join(words)}#"


def _across(lines: list[str]) -> Iterable[str]:
    """The first line that should go on and does not, or does and should not."""
    instruction = ""
    for number, (line, following) in enumerate(pairwise(lines), 1):
        text, goes_on = line.strip(), line.rstrip().endswith("\\")
        if not text or text.startswith("#"):
            continue
        instruction = instruction or text.partition(" ")[0].upper()
        word = following.strip().partition(" ")[0]
        if word in ("&&", "||", "|") and not goes_on and instruction == "RUN":
            # The place of the line end among the spaces: it becomes one.
            place = len(re.findall(r"\s+", line.rstrip())) + 1
            yield f"{number}{{N;s#[[:space:]]+# #{place}}}"
            return
        # In a shell, no program is called so; in quotes, it is no program.
        quoted = any(text.count(mark) % 2 for mark in "'\"")
        if goes_on and word in _INSTRUCTIONS and instruction == "RUN" and not quoted:
            yield f"{number}s#[[:space:]]*.$##"
            return
        if not goes_on:
            instruction = ""
