"""Complete command lines that count the lines of a data file: a small model's patterns never end.

"Count the requests with a status of 5xx by path", "how many rows have the status HELD, by port".
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from oi_deploy.agent import columns, intents, words
from oi_deploy.agent.repository import DATA
from oi_deploy.agent.situation import Situation

_COUNTS = re.compile(
    r"\bcount(?:s|ed|ing)?\b|\bhow (?:many|often)\b|\bnumber of\b|\btally\b"
    r"|计数|统计|[数点]一?下|多少|次数|条数|个数|几[条次行个]",
    intents.FLAGS,
)
# What lines are told apart by.
_BY = re.compile(
    r"(?:\b(?:by|per|for each|for every|group(?:ed)? by|each)\s+(?:the\s+)?"
    r"|(?:按照?|每个|每一个|各个?|分)\s*)[`'\"“]?(?P<name>[A-Za-z][\w-]*|[\u4e00-\u9fff]{2,4})",
    intents.FLAGS,
)
# What columns without a name of their own hold.
_KINDS = (
    ("status", r"status|code|状态码?", r"[1-5]\d\d"),
    ("path", r"path|url|uri|route|endpoint|路径|接口|地址", r"/\S*"),
    ("level", r"level|severity|级别|等级", r"TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|FATAL"),
    ("method", r"method|verb|方法", r"\"?(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)"),
    ("component", r"component|service|module|logger|组件|模块|服务", r"[A-Za-z][\w.-]*:"),
)
_CLASS = re.compile(r"(?<![\w.])([1-5])xx\b", intents.FLAGS)
_MOST_FIRST = re.compile(
    r"\b(?:most|highest|largest|biggest|greatest)\b[^.;]{0,24}\bfirst\b|\bdescending\b"
    r"|\bsorted? by (?:the )?(?:count|number)|多的?(?:在|排)?最?前"
    r"|从[多高大]到[少低小]|降序|倒序",
    intents.FLAGS,
)
_HEADED = re.compile(r"\bheader\b|表头|标题行", intents.FLAGS)
_HEAD = re.compile(
    r"(?:\bheader(?: line| row)?|表头|标题行)\W{0,3}(?:\bis\b|\bof\b|为|是)?\W{0,3}"
    r"(?P<one>\w+),\s?(?P<two>\w+)",
    re.ASCII,
)
# A line of the result as the prompt shows it: "5xx: N".
_SHOWN = re.compile(
    r"^[ \t]*(?P<label>[\w-]+)(?P<sign>:[ \t]*|[ \t]*=[ \t]*)(?:N|n|<\w+>|\d+)[ \t]*$"
)
_TOTAL = re.compile(r"total|all|lines|合计|总[数计行]?数?|全部", intents.FLAGS)
_LEAST_LINES = 3
_MOST_VALUES = 12


@dataclass(frozen=True)
class _Table:
    """What the lines of a file are made of.

    Attributes:
        path: of the file.
        sign: what stands between its columns; empty for blanks, `=` for pairs of key and value.
        names: of the columns; empty where one has none.
        rows: the first lines, without a head.
    """

    path: str
    sign: str
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def headed(self) -> bool:
        return self.sign not in ("", "=")

    def values(self, place: int) -> list[str]:
        return [row[place] for row in self.rows if len(row) > place]

    def place(self, said: str) -> int | None:
        """The column of a name, or of what the name means."""
        if said.lower() in (name.lower() for name in self.names):
            return [name.lower() for name in self.names].index(said.lower())
        for _, word, values in _KINDS:
            if re.fullmatch(rf"(?:{word})s?", said, intents.FLAGS) and self.sign == "":
                found = [
                    place
                    for place in range(len(self.names))
                    if all(re.fullmatch(values, it) for it in self.values(place))
                ]
                return found[0] if found else None
        return None


# How a number is compared, behind it or before it.
_BEHIND = (
    (r"\s*(?:or|and) (?:higher|more|above|greater|larger|up)\b|\s*(?:及|或)?以上|\+", ">="),
    (r"\s*(?:or|and) (?:lower|less|below|smaller)\b|\s*(?:及|或)?以下", "<="),
)
_BEFORE = (
    (r"(?:\bat least|>=|≥|不(?:小|少|低)于|大于(?:或)?等于)\s*$", ">="),
    (r"(?:\bat most|<=|≤|不(?:大|多|高)于|小于(?:或)?等于)\s*$", "<="),
    (r"(?:\b(?:more|greater|higher|larger) than|\b(?:above|over)|>|大于|超过|高于)\s*$", ">"),
    (r"(?:\b(?:less|fewer|lower|smaller) than|\b(?:below|under)|<|小于|低于|不足)\s*$", "<"),
)


@dataclass(frozen=True)
class _Where:
    """Which lines count, by one column.

    Attributes:
        place: of the column, from 0.
        value: the one that it has, or is compared with.
        sign: how; `~` for a status that begins with it.
    """

    place: int
    value: str
    sign: str = "=="

    def awk(self, name: str = "v") -> tuple[str, str]:
        """The condition, and the option that gives it its value: there are no double quotes."""
        column = f"${self.place + 1}"
        if self.sign == "~":
            return f"{column} ~ /^{self.value}[0-9][0-9]$/", ""
        if self.sign != "==":
            return f"{column}+0 {self.sign} {self.value}", ""
        return f"{column} == {name}", f" -v {name}={self.value}"


def lines(world: Situation) -> Iterable[str]:
    """A file with the number of lines for each value of a column, or for each that is shown."""
    file, text = world.new_file, world.ask.text
    paths = [it for it in world.mentioned if it in world.repository.files and it.endswith(DATA)]
    if world.ask.expect != "none" or not file or len(paths) != 1 or not _COUNTS.search(text):
        return
    table = _read(paths[0], world.repository.texts.get(paths[0], ""), text)
    if table is None:
        return
    shown = [match for line in text.splitlines() if (match := _SHOWN.match(line))]
    if len(shown) > 1:
        yield from _shown(table, shown, file)
        return
    # Chinese goes on behind a word without a space.
    said = (match["name"][:end] for match in _BY.finditer(text) for end in (None, 4, 3, 2))
    by = next((it for name in said if (it := table.place(name)) is not None), None)
    headed = _HEADED.search(text) and not _is_without(text)
    head = _HEAD.search(text) if headed else None
    if "table" in world.intents or (headed and not head):
        return
    where = _where(table, by, text)
    by = _repeated(table, where) if by is None and where and _BY.search(text) else by
    if where and table.sign == "=" and where.sign != "==":
        return
    if by is None or where is None or any(re.search(r"\s", it) for it in table.values(by)):
        return
    sort = " | sort -k1,1nr -k2" if _MOST_FIRST.search(text) else ""
    row = _row(file, text, f"{head['one']},{head['two']}" if head else "")
    yield f"{_picked(table, by, where)} | sort | uniq -c{sort} | {row} > {file}"


def _is_without(text: str) -> bool:
    return any(
        intents.is_denied(it.text, match.start())
        for it in intents.clauses(text)
        for match in _HEADED.finditer(it.text)
    )


def _read(path: str, text: str, said: str) -> _Table | None:
    """The table that a file is, if its lines are alike."""
    every = [line for line in text.splitlines()[:-1] if line.strip()]
    if len(every) < _LEAST_LINES:
        return None
    first = every[0]
    for sign in (",", ";", "\t"):
        if first.count(sign) and all(line.count(sign) >= first.count(sign) for line in every):
            if '"' in text:
                return None
            head, *rows = list(csv.reader(every, delimiter=sign))
            return _Table(path, sign, tuple(it.strip() for it in head), tuple(map(tuple, rows)))
    pairs = [dict(re.findall(r"(?:^|(?<=\s))([A-Za-z][\w.-]*)=(\S+)", line)) for line in every]
    keys = [key for key in pairs[0] if all(key in it for it in pairs)]
    if len(keys) > 1:
        return _Table(path, "=", tuple(keys), tuple(tuple(it[k] for k in keys) for it in pairs))
    split = [tuple(line.split()) for line in every]
    fewest = min(map(len, split))
    told = tuple(columns.called(said, len(split[0])))
    return _Table(path, "", told or ("",) * fewest, tuple(split)) if fewest > 1 else None


def _where(table: _Table, by: int | None, text: str) -> _Where | None:
    """The lines that count: those with the only value of a column that the prompt names."""
    status = table.place("status")
    found = {_Where(status, match[1], "~") for match in _CLASS.finditer(text) if status is not None}
    if compared := _compared(table, by, text):
        return compared
    level = table.place("level")
    for place, name in enumerate(table.names):
        values = set(table.values(place))
        if place == by or len(values) > _MOST_VALUES or (found and place == status):
            continue
        about = place == level or (name and words.is_named(name, text))
        found |= {
            _Where(place, value)
            for value in values
            if (about and words.is_named(value, text)) or (name and f"{name}={value}" in text)
        }
    plain = all(re.fullmatch(r"[\w.-]+", it.value) for it in found)
    return found.pop() if len(found) == 1 and plain else None


def _compared(table: _Table, by: int | None, text: str) -> _Where | None:
    """Lines with a number above or below one: "whose status is 500 or higher"."""
    found = set()
    for clause in (it.text for it in intents.clauses(text)):
        for match in re.finditer(r"(?<![\w.])\d+(?![\w.]*\w)", clause, re.ASCII):
            before, after = clause[: match.start()], clause[match.end() :]
            sign = next((it for said, it in _BEHIND if re.match(said, after, intents.FLAGS)), "")
            sign = sign or next(
                (it for said, it in _BEFORE if re.search(said, before, intents.FLAGS)), ""
            )
            named_there = [
                place
                for place, name in enumerate(table.names)
                if place != by and name and words.is_named(name, clause)
                and all(it.isdecimal() for it in table.values(place))
            ]  # fmt: skip
            status = table.place("status")
            if status is not None and not named_there and re.search(_KINDS[0][1], clause):
                named_there = [status]
            if sign and len(named_there) == 1:
                found.add(_Where(named_there[0], match[0], sign))
    return found.pop() if len(found) == 1 else None


def _repeated(table: _Table, where: _Where) -> int | None:
    """The only other column whose values come again, where the prompt calls it by another word."""
    found = [
        place
        for place, name in enumerate(table.names)
        if name and place != where.place and len(set(table.values(place))) < len(table.rows)
    ]
    return found[0] if len(found) == 1 else None


def _picked(table: _Table, by: int, where: _Where) -> str:
    """The command that prints one column of the lines that count."""
    if table.sign == "=":
        # Not `grep`, which fails where there is none.
        script = (
            "{f = 0; for (i = 1; i <= NF; i++) if ($i == p) f = 1; "
            "for (i = 1; i <= NF; i++) if (f && index($i, k) == 1) print substr($i, length(k) + 1)}"
        )
        pair = f"{table.names[where.place]}={where.value}"
        return f"awk -v p={pair} -v k={table.names[by]}= '{script}' {table.path}"
    condition, option = where.awk()
    column, values, change = f"${by + 1}", table.values(by), ""
    if not table.headed and all(it.endswith(":") for it in values):
        change = f"sub(/:$/, e, {column}); "
    elif not table.headed and any("?" in it for it in values):
        change = f"sub(/[?].*/, e, {column}); "
    script = f"{condition} {{{change}print {column}}}"
    return f"awk{_SEPARATORS[table.sign]}{option} '{script}' {table.path}"


_SEPARATORS = {"": "", ",": " -F,", ";": " -F';'", "\t": " -F'\t'"}


# "One per line: path count."
_WITH_SPACE = re.compile(
    r"(?:每行(?:一个|一条)?|\bper line|\beach line)[^:\n]{0,8}:"
    r"\s*[`\"“]?\S+ (?:次数|数量|条数|个数|counts?)(?!\w)",
    intents.FLAGS,
)


def _row(file: str, said: str, head: str) -> str:
    """What prints a value and its number, as the prompt says, or as a file of that name has it."""
    if head:
        return f"awk -v s=, -v h={head} 'BEGIN {{print h}} {{print $2 s $1}}'"
    if sign := columns.separator(said) or ("' '" if _WITH_SPACE.search(said) else ""):
        return f"awk -v s={sign} '{{print $2 s $1}}'"
    if file.endswith(".csv"):
        return "awk -v s=, '{print $2 s $1}'"
    if file.endswith(".md"):
        return "awk -v d='- ' -v s=': ' '{print d $2 s $1}'"
    return "awk -v s=': ' '{print $2 s $1}'"


def _shown(table: _Table, shown: Sequence[re.Match[str]], file: str) -> Iterator[str]:
    """The line for a result each line of which is shown: "4xx: N"."""
    options, counts, prints = "", [], []
    for name, match in zip("abcdefgh", shown, strict=False):
        label = match["label"]
        condition, option = "", ""
        if not _TOTAL.fullmatch(label):
            level = table.place("level")
            of_level = level is not None and label in table.values(level)
            where = _Where(level or 0, label) if of_level else _where(table, None, label)
            if where is None:
                return
            condition, option = where.awk(f"v{name}")
        options += f"{option} -v l{name}='{label}{match['sign'].rstrip()} '"
        counts.append(f"{condition} {{{name}++}}".lstrip())
        prints.append(f"print l{name} {name}+0")
    if not table.headed and table.sign != "=":
        script = f"{'; '.join(counts)} END {{{'; '.join(prints)}}}"
        yield f"awk{_SEPARATORS[table.sign]}{options} '{script}' {table.path} > {file}"
