"""The parts of a data file's lines with their numbers: a small model counts them wrongly."""

import csv
import re
from collections.abc import Mapping, Sequence

import yaml

from oi_deploy.agent import intents, words

_SIGNS = (",", ";", "\t")
_NAMES = {",": "','", ";": "';'", "\t": "tabs", None: "spaces"}
_MOST = 12
_LINES = 4


def describe(text: str, said: str = "") -> str:
    """A sentence about the parts of a line, numbered from 0 as Python does; empty if irregular.

    Args:
        text: the first lines of the file.
        said: the prompt, which may list what the parts are called.
    """
    lines = [line for line in text.splitlines() if line.strip()][:_LINES]
    if len(lines) < 2:
        return ""
    for sign in (*_SIGNS, None):
        parts = [line.split(sign) for line in lines]
        fewest = min(len(row) for row in parts)
        # The message at the end of a log's line may have any number of words.
        same = all(len(row) == fewest for row in parts) or sign is None
        if same and 1 < fewest <= _MOST and (sign or fewest > 2):
            names = _noted(said, fewest) or _status(said, parts) or [""] * fewest
            first = zip(range(fewest), names, parts[0], strict=False)
            shown = ", ".join(f"{place}{name} is {part.strip()}" for place, name, part in first)
            return f"Split at {_NAMES[sign]}, the parts of its first line are: {shown}"
    return ""


_LIST = re.compile(r":\s*([^。.;\n]{4,200})")


def called(said: str, count: int) -> Sequence[str]:
    """What a text calls each of so many columns: "every line has: time, method, path"."""
    for match in _LIST.finditer(said):
        text = re.sub(r"[(][^()]*[)]", "", match[1])
        names = [it.strip() for it in re.split(r"[,、]|\band\b|和", text) if it.strip()]
        if len(names) == count:
            return names
    return []


def _noted(said: str, count: int) -> Sequence[str]:
    return [f" ({it})" for it in called(said, count)]


_OF_STATUS = re.compile(r"\b[1-5]xx\b|\bstatus\b|状态码", re.IGNORECASE)


def _status(said: str, rows: Sequence[Sequence[str]]) -> Sequence[str]:
    """Which part is the status code of HTTP: the first that always looks like one."""
    columns = list(zip(*rows, strict=False))
    found = [
        place
        for place, column in enumerate(columns)
        if all(re.fullmatch(r"[1-5]\d\d", it.strip()) for it in column)
    ]
    if not (found and _OF_STATUS.search(said)):
        return []
    return [" (status code)" if place == found[0] else "" for place in range(len(columns))]


def cell(table: str, row: str, said: str) -> str:
    """The value that a table has for a name, in the column that a text speaks of.

    Empty if there is not exactly one such row, or no such column.

    Args:
        table: comma-separated, with the columns' names in its first line; or YAML, with a mapping
            for each name.
        row: what stands in the row's first column.
        said: the text; of two columns, it need not name the second.
    """
    if not table.lstrip().startswith(("{", "[")) and (own := _of_yaml(table, row)):
        found_there = [value for key, value in own.items() if words.is_named(str(key), said)]
        return str(found_there[0]) if len(found_there) == 1 else ""
    head, *rows = list(csv.reader(table.splitlines())) or [[]]
    named = [
        place for place, name in enumerate(head) if place and words.is_named(name.strip(), said)
    ]
    columns = named or ([1] if len(head) == 2 else [])
    found = [it for it in rows if it and it[0].strip() == row]
    if len(columns) != 1 or len(found) != 1 or len(found[0]) <= columns[0]:
        return ""
    return found[0][columns[0]].strip()


def of_markdown(path: str, text: str) -> str:
    """The tables of a Markdown file as comma-separated rows; any other text as it is."""
    if not path.endswith(".md"):
        return text
    rows = [line.strip().strip("|").split("|") for line in text.splitlines() if "|" in line]
    plain = ([cell.strip(" `*").replace(",", " ") for cell in row] for row in rows)
    return "\n".join(",".join(row) for row in plain if not re.fullmatch(r"[-:,]*", ",".join(row)))


def parts(table: str, said: str) -> tuple[str, ...]:
    """The keys at the top of a YAML document that a text names, where they have keys of their own.

    Args:
        table: the document.
        said: the text.
    """
    try:
        content = yaml.safe_load(table)
    except (yaml.YAMLError, ValueError, RecursionError):
        return ()
    own = content if isinstance(content, dict) else {}
    return tuple(
        str(key)
        for key, value in own.items()
        if isinstance(value, dict) and words.is_named(str(key), said)
    )


def _of_yaml(text: str, name: str) -> Mapping[object, object]:
    """The mapping that a name has, at the top or below one key; empty if there is none."""
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    above = content if isinstance(content, dict) else {}
    for level in (above, *above.values()):
        if isinstance(level, dict) and isinstance(own := level.get(name), dict):
            return own
    return {}


_SPOKEN_SIGNS = (
    (r"\bspaces?\b|\bblanks?\b|空格", "' '"),
    (r"\bcommas?\b|逗号", ","),
    (r"\btabs?\b|制表符", "'\t'"),
    (r"\bcolons?\b|冒号", "': '"),
)
_SEPARATED = re.compile(
    r"(?:\bseparated|\bdivided|\bsplit) by (?:an? |one |single )*(?P<en>\w+)"
    r"|(?P<zh>空格|逗号|制表符|冒号)(?:分隔|隔开|分开)",
    intents.FLAGS,
)


def separator(said: str) -> str:
    """What a prompt wants between columns, as a word of shell; empty if it does not say."""
    match = _SEPARATED.search(said)
    word = (match["en"] or match["zh"]) if match else ""
    return next((sign for name, sign in _SPOKEN_SIGNS if re.search(name, word, intents.FLAGS)), "")
