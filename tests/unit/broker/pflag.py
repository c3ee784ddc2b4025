"""How docker and kubectl really read flags: pflag's algorithm, line by line, as a second opinion.

Written after https://github.com/spf13/pflag/blob/v1.0.6/flag.go (`parseArgs`, `parseLongArg`,
`parseSingleShortArg`) and not after the broker's own reading, with which tests compare it. It works
on bytes where pflag does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

# strconv.ParseBool
TRUE = ("1", "t", "T", "TRUE", "true", "True")
FALSE = ("0", "f", "F", "FALSE", "false", "False")


class PflagError(Exception):
    """What makes pflag print the usage and the program exit."""


@dataclass(frozen=True)
class Known:
    """A registered flag; with `no_opt` (pflag's NoOptDefVal) it takes no following word."""

    long: str
    short: str = ""
    no_opt: str = ""
    boolean: bool = False


@dataclass
class Result:
    """What was set, in its order, and the arguments."""

    flags: list[tuple[str, str]] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)


def parse(words: Sequence[str], known: Iterable[Known], *, interspersed: bool = True) -> Result:
    """Read a command line; raises PflagError where pflag returns an error."""
    longs = {flag.long: flag for flag in known}
    shorts = {flag.short.encode(): flag for flag in known if flag.short}
    result = Result()
    i = 0
    while i < len(words):
        word = words[i].encode()
        i += 1
        if len(word) < 2 or word[:1] != b"-":
            result.arguments.append(word.decode())
            if not interspersed:
                result.arguments += words[i:]
                return result
            continue
        if word == b"--":
            result.arguments += words[i:]
            return result
        if word[1:2] == b"-":
            i = _long(word[2:].decode(), words, i, longs, result)
        else:
            i = _shorts(word[1:], words, i, shorts, result)
    return result


def _long(text: str, words: Sequence[str], i: int, longs: dict[str, Known], result: Result) -> int:
    if not text or text[0] in "-=":
        raise PflagError(f"bad flag syntax: --{text}")
    name, equals, value = text.partition("=")
    flag = longs.get(name)
    if flag is None:
        raise PflagError(f"unknown flag: --{name}")
    if equals:
        _set(flag, value, result)
    elif flag.no_opt:
        _set(flag, flag.no_opt, result)
    elif i < len(words):
        _set(flag, words[i], result)
        i += 1
    else:
        raise PflagError(f"flag needs an argument: --{name}")
    return i


def _shorts(
    letters: bytes, words: Sequence[str], i: int, shorts: dict[bytes, Known], result: Result
) -> int:
    while letters:
        if letters.startswith(b"test."):
            return i  # the Go test runner's own flags
        flag = shorts.get(letters[:1])
        if flag is None:
            raise PflagError(f"unknown shorthand flag: {letters[:1]!r}")
        if len(letters) > 2 and letters[1:2] == b"=":
            _set(flag, letters[2:].decode(), result)
            return i
        if flag.no_opt:
            _set(flag, flag.no_opt, result)
            letters = letters[1:]
        elif len(letters) > 1:
            _set(flag, letters[1:].decode(), result)
            return i
        elif i < len(words):
            _set(flag, words[i], result)
            return i + 1
        else:
            raise PflagError(f"flag needs an argument: {letters[:1]!r}")
    return i


def _set(flag: Known, value: str, result: Result) -> None:
    if flag.boolean and value not in TRUE + FALSE:
        raise PflagError(f'invalid argument "{value}" for --{flag.long}')
    result.flags.append((flag.long, value))
