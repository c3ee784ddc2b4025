"""The columns of a data file, as its first lines show them, and what a prompt may call them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from oi_deploy.agent.dockerfile.lint import MOST_BYTES

_MARKS = "[]():,;<>"
# What a column of a log is, if all its words look so; one that only looks like a date has no name.
KINDS = {
    "level": r"(?i:trace|debug|info|notice|warn|warning|err|error|critical|fatal|panic)",
    "status": r"[1-5]\d\d",
    "path": r"/[^\s\"]*",
    "method": r"GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS",
    "ip": r"\d{1,3}(?:\.\d{1,3}){3}",
}
# What people call a column, by what it is called where it has a name.
WORDS = {
    "level": r"(?:log )?levels?|severity|severities|(?:日志)?(?:级别|等级)",
    "status": r"(?:http )?status(?: ?codes?|es)?|(?:response|http) codes?|(?:http ?)?状态码?|响应码"
    r"|返回码",
    "path": r"(?:(?:request|url) )?paths?|urls?|endpoints?|routes?|uris?|(?:请求)?路径|接口|端点"
    r"|网址",
    "method": r"(?:http |request )?methods?|(?:http ?|请求)?方法",
    "ip": r"(?:client )?ip(?:s| address(?:es)?)?|(?:客户端|来源)?(?: ?ip ?(?:地址)?)|客户端地址",
    "component": r"components?|modules?|loggers?|subsystems?|组件|模块|子系统",
    "service": r"services?|服务",
    "user": r"users?|用户",
    "result": r"results?|outcomes?|结果",
    "duration": r"durations?|latency|latencies|(?:response|run) times?|耗时|时长|延迟|响应时间",
    "bytes": r"bytes|sizes?|字节数?|大小",
    "region": r"regions?|地区|区域",
    "host": r"hosts?|hostnames?|servers?|主机名?|服务器",
    "category": r"categor(?:y|ies)|类别|分类",
    "type": r"types?|类型",
    "amount": r"amounts?|金额",
    "customer": r"customers?|客户",
    "product": r"products?|产品|商品",
    "country": r"countr(?:y|ies)|国家",
    "city": r"cit(?:y|ies)|城市",
    "team": r"teams?|团队",
    "environment": r"env(?:ironment)?s?|环境",
    "time": r"time(?:stamp)?s?|时间戳?",
    "date": r"dates?|日期",
    "message": r"messages?|text|消息|信息|内容|正文",
}  # fmt: skip
_UNIT = re.compile(r"[_ -](?:ms|s|secs?|seconds|bytes|code|name|id|mb|kb)$")
_LEAST_ROWS = 2


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        place: its number in awk.
        values: of every row, without marks.
        marks: the characters around every value, as the brackets of `[ERROR]`.
        names: a pattern for each way to call it; none if it has no name.
        title: what a table calls it.
    """

    place: int
    values: tuple[str, ...]
    marks: str = ""
    names: tuple[str, ...] = ()
    title: str = ""

    @property
    def pattern(self) -> str:
        """All names."""
        return rf"(?<![\w-])[`'“「]?(?:{'|'.join(self.names)})[`'”」]?(?![\w-])"

    @property
    def numeric(self) -> bool:
        """Whether it can be added up."""
        return all(re.fullmatch(r"-?\d+(?:\.\d+)?", value) for value in self.values)

    @property
    def usable(self) -> bool:
        """Whether awk can take the marks away, and the rest can stand in a line of a report."""
        inner = any(set(value) & {*self.marks, *"'|^\\", '"'} for value in self.values)
        return all(self.values) and not inner

    def calls(self, name: str) -> bool:
        """Whether a name is one of this column."""
        return any(re.fullmatch(pattern, name, re.IGNORECASE) for pattern in self.names)


@dataclass(frozen=True)
class Table:
    """A data file.

    Attributes:
        columns: those in front, which every line has; of a log, a message may follow.
        separator: between columns; empty for spaces.
        header: whether the first line names the columns.
        free: whether a text follows, which is no column.
    """

    columns: tuple[Column, ...]
    separator: str = ""
    header: bool = False
    free: bool = False
    rows: tuple[str, ...] = field(default=(), repr=False)


def read(path: str, text: str) -> Table | None:
    """The columns of a text; None if it is not regular."""
    lines = text.splitlines()
    if len(text.encode()) >= MOST_BYTES - 1:
        lines = lines[:-1]
    if len(lines) < _LEAST_ROWS or "\r" in text or not all(map(str.strip, lines)):
        return None
    if any(line[0].isspace() for line in lines):
        return None
    separator = _separator(path, lines)
    cells = [line.split(separator or None) for line in lines]
    padded = any(cell != cell.strip() for row in cells for cell in row)
    if separator and ('"' in text or padded or len({len(row) for row in cells}) > 1):
        return None
    width = min(map(len, cells))
    header = bool(separator) and _has_header(cells)
    rows = cells[1:] if header else cells
    columns = [
        _column(place, [row[place - 1] for row in rows], marked=not separator)
        for place in range(1, width + 1)
    ]
    if header:
        columns = [
            replace(item, names=_names(head, cells[0]), title=_title(head))
            for item, head in zip(columns, cells[0], strict=True)
        ]
    else:
        columns = _by_kind(columns)
    free = any(len(row) > width for row in rows)
    return Table(tuple(columns), separator, header, free, tuple(lines[header:]))


def described(table: Table, items: Sequence[str]) -> Table | None:
    """The table with the names that a prompt gives its columns, in order; None if they do not fit.

    Only a text at the end may take more than one word.
    """
    columns = table.columns
    if table.header:
        fits = all(any(column.calls(item) for column in columns) for item in items)
        return table if fits else None
    ends = len(items) > 1 and re.fullmatch(WORDS["message"], items[-1].lower())
    if ends and len(items) <= len(columns) + 1:
        items = items[:-1]
    elif table.free or len(items) != len(columns):
        return None
    named = [
        replace(columns[at], names=_names(item, items), title=_title(item))
        for at, item in enumerate(items)
    ]
    for column in named:
        for kind, looks in KINDS.items():
            called = column.calls(kind)
            if called and not all(re.fullmatch(looks, value) for value in column.values):
                return None
    return replace(table, columns=(*named, *(replace(c, names=()) for c in columns[len(items) :])))


def _separator(path: str, lines: Sequence[str]) -> str:
    for mark in "\t,;":
        if all(mark in line for line in lines):
            wanted = {"\t": ".tsv", ",": ".csv", ";": ".csv"}[mark]
            if path.endswith(wanted) or not any(" " in line for line in lines):
                return mark
    return ""


def _has_header(cells: Sequence[Sequence[str]]) -> bool:
    """Whether the first line names the columns: it looks unlike what is below it."""
    heads, rows = cells[0], cells[1:]
    names = all(re.fullmatch(r"[^\W\d][\w .-]*", head.strip()) for head in heads)
    again = any(head in {row[at] for row in rows} for at, head in enumerate(heads))
    figures = any(all(re.match(r"\d", row[at]) for row in rows) for at in range(len(heads)))
    common = any(re.fullmatch(words, _base(head)) for words in WORDS.values() for head in heads)
    return names and not again and len(set(heads)) == len(heads) and (figures or common)


def _column(place: int, values: Sequence[str], *, marked: bool) -> Column:
    """A column, and the marks around its values if all have the same."""
    if not marked:
        return Column(place, tuple(values))
    ends = {
        (value[: len(value) - len(value.lstrip(_MARKS))], value[len(value.rstrip(_MARKS)) :])
        for value in values
    }
    if len(ends) > 1:
        return Column(place, tuple(values))
    ((left, right),) = ends
    inner = tuple(value.strip(_MARKS) for value in values)
    return Column(place, inner, "".join(sorted(set(left + right))))


def _by_kind(columns: Sequence[Column]) -> list[Column]:
    """Columns with the names of what they look like, where only one looks so."""
    found = list(columns)
    for kind, looks in KINDS.items():
        alike = [c for c in columns if all(re.fullmatch(looks, value) for value in c.values)]
        if len(alike) == 1:
            at = alike[0].place - 1
            found[at] = replace(found[at], names=(WORDS[kind],), title=_title(kind))
            if kind == "level" and (after := _component(columns, at)):
                names = (WORDS["component"], WORDS["service"])
                found[at + 1] = replace(after, names=names, title="Component")
    return found


def _component(columns: Sequence[Column], level: int) -> Column | None:
    """The word after the level, if it begins no sentence: it is marked, or comes again.

    It is not certain where a word stands before the level, or two words are marked.
    """
    earlier = any(all(value[:1].isalpha() for value in c.values) for c in columns[:level])
    later = columns[level + 1 : level + 3]
    if earlier or not later or (later[0].marks and later[-1].marks and len(later) > 1):
        return None
    values = later[0].values
    words = all(re.fullmatch(r"[A-Za-z][\w./-]*", value) for value in values)
    again = 2 * len(set(values)) <= len(values) and all(value.islower() for value in values)
    return later[0] if words and (later[0].marks or again) else None


def _title(head: str) -> str:
    text = re.sub(r"[_-]+", " ", head.strip())
    return text[:1].upper() + text[1:]


def _base(head: str) -> str:
    return _UNIT.sub("", head.strip().lower())


def _names(head: str, others: Sequence[str]) -> tuple[str, ...]:
    """The patterns for a column with this head, none of which is also one of another head."""
    plain = head.strip().lower()
    spaced = r"[ _-]".join(re.escape(part) for part in re.split(r"[ _-]+", plain))
    base = _base(head)
    patterns = [rf"{spaced}s?"]
    if base != plain and sum(_base(other) == base for other in others) == 1:
        patterns.append(rf"{re.escape(base)}s?")
    for words in WORDS.values():
        alike = [it for it in others if re.fullmatch(words, it.strip().lower())]
        alike = alike or [it for it in others if re.fullmatch(words, _base(it))]
        if alike == [head]:
            patterns.append(words)
    return tuple(patterns)
