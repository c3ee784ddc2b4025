"""Complete command lines for a table with a row for each file of a folder: name, size, lines."""

import re
from collections.abc import Iterable

from oi_deploy.agent import intents
from oi_deploy.agent.chores import fields
from oi_deploy.agent.named import folders
from oi_deploy.agent.situation import Situation

_EACH = re.compile(
    r"\b(?:every|each|all|per)\b(?:[^.;\n]|\.\w){0,24}\bfiles?\b"
    r"|\b(?:row|line) (?:per|for each|for every) file\b"
    r"|(?:每个|每一个|各个?|所有|全部)(?:的)?\s*[`*]?\.?\w*[`]?\s*(?:日志)?文件"
    r"|文件[^。;\n]{0,6}(?:各|每个)?一行",
    intents.FLAGS,
)
_ENDING = re.compile(
    r"(?<![\w)])[*]?\.(?P<ending>log|txt|csv|md|json|ya?ml|conf|sql|py|js)\b", intents.FLAGS
)
_HEADS = re.compile(
    r"(?:\bcolumns?\b(?: headers?)?|列|表头)\s*"
    r"(?:\b(?:are|is|be|named|called)\b|分别|依次|为|是)*\s*:?\s*(?P<heads>[^.。;\n]+?)"
    r"(?=\s*(?:[.;:。\n]|$|,?\s*\b(?:for|to|into|one|sorted)\b|,\s*(?:每|写|保存|按|之后|然后|接着|其余)"
    r"|,?\s*\S+/\s*下))",
    intents.FLAGS,
)
_LEVELS = "TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL"
_LEVEL = re.compile(rf"(?<![A-Za-z])(?:{_LEVELS})(?![A-Za-z])")
_AT = re.compile(
    rf"第\s*(?P<zh>{intents.numbers()})\s*(?:列|个?字段)"
    rf"|\b(?P<en>first|second|third|fourth|fifth|(?:{intents.numbers()})(?:st|nd|rd|th))"
    r" (?:column|field|word)",
    intents.FLAGS,
)
# The word may stand anywhere in the line.
_ANYWHERE = re.compile(r"含|出现|\bcontain|\bwith (?:the word )?[A-Z]", re.ASCII)
_ORDINALS = ("first", "second", "third", "fourth", "fifth")
_MOST_FIRST = re.compile(
    r"\b(?:most|highest|largest|biggest)\b[^.;]{0,24}\bfirst\b|\bdescending\b"
    r"|从[多高大]到[少低小]|[多大高]的?(?:在|排)?最?前|降序|倒序",
    intents.FLAGS,
)
# The line below the table: "Total: N".
_TOTAL = re.compile(
    r"[`\"“'「:]\s*(?P<label>[^`\"“”'「」:\n]{0,16}(?:\btotal\b|合计|总计|总数|共计)[^`\"“”'「」:\n]{0,16}:\s?)\s*"
    r"(?:<?[Nn]>?|<[\w ]+>|\d+|[xX])(?![A-Za-z0-9])(?P<unit>\s?(?:字节|行|bytes|lines)(?!\w))?",
    intents.FLAGS,
)
# The sums as the last row of the table.
_TOTAL_ROW = re.compile(
    r"\b(?:last|final|bottom) (?:row|line)\b[^.;\n]{0,24}?[`\"“]?(?P<en>\btotals?)\b"
    r"|(?:最后|末尾)(?:加|写|是|用)?一行[^。;\n]{0,6}?[`\"“「]?(?P<zh>合计|总计|共计)",
    intents.FLAGS,
)
_SAYS_TOTAL = re.compile(r"\btotals?\b|\bsum\b|合计|总计|总数|共计", intents.FLAGS)
_BELOW = re.compile(
    r"\b(?:including|with) (?:all )?(?:its |the )?(?:sub-?folders|sub-?directories)|\brecursive"
    r"|(?:包括|包含|含)(?:各级|所有)?子(?:目录|文件夹)|递归",
    intents.FLAGS,
)
_PATHS = re.compile(r"\bpaths?\b|路径", intents.FLAGS)


def lines(world: Situation) -> Iterable[str]:
    """A Markdown table or comma-separated rows."""
    text, file = world.ask.text, world.new_file
    inside = [it for it in world.mentioned if it in folders(world.repository.files)]
    if world.ask.expect != "none" or not file or len(inside) != 1:
        return
    if not _EACH.search(" ".join(text.split())):
        return
    ending = _ENDING.search(text.replace(file, " "))
    pattern = f"*.{ending['ending']}" if ending else "*"
    glob = f"{inside[0]}/{pattern}"
    found = [it for it in world.repository.files if it.startswith(f"{inside[0]}/")]
    if _BELOW.search(text):
        # In the order of the names: the shell's own has the deeper ones last.
        glob = f"$(find {inside[0]} -name '{pattern}' -type f | sort)"
    else:
        deeper = [it for it in found if it.rpartition("/")[0] != inside[0]]
        found = [it for it in found if it not in deeper]
        # A folder is no file.
        glob = glob if ending or not deeper else f"$(find {glob} -maxdepth 0 -type f)"
    heads = _heads(text)
    values = [_value(head, text) for head in heads]
    if not (found and heads and all(values)) or any(re.search(r"\s", it) for it in found):
        return
    below, row = _TOTAL.search(text), _TOTAL_ROW.search(text)
    total = below or row
    if _SAYS_TOTAL.search(text) and not total:
        return
    sorted_by = next(
        (
            place
            for place, it in enumerate(values, 1)
            if it != _name(text) and _is_sorted_by(heads[place - 1], text)
        ),
        0,
    )
    if _MOST_FIRST.search(text) and not sorted_by:
        return
    sort = f" | sort -k{sorted_by},{sorted_by}nr -k1,1" if sorted_by else ""
    label, unit = "", ""
    if below:
        label, unit = below["label"], below["unit"] or ""
    elif row:
        label = row["en"] or row["zh"]
    numbers = [place for place, it in enumerate(values, 1) if it != _name(text)]
    if below:
        numbers = _summed(f"{label}{unit}", heads, numbers, text)
    form = _form(file, heads, (label, unit), numbers, row=not below)
    yield f"for f in {glob}; do echo {' '.join(values)}; done{sort} | {form} > {file}"


# "A row per file (name, size in bytes, errors)".
_ROW_OF = re.compile(
    r"\b(?:row|line) (?:per|for each|for every)\b(?:[^.;()]|\.\w){0,24}\((?P<heads>[^()]+)\)"
    r"|(?:每个|各)[^。;()]{0,12}一行\((?P<heads_zh>[^()]+)\)",
    intents.FLAGS,
)
# "The head is: file | size | lines" within a sentence.
_HEAD_ROW = re.compile(
    r"(?:表头|\bhead(?:er|ing)?s?)[^:\n|]{0,12}:\s*(?P<row>[^|,.;。\n]{1,24}(?:\|[^|,.;。\n]{1,24}){1,6})",
    intents.FLAGS,
)
# A column that is described: "its size in bytes", "how many lines of ERROR it has".
_DESCRIBED = re.compile(
    r"^(?:the|its|their|an?)\s+(?=\w+(?:'s)?\s)|^how many\s+"
    r"|\s+(?:it|each|the file) (?:has|contains)$",
    intents.FLAGS,
)


def _heads(text: str) -> list[str]:
    """The heads of the table, as the prompt lists them or shows them between bars."""
    shown = [
        line.strip().strip("|`").split("|")
        for line in (*text.splitlines(), *(it["row"] for it in _HEAD_ROW.finditer(text)))
        if line.count("|") > 1 and not _HEAD_ROW.search(line)
    ]
    told = (
        fields.LISTED.split(re.sub(r"\([^()]*\)", "", match["heads"]).strip())
        # A line of a list ends where it ends; a sentence goes on in the next one.
        for source in (text, " ".join(text.split()))
        for match in _HEADS.finditer(source)
    )
    rows = (
        fields.LISTED.split((match["heads"] or match["heads_zh"]).strip())
        for match in _ROW_OF.finditer(" ".join(text.split()))
    )
    for heads in (*shown, *told, *rows):
        plain = [_DESCRIBED.sub("", head.strip(" `'\"“”「」")).replace("'s", "") for head in heads]
        if len(plain) > 1 and all(re.fullmatch(r"[\w /()-]+", head) for head in plain):
            return plain
    return []


def _name(text: str) -> str:
    return "$f" if _PATHS.search(text) else "$(basename $f)"


def _value(head: str, text: str) -> str:
    """The word of shell that stands for a column; empty if it is not known."""
    level = _LEVEL.search(head)
    if level is None and re.fullmatch(r"errors?|错误数?", head, intents.FLAGS):
        level = _LEVEL.search(text)
    if level:
        counting = "index($0, w) {n++}" if _ANYWHERE.search(head) else _counting(text)
        return f"$(awk -v w={level[0]} '{counting} END {{print n+0}}' $f)"
    known = (
        (r"size|bytes?|大小|字节", "$(stat -c %s $f)"),
        (r"lines?|行数", "$(wc -l < $f)"),
        (r"file|name|path|文件|名|路径", _name(text)),
    )
    return next((word for said, word in known if re.search(said, head, intents.FLAGS)), "")


def _counting(text: str) -> str:
    """The part of awk that counts the lines of a level, in its column or where a level stands."""
    if match := _AT.search(text):
        said = (match["zh"] or match["en"]).lower()
        place = (
            _ORDINALS.index(said) + 1
            if said in _ORDINALS
            else intents.number(said.rstrip("strdnh"))
        )
        return f"${place} ~ w {{n++}}"
    return (
        f"{{for (i = 1; i <= NF; i++) if ($i ~ /^[[]?({_LEVELS})[]:]*$/) "
        "{n += index($i, w) > 0; next}}"
    )


def _is_sorted_by(head: str, text: str) -> bool:
    """Whether the sentence that says an order speaks of a column."""
    said = [it for it in intents.clauses(text) if _MOST_FIRST.search(it.text)]
    if re.search(r"bytes|size|字节|大小", head, intents.FLAGS) and any(
        re.search(r"\b(?:biggest|largest)\b|最?大的?文件", it.text, intents.FLAGS) for it in said
    ):
        return True
    words = [
        it for it in re.findall(r"[A-Za-z]+|[\u4e00-\u9fff]+", head) if it not in ("the", "of")
    ]
    # "errors" may be said as "lines of ERROR".
    words = [word.lower().removesuffix("s") for word in words]
    return any(word in it.text.lower() for it in said for word in words)


def _summed(label: str, heads: list[str], numbers: list[int], text: str) -> list[int]:
    """The column whose sum stands below the table."""
    if re.search(r"\bbytes\b|字节", label, intents.FLAGS):
        sizes = [it for it in numbers if re.search(r"\bbytes\b|size|字节|大小", heads[it - 1])]
        if sizes:
            return sizes[:1]
    said = next((it for it in intents.sentences(text) if label.strip() in it), "")
    named = [it for it in numbers if heads[it - 1] in said or heads[it - 1].split()[0] in label]
    return (named or numbers[-1:])[:1]


def _form(
    file: str, heads: list[str], total: tuple[str, str], summed: list[int], *, row: bool
) -> str:
    """The command that prints the rows, and the sums below them or as the last one."""
    label, unit = total
    csv = file.endswith(".csv")
    places = range(1, len(heads) + 1)

    def line(values: list[str]) -> str:
        return f"print {', '.join(values)}" if csv else f"print b, {', b, '.join(values)}, b"

    adds, end, said = "", "", ""
    if label:
        said = f" -v t='{label.rstrip()}{' ' if label.endswith(' ') else ''}'"
        said += f" -v u='{unit}'" if unit else ""
        adds = "".join(f"; n{place} += ${place}" for place in summed)
        sums = ["t", *(f"n{place}+0" if place in summed else "z" for place in places[1:])]
        end = (
            f" END {{{line(sums)}}}"
            if row
            else f" END {{print z; print t n{summed[0]}+0{' u' if unit else ''}}}"
        )
    rows = f"{{{line([f'${place}' for place in places])}{adds}}}{end}"
    if csv:
        return f"awk -v OFS=, -v h='{','.join(heads)}'{said} 'BEGIN {{print h}} {rows}'"
    head, rule = f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"
    return f"awk -v h='{head}' -v l='{rule}' -v b='|'{said} 'BEGIN {{print h; print l}} {rows}'"
