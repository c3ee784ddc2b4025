"""The values of a tag's parts: of the commit, a version, a branch, a day."""

import datetime
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from oi_deploy.agent import intents
from oi_deploy.agent.tags import words as tag_words
from oi_deploy.agent.tags.forms import Part
from oi_deploy.agent.versions import is_version_file

_Q = f"[{tag_words.QUOTES}]?"
_WITH_V = re.compile(
    rf"(?<![\w.]){_Q}v{_Q},?\s*"
    r"(?:\+|followed by|and the|plus|加上?|后面?[跟接]|前缀|prefix|in front)"
    r"|(?:prefix(?:ed)?(?: with| by)?|leading|前缀|字母|开头是?|前面?加上?)"
    r"(?: the letter)?(?: an?)?(?:一?个)?(?:小写)?(?:字母)?的?"
    rf"[\s:]*{_Q}v(?![\w.])|以\s*{_Q}v{_Q}\s*开头",
    intents.FLAGS,
)
WITHOUT_V = re.compile(
    # "Do not strip it" keeps it.
    r"(?:\bwithout|\bno\b|(?<!not )(?<!n't )(?<!never )"
    r"\b(?:strip|drop|remov|omit|minus|trim|cut|leav)\w*(?: (?:off|out|away))?)"
    rf" (?:the |its |a |any )?(?:leading |initial )?(?:letter )?{_Q}v\b(?!\.)"
    rf"|(?<!不要)(?<!不用)(?<!不能)(?<!别)(?<!勿)(?:去掉?|去除|不带|不要|不含|省略|删掉|除去|剥掉|没有|不加)(?:了|最)?(?:开头|前面|前缀|前导|字母|的)*"
    rf"\s*{_Q}v\b|\bv{_Q}\s*(?:要|都|请)?(?:去掉|去除|省略|删掉|不要)"
    r"|\b(?:images?|tags?) (?:\w+ )?(?:do|does|should|must|may|is|are)(?:n't| not| never) (?:to )?"
    r"(?:have|carry|contain|get|begin with|start with) (?:the |a |any )?v\b"
    r"|\bv\b[^/]{0,40}[./;]\s*(?:the |our )?(?:image )?(?:tag|image)s? (?:should|must|do|does|may)"
    r"(?:n't| not)\s*(?:[./,;]|$)"
    r"|\bleading v\b.{0,60}\b(?:drop|strip|remove|omit) (?:it|that)\b",
    intents.FLAGS,
)
_AFTER_SLASH = re.compile(
    r"(?:after|behind|following|follows) (?:the |its )?(?:last )?(?:slash|[`\"']?/)"
    r"|斜杠(?:之)?后|[`\"'“]?/[`\"'”]?\s*后面",
    intents.FLAGS,
)
_LENGTH = re.compile(
    r"\bfirst (?P<a>\w+) (?:hex )?(?:char|digit|letter|symbol)|\b(?P<b>\w+)[- ]?(?:char|digit)"
    r"|前 ?(?P<c>\d+|[六七八九十]) ?(?:位|个)"
    r"|(?P<d>\d+|[六七八九十]) ?位(?:的|长)?\s*(?:短|提交|哈希|sha|hash|commit)",
    intents.FLAGS,
)  # fmt: skip
_COMPACT = re.compile(
    r"(?:without|no) (?:any )?(?:separator|dash|hyphen)|\bcompact|digits only"
    r"|eight digits|\b8 digits"
    r"|[无没](?:有)?(?:分隔|横|连字)|不[带加含要]任?何?(?:分隔|短?横|连字|减号)"
    r"|纯数字|[8八] ?位(?:数字|日期)",
    intents.FLAGS,
)  # fmt: skip
_DAY = re.compile(tag_words.DAY, intents.FLAGS)
# What stands for the parts of a day, in a text in small letters.
_DAY_WORDS = {
    "yyyy": "%Y",
    "yy": "%y",
    "mm": "%m",
    "dd": "%d",
    "year": "%Y",
    "month": "%m",
    "day": "%d",
}
_SMALL = re.compile(r"lower[- ]?case|小写(?!字母)", intents.FLAGS)


@dataclass(frozen=True)
class Source:
    """Where a tag's value can come from.

    Attributes:
        commit: HEAD's abbreviated hash.
        full_commit: the whole hash.
        branch: the branch's name.
        git_tags: tags of HEAD.
        described: what `git describe --tags` says of HEAD.
        versions: versions by the file that says them.
        date: today in UTC, as 2026-01-31.
        commit_date: the day of the commit.
        count: how many commits lead to HEAD, itself among them.
        names: those of the programs that a prompt is about.
    """

    commit: str = ""
    full_commit: str = ""
    branch: str = ""
    git_tags: Sequence[str] = ()
    described: str = ""
    versions: Mapping[str, str] = ()  # type: ignore[assignment]
    date: str = ""
    commit_date: str = ""
    count: str = ""
    names: Collection[str] = ()


@dataclass(frozen=True)
class Said:
    """What values are read from: the prompt, what of it is about tags, and what there is."""

    prompt: str
    text: str
    source: Source


def _commit(part: Part, said: Said) -> str:
    """As many characters of the hash as are asked for, or git's own number of them."""
    length = _length("commit", said)
    return said.source.full_commit[:length] if length else said.source.commit


def _full_commit(part: Part, said: Said) -> str:
    """The whole hash, or as many characters of it as are asked for."""
    return said.source.full_commit[: _length("full commit", said) or None]


_NOT_SO_LONG = re.compile(r"(?:\bnot|n't|\bthan|\band|\bonly|不|别)[^,;。]{0,16}$", intents.FLAGS)


def _length(kind: str, said: Said) -> int:
    """How many characters of a hash are asked for; 0 if that is not said."""
    for match in tag_words.KIND.finditer(said.text):
        if tag_words.kind(match) == kind:
            around = said.text[max(0, match.start() - 12) : match.end() + 22]
            length = _LENGTH.search(around)
            count = intents.number(length[length.lastgroup or 0]) if length else None
            if length and _NOT_SO_LONG.search(around[: length.start()]):
                continue
            if count is not None and 4 <= count <= 40:
                return count
    return 0


def _version(part: Part, said: Said) -> str:
    """The version of the file that is named, or of the folder that the prompt is about."""
    known = dict(said.source.versions) if said.source.versions else {}
    names = tag_words.VERSION_FILE.findall(said.text)
    kinds = {tag_words.kind(it) for it in tag_words.KIND.finditer(said.text)}
    # "HEAD has a git tag; use the version in it."
    if not names and "git tag" in kinds and (of_git := _git_tag(part, said)):
        return of_git
    if not _OF_CHANGES.search(said.text):
        names = [it for it in names if not it.startswith("CHANGELOG")]
    named = [path for name in names for path in known if _is_called(path, name)]
    # A list of changes is asked only by its name.
    paths = (
        named
        if names
        else [it for it in known if is_version_file(it) and not it.endswith("CHANGELOG.md")]
    )
    if not paths and "CHANGELOG" in said.prompt:
        paths = [path for path in known if path.endswith("CHANGELOG.md")]
    near = [path for path in paths if _has_name(path.rpartition("/")[0], said.prompt)]
    exact = [path for path in paths if path in names]
    found = next((known[path] for path in (*near, *exact, *paths)), "")
    if _MAJOR_MINOR.search(said.text):
        found = ".".join(found.split(".")[:2])
    if _DOTS.search(said.text):
        found = found.replace(".", "-")
    return _v(found, part, said, asked=bool(_WITH_V.search(said.text)))


# A list of changes may be named for another reason.
_OF_CHANGES = re.compile(
    r"\b(?:in|from|of) (?:the |our )?[`'\"]?CHANGELOG"
    r"|CHANGELOG(?:\.md)?(?:'s)? (?:newest|latest|top\w*|last|first)\b"
    r"|CHANGELOG(?:\.md)?[`'\"]?\s*(?:里|中|里面)?的?(?:最新|最近|最后)?[^,。;]{0,6}(?:版本|发布)",
    intents.FLAGS,
)
_MAJOR_MINOR = re.compile(
    r"\bmajor(?:(?: and|/|,|\.| plus|-)\s?(?:the )?)minor\b(?!.{0,20}patch)|主版本号?[和、]次版本",
    intents.FLAGS,
)
_DOTS = re.compile(
    r"\b(?:hyphens?|dashes) (?:in place of|instead of|for) (?:the |its )?dots"
    r"|\bdots? (?:\w+ )?(?:replaced|turned|changed) (?:by|with|to|into) (?:hyphens?|dashes|-)"
    r"|点号?(?:都|全)?(?:换成|改成|替换[为成])\s*(?:短?横[线杠]?|连字符|减号|-)",
    intents.FLAGS,
)


def _is_called(path: str, name: str) -> bool:
    file = path.rpartition("/")[2]
    return path == name or path.endswith(f"/{name}") or file.partition(".")[0] == name != file


def _has_name(folder: str, text: str) -> bool:
    """Whether a text has a folder's path, or the last name of it."""
    words = "|".join(re.escape(name) for name in (folder, folder.rpartition("/")[2]) if name)
    return bool(words) and bool(re.search(rf"(?<![\w-])(?:{words})(?![\w-])", text, re.ASCII))


def _git_tag(part: Part, said: Said) -> str:
    """HEAD's tag; what stands before a slash in it, which no image's tag has, is left out."""
    tags = said.source.git_tags
    near = [tag for tag in tags if _has_name(tag.rpartition("/")[0], said.prompt)]
    # Beside that of a version, another one is for something else.
    near = near or [tag for tag in tags if re.fullmatch(r"v?\d+(?:\.\d+)+(?:-[\w.]+)?", tag)]
    found = next(reversed(near or tags), "").rpartition("/")[2]
    if not found and re.search(r"\bgit[- ]describe\b", said.prompt):
        found = said.source.described.rpartition("/")[2]
    return _v(found, part, said, asked=False)


def _v(version: str, part: Part, said: Said, *, asked: bool) -> str:
    """A version with the `v` that is asked for, or that an example has, and without another."""
    if WITHOUT_V.search(said.text) or (part.kind == "git tag" and part.example[:1].isdigit()):
        return re.sub(r"^v(?=\d)", "", version)
    wanted = asked or (part.kind == "version" and part.example.startswith("v"))
    return f"v{version}" if wanted and version[:1].isdigit() else version


def _branch(part: Part, said: Said) -> str:
    """The branch's name with what a tag cannot have replaced, and as it is to be written."""
    name = said.source.branch
    if _AFTER_SLASH.search(said.text):
        name = name.rpartition("/")[2]
    slashes = tag_words.SLASHES.search(said.text)
    sign = _sign(slashes[slashes.lastgroup or 0]) if slashes else "-"
    clean = re.sub(r"[^A-Za-z0-9_.-]+", sign, name).strip("-.")
    return clean.lower() if _SMALL.search(said.text) else clean


def _sign(word: str) -> str:
    """The character that a word for one stands for."""
    return tag_words.joint(f" {word.strip(tag_words.QUOTES)} ", "." if "点" in word else "-")


def _date(part: Part, said: Said) -> str:
    """The day as an example has it, or as a text says; else as in 2026-01-31."""
    date = said.source.date
    if _OF_COMMIT.search(said.text):
        date = said.source.commit_date
    if not date:
        return ""
    shown = re.match(r"20\d\d([-._]?)", part.example)
    written = _DAY.search(said.text)
    if shown:
        form = f"%Y{shown[1]}%m{shown[1]}%d"
    elif part.example:
        form = "%y%m%d"
    elif written:
        form = written[0] if "%" in written[0] else _day_form(written[0].lower())
    else:
        form = "%Y%m%d" if _COMPACT.search(said.text) else "%Y-%m-%d"
    return datetime.date.fromisoformat(date).strftime(form)


_OF_COMMIT = re.compile(
    r"\b(?:commit(?:'s|ter)? (?:date|day)"
    rf"|(?:dates?|{tag_words.DAY}) of (?:the |this |that |its )?"
    r"(?:current |head(?:'s)? )?commit)\b"
    r"|\bday (?:of|on which) (?:the |this |head's )?commit"
    r"|(?:提交|commit)\s*(?:的|那天的?)?(?:日期|日子)",
    intents.FLAGS,
)


def _day_form(written: str) -> str:
    """YYYY.MM.DD, for `strftime`."""
    return re.sub("|".join(_DAY_WORDS), lambda match: _DAY_WORDS[match[0]], written)


VALUES: Mapping[str, Callable[[Part, Said], str]] = {
    "literal": lambda part, said: part.text,
    "unknown": lambda part, said: "",
    "count": lambda part, said: said.source.count,
    "commit": _commit,
    "full commit": _full_commit,
    "branch": _branch,
    "date": _date,
    "version": _version,
    "git tag": _git_tag,
}
