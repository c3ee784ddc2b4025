"""The lines of a report in a new file: what they look like, and in which order they stand."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from oi_deploy.agent.chores.data_files import Column
from oi_deploy.agent.chores.tally_words import Filter, Wish


@dataclass(frozen=True)
class Measure:
    """A number for each key.

    Attributes:
        filters: the rows that it is about.
        added: what is added up; None to count.
        head: of its column.
    """

    filters: tuple[Filter, ...] = ()
    added: Column | None = None
    head: str = ""


def is_key(head: str, wish: Wish) -> bool:
    """Whether a head is that of what is grouped by."""
    column = wish.column(head)
    return bool(column and column is not wish.added and column is wish.group)


def row_of(wish: Wish, new: str, count: int) -> str:
    """A line of the new file with {k} for the key and {0}, {1} … for numbers; empty if unclear."""
    ending = PurePosixPath(new).suffix
    forms = wish.forms & {"table", "list", "csv"}
    if len(forms) > 1 or ending not in (".md", ".txt", ".csv"):
        return ""
    cells = ["{k}", *(f"{{{at}}}" for at in range(count))]
    if wish.heads:
        number = iter(cells[1:])
        cells = ["{k}" if is_key(head, wish) else next(number) for head in wish.heads]
    if ending == ".csv":
        clear = not (forms - {"csv"} or wish.row) and bool(wish.heads) != ("bare" in wish.forms)
        return ",".join(cells) if clear else ""
    if "csv" in forms or "bare" in wish.forms:
        return ""
    if "table" in forms or (wish.heads and ending == ".md"):
        return "" if wish.row or "list" in forms else f"| {' | '.join(cells)} |"
    if wish.heads or count > 1:
        return ""
    return wish.row or ("- {k}: {0}" if "list" in forms or ending == ".md" else "{k} {0}")


def top(wish: Wish, new: str, row: str) -> list[str]:
    """The lines above the others."""
    if new.endswith(".csv"):
        return [",".join(wish.heads)] if wish.heads else []
    if not row.startswith("|") or wish.group is None:
        return []
    heads = wish.heads or (
        wish.group.title,
        "数量" if re.search(r"[\u4e00-\u9fff]", wish.text) else "Count",
    )
    return [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]


def under(heads: Sequence[str], line: str, new: str) -> str:
    """A line of shell that writes what another one prints under some heads."""
    if not heads:
        return f"{line} > {new}"
    return f"{{ {'; '.join(f'echo {shlex.quote(text)}' for text in heads)}; {line}; }} > {new}"


def print_row(row: str, values: Mapping[str, str]) -> tuple[str, list[str]]:
    """The statement of awk that prints a row, and the options with its texts."""
    texts: dict[str, str] = {}
    words: list[str] = []
    for word in row.split(" "):
        parts = [part for part in re.split(r"(\{\w\})", word) if part]
        words.append(
            " ".join(
                values.get(part) or texts.setdefault(part, "pqrstuvw"[len(texts)]) for part in parts
            )
        )
    options = [f"-v {name}={shlex.quote(text)}" for text, name in texts.items()]
    return f"print {', '.join(words)}", options


def sort_of(row: str, wish: Wish, measures: Sequence[Measure], keys: Sequence[str]) -> str:
    """The command that puts rows in order; empty if that cannot be said of these."""
    wanted = 0
    if wish.order in ("desc", "asc") and len(measures) > 1:
        said = [
            at
            for at, measure in enumerate(measures)
            if re.search(
                rf"(?<![A-Za-z]){re.escape(measure.head)}(?![A-Za-z])",
                wish.ordered_by,
                re.IGNORECASE,
            )
        ]
        if len(said) != 1:
            return ""
        wanted = said[0]
    found = fields(row, keys)
    figures = all(key.isdecimal() for key in keys) and len(set(map(len, keys))) > 1
    if found is None or (figures and wish.order == "key"):
        return ""
    mark, places = found
    split = f" -t{shlex.quote(mark)}" if mark != " " else ""
    key, number = (places[name] for name in ("{k}", f"{{{wanted}}}"))
    if wish.order in ("desc", "asc"):
        way = "nr" if wish.order == "desc" else "n"
        return f"sort{split} -k{number},{number}{way} -k{key},{key}"
    return "sort" if re.search(r"^\W*\{k\} ", row) else f"sort{split} -k{key},{key}"


def fields(row: str, keys: Sequence[str]) -> tuple[str, dict[str, int]] | None:
    """What stands between the fields of a row, and where its key and numbers are."""
    marks = ["|"] if row.startswith("|") else [" ", *dict.fromkeys(re.sub(r"\{\w\}|\s", "", row))]
    for mark in marks:
        parts = row.split(mark)
        alone = {part.strip(): at for at, part in enumerate(parts, 1)}
        places = {name: at for name, at in alone.items() if re.fullmatch(r"(?:- )?\{\w\}", name)}
        places = {name[-3:]: at for name, at in places.items()}
        if len(places) == row.count("{") and not any(mark in key for key in keys):
            return mark, places
    return None
