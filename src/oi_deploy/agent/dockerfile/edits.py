"""Edits of a Dockerfile: a `sed` that makes each, and the lines that it leaves.

There is no backslash and no double quote in a `sed`: a small model writes it as a JSON string.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

Lines = tuple[str, ...]
_PLAIN = re.compile(r"[\w./@+=:, -]+", re.ASCII)


@dataclass(frozen=True)
class Edit:
    """One change.

    Attributes:
        script: the arguments of `sed -i`, without the file.
        lines: all lines after it.
    """

    script: str
    lines: Lines

    def command(self, path: str) -> str:
        """The command line."""
        return f"sed -i {self.script} {path}"


def swap(lines: Lines, number: int, start: int, old: str, new: str) -> Edit | None:
    """Other words at a place of a line; None if `sed` would find them elsewhere or misread them.

    Args:
        lines: all lines.
        number: of the line, from 1.
        start: where the words begin in it.
        old: the words.
        new: what is to stand there.
    """
    line = lines[number - 1]
    # To `sed`, a dot is any character; nothing else of a plain word is special.
    pattern = re.compile(re.escape(old).replace(r"\.", "."))
    starts = [match.start() for match in pattern.finditer(line)]
    plain = all(_PLAIN.fullmatch(text) for text in (old, new) if text)
    if start not in starts or not plain or line[start:].startswith(old) is False:
        return None
    count = str(starts.index(start) + 1) if start != starts[0] else ""
    text = f"{line[:start]}{new}{line[start + len(old) :]}"
    return Edit(f"'{number}s#{old}#{new}#{count}'", _with(lines, number, text))


def swap_word(lines: Lines, numbers: Iterable[int], old: str, new: str) -> Edit | None:
    """Another word for one that stands alone in some lines."""
    pattern = rf"(?<![\w./@+-]){re.escape(old)}(?![\w@+-]|[./]\w)"
    for number in numbers:
        if match := re.search(pattern, lines[number - 1]):
            return swap(lines, number, match.start(), old, new)
    return None


def drop_word(lines: Lines, numbers: Iterable[int], word: str) -> Edit | None:
    """Without a word of some lines that others follow."""
    for number in numbers:
        if match := re.search(rf"(?<![\w./@+-]){re.escape(word)} +", lines[number - 1]):
            return swap(lines, number, match.start(), match[0], "")
    return None


def everywhere(lines: Lines, old: str, new: str) -> Edit | None:
    """Another name wherever one stands: a folder's is that of a package and of a place, too.

    None if it is a part of other words, which `sed` would change as well.

    Args:
        lines: all lines.
        old: the name.
        new: what is to stand there.
    """
    text = "\n".join(lines)
    whole = len(re.findall(rf"(?<![\w-]){re.escape(old)}(?![\w-])", text))
    if text.count(old) != whole or not all(map(_PLAIN.fullmatch, (old, new))):
        return None
    return Edit(f"'s#{old}#{new}#g'", tuple(line.replace(old, new) for line in lines))


def rewrite(lines: Lines, number: int, text: str) -> Edit | None:
    """A whole line anew."""
    if not _PLAIN.fullmatch(text):
        return None
    return Edit(f"'{number}s#.*#{text}#'", _with(lines, number, text))


def rewrite_as(lines: Lines, number: int, texts: Sequence[str]) -> Edit | None:
    """Several lines in the place of one."""
    if not texts or not all(map(_PLAIN.fullmatch, texts)):
        return None
    first, *others = texts
    script = " ".join([f"-e '{number}s#.*#{first}#'", *(f"-e '{number}a {it}'" for it in others)])
    return Edit(script, (*lines[: number - 1], *texts, *lines[number:]))


def put_before(lines: Lines, number: int, text: str) -> Edit | None:
    """A new line before another one; None if it stands there already."""
    if not _PLAIN.fullmatch(text) or text in lines[max(0, number - 2) : number]:
        return None
    return Edit(f"'{number}i {text}'", (*lines[: number - 1], text, *lines[number - 1 :]))


def put_after(lines: Lines, number: int, text: str) -> Edit | None:
    """A new line after another one, which may be the last; None if it stands there already."""
    if not _PLAIN.fullmatch(text) or text in lines[number - 1 : number + 1]:
        return None
    return Edit(f"'{number}a {text}'", (*lines[:number], text, *lines[number:]))


def move_block(lines: Lines, first: int, last: int, after: int) -> Edit:
    """Some lines moved to after a later one, with an empty one between."""
    moved = lines[first - 1 : last]
    left = (*lines[: first - 1], *lines[last:after], "", *moved, *lines[after:])
    return Edit(f"-e '{first},{last}{{H;d}}' -e '{after}G'", left)


def move_down(lines: Lines, number: int, after: int) -> Edit:
    """A line moved to after a later one."""
    left = (*lines[: number - 1], *lines[number:after], lines[number - 1], *lines[after:])
    return Edit(f"-e '{number}{{h;d}}' -e '{after}G'", left)


def move_up(lines: Lines, number: int, before: int) -> Edit | None:
    """A line moved to before an earlier one."""
    text = lines[number - 1].strip()
    if not _PLAIN.fullmatch(text):
        return None
    left = (*lines[: before - 1], text, *lines[before - 1 : number - 1], *lines[number:])
    return Edit(f"-e '{before}i {text}' -e '{number}d'", left)


def delete(lines: Lines, number: int) -> Edit:
    """Without a line."""
    return Edit(f"'{number}d'", (*lines[: number - 1], *lines[number:]))


def in_turn(
    lines: Lines, checks: Sequence[Callable[[Lines], Iterable[Edit | None]]], *, most: int = 12
) -> tuple[Edit, ...]:
    """The edits that checks call for, each after the last one was made."""
    found: list[Edit] = []
    seen = {lines}
    while len(found) < most:
        edits = (edit for check in checks for edit in check(lines))
        edit = next((it for it in edits if it is not None and it.lines not in seen), None)
        if edit is None:
            break
        found.append(edit)
        lines = edit.lines
        seen.add(lines)
    return tuple(found)


def _with(lines: Lines, number: int, text: str) -> Lines:
    return (*lines[: number - 1], text, *lines[number:])
