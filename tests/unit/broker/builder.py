"""How Docker's classic builder reads a Dockerfile, as a second opinion.

Written after https://github.com/moby/buildkit/blob/v0.16.0/frontend/dockerfile/parser/parser.go
(lines, comments, continuations), `line_parsers.go` and `instructions/parse.go` (words, flags), and
moby's `builder/dockerfile/dispatchers.go` (which name is an image), and not after our own check.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

# unicode.IsSpace of Go, which is not str.isspace of Python.
_SPACES = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + (
    "\u2028\u2029\u202f\u205f\u3000"
)  # fmt: skip


class BuildError(Exception):
    """The builder refuses the Dockerfile."""


@dataclass
class Fetched:
    """What the builder gets from elsewhere."""

    images: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)


def instructions(text: str) -> list[str]:
    """The instructions as the parser has them, each in one line."""
    found: list[str] = []
    all_lines = [line.rstrip("\r\n") for line in text.removeprefix("\ufeff").split("\n")]
    escape = _escape(all_lines)
    lines = iter(all_lines)
    for line in lines:
        line = line.lstrip(_SPACES)
        if line.startswith("#"):
            continue
        line, ended = _trim_continuation(line, escape)
        if ended and not line:
            continue
        while not ended:
            following = next(lines, None)
            if following is None:
                break
            stripped = following.lstrip(_SPACES)
            if stripped.startswith("#") or not stripped:
                continue
            following, ended = _trim_continuation(following, escape)
            line += following
        if line.strip(_SPACES):
            found.append(line.strip(_SPACES))
    return found


def _escape(lines: Sequence[str]) -> str:
    """The character that continues a line: a directive at the top may change it."""
    for line in lines:
        match = re.fullmatch(
            r"#[\t\f\r ]*([a-zA-Z][a-zA-Z0-9]*)[\t\f\r ]*=\s*(.+?)\s*", line.lstrip()
        )
        if match is None:
            break
        if match[1].lower() == "escape":
            return match[2]
    return "\\"


def _trim_continuation(line: str, escape: str) -> tuple[str, bool]:
    """Take the escape character off the end; whether the instruction ends here."""
    one = re.escape(escape)
    match = re.search(rf"([^{one}]){one}[ \t]*\Z|\A{one}[ \t]*\Z", line)
    return (line, True) if match is None else (line[: match.start()] + (match[1] or ""), False)


def _flags(rest: str) -> tuple[list[str], str]:
    """`--flags` at the beginning, with quotes and backslashes taken out (`extractBuilderFlags`)."""
    flags: list[str] = []
    while True:
        rest = rest.lstrip(_SPACES)
        if not rest.startswith("--"):
            return flags, rest
        word, place, quote = "", 0, ""
        while place < len(rest):
            letter = rest[place]
            if not quote and letter in _SPACES:
                break
            if letter == "\\" and place + 1 < len(rest):
                place += 1
                word += rest[place]
            elif not quote and letter in "'\"":
                quote = letter
            elif letter == quote:
                quote = ""
            else:
                word += letter
            place += 1
        rest = rest[place:]
        if word == "--":
            return flags, rest.lstrip(_SPACES)
        flags.append(word)


def _expand(word: str, values: Mapping[str, str | None]) -> str:
    """Quotes, backslashes and variables, as the shell lexer does it for one word."""
    out, place, quote = "", 0, ""
    while place < len(word):
        letter = word[place]
        if letter == "\\" and quote != "'" and place + 1 < len(word):
            place += 1
            out += word[place]
        elif letter == quote:
            quote = ""
        elif not quote and letter in "'\"":
            quote = letter
        elif letter == "$" and quote != "'":
            match = re.compile(
                r"\$(?:(\w+)|\{(\w+)(?:(:?[-+])((?:[^\\}]|\\.)*))?\})", re.ASCII
            ).match(word, place)
            if match is None:
                raise BuildError(f"bad variable in {word}")
            out += _variable(match, values)
            place = match.end() - 1
        else:
            out += letter
        place += 1
    if quote:
        raise BuildError(f"no end of {quote} in {word}")
    return out


def _variable(match: re.Match[str], values: Mapping[str, str | None]) -> str:
    value = values.get(match[1] or match[2])
    usable = bool(value) if (match[3] or "").startswith(":") else value is not None
    if match[3] and match[3].endswith("-"):
        return (value or "") if usable else _expand(match[4], values)
    if match[3]:
        return _expand(match[4], values) if usable else ""
    return value or ""


def _words(rest: str) -> list[str]:
    """Words that keep their quotes (`parseWords`)."""
    words, word, place, quote = [], "", 0, ""
    while place < len(rest):
        letter = rest[place]
        if letter == "\\" and place + 1 < len(rest):
            word += letter + rest[place + 1]
            place += 1
        elif letter in _SPACES and not quote:
            words += [word] if word else []
            word = ""
        else:
            if letter == quote:
                quote = ""
            elif not quote and letter in "'\"":
                quote = letter
            word += letter
        place += 1
    return [*words, word] if word else words


def fetched(text: str, given: Mapping[str, str]) -> Fetched:
    """Images and URLs that a build would fetch, up to where the builder stops.

    Raises:
        BuildError: the Dockerfile is refused before anything is fetched.
    """
    result = Fetched()
    values: dict[str, str | None] = {}
    stages: list[str] = []
    for line in instructions(text):
        word, rest = _split(line)
        while word == "ONBUILD":
            word, rest = _split(rest)
        if word == "ARG" and not stages:
            for pair in _words(rest):
                name, equals, value = pair.partition("=")
                name = _expand(name, values)
                default = _expand(value, values) if equals else None
                values[name] = given.get(name, default)
        elif word == "FROM":
            _, rest = _flags(rest)
            parts = rest.split()
            if len(parts) not in (1, 3):
                raise BuildError(line)
            image = _expand(parts[0], values)
            if image.lower() not in stages and image.lower() != "scratch":
                result.images.append(image)
            stages.append(parts[2].lower() if len(parts) == 3 else "")
        elif word in ("COPY", "ADD"):
            flags, rest = _flags(rest)
            _copied(word, flags, rest, stages[:-1], result)
    return result


def _split(line: str) -> tuple[str, str]:
    parts = re.split(r"[\t\v\f\r ]+", line.strip(_SPACES), maxsplit=1)
    return parts[0].upper(), parts[1].strip(_SPACES) if len(parts) == 2 else ""


def _copied(word: str, flags: list[str], rest: str, stages: list[str], result: Fetched) -> None:
    for flag in flags:
        name, _, value = flag.partition("=")
        if name == "--from":
            earlier = value.lower() in stages or (
                value.isascii() and value.isdecimal() and int(value) < len(stages)
            )
            if not earlier:
                result.images.append(value)
    if word == "ADD":
        result.urls += [source for source in _sources(rest) if "://" in source]


def _sources(rest: str) -> Iterator[str]:
    """What ADD names; variables in it are not looked at, as they must be refused anyway."""
    try:
        words = json.loads(rest)
    except ValueError:
        words = _words(rest)
    for item in words if isinstance(words, list) else []:
        try:
            yield _expand(str(item), {})
        except BuildError:
            continue
