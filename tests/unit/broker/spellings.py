"""One command in all the ways to write it that pflag takes for the same."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from tests.unit.broker import pflag


@dataclass(frozen=True)
class Option:
    """A flag as a person means it; a switch has no value.

    With `joined`, the value must be in the same word (`--dry-run=client`, `--help=false`).
    """

    long: str
    value: str | None = None
    short: str = ""
    joined: bool = False


@dataclass(frozen=True)
class Line:
    """A command.

    Attributes:
        command: the words that choose it (`set image`).
        arguments: what stands between or behind the flags.
        options: its flags.
        anywhere: flags that may also stand before the command (kubectl's global ones).
        interspersed: whether flags may follow an argument.
    """

    command: str
    arguments: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    anywhere: tuple[Option, ...] = ()
    interspersed: bool = True

    def plain(self) -> tuple[str, ...]:
        """The command as one would write it first."""
        flags = [_long(option) for option in (*self.anywhere, *self.options)]
        return (*self.command.split(), *flags, *self.arguments)

    def adding(self, *options: Option, anywhere: tuple[Option, ...] = ()) -> "Line":
        """The same with more flags."""
        return replace(
            self, options=(*self.options, *options), anywhere=(*self.anywhere, *anywhere)
        )


def spell(chance: Random, line: Line, *, repeat: bool = True) -> tuple[str, ...]:
    """Write the command in one of many ways; a flag may be said twice."""
    before = [option for option in line.anywhere if chance.random() < 0.4]
    after = [option for option in (*line.options, *line.anywhere) if option not in before]
    for options in (before, after):
        if repeat and options and chance.random() < 0.5:
            options.append(chance.choice(options))
        chance.shuffle(options)
    head = list(line.command.split())
    for option in before:
        place = chance.randrange(len(line.command.split()))
        head[place:place] = _form(chance, option)[0]
    return (*head, *_mixed(chance, _flags(chance, after), line))


def _mixed(chance: Random, flags: list[list[str]], line: Line) -> list[str]:
    """Put flags and arguments in one order, with `--` where it changes nothing."""
    words: list[str] = []
    arguments = list(line.arguments)
    for flag in flags:
        while arguments and line.interspersed and chance.random() < 0.3:
            words.append(arguments.pop(0))
        words += flag
    if chance.random() < 0.3:
        words.append("--")
    return words + arguments


def _form(chance: Random, option: Option) -> tuple[list[str], bool]:
    """One form of a flag, and whether more letters can be joined to it."""
    long, value, short = f"--{option.long}", option.value, f"-{option.short}"
    forms: list[list[str]] = []
    if value is None:
        if option.short and chance.random() < 0.5:
            return [short], True
        forms = [[long], *([f"{long}={true}"] for true in pflag.TRUE)]
        if option.short:
            forms += [[f"{short}={true}"] for true in pflag.TRUE]
    else:
        forms = [[f"{long}={value}"]]
        if not option.joined:
            forms += [[long, value]]
        if option.short and not option.joined:
            forms += [[short, value]]
        if option.short and value:
            forms += [[f"{short}={value}"]]
        if option.short and value and not (option.joined or value.startswith("=")):
            forms += [[f"{short}{value}"]]
    return chance.choice(forms), False


def _flags(chance: Random, options: Sequence[Option]) -> list[list[str]]:
    """The words of each flag; letters may be joined to a switch's letter before them."""
    flags: list[list[str]] = []
    open_end = False
    for option in options:
        words, more = _form(chance, option)
        if open_end and not words[0].startswith("--") and chance.random() < 0.7:
            flags[-1] = [flags[-1][0] + words[0][1:], *words[1:]]
        else:
            flags.append(list(words))
        open_end = more
    return flags


def _long(option: Option) -> str:
    return f"--{option.long}" if option.value is None else f"--{option.long}={option.value}"


def same(argv: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Flags (in any order, switches in their shortest form) and the rest, for comparing two."""
    endings = tuple(f"={true}" for true in pflag.TRUE)
    flags = [word for word in argv if word.startswith("--")]
    short = (word.rpartition("=")[0] if word.endswith(endings) else word for word in flags)
    return tuple(sorted(short)), tuple(word for word in argv if not word.startswith("--"))
