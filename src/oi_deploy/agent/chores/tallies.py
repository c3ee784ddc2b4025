"""Complete command lines that count what is in a data file or a folder, written to a new file.

A small model takes the wrong column. So a line is composed, but only where the prompt is understood
to the last word: the model runs what it is shown. There are no double quotes and no backslashes in
a line, as in `lines`; awk gets its strings as options.
"""

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from oi_deploy.agent import named
from oi_deploy.agent.chores import data_files, folder_tallies, tally_rows, tally_words
from oi_deploy.agent.chores.data_files import Column, Table
from oi_deploy.agent.chores.tally_rows import Measure
from oi_deploy.agent.chores.tally_words import Filter, Wish, fits, pattern
from oi_deploy.agent.dockerfile.files import is_plain
from oi_deploy.agent.situation import Situation

# "e.g." is no file, and neither is an ending.
_NO_FILE = re.compile(r"e\.g|i\.e|\.[a-z0-9]+", re.IGNORECASE)


def tally(world: Situation) -> Iterable[str]:
    """The line that counts, adds up or lists, if there is no doubt about it."""
    targets = [path for path in world.new_files if not _NO_FILE.fullmatch(path)]
    files = world.repository.files
    there = [path for path in world.mentioned if path in files]
    inside = named.folders(files)
    folders = [path for path in world.mentioned if path in inside]
    if world.ask.expect != "none" or len(targets) != 1 or not is_plain(targets[0]):
        return
    line = ""
    if len(there) == 1 and is_plain(there[0]) and there[0] in world.repository.texts:
        line = _of_file(world.ask.text, there[0], world.repository.texts[there[0]], targets[0])
    elif not there and len(folders) == 1 and is_plain(folders[0]):
        line = folder_tallies.of_folder(world.ask.text, folders[0], files, targets[0])
    folder = targets[0].rpartition("/")[0]
    if line and folder and folder not in inside:
        line = f"mkdir -p {folder} && {line}"
    if line and not set(line) & {'"', "\\"}:
        yield line


@dataclass(frozen=True)
class _Source:
    """Where a line reads and writes.

    Attributes:
        table: the columns of the file.
        old: its path.
        new: the file to be written.
    """

    table: Table
    old: str
    new: str

    def awk(self, program: str, options: Sequence[str] = ()) -> str:
        """A run of awk on the file."""
        mark = self.table.separator
        split = {"": [], "\t": ["-F '[[:cntrl:]]'"]}.get(mark, [f"-F{shlex.quote(mark)}"])
        return " ".join(("awk", *split, *options, shlex.quote(program), self.old))


def _of_file(prompt: str, old: str, text: str, new: str) -> str:
    """The line for a data file."""
    table = data_files.read(old, text)
    wish = tally_words.begin(prompt, old, new)
    table = table and tally_words.name_columns(wish, table)
    if table is None:
        return ""
    asks = re.search(pattern("asks"), wish.text, re.IGNORECASE)
    tally_words.read_form(wish)
    heads = [re.escape(head) for head in wish.heads if not wish.column(head)]
    one_order = tally_words.read_order(wish, "|".join(heads))
    stem = PurePosixPath(old).stem.lower()
    nouns = (stem, stem.removesuffix("s"), f"{stem}s")
    tally_words.read_filters(wish, nouns)
    order = wish.order
    one_group = tally_words.read_groups(wish)
    keys = [
        column for head in wish.heads if (column := wish.column(head)) not in (None, wish.added)
    ]
    if not wish.group and len(keys) == 1 and not wish.ranked:
        wish.group = keys[0]
    source = _Source(table, old, new)
    if wish.ranked:
        clear = one_order and order in ("", wish.order) and not (wish.group or wish.added)
        understood = clear and tally_words.is_understood(wish, nouns)
        return _ranked(wish, source) if understood else ""
    measures = _measures(wish)
    copies = re.search(pattern("copies"), wish.text, re.IGNORECASE)
    clear = tally_words.is_understood(wish, nouns, several=len(measures) > 1)
    if not ((asks or wish.added) and one_order and one_group and measures and clear) or copies:
        return ""
    return _grouped(wish, source, measures) if wish.group else _number(wish, source, measures[0])


def _measures(wish: Wish) -> list[Measure]:
    """The numbers that are wanted for each key; none if a head is not understood."""
    filters = tuple(wish.filters)
    values = [item.column.place for item in filters if item.sign in ("==", "class")]
    numbers = [head for head in wish.heads if not tally_rows.is_key(head, wish)]
    if len(wish.heads) - len(numbers) != bool(wish.heads):
        return []
    # No row has two values in one column.
    if len(numbers) < 2 and len(set(values)) < len(values):
        return []
    if len(numbers) < 2:
        known = [_measure(head, wish) for head in numbers]
        clear = all(item and item.added is wish.added for item in known)
        return [Measure(filters, wish.added, "".join(numbers))] if clear else []
    found = [measure for head in numbers if (measure := _measure(head, wish))]
    used = {item for measure in found for item in measure.filters}
    plain = any(not measure.filters for measure in found)
    whole = len(found) == len(numbers) and used >= set(filters) and plain
    return found if whole and (wish.added in {measure.added for measure in found}) else []


def _measure(head: str, wish: Wish) -> Measure | None:
    """What a head of a column stands for."""
    column = wish.column(head)
    if wish.added and (
        column is wish.added or (not column and fits(head, "sum", name=wish.added.pattern))
    ):
        return Measure((), wish.added, head)
    if column:
        return None
    if item := tally_words.alike(head, wish):
        return Measure((item,), None, head)
    return Measure((), None, head) if fits(head, "number") else None


def _number(wish: Wish, source: _Source, measure: Measure) -> str:
    """One number for the whole file."""
    if wish.heads or wish.row or wish.limit or wish.order or {"table", "list", "csv"} & wish.forms:
        return ""
    # A header may be one of the lines.
    lines = re.search(r"\blines?\b|行", wish.text, re.IGNORECASE)
    if source.table.header and lines and not (wish.filters or wish.added):
        return ""
    step = _step("n", measure, source.table)
    program = f"{_prepared(measure.filters)}{step} END {{print n+0}}"
    return f"{source.awk(program, _precision(measure, 'OFMT'))} > {source.new}"


def _grouped(wish: Wish, source: _Source, measures: Sequence[Measure]) -> str:
    """A number, or several, for each key."""
    group = wish.group
    row = tally_rows.row_of(wish, source.new, len(measures))
    if group is None or not row or not (group.usable and "number" not in wish.forms):
        return ""
    order = tally_rows.sort_of(row, wish, measures, group.values)
    if not order:
        return ""
    names = "abcdefg"[: len(measures)]
    # With the one whose rows are all of them come all keys.
    first = next((at for at, item in enumerate(measures) if not item.filters), 0)
    cells = {
        f"{{{at}}}": f"{name}[k]" if at == first else f"{name}[k]+0"
        for at, name in enumerate(names)
    }
    printed, options = tally_rows.print_row(row, {"{k}": "k", **cells})
    used = [item for measure in measures for item in measure.filters]
    steps = " ".join(
        _step(f"{name}[${group.place}]", measure, source.table)
        for name, measure in zip(names, measures, strict=True)
    )
    program = f"{_prepared(used, group)}{steps} END {{for (k in {names[first]}) {printed}}}"
    joined = any(re.search(r"\{\d\}.|.\{\d\}", word) for word in row.split(" "))
    for measure in measures:
        options += _precision(measure, "CONVFMT" if joined else "OFMT")
    line = f"{source.awk(program, options)} | {order}"
    if wish.limit:
        line += f" | sed -n 1,{wish.limit}p"
    return tally_rows.under(tally_rows.top(wish, source.new, row), line, source.new)


def _ranked(wish: Wish, source: _Source) -> str:
    """The rows themselves, the highest or the lowest first."""
    column, table = wish.ranked, source.table
    if column is None or wish.row or {"list", "number", "csv"} & wish.forms or not wish.limit:
        return ""
    if wish.heads or "table" in wish.forms or not source.new.endswith(".txt"):
        return ""
    if table.separator == "\t" or any(c.marks for c in (column, *(f.column for f in wish.filters))):
        return ""
    way = "nr" if wish.order == "desc" else "n"
    begin = "NR>1" if table.header else ""
    tests = " && ".join(filter(None, (begin, *map(_test, wish.filters))))
    split = f" -t{shlex.quote(table.separator)}" if table.separator else ""
    order = f"sort{split} -k{column.place},{column.place}{way}"
    if not tests:
        return f"{order} {source.old} | sed -n 1,{wish.limit}p > {source.new}"
    return f"{source.awk(tests)} | {order} | sed -n 1,{wish.limit}p > {source.new}"


def _step(target: str, measure: Measure, table: Table) -> str:
    """What awk does with a row: the test and what it adds to a variable."""
    tests = [_test(item) for item in measure.filters]
    # The first line has no number to compare, and no value of a column.
    compares = any(item.sign not in ("==", "class") for item in measure.filters)
    if table.header and (compares or not tests):
        tests.insert(0, "NR>1")
    elif not tests:
        tests = ["NF"]
    adds = f"+=${measure.added.place}" if measure.added else "++"
    return f"{' && '.join(tests)} {{{target}{adds}}}"


def _test(item: Filter) -> str:
    place = item.column.place
    if item.sign == "class":
        return f"${place} ~ /^{item.values[0]}/"
    if item.sign != "==":
        return f"${place} {item.sign} {item.values[0]}"
    if len(item.values) == 1 and item.column.numeric and not item.values[0].startswith("0"):
        return f"${place} == {item.values[0]}"
    escaped = [re.sub(r"([^\w\s,:@=<>-])", r"[\1]", value) for value in item.values]
    several = "|".join(escaped)
    return f"${place} ~ /^({several})$/" if len(escaped) > 1 else f"${place} ~ /^{several}$/"


def _prepared(filters: Sequence[Filter], group: Column | None = None) -> str:
    """The statement of awk that takes the marks away from the columns that are used."""
    columns = {item.column.place: item.column for item in filters}
    if group:
        columns[group.place] = group
    steps = [
        f"gsub({_marks(column.marks)}, z, ${place})"
        for place, column in sorted(columns.items())
        if column.marks
    ]
    return f"{{{'; '.join(steps)}}} " if steps else ""


def _marks(marks: str) -> str:
    """A regular expression for any of the characters."""
    if marks in (":", ",", ";", "<", ">"):
        return f"/{marks}/"
    inner = marks.replace("]", "").replace("[", "")
    return f"/[{']' if ']' in marks else ''}{inner}{'[' if '[' in marks else ''}]/"


def _precision(measure: Measure, variable: str) -> list[str]:
    """The option that keeps awk from rounding a sum."""
    if measure.added is None:
        return []
    places = max(len(value.partition(".")[2]) for value in measure.added.values)
    return [f"-v {variable}=%.{places}f"]
