"""Which tag a prompt asks for, as text that stands in a complete command line."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oi_deploy.agent import intents

_HASH = (
    r"(?:short|abbreviated|commit|git)?[- ]?(?:commit )?(?:sha|hash)|短\s*sha|短?哈希|提交号|sha\b"
)
_PARTS = {
    "branch": r"branch(?:'s)?(?: name)?|分支名?",
    "date": r"date|today|日期|今天",
    "version": r"version(?: number)?|版本号?",
    "commit": _HASH,
}
_FULL = re.compile(
    r"(?:full|long|whole|complete) (?:commit )?(?:sha|hash)|完整的?(?:哈希|提交)", intents.FLAGS
)
_TAGGING = re.compile(
    r"tag|标签|版本号|\bversion(?:ed)? (?:from|in|by|as)|\bnamed? after\b|命名", intents.FLAGS
)
_GIT_TAG = re.compile(
    r"git[- ]?(?:tag|标签)|tag of (?:the|this) (?:current )?commit", intents.FLAGS
)
_VERSION_FILE = re.compile(
    r"(?<![\w/.-])(?:[\w.-]+/)*(?:VERSION|version\.txt|[\w-]+\.(?:json|toml))\b",
    re.ASCII,
)
_QUOTE = r"[`\"'“”]?"
_WITH_V = re.compile(
    rf"(?<![\w.]){_QUOTE}v{_QUOTE}\s*(?:\+|followed by|加上?|后面?跟|前缀|prefix|in front)"
    r"|(?:prefix(?:ed)?(?: with| by)?|leading|前缀|字母|开头是?)(?: the letter)?(?: an?)?\s*"
    rf"{_QUOTE}v(?![\w.])",
    intents.FLAGS,
)
_JOINT = re.compile(
    r"\bhyphen\b|\bdash\b|减号|连字符|短横|(?P<low>\bunderscore\b|下划线)", intents.FLAGS
)
_LITERAL = re.compile(
    r"(?:\btag(?:ged)?(?: it)?(?: as| with| to| is)?(?: the tag)?"
    r"|标签(?:为|是|用|成|打成|打上)?|打上标签|\bas)"
    r"[ :=]*[`\"'“「]?(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]*)", intents.FLAGS,
)  # fmt: skip
_LITERAL_WORDS = {"latest", "stable", "edge", "canary", "nightly", "prod", "production", "staging"}


@dataclass(frozen=True)
class Source:
    """Where a tag's value can come from.

    Attributes:
        commit: HEAD's abbreviated hash.
        full_commit: the whole hash.
        branch: the branch's name.
        git_tags: tags of HEAD.
        versions: versions by the file that says them.
        date: today in UTC, as 2026-01-31.
    """

    commit: str = ""
    full_commit: str = ""
    branch: str = ""
    git_tags: Sequence[str] = ()
    versions: Mapping[str, str] = ()  # type: ignore[assignment]
    date: str = ""


def wanted(prompt: str, source: Source) -> str:
    """The tag that the prompt asks for: of what it says about tags, or else the commit's hash.

    Empty if the prompt asks for something that is not known here.
    """
    text = " / ".join(item for item in intents.sentences(prompt) if _TAGGING.search(item))
    if both := _joined(text, source):
        return both
    if _GIT_TAG.search(text):
        return source.git_tags[-1] if source.git_tags else ""
    if re.search(_HASH, text, intents.FLAGS):
        return source.full_commit if _FULL.search(text) else source.commit
    if found := _VERSION_FILE.search(text):
        version = _version(found[0], source)
        return f"v{version}" if version[:1].isdigit() and _WITH_V.search(text) else version
    if literal := _literal(text):
        return literal
    if re.search(_PARTS["date"], text, intents.FLAGS):
        return _date(text, source)
    if re.search(_PARTS["branch"], text, intents.FLAGS):
        return _clean(source.branch)
    if re.search(_PARTS["version"], text, intents.FLAGS) and source.versions:
        return next(iter(source.versions.values()))
    return source.commit


def _joined(text: str, source: Source) -> str:
    """Two parts with a hyphen or the like between them: `branch-sha`."""
    part = "|".join(f"(?P<{name}_{{0}}>{pattern})" for name, pattern in _PARTS.items())
    joint = r"(?P<joint>[-_.+]|[和与加]|\band\b|\bplus\b)"
    pattern = rf"(?:{part.format(1)})\s*{joint}\s*(?:the )?(?:{part.format(2)})"
    match = re.search(pattern, text, intents.FLAGS)
    if match:
        # The groups of the first part come first.
        names = [key[:-2] for key, value in match.groupdict().items() if value and key != "joint"]
        between = match["joint"] if match["joint"] in "-_." else "-"
    elif said := _JOINT.search(text):
        # "The version in the file, a hyphen, and then the hash": in the order in which they stand.
        places = {
            name: at.start()
            for name, words in _PARTS.items()
            if (at := re.search(words, text, intents.FLAGS))
        }
        names = sorted(places, key=lambda name: places[name])
        if len(names) != 2 or not places[names[0]] < said.start() < places[names[1]]:
            return ""
        between = "_" if said["low"] else "-"
    else:
        return ""
    values = {
        "branch": _clean(source.branch),
        "date": _date(text, source),
        "version": next(iter(source.versions.values()), "") if source.versions else "",
        "commit": source.commit,
    }
    found = [values[name] for name in names]
    return between.join(found) if len(found) == 2 and all(found) else ""


def _date(text: str, source: Source) -> str:
    if re.search(r"(?<!\d)20\d{6}(?!\d)|yyyymmdd|%Y%m%d", text, intents.FLAGS):
        return source.date.replace("-", "")
    dotted = re.search(r"20\d\d\.\d\d\.\d\d|yyyy\.mm\.dd|%Y\.%m\.%d", text, intents.FLAGS)
    return source.date.replace("-", ".") if dotted else source.date


def _clean(branch: str) -> str:
    """A branch's name with what a tag cannot have replaced."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", branch).strip("-.")


def _version(file: str, source: Source) -> str:
    if not source.versions:
        return ""
    exact = source.versions.get(file)
    same = [text for path, text in source.versions.items() if path.endswith(f"/{file}")]
    return exact or (same[0] if same else "")


def _literal(text: str) -> str:
    for match in _LITERAL.finditer(text):
        tag = match["tag"].rstrip(".-")
        # "as 3 replicas" is none, "tag 3" is one.
        number = (
            r"v\d[\w.-]*|\d[\w-]*\.[\w.-]*" if match[0].lower().startswith("as") else r"v?\d[\w.-]*"
        )
        if tag.lower() in _LITERAL_WORDS or re.fullmatch(number, tag):
            return tag
    return ""
