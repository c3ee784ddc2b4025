"""What a prompt wants to have counted or listed, read so that no word of it is left over.

Every phrase that is understood is taken out of the text; they are in `prompts/tallies.yaml`. What
stays must be words that change nothing; else the whole is not understood, since a line that is
nearly right is wrong.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import yaml

from oi_deploy.agent import intents
from oi_deploy.agent.chores.data_files import Column, Table, described

# What stands for a phrase that was taken out.
OLD, NEW, FILTER, TAKEN = "⊂⊃∩◇"
_QUOTES = "`'\"“”「」"
_Q = f"[{_QUOTES}]?"
_PART = r"[<{\[]?[^\W_][\w /-]*?[>}\]]?|[/.][\w./-]+"
_ROW = re.compile(
    rf"[`\"“「](?P<mark>[-*] )?(?P<one>{_PART})(?P<between>: ?| - | = ?|, ?|=| | \| )"
    rf"(?P<two>{_PART})[`\"”」]"
)
_LEAST_COLUMNS = 3
_LETTER = r"[A-Za-z0-9\u4e00-\u9fff]"
_HEAD = rf"{_LETTER}(?:{_LETTER}|[_ #%-]){{0,24}}?"
_HEADS = (
    r"(?m)(?:^|[`:(\"“「]|\b(?:columns|header|headings|table)\b|列为|列是|表头为?|表头是)"
    rf"[ ]*\|?[ ]*(?P<row>{_HEAD}(?:[ ]*\|[ ]*{_HEAD})+)[ ]*\|?[ ]*(?=$|[`\n,。.;)\"”」])[`\"”」]?"
)
_BIT = rf"(?!(?:and|sorted|ordered|by)\b)(?:{_LETTER}|[_-])+"
_WORD = rf"{_Q}{_BIT}(?: {_BIT}){{0,2}}{_Q}"
_HEADS_IN_WORDS = (
    r"(?:\b(?:with|having) (?:an? |the )?(?:(?:two|three|four|[234]) )?(?:columns|headers?|heads)\b"
    r"(?: line| row)?(?: named| called| are)?"
    r"|\b(?:the )?(?:header|first)(?: line| row)? (?:is|must be)"
    r"|(?:[两二三四234]列|列名?)(?:依次|分别)*[为是:]+|表头(?:依次|分别)*[为是:]*):? *"
    rf"(?P<row>[`\"“]{_BIT}(?:, ?{_BIT})+[`\"”]"
    rf"|{_WORD}(?:, ?{_WORD})*,? and {_WORD}(?=$|[\n.,:;()◇])"
    rf"|{_WORD}(?:、{_WORD})*[、和]{_WORD}(?=$|[\n,。;()◇])|\w+(?:, ?\w+)+(?=$|[\n.,:;()◇。])"
    rf"|{_WORD}(?:, ?{_WORD})+(?=$|[\n.:;()◇]))"
)


@functools.cache
def phrases() -> dict[str, Any]:
    """The phrases, as they are written."""
    source = files("oi_deploy.agent").joinpath("prompts/tallies.yaml")
    content: dict[str, Any] = yaml.safe_load(source.read_text(encoding="utf-8"))
    return content


def pattern(*place: str, **parts: str) -> str:
    """The pattern of an entry.

    Args:
        place: the keys that lead to it.
        parts: patterns for names in it that are no entries.
    """
    entry: Any = phrases()
    for key in place:
        entry = entry[key]
    known = {"numeral": f"({intents.numbers()})", "name": "(?!)", "measure": "(?!)", **parts}

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        return f"(?:{known[name]})" if name in known else pattern(name, **parts)

    return "(?:" + re.sub(r"(?<!\?P)<(\w+)>", fill, "|".join(entry)) + ")"


def fits(text: str, *place: str, **parts: str) -> bool:
    """Whether a whole text is one of an entry's phrases."""
    return re.fullmatch(pattern(*place, **parts), text, intents.FLAGS) is not None


@dataclass(frozen=True)
class Filter:
    """Which rows count.

    Attributes:
        column: where they are told apart.
        values: what is there; of a comparison the number, of a class as `5xx` its first digit.
        sign: how they are compared; `class` for a class.
    """

    column: Column
    values: tuple[str, ...]
    sign: str = "=="


@dataclass
class Wish:
    """What is wanted, as far as it is read.

    Attributes:
        text: what is not understood yet.
        columns: those that have names.
        filters: which rows.
        group: by what.
        added: what to add up, instead of counting rows.
        ranked: by what the rows themselves are to be listed.
        limit: how many; 0 for all.
        order: `desc`, `asc`, `key` or empty.
        ordered_by: the words that say so.
        heads: of the columns of a table.
        row: a line, with {k} for the key and {0} for the number.
        forms: what it is to look like: the names of the entry.
    """

    text: str
    columns: tuple[Column, ...] = ()
    filters: list[Filter] = field(default_factory=list)
    group: Column | None = None
    added: Column | None = None
    ranked: Column | None = None
    limit: int = 0
    order: str = ""
    ordered_by: str = ""
    heads: tuple[str, ...] = ()
    row: str = ""
    forms: set[str] = field(default_factory=set)

    def take(self, words: str, mark: str = TAKEN) -> list[re.Match[str]]:
        """Every match of a pattern; a mark stays in its place."""
        expression = re.compile(words, intents.FLAGS)
        found = list(expression.finditer(self.text))
        self.text = re.sub(" +", " ", expression.sub(f" {mark} ", self.text))
        return found

    def column(self, name: str) -> Column | None:
        """The only column that is called so."""
        found = [item for item in self.columns if item.calls(name.strip(f"{_QUOTES} "))]
        return found[0] if len(found) == 1 else None

    @property
    def names(self) -> str:
        """A pattern for any column."""
        return "|".join(item.pattern for item in self.columns) or "(?!)"


def begin(text: str, old: str, new: str) -> Wish:
    """The wish in a text, without what is to be left alone; names of files are marks."""
    wish = Wish(text)
    for name, mark in ((new, NEW), (old, OLD)):
        wish.take(rf"(?<![\w./-]){_Q}{re.escape(name)}/?{_Q}(?![\w/-]|\.\w)", mark)
    parts = re.split(r"([,;:。!?\n()]|--|\.(?=\s|$))", wish.text)
    wish.text = "".join("" if _is_safe(part) else part for part in parts)
    return wish


def _is_safe(clause: str) -> bool:
    """Whether a clause only says what is to be left alone."""
    denies = intents.word("denies").search(clause) or re.search(pattern("leaves"), clause)
    acts = denies and re.search(pattern("acts"), clause, intents.FLAGS)
    return bool(acts) and not re.search(
        r"\w", re.sub(pattern("safe"), " ", clause, flags=intents.FLAGS)
    )


def name_columns(wish: Wish, table: Table) -> Table | None:
    """The table with the names that the prompt gives its columns; None if they do not fit."""
    wish.take(pattern("separated"))
    match = re.search(
        rf"{pattern('described')}(?P<items>[^。;.\n{NEW}]+)", wish.text, intents.FLAGS
    )
    named: Table | None = table
    if match is not None:
        listed = _listed(wish.text[: match.start("items")], match["items"])
        end = match.start("items") + len(listed)
        plain = re.sub(rf"\([^()]*\)?|[{_QUOTES}{TAKEN}]", "", listed)
        parts = re.split(r"、|,|->|→|\band\b|[和及]", plain, flags=re.ASCII)
        names = [re.sub(r"^(?:the|an?) ", "", part.strip()) for part in parts if part.strip()]
        names = [it.strip("[]:<>") for it in (names[0].split() if len(names) == 1 else names)]
        # Less may well be about the new file.
        if len(names) >= _LEAST_COLUMNS:
            wish.text = f"{wish.text[: match.start()]} {OLD} {TAKEN} {wish.text[end:]}"
            named = described(table, names)
    wish.take(pattern("explained"))
    if named is not None:
        wish.columns = tuple(item for item in named.columns if item.names)
    return named


def _listed(before: str, text: str) -> str:
    """The part of a text that is a list: it ends with its quotes, parentheses, or a comma."""
    start = len(text) - len(text.lstrip())
    if text[start : start + 1] in ("`", "“"):
        end = re.search("[`”]", text[start + 1 :])
        return text[: start + 1 + end.end()] if end else text
    if re.search(r"\([^()]*$", before):
        return text.partition(")")[0]
    return text.partition(",")[0] if "、" in text else text


def read_form(wish: Wish) -> None:
    """What the new file is to look like."""
    for match in wish.take(_HEADS):
        wish.heads = tuple(part.strip() for part in match["row"].split("|"))
        wish.forms.add("table")
    wish.take(r"\|[\s:|-]+\|")
    for match in wish.take(_HEADS_IN_WORDS):
        found = re.split(r"\s*(?:,|、|\band\b|和)\s*", match["row"])
        wish.heads = tuple(part.strip(f"{_QUOTES} ") for part in found if part)
    _read_row(wish)
    for kind in phrases()["forms"]:
        if wish.take(pattern("forms", kind)):
            wish.forms.add(kind)
    if wish.heads:
        wish.take(pattern("headed"))


def _read_row(wish: Wish) -> None:
    """How a line is to look, as `- key: n`."""
    values = {value for column in wish.columns for value in column.values}
    for match in _ROW.finditer(wish.text):
        pair = [match[name].strip("<>{}[] ") for name in ("one", "two")]
        keys = [it in values or bool(wish.column(it)) or fits(it, "key") for it in pair]
        figures = [item for item in wish.columns if item.numeric]
        counts = [fits(it, "figure") or wish.column(it) in figures for it in pair]
        if (keys[0] and counts[1]) or (counts[0] and keys[1]):
            first = keys[0] and counts[1]
            places = ("{k}", "{0}") if first else ("{0}", "{k}")
            wish.row = f"{match['mark'] or ''}{places[0]}{match['between']}{places[1]}"
            wish.text = wish.text.replace(match[0], f" {TAKEN} ", 1)
            return


def read_order(wish: Wish, measure: str = "") -> bool:
    """In which order; whether that is not said in two ways.

    Args:
        wish: to which it is added.
        measure: a pattern of what the numbers may be called, besides the usual words.
    """
    parts = {"name": wish.names, "measure": measure or "(?!)"}
    wish.take(pattern("ties", **parts))
    found = {
        kind: matches
        for kind in phrases()["orders"]
        if (matches := wish.take(pattern("orders", kind, **parts)))
    }
    for wish.order, matches in found.items():
        wish.ordered_by = " ".join(match[0] for match in matches)
    return len(found) < 2 and "other" not in found


def read_filters(wish: Wish, nouns: Sequence[str]) -> None:
    """Which rows, by the values of columns; a value is only one if it stands in the file."""
    for column in wish.columns:
        if column.usable and column.numeric:
            _take_comparisons(wish, column)
    for column in wish.columns:
        if column.usable:
            _take_named_values(wish, column)
    _take_bare_values(wish, nouns)
    _take_alike(wish)
    wish.filters = list(dict.fromkeys(wish.filters))


def _take_comparisons(wish: Wish, column: Column) -> None:
    for sign in phrases()["signs"]:
        words = (
            rf"{pattern('opens')}{column.pattern}\s*(?:is|are|of|为|是)?\s*"
            rf"{pattern('signs', sign)}\s*"
            r"(?P<x>\d+)(?![\w.])(?: ?(?:ms|毫秒|bytes|字节))?(?! *(?:or|and|以|或|到|至|%|-))的?"
        )
        for match in wish.take(words, FILTER):
            wish.filters.append(Filter(column, (match["x"],), sign))


def _take_named_values(wish: Wish, column: Column) -> None:
    values = "|".join(re.escape(it) for it in sorted(set(column.values), key=len, reverse=True))
    one = rf"{_Q}(?:{values}{'|[1-5]xx' if column.calls('status') else ''}){_Q}"
    many = rf"(?<![\w.-])(?P<v>{one}(?:\s*(?:\bor\b|或者?|/)\s*{one})*)(?![\w-]|\.\w)"
    name = column.pattern
    for words in (
        rf"{pattern('opens')}{name}(?: code)?{pattern('is')}{many}的?",
        rf"{many}\s*{name}(?!\s*(?:为|是|:|=|of\b))",
        *((pattern("class"),) if column.calls("status") else ()),
    ):
        for match in wish.take(words, FILTER):
            wish.filters.append(_filter(column, match["v"]))


def _filter(column: Column, said: str) -> Filter:
    """The filter for values as they are said, in the file's own case."""
    parts = [it.strip(f"{_QUOTES} ") for it in re.split(r"\bor\b|或者?|/(?=.)", said)]
    if len(parts) == 1 and re.fullmatch(r"[1-5]xx", parts[0], re.IGNORECASE):
        return Filter(column, (parts[0][0],), "class")
    spelt = {value.lower(): value for value in column.values}
    return Filter(column, tuple(spelt.get(part.lower(), "") for part in parts))


def _take_bare_values(wish: Wish, nouns: Sequence[str]) -> None:
    """Values without the name of their column, if no other one has them.

    A small word may mean something else, unless what it says is said of rows: "web requests".
    """
    noun = "|".join([pattern("rows"), *map(re.escape, nouns)])
    places: dict[str, list[Column]] = {}
    for column in wish.columns:
        for value in dict.fromkeys(column.values if column.usable else ()):
            places.setdefault(value, []).append(column)
    for value in sorted(places, key=len, reverse=True):
        column = places[value][0]
        spelling = re.escape(value)
        if value.isdecimal() or fits(value, "filler") or len(places[value]) > 1:
            continue
        loud = value.isupper() or any(
            re.fullmatch(it, value, intents.FLAGS) for it in phrases()["alike"].values()
        )
        of_rows = "" if loud else rf"(?=\s*的?\s*(?:{noun})(?![A-Za-z]))"
        if wish.take(rf"(?<![\w./-]){_Q}(?-i:{spelling}){_Q}(?![\w/-]|\.\w){of_rows}", FILTER):
            wish.filters.append(Filter(column, (value,)))


def _take_alike(wish: Wish) -> None:
    """Other words for a value, where it is the only one that they can mean: failures, errors."""
    for said in phrases()["alike"]:
        words = rf"(?<![\w-])(?:{said})(?![\w-])"
        match = re.search(words, wish.text, intents.FLAGS)
        item = alike(match[0], wish) if match else None
        if item and len(item.values) == 1:
            wish.take(words, FILTER)
            wish.filters.append(item)
    wish.take(rf"{FILTER} ?\( ?{FILTER} ?\)", FILTER)


def read_groups(wish: Wish) -> bool:
    """By what, and how much of it; whether that is only one thing."""
    found: list[Column | None] = []
    for kind in phrases()["ranks"]:
        for column, match in _each(wish, "ranks", kind, numeric=True):
            wish.ranked, wish.order, wish.limit = column, kind, said_number(match)
    for added, _ in _each(wish, "adds", numeric=True):
        wish.added = added
    for column, match in _each(wish, "tops"):
        found.append(column)
        wish.limit, wish.order = said_number(match), wish.order or "desc"
    if wish.limit:
        wish.take(pattern("ranked"))
    for match in wish.take(pattern("limits")):
        wish.limit, wish.order = said_number(match), wish.order or "desc"
    found += [column for column, _ in _each(wish, "groups")]
    wish.group = found[0] if found else None
    return len({column.place for column in found if column}) < 2


def _each(wish: Wish, *place: str, numeric: bool = False) -> list[tuple[Column, re.Match[str]]]:
    """The columns that stand in phrases of an entry."""
    return [
        (column, match)
        for column in wish.columns
        if column.usable and (column.numeric or not numeric)
        for match in wish.take(pattern(*place, name=column.pattern))
    ]


def said_number(match: re.Match[str]) -> int:
    """The number that a phrase has in it."""
    return intents.number(next(filter(None, match.groups()))) or 0


def is_understood(wish: Wish, nouns: Sequence[str] = (), *, several: bool = False) -> bool:
    """Whether nothing is left that could change what is wanted.

    Args:
        wish: after all of it was read.
        nouns: more words for a row.
        several: whether there are several numbers for each key.
    """
    if not several and re.search(pattern("second"), wish.text, intents.FLAGS):
        return False
    text = re.sub(wish.names, " ж ", wish.text, flags=intents.FLAGS)
    values = {value for column in wish.columns for value in column.values}
    for sentence in _clauses(text):
        # One that neither asks nor speaks of the data tells why.
        if not re.search(rf"[ж{OLD}{NEW}{FILTER}{TAKEN}]", sentence) and not re.search(
            pattern("signal"), sentence, intents.FLAGS
        ) and not values & set(re.findall(r"[\w./-]+", sentence)):  # fmt: skip
            continue
        if FILTER in sentence and not re.search(
            rf"[{OLD}{NEW}{TAKEN}]|{pattern('says')}", sentence, intents.FLAGS
        ):
            return False
        rest = sentence
        if several:
            known = "|".join(map(re.escape, wish.heads))
            rest = re.sub(f"{known}|{pattern('several')}", " ", rest, flags=intents.FLAGS)
        rest = re.sub(pattern("filler"), " ", rest, flags=intents.FLAGS)
        for noun in nouns:
            rest = re.sub(rf"\b{re.escape(noun)}\b", " ", rest, flags=intents.FLAGS)
        if re.search(r"\w|[<>=%+]", rest):
            return False
    return True


def _clauses(text: str) -> list[str]:
    return [part for it in intents.sentences(text) for part in re.split(r":(?=\s|$)", it)]


def alike(head: str, wish: Wish) -> Filter | None:
    """The only filter that a word means, among those of the wish, else among all values."""
    kinds: Mapping[str, str] = phrases()["alike"]
    plain = re.sub(r"\s*(?:数量?|次数|行数|条数|lines?|counts?|rows?)$", "", head.lower())
    wanted = [
        value for said, value in kinds.items() if re.fullmatch(said, plain, intents.FLAGS)
    ] + [re.escape(plain)]
    known = list(wish.filters) or [
        Filter(column, (value,))
        for column in wish.columns
        if column.usable and not column.numeric
        for value in dict.fromkeys(column.values)
    ]
    found = [
        item
        for item in known
        for value in item.values
        if any(re.fullmatch(it, _said(item, value), intents.FLAGS) for it in wanted)
    ]
    return found[0] if len(found) == 1 else None


def _said(item: Filter, value: str) -> str:
    return f"{value}xx" if item.sign == "class" else value.lower()
