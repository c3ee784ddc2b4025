"""The line that deletes the git tags which a prompt wants to be deleted, and no others."""

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from oi_deploy.agent import intents, words
from oi_deploy.agent.situation import Situation

_KEEP = re.compile(
    r"\b(?:keep|retain|preserve|leave|spare|stays?|remains?)\b"
    r"|\b(?:except|excluding|apart from|other than)\b"
    r"|(?:do not|don't|never) (?:delete|remove|touch)"
    r"|保留|留下|(?<![删清移])除了?(?=[ \w])|以外|之外"
    r"|(?:不要?|(?<!分)别|勿|不得|不能)(?:删|移|清|动)",
    intents.FLAGS,
)
_DELETE = re.compile(
    r"\b(?:delet|remov|prun|drop)\w*|\bclean(?:ing)?[ -]?up\b|\b(?:can|may|should|must) go\b"
    r"|删除|删掉|移除|清理|清除",
    intents.FLAGS,
)
# What else can be deleted.
_ELSE = re.compile(
    r"\b(?:files?|folder|section|entry|entries|lines?)\b|文件|目录|行", intents.FLAGS
)
_TAG = re.compile(r"[\w*][\w.*+/-]*[\w*]", re.ASCII)
_BEGINS = re.compile(
    r"(?:(?:begin|start)(?:s|ning|ing)? with|\bprefix)\s+[`'\"]?(?P<start>[\w./-]*[\w./-])"
    r"[`'\"]?(?![\w*])|[`'\"]?(?<![\w./-])(?P<zh>[\w./-]+)[`'\"]?\s*(?:开头|打头)|(?<![\w./-])(?P<bare>\w[\w.]*[-/])(?![\w*/.-])",
    re.ASCII,
)
_ABOUT = re.compile(r"git[- ]?tags?|release tags?|\btags\b|标签", intents.FLAGS)
_NEWEST = re.compile(
    rf"(?:newest|latest|last|most recent|最新|最近)的?\s*(?P<n>{intents.numbers()})(?![\w.])"
    rf"|(?<![\w.])(?P<m>{intents.numbers()})\s*个?(?:newest|latest|last|most recent|最新|最近)",
    intents.FLAGS,
)
# A number alone is an age or a year.
_LIMIT = r"(?:v\d(?:[\w.]*\w)?|\d+\.[\w.]*\w)"
_OLDER = re.compile(
    rf"(?:older than|before|below|prior to|早于|低于)\s*(?P<after>{_LIMIT})(?![\w-])"
    rf"|(?<![\w.-])(?P<before>{_LIMIT})\s*(?:之前|以前|以下)",
    intents.FLAGS,
)
# A day before which tags with a date in their name go.
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = rf"(?:{'|'.join(_MONTHS)})[a-z]*"
_DATE = (
    r"(?P<year>20\d\d)[-./]?(?P<month>0[1-9]|1[0-2])(?:[-./]?(?P<day>[0-3]\d))?(?![\d.])"
    rf"|(?P<d1>[0-3]?\d)(?:st|nd|rd|th)?(?:\s+of)?\s+(?P<m1>{_MONTH}),?\s+(?P<y1>20\d\d)"
    rf"|(?P<m2>{_MONTH})\s+(?:(?P<d2>[0-3]?\d)(?:st|nd|rd|th)?,?\s+)?(?P<y2>20\d\d)"
    r"|(?P<y3>20\d\d)\s*年\s*(?P<m3>[01]?\d)\s*月(?:\s*(?P<d3>[0-3]?\d)\s*[日号])?"
)
_BEFORE_DAY = re.compile(
    rf"(?:\b(?:older than|before|prior to|earlier than)\s+(?:the )?|[早先]于\s*)(?:{_DATE})",
    intents.FLAGS,
)
_DAY_BEFORE = re.compile(rf"(?:{_DATE})\s*(?:之前|以前)", intents.FLAGS)
_DAY = re.compile(r"(?<!\d)(20\d\d)[-._]?(0[1-9]|1[0-2])[-._]?([0-3]\d)(?!\d)")
_TOLD = re.compile(
    r"\b(?:is|are|was|were|has|have|had|must|should|may|can|will|needs?|uses?|used|belongs?|points?"
    r"|marks?|means?|works?)\b|n't\b|是|用|属于|指向|对应|需要",
    intents.FLAGS,
)
_RELEASES = re.compile(r"\brelease|\bversion|\bold\b|发布|版本|旧", intents.FLAGS)
_OTHERS = re.compile(
    r"\b(?:others?|rest|everything else|all|older(?! than))\b|其[他它余]|剩下|全部|所有",
    intents.FLAGS,
)


# Those that are deleted are to be written down.
_LISTED = re.compile(
    r"\b(?:names?|list)\b[^.;]{0,24}\b(?:deleted|removed) (?:(?:git )?tags?|ones)\b"
    r"|\b(?:deleted|removed) (?:git )?tags?(?:'s?)? names?\b"
    r"|\btags? (?:that )?(?:were |you )?(?:deleted|removed)\b"
    r"|(?:删除?|删掉|清理)(?:掉)?了?的(?:git\s*)?(?:标签|tag)",
    intents.FLAGS,
)


def delete(world: Situation) -> Iterable[str]:
    """`git tag -d` with the names, if the prompt says which, and the file that lists them."""
    # "nightly-2025..." means all that begin so, and so does "nightly-".
    text = re.sub(r"(?<=[\w-])(?:\.{3}|…)", "*", words.plain(world.ask.text, world.ask.registry))
    # "nightly-YYYYMMDD" does, too.
    text = re.sub(r"(?<=[\w-])(?:Y{2,4}|M{2}|D{2})+(?![\w*])", "*", text)
    text = _BEGINS.sub(lambda it: f"{it['start'] or it['zh'] or it['bare']}*", text)
    about = world.ask.expect == "none" and _ABOUT.search(text)
    if about and (names := unwanted(text, world.repository.tags)):
        if (file := world.new_file) and _LISTED.search(world.ask.text):
            yield f"for t in {' '.join(sorted(names))}; do echo $t; done > {file}"
        yield f"git tag -d {' '.join(names)}"


def unwanted(text: str, tags: Sequence[str]) -> list[str]:
    """The tags that a text wants to be deleted; none if it does not say which for certain.

    Args:
        text: the task, without references to images.
        tags: all of the repository, in any order.
    """
    # Others are allowed too, and would be more than a name in a line of shell.
    tags = [tag for tag in tags if re.fullmatch(r"\w[\w.+/-]*", tag, re.ASCII)]
    older = _OLDER.search(text)
    spoken = _spoken(_OLDER.sub(" ", text), tags)
    keep, gone = spoken.keep, set(spoken.gone)
    others = [tag for tag in tags if _version(tag) and tag not in keep]
    if not spoken.asked:
        return []
    # "Of the nightly-* tags, keep the three newest and delete the others."
    kinds = {word for word in _TAG.findall(text) if word.endswith("*")}
    if spoken.newest and len(kinds) == 1 and not older:
        family = sorted(fnmatch.filter(tags, kinds.pop()), key=_in_order)
        return [tag for tag in tags if tag in family[: -spoken.newest]]
    if older:
        limit = _version(older["after"] or older["before"])
        gone |= {tag for tag in others if _version(tag) < limit}
    elif not gone and spoken.newest:
        gone |= set(sorted(others, key=_version)[: -spoken.newest])
    elif not gone and keep and spoken.others:
        gone |= set(others if _RELEASES.search(text) else tags)
    if day := _limit(text):
        # What is newer stays, and is of the same pattern; one that is named itself stays as well.
        named = keep.intersection(_TAG.findall(text))
        gone, keep = {tag for tag in gone | keep if "" < _day(tag) < day}, named
    return [tag for tag in tags if tag in gone - keep]


def _limit(text: str) -> str:
    """The day before which tags are to go, as 20260131; empty if the text says none."""
    match = _BEFORE_DAY.search(text) or _DAY_BEFORE.search(text)
    if not match:
        return ""
    year = match["year"] or match["y1"] or match["y2"] or match["y3"]
    month = match["month"] or match["m1"] or match["m2"] or match["m3"]
    number = int(month) if month.isdecimal() else _MONTHS.index(month[:3].lower()) + 1
    day = int(match["day"] or match["d1"] or match["d2"] or match["d3"] or 1)
    return f"{year}{number:02}{day:02}"


def _day(tag: str) -> str:
    return "".join(match.groups()) if (match := _DAY.search(tag)) else ""


@dataclass
class _Spoken:
    """What a text says about tags: those to keep and to delete, and in which words.

    Attributes:
        keep: names of tags.
        gone: likewise.
        asked: whether any is to be deleted.
        newest: how many of the newest are to be kept; 0 if that is not said.
        others: whether the others are to be deleted.
    """

    keep: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    asked: bool = False
    newest: int = 0
    others: bool = False


def _spoken(text: str, tags: Sequence[str]) -> _Spoken:
    """What a text says about tags.

    What a clause says holds for the names in it; one that says nothing goes with the one before it
    in its sentence, else with the one after it.
    """
    said = _Spoken()
    for sentence in re.split(r"。|\n\s*\n|\.(?=\s|$)", text):
        current, waiting, told = None, set[str](), set[str]()
        about = bool(_ABOUT.search(sentence) or _names(sentence, tags))
        for clause in _parts(sentence):
            # Without "do not delete", which is no wish to delete.
            keeps = bool(_KEEP.search(clause))
            deletes = about and _DELETE.search(_KEEP.sub(" ", clause)) and not _ELSE.search(clause)
            said.asked |= bool(deletes)
            said.others |= bool((deletes or keeps) and _OTHERS.search(clause))
            if keeps and (newest := _NEWEST.search(clause)):
                said.newest = intents.number(newest["n"] or newest["m"]) or 0
            if keeps or deletes:
                current = said.keep if keeps else said.gone
                current |= waiting if _names(clause, tags) else waiting | told
                waiting, told = set(), set()
            elif _DELETE.search(clause):
                current = set()
            names = _names(clause, tags)
            if current is None:
                (waiting if _is_list(clause) else told).update(names)
            elif keeps or deletes or _is_list(clause):
                current |= names
    return said


def _names(text: str, tags: Sequence[str]) -> set[str]:
    words = [word for word in _TAG.findall(text) if re.search(r"[A-Za-z0-9]", word)]
    return {tag for word in words for tag in fnmatch.filter(tags, word)}


def _is_list(clause: str) -> bool:
    """Whether a clause goes on with a list of names; one that tells something may say anything."""
    return _TOLD.search(clause) is None


def _parts(sentence: str) -> list[str]:
    """Clauses, and what stands on either side of the second of two wishes in one."""
    found: list[str] = []
    sentence = re.sub(r"\([^()]*\)", lambda it: re.sub(r"[,,、;;:]", " ", it[0]), sentence)
    for clause in re.split(r"[,,、;;:]|\b(?:and|but|then)\b|并且?|然后", sentence):
        second = _DELETE.search(clause)
        kept = _KEEP.search(clause)
        place = max(second.start(), kept.start()) if second and kept else 0
        # "do not delete" is one wish.
        if second and kept and not kept.start() <= second.start() < kept.end():
            found += [clause[:place], clause[place:]]
        else:
            found.append(clause)
    return found


def _in_order(tag: str) -> list[tuple[int, str]]:
    """A key by which numbers in a name count as numbers."""
    return [(int(it), "") if it.isdecimal() else (0, it) for it in re.split(r"(\d+)", tag)]


def _version(tag: str) -> tuple[tuple[int, ...], bool] | tuple[()]:
    """The numbers of a version, and whether it is a release; empty for a tag that is no version."""
    match = re.fullmatch(r"[vV]?(\d+(?:\.\d+)*)([-+].*)?", tag)
    return (tuple(int(part) for part in match[1].split(".")), not match[2]) if match else ()
