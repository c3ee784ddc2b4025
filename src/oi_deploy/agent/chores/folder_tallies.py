"""Complete command lines for the files of a folder: the largest, how many, or how much they are."""

import re
import shlex
from collections.abc import Sequence

from oi_deploy.agent.chores import tally_rows, tally_words
from oi_deploy.agent.chores.data_files import Column
from oi_deploy.agent.chores.tally_rows import Measure
from oi_deploy.agent.chores.tally_words import Wish, fits, pattern

_WAYS = {"largest": "desc", "smallest": "asc"}
_TITLES = {"extension": "Extension", "inside": "Folder"}


def of_folder(prompt: str, folder: str, files: Sequence[str], new: str) -> str:
    """The line for a folder; empty if there is a doubt.

    Args:
        prompt: the task.
        folder: what it names.
        files: all of the repository.
        new: the file to be written.
    """
    wish = tally_words.begin(prompt, folder, new)
    below = [path.removeprefix(f"{folder}/") for path in files if path.startswith(f"{folder}/")]
    asks = re.search(pattern("asks"), wish.text, re.IGNORECASE)
    tally_words.read_form(wish)
    sized = {kind: wish.take(pattern("folder", kind)) for kind in ("largest", "smallest", "total")}
    by = {kind: wish.take(pattern("folder", kind)) for kind in ("extension", "inside")}
    wanted = [kind for kind, found in {**sized, **by}.items() if found]
    if len(wanted) > 1 or not tally_words.read_order(wish):
        return ""
    ending = wish.take(r"(?<![\w/.])[`'\"“]?[*]?(?P<ending>\.[a-z][a-z0-9]*)[`'\"”]?(?![\w/])")
    wish.take(pattern("folder", "sizes"))
    # What is in the files is another matter.
    if re.search(r"\b(?:lines?|rows?|entries|records)\b|行数", wish.text, re.IGNORECASE):
        return ""
    if not tally_words.is_understood(wish) or len({it["ending"] for it in ending}) > 1:
        return ""
    only = f" -name '*{ending[0]['ending']}'" if ending else ""
    find = f"find {folder} -type f{only}"
    if not wanted and asks and not wish.heads and not wish.row:
        plain = not (wish.order or {"table", "list", "csv"} & wish.forms)
        return f"{find} | wc -l > {new}" if plain else ""
    kind = "".join(wanted)
    if kind == "total":
        plain = not (wish.heads or wish.row or wish.order or {"table", "list", "csv"} & wish.forms)
        sizes = f"{find} -exec stat -c %s {{}} +"
        return f"{sizes} | awk '{{n+=$1}} END {{print n+0}}' > {new}" if plain else ""
    wish.group = Column(1, tuple(below), names=(pattern("key"),), title=_TITLES.get(kind, "File"))
    wish.columns = (wish.group,)
    clear = kind and "number" not in wish.forms and (asks or kind in _WAYS)
    row = tally_rows.row_of(wish, new, 1) if clear and _has_heads(wish) else ""
    if kind in _WAYS:
        wish.limit = tally_words.said_number(sized[kind][0])
        listed = _sizes(wish, row, find, below, _WAYS[kind])
    else:
        listed = _parts(wish, row, find, folder, kind)
    return tally_rows.under(tally_rows.top(wish, new, row), listed, new) if row and listed else ""


def _has_heads(wish: Wish) -> bool:
    """Whether the heads, if there are any, are those of a key and a number."""
    numbers = [head for head in wish.heads if not fits(head, "key")]
    return (
        len(wish.heads) in (0, 2)
        and len(numbers) in (0, 1)
        and all(fits(head, "figure") for head in numbers)
        and bool(wish.heads) == bool(numbers)
    )


def _sizes(wish: Wish, row: str, find: str, below: Sequence[str], way: str) -> str:
    """The largest or the smallest files."""
    if wish.order not in ("", way):
        return ""
    wish.order = way
    order = tally_rows.sort_of(row, wish, [Measure()], below) if row else ""
    shown = shlex.quote(row.replace("{k}", "%n").replace("{0}", "%s"))
    files = f"{find} -exec stat -c {shown} {{}} +"
    return f"{files} | {order} | sed -n 1,{wish.limit}p" if order and wish.limit else ""


def _parts(wish: Wish, row: str, find: str, folder: str, kind: str) -> str:
    """How many files there are with each ending, or in each folder below."""
    paths = wish.group.values if wish.group else ()
    if kind == "extension":
        clear = all(re.search(r"[^/.][^/]*\.[^/.]+$", path) for path in paths)
        keys, split, place = [path.rpartition(".")[2] for path in paths], ".", "NF"
    else:
        clear = all(path.count("/") == 1 for path in paths)
        keys, split = [path.partition("/")[0] for path in paths], "/"
        place = str(folder.count("/") + 2)
    order = (
        tally_rows.sort_of(row, wish, [Measure()], keys) if row and clear and not wish.limit else ""
    )
    printed, options = tally_rows.print_row(row, {"{k}": "k", "{0}": "a[k]"})
    program = f"{{a[${place}]++}} END {{for (k in a) {printed}}}"
    awk = " ".join((f"awk -F{split}", *options, shlex.quote(program)))
    return f"{find} | {awk} | {order}" if order else ""
