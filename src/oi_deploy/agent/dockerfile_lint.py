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
_PLAIN = re.compile(r"[\w./@+=:-]+", re.ASCII)


def repairs(path: str, text: str) -> tuple[str, ...]:
    """Command lines for what surely makes a build fail; those that join lines come last.

    Args:
        path: of the Dockerfile.
        text: its content.
    """
    lines = text.splitlines()
    # In a here-document, lines mean something else.
    if "<<" in text:
        return ()
    edits = (*_within(lines), *_across(lines))
    return tuple(f"sed -i -E '{edit}' {path}" for edit in edits)


def _within(lines: list[str]) -> Iterable[str]:
    """Edits of single lines: misspelt instructions and stages, COPY to nowhere, wrong quotes."""
    stages = [
        match[1] for line in lines if (match := re.search(r"(?i)^FROM\s.*\sAS\s+(\S+)", line))
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
        close = difflib.get_close_matches(named[1], stages, n=1, cutoff=0.5)
        stage = close[0] if close else stages[0] if len(stages) == 1 else ""
        if stage and _PLAIN.fullmatch(stage):
            yield f"{number}s#--from={named[1]}#--from={stage}#"
    paths = [item for item in rest.split() if not item.startswith("--")]
    if len(paths) == 1 and not rest.startswith("["):
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
    for number, (line, following) in enumerate(pairwise(lines), 1):
        goes_on = line.rstrip().endswith("\\")
        word = following.strip().partition(" ")[0]
        if word in ("&&", "||", "|") and not goes_on and line.strip()[:1] not in ("", "#"):
            # The place of the line end among the spaces: it becomes one.
            place = len(re.findall(r"\s+", line.rstrip())) + 1
            yield f"{number}{{N;s#[[:space:]]+# #{place}}}"
            return
        # In a shell, no program is called so.
        if goes_on and word in _INSTRUCTIONS and following[:1].strip():
            yield f"{number}s#[[:space:]]*.$##"
            return
