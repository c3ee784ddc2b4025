"""What a registry asks for in `WWW-Authenticate` (RFC 9110, 11.6.1, and the token protocol)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

_WORD = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_PARAMETER = re.compile(rf'({_WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_SCHEME = re.compile(rf"({_WORD})(?=\s|,|$)(?!\s*=)")


@dataclass(frozen=True)
class Challenge:
    """One scheme with its parameters; scheme and parameter names are in lower case."""

    scheme: str
    parameters: Mapping[str, str]


def parse(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """Read all challenges; a header may hold several, and values may hold commas in quotes."""
    return tuple(challenge for header in headers for challenge in _parse_one(header))


def _parse_one(header: str) -> list[Challenge]:
    found: list[Challenge] = []
    current: dict[str, str] = {}
    at = 0
    while at < len(header):
        if header[at] in " \t,":
            at += 1
        elif match := _PARAMETER.match(header, at):
            name, quoted, bare = match.groups()
            value = bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            current[name.lower()] = value
            at = match.end()
        elif match := _SCHEME.match(header, at):
            current = {}
            found.append(Challenge(match.group(1).lower(), MappingProxyType(current)))
            at = match.end()
        else:
            break
    return found
