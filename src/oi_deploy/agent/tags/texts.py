"""What a prompt says of a tag as it is to stand there: its beginning, its end, or all of it."""

import re

from oi_deploy.agent import intents
from oi_deploy.agent.tags import words as tag_words

_Q = f"[{tag_words.QUOTES}]?"
_NO_AFFIXES = frozenset(
    {"the", "it", "this", "that", "an", "our", "as", "is", "with", "short", "current"}
)
_NO_TAGS = frozenset(
    {"as-is", "it", "the", "usual", "image", "commit", "head", "git", "docker", "name", "k8s"}
)
_AFFIX = rf"{_Q}(?P<{{0}}>[A-Za-z0-9_.-]+){_Q}"
_PREFIX = re.compile(
    r"(?:prefix(?:ed)?(?: (?:it|this|that|them|the (?:tag|hash|sha|version|date)))?"
    r"(?: (?:with|by|of|is|should be|must be))?|(?:starts?|begins?|starting|beginning) with)"
    rf"(?: the)?[\s:=]*{_AFFIX.format('a')}"
    rf"|前缀(?:统一|固定|都)?(?:是|为|用|加)?[\s:]*{_AFFIX.format('b')}"
    rf"|[以用]\s*{_AFFIX.format('c')}\s*(?:开头|打头|起头|为前缀|[作做]为?前缀)"
    rf"|(?:前面?|开头|最前面)(?:要|再|请)?(?:加上?|带上?|是)(?:一?个)?(?:前缀)?[\s:]*{_AFFIX.format('d')}"
    rf"|(?:with|have|has|add|put)\s+(?:an? |the )?+{_AFFIX.format('e')}\s+"
    r"(?:as (?:an? |the |its )?prefix|prefix|in front|before|at the (?:start|beginning|front))"
    rf"|(?:加|带)上?\s*{_AFFIX.format('f')}\s*(?:作为?|这个|的)?前缀",
    intents.FLAGS,
)
_SUFFIX = re.compile(
    r"(?:suffix(?:ed)?(?: (?:it|this|that|them|the (?:tag|hash|sha|version|date)))?"
    r"(?: (?:with|by|of|is|should be|must be))?|(?:ends?|ending) (?:with|in)"
    r"|followed by(?=\s*[`\"'“]?[-._]))"
    rf"(?: the)?[\s:=]*{_AFFIX.format('a')}"
    rf"|后缀(?:统一|固定|都)?(?:是|为|用|加)?[\s:]*{_AFFIX.format('b')}"
    rf"|[以用]\s*{_AFFIX.format('c')}\s*(?:结尾|收尾|为后缀|[作做]为?后缀)"
    rf"|(?:后面?|结尾|末尾|最后)(?:要|再|请)?(?:加上?|带上?|跟上?|是)(?:一?个)?(?:后缀)?[\s:]*{_AFFIX.format('d')}"
    rf"|(?:with|have|has|add|put|append)\s+(?:an? |the )?+{_AFFIX.format('e')}\s+"
    r"(?:as (?:an? |the |its )?suffix|suffix|(?:at|to) the end|(?:at the )?back|appended)"
    rf"|\bappend(?:ed|ing)?\s+{_AFFIX.format('f')}"
    rf"|(?:加|带)上?\s*{_AFFIX.format('g')}\s*(?:作为?|这个|的)?后缀",
    intents.FLAGS,
)  # fmt: skip
_LITERAL = re.compile(
    r"(?:\btag(?:ged)?(?: (?:it|them|this|the image))?(?: (?:as|with|to|is|be|should be|must be))?"
    r"(?: the)?(?: tag)?(?: version(?: number)?)?"
    r"|(?:标签|\btag\s*(?=[就统固直为是用成叫打取设写都均]))(?:就|统一|固定|直接|都|均|一律)?"
    r"(?:为|是|用|成|叫|打成|打上|取|设为|设成|写)?(?:版本号?)?|打上标签"
    r"|版本号?(?:定|写|填|改)[为成]?|\bcall(?:ed)? (?:it|this)(?!.*\btag)"
    r"|(?:打|打成|命名为)(?=\s*[`\"'“「])|(?P<as>\bas(?! with\b)))"
    r"(?P<sure>[ :=]*[`\"'“「]|\s*[:=]\s*)?\s*(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]*)"
    r"(?P<end>[`\"'”」]?\s*"
    r"(?:[,;)/。]|$|的?\s*(?:标签|tag)|\band\b|\bthen\b|并|然后|再))?", intents.FLAGS,
)  # fmt: skip
_LITERAL_AS_TAG = re.compile(
    r"(?:\buse|\bgive it|\bset|用|[打补加贴]上?(?:一?个)?|以)(?P<as>(?!))?"
    r"(?P<sure>\s*[`\"'“「])?\s*"
    r"(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]*)[`\"'”」]?\s*"
    r"(?P<end>as (?:the |its |an? |image )*tag|[作做]?为?(?:镜像)?的?(?:这个)?标签)",
    intents.FLAGS,
)
_LITERAL_WORDS = {
    "latest",
    "stable",
    "edge",
    "canary",
    "nightly",
    "prod",
    "production",
    "staging",
}
# What was, or is to be replaced.
_OLD = re.compile(
    r"\b(?:replac\w+|starts? with|old|previous|current(?:ly)?|existing|present|former|was|had)\b"
    r"|\b(?:runs?|running)\b"
    r"|旧|老(?!规矩)|当前|目前|现在|现有|之前|以前|上一?[个版次]|原来|原先|线上|替换|代替",
    intents.FLAGS,
)

_OLD_AFTER = re.compile(
    rf"{_Q}\s*(?:was|is (?:the )?(?:old|current|live|wrong|bad|broken|taken)|already|exists|有问题"
    r"|已|的旧|是旧|在线上|是线上)",
    intents.FLAGS,
)

_TAG_IS = re.compile(
    r"\btag(?: name)?`?\s*(?:[:=]|\b(?:is|should be|must be|will be|shall be)\b)|标签\s*[:=为是]",
    intents.FLAGS,
)
_OF_COMMIT = re.compile(r"commit|revision|\bgit\b|\brev\b|\bhead\b|提交", intents.FLAGS)


def is_usual(word: str) -> bool:
    """Whether a word is one that tags are often called."""
    return word.lower() in _LITERAL_WORDS


def affixes(text: str) -> tuple[str, str, str]:
    """A text without what it says about a prefix and a suffix, and these."""
    found: list[str] = []
    for pattern, is_prefix in ((_PREFIX, True), (_SUFFIX, False)):
        affix = ""
        for match in pattern.finditer(text):
            if affix := _affix(match, text, is_prefix=is_prefix):
                text = f"{text[: match.start()]} , {text[match.end() :]}"
                break
        found.append(affix)
    return text, found[0], found[1]


def _affix(match: re.Match[str], text: str, *, is_prefix: bool) -> str:
    group = match.lastgroup or ""
    word = match[group]
    start, end = match.span(group)
    quoted = text[start - 1 : start] in tag_words.QUOTES and text[end : end + 1] in tag_words.QUOTES
    edge = word[-1:] if is_prefix else word[:1]
    if quoted or edge in "-_." or re.fullmatch(r"[A-Za-z]", word):
        return "" if word.lower() == "a" else word
    # A word alone could be any: it must be all that is said there.
    alone = re.match(r"\s*(?:$|[^\sA-Za-z0-9]|(?:and|then|followed)\b)", text[match.end() :])
    if not alone or tag_words.KIND.fullmatch(word) or word.lower() in _NO_AFFIXES:
        return ""
    return f"{word}-" if is_prefix else f"-{word}"


def whole(text: str) -> str:
    """The tag that stands in a text as it is."""
    for match in (*_LITERAL.finditer(text), *_LITERAL_AS_TAG.finditer(text)):
        tag = match["tag"].rstrip(".-")
        clause = re.split(r"[,;()/]|:(?=\s)", text[: match.start()])[-1]
        old = _OLD.search(clause) or _OLD_AFTER.match(text, match.end("tag"))
        is_path = text[match.end("tag") :].startswith("/")
        if tag and not old and not is_path and _is_meant(tag, match):
            return tag
    return ""


def says_another(text: str) -> bool:
    """Whether a text in which no tag was understood says one all the same: `tag: <something>`.

    Whatever speaks of the commit means its hash.
    """
    for match in _TAG_IS.finditer(text):
        before = re.split(r"[,;()/]", text[: match.start()])[-1]
        said = re.split(r"[,;]|\s/\s", text[match.end() :])[0]
        if not (_OLD.search(before) or _OF_COMMIT.search(said)) and re.search(r"\w", said):
            return True
    return False


def _is_meant(tag: str, match: re.Match[str]) -> bool:
    number = re.fullmatch(r"v\d[\w.-]*|\d[\w-]*\.[\w.-]*", tag)
    if tag.lower() in _LITERAL_WORDS or number:
        return True
    # "as 3 replicas" is none, "tag 3" is one.
    if match["as"]:
        return bool(match["sure"]) and match["end"] is not None
    if re.fullmatch(r"v?\d[\w.-]*", tag):
        return True
    # A word is one if nothing else could be meant by it.
    quoted = any(sign in tag_words.QUOTES for sign in (match["sure"] or "").strip())
    chinese = not match[0].isascii()
    odd = bool(re.search(r"[-_\d]", tag)) or chinese or quoted
    return (
        odd
        and match["end"] is not None
        and not (tag_words.KIND.search(tag) or tag.lower() in _NO_TAGS)
    )
