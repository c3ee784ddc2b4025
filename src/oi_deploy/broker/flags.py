"""Command lines as docker and kubectl read them.

Both use pflag (https://github.com/spf13/pflag): `--name value`, `--name=value`, `-n value`,
`-nvalue`, `-n=value`, clusters of switches (`-qt name`), `--` before plain arguments, and no
abbreviated names. What is not in the table is refused, and what runs is put together again from
what was understood, so no second reading of the same words can differ from ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from oi_deploy.broker.request import Refused

# "value": always takes one. "switch": `--x` or `--x=bool`. "optional": `--x` or `--x=value`.
Takes = Literal["value", "switch", "optional"]


@dataclass(frozen=True)
class Flag:
    """One flag that is let through; a non-empty `refused` says why it is known but not allowed."""

    takes: Takes = "value"
    short: str = ""
    refused: str = ""


Table = Mapping[str, Flag]


@dataclass(frozen=True)
class Parsed:
    """Flags in their order, by long name (a bare switch has the value None), and arguments."""

    flags: tuple[tuple[str, str | None], ...]
    arguments: tuple[str, ...]

    def values(self, name: str) -> tuple[str, ...]:
        """Every value that was given to a flag."""
        return tuple(value for flag, value in self.flags if flag == name and value is not None)

    def has(self, name: str) -> bool:
        """Whether the flag is there, unless it is switched off (`--quiet=false`)."""
        return any(flag == name and not is_false(value) for flag, value in self.flags)

    def command_line(self, *without: str) -> tuple[str, ...]:
        """The flags again, each as one word, for what really runs."""
        return tuple(
            f"--{name}" if value is None else f"--{name}={value}"
            for name, value in self.flags
            if name not in without
        )


def is_false(value: str | None) -> bool:
    """Whether pflag's `strconv.ParseBool` takes this as false."""
    return value in ("0", "f", "F", "false", "FALSE", "False")


def _is_bool(value: str) -> bool:
    return is_false(value) or value in ("1", "t", "T", "true", "TRUE", "True")


def _look_up(name: str, word: str, table: Table, rule: str) -> tuple[str, Flag]:
    """Find a flag by its long or (one letter) short name."""
    if len(name) == 1 and not word.startswith("--"):
        found = next(((long, flag) for long, flag in table.items() if flag.short == name), None)
    else:
        found = (name, table[name]) if name in table else None
    if found is None:
        raise Refused(f"{rule}.flag", f"the flag {word} is not allowed here")
    if found[1].refused:
        raise Refused(f"{rule}.flag", f"the flag {word} is not allowed: {found[1].refused}")
    return found


def _with_value(name: str, flag: Flag, value: str, word: str, rule: str) -> tuple[str, str]:
    if flag.takes == "switch" and not _is_bool(value):
        raise Refused(f"{rule}.flag", f"the flag {word} takes only true or false")
    return name, value


def parse(words: Sequence[str], table: Table, rule: str, *, interspersed: bool = True) -> Parsed:
    """Read flags and arguments, in any order unless `interspersed` is off.

    Raises:
        Refused: for a flag that the table does not know or refuses, or one without its value.
    """
    flags: list[tuple[str, str | None]] = []
    arguments: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if arguments and not interspersed:
            arguments += (word, *rest)
            break
        if word == "--":
            arguments += rest
            break
        if word == "-" or not word.startswith("-"):
            arguments.append(word)
        elif word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            name, flag = _look_up(name, f"--{name}", table, rule)
            if equals:
                flags.append(_with_value(name, flag, value, f"--{name}", rule))
            else:
                flags.append((name, _next(flag, word, rest, rule)))
        else:
            flags += _cluster(word[1:], rest, table, rule)
    return Parsed(tuple(flags), tuple(arguments))


def _next(flag: Flag, word: str, rest: list[str], rule: str) -> str | None:
    """The following word, for a flag that must have a value."""
    if flag.takes != "value":
        return None
    if not rest:
        raise Refused(f"{rule}.flag", f"the flag {word} needs a value")
    return rest.pop(0)


def _cluster(
    letters: str, rest: list[str], table: Table, rule: str
) -> list[tuple[str, str | None]]:
    """Read `-qt name`, `-tname` and `-t=name`."""
    found: list[tuple[str, str | None]] = []
    for place, letter in enumerate(letters, 1):
        name, flag = _look_up(letter, f"-{letter}", table, rule)
        if letters.startswith("=", place) and len(letters) > place + 1:
            found.append(_with_value(name, flag, letters[place + 1 :], f"-{letter}", rule))
            return found
        if flag.takes != "value":
            found.append((name, None))
        elif len(letters) > place:
            found.append((name, letters[place:]))
            return found
        else:
            found.append((name, _next(flag, f"-{letter}", rest, rule)))
    return found


def split_command(
    words: Sequence[str], global_flags: Table, groups: Sequence[str], rule: str
) -> tuple[tuple[str, ...], tuple[tuple[str, str | None], ...], tuple[str, ...]]:
    """Split into the command (`set image`), the global flags before it, and all that follows.

    Args:
        words: the command line without the program's name.
        global_flags: flags that may stand before the command.
        groups: first words that need a second one (`set`, `rollout`).
        rule: prefix of the rule's name for refusals.
    """
    rest = list(words)
    before: list[tuple[str, str | None]] = []
    command: list[str] = []
    while rest:
        if rest[0].startswith("-") and rest[0] != "-":
            # One flag at a time: its value must not be taken for the command.
            width = 1 + (_takes_next(rest[0], global_flags, rule) and len(rest) > 1)
            before += parse(rest[:width], global_flags, rule).flags
            rest = rest[width:]
            continue
        command.append(rest.pop(0))
        if len(command) == 2 or command[0] not in groups:
            break
    return tuple(command), tuple(before), tuple(rest)


def _takes_next(word: str, table: Table, rule: str) -> bool:
    if word.startswith("--"):
        if "=" in word or word == "--":
            return False
        return _look_up(word[2:], word, table, rule)[1].takes == "value"
    letter = word[1]
    return len(word) == 2 and _look_up(letter, f"-{letter}", table, rule)[1].takes == "value"
