"""The form of a tag that a prompt describes in words: "the branch, a dot, and the short hash"."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from oi_deploy.agent import intents
from oi_deploy.agent.tags import words as tag_words

# What may stand between two parts without saying anything else.
_FILL = (
    r"\b(?:(?:that|which) (?:is|was) )?(?:currently )?checked[- ]out\b|\b(?:every|each|any)\b"
    r"|\b(?:in )?lower[- ]?cased?\b|\bas the (?:image )?tag\b|小写|"
    rf"'s\b|[\s,(){tag_words.QUOTES}:]|\b(?:the|an?|of|on|at|this|that|its|our|your|current|latest|in|from|file"
    r"|commit|head|git|utc|ci|single|character|sign|then|also|by|both|followed|it|with|comes?|goes"
    r"|finally|first|next|another|name|number|project|repository|repo|image|contents?)\b"
    r"|的|先|在前面?|在后面?|放前面?|放后面?|接着|依次|当前|这个|本次|里|中|文件|一个|又|把|用|是|面|边|提交|仓库|代码|项目|最新|以|对应|版本|名|号|内容"
)
_LINKS = (
    r"[-_.+]|\band\b|\bplus\b|\bappend(?:ed|ing)?\b|追加|\bthen\b"
    r"|\bfollowed by\b|[和与跟加接再后、]|上|拼接?|以及|" + "|".join(tag_words.JOINTS.values())
)
_LINK = re.compile(_LINKS, intents.FLAGS)
_BETWEEN = re.compile(rf"(?:{_LINKS}|{_FILL})*+", intents.FLAGS)
_COMMA = re.compile(rf"(?:{_FILL})*+", intents.FLAGS)
_JOINED = re.compile(
    r"\b(?:join|separat|connect|concatenat|link|glu|delimit|between)\w*\b|连接|相连|连起|连在|分隔|隔开|拼"
    r"|之间|中间",
    intents.FLAGS,
)
# A piece of text that is quoted, or that shows with a hyphen where the next part goes on.
_PIECE_OF_TEXT = re.compile(
    rf"[{tag_words.QUOTES}](?P<quoted>[\w.-]*[A-Za-z0-9][\w.-]*)[{tag_words.QUOTES}]"
    r"|\b(?:word|text|literal)s? (?P<word>[A-Za-z]\w*)\b"
    r"|(?:组成|字样|单词|文字)\s*:?\s*(?P<first>[A-Za-z]\w*)(?=\s*[、,])"
    r"|(?<![\w./-])(?P<number>v?\d+(?:\.\d+)+(?:-[\w.]+)?)(?![\w/]|\.\d)"
    r"|(?<![\w.-])(?P<before>[A-Za-z0-9]+[-_])(?![\w-])"
    r"|(?<![\w.-])(?P<after>[-_][A-Za-z0-9][\w.]*)",
    re.ASCII,
)
_QUOTED_END = re.compile(
    rf"(?<=[{tag_words.QUOTES}])\w[\w.]*[-_](?=[{tag_words.QUOTES}])"
    r"|(?<![\w.-])[A-Za-z]\w*[-_](?=\s*(?:[\u4e00-\u9fff+]|and\b|plus\b|then\b|followed\b))",
    re.ASCII,
)
_TAG = (
    r"\b(?:re)?tag(?:ged|s|ging)?\b|镜像标签|标签|版本号(?=[用为是取])"
    r"|\bversion(?:ed)?\b(?= (?:from|by|as|in))"
    r"|\bnamed? after\b|命名"
)
# A tag, and what it is to be.
_TO_BE = (
    r"[=:(]|\b(?:it|as|with|to|be|is|equals?|uses?|using|from|by|after|consists?|made|derived|taken|set"
    r"|format|scheme|pattern)\b|就|采用|用|为|是|取自?|来自|打成|打上|成|由|以|叫|格式|规则|形式|写法|组成"
)
_ANCHOR = re.compile(
    rf"(?:{_TAG})(?P<said>(?:{_TO_BE}|[\s,<>{{}}{tag_words.QUOTES}]|\b(?:this|that|the|both|each|images?|them|should"
    r"|must|will|an?|current|of|just|only|our|its|new)\b|要|请|应该?|必须|统一|直接|只|仍|照|老规矩|还"
    r"|一律|设置?|当前|今|的|里|镜像)*+)$",
    intents.FLAGS,
)
_MOST_BEFORE = 120
_AS_TAG = re.compile(
    rf"(?:{_FILL})*(?:\b(?:as|for)\s+(?:(?:the|its|an?|image|image's|docker)\s+)*tag"
    # "…, the tag is": what it is follows.
    r"|[作做当]?为?(?:镜像)?的?标签(?!\s*(?:就|直接|采)?[用是为取叫:])|(?:来)?命名|作为?(?:镜像)?\s*tag|[做当]\s*tag)",
    intents.FLAGS,
)
# They speak of something else, unless it is said that the tag is to be this.
_ASIDE = re.compile(
    r"\b(?:up to|due|release|meeting|start|end|go-live) date|\btoday\b(?!'s)|[今当]天|当日"
    r"|\b(?:new|newest|latest|old|older|previous|last|running|live|stable|broken|bad|deployed"
    r"|python|node|java|go|kubernetes|docker|api) version"
    r"|(?:新|旧|老|上个|上一个|这个|当前|目前)版本(?!号)",
    intents.FLAGS,
)


@dataclass(frozen=True)
class Part:
    """One part of a tag.

    Attributes:
        kind: of `tag_words.KINDS`; `literal`; or `unknown`, which has no value.
        text: of a literal.
        example: what an example has in its place.
    """

    kind: str
    text: str = ""
    example: str = ""


Form = tuple[Part, ...]


@dataclass(frozen=True)
class _Mention:
    start: int
    end: int
    part: Part


def literal(text: str) -> Part:
    """A part that stands in the tag as it is."""
    return Part("literal", text)


def kinds(form: Sequence[Part]) -> list[str]:
    """The kinds of a form's parts, those that are literal left out."""
    return [part.kind for part in form if part.kind != "literal"]


def phrase(text: str) -> tuple[Form, bool]:
    """The form that words describe, and whether they surely describe the tag."""
    mentions = _mentions(text)
    chains = _chains(mentions, text)
    anchored = [chain for chain in chains if _is_anchored(chain, text)]
    long = [chain for chain in chains if len(chain) > 1]
    for chain in (*anchored[:1], *sorted(long, key=len, reverse=True)[:1]):
        return _form(chain, text), True
    single = {chain[0].part.kind for chain in _chains(_mentions(_ASIDE.sub(" , ", text)), text)}
    return next(((Part(kind),) for kind in tag_words.KINDS if kind in single), ()), False


def spoken(text: str) -> frozenset[str]:
    """All kinds of parts that a text speaks of."""
    return frozenset(item.part.kind for item in _mentions(text))


def _mentions(text: str) -> list[_Mention]:
    """Where a text speaks of parts; what says the same part again is one with it."""
    # `sha-` in quotes is a text that the hash comes after.
    texts = [match.span() for match in _QUOTED_END.finditer(text)]
    found = [
        _Mention(match.start(), match.end(), Part(tag_words.kind(match)))
        for match in tag_words.KIND.finditer(text)
        if not any(start <= match.start() and match.end() <= end for start, end in texts)
    ]
    taken = [(item.start, item.end) for item in found]
    found += [
        _Mention(match.start(), match.end(), literal(match[match.lastgroup or 0]))
        for match in _PIECE_OF_TEXT.finditer(text)
        # A `v` is a matter of the version.
        if match[match.lastgroup or 0] != "v"
        and not any(start < match.end() and match.start() < end for start, end in taken)
    ]
    merged: list[_Mention] = []
    for item in sorted(found, key=lambda item: item.start):
        last = merged[-1] if merged else None
        if last and last.part == item.part and "/" not in text[last.end : item.start]:
            merged[-1] = _Mention(last.start, item.end, last.part)
        else:
            merged.append(item)
    return merged


def _chains(mentions: Sequence[_Mention], text: str) -> list[list[_Mention]]:
    """Mentions, those that are linked together; a text alone is no chain."""
    chains: list[list[_Mention]] = [list(mentions[-1:])]
    joined = _JOINED.search(text)
    # From the end: a comma links what a list goes on with, if "and" or the like links its last one.
    for one, other in reversed(list(pairwise(mentions))):
        between = text[one.end : other.start]
        listed = (joined or len(chains[-1]) > 1) and "," in between and _COMMA.fullmatch(between)
        if listed or (_BETWEEN.fullmatch(between) and _LINK.search(between)):
            chains[-1].insert(0, one)
        else:
            chains.append([one])
    return [chain for chain in reversed(chains) if kinds([item.part for item in chain])]


def _is_anchored(chain: Sequence[_Mention], text: str) -> bool:
    start = chain[0].start
    before, after = text[max(0, start - _MOST_BEFORE) : start], text[chain[-1].end :]
    anchor = _ANCHOR.search(before)
    said = bool(anchor and re.search(_TO_BE, anchor["said"], intents.FLAGS))
    return said or bool(_AS_TAG.match(after))


def _form(chain: Sequence[_Mention], text: str) -> Form:
    usual = tag_words.joint(text, "-") if _JOINED.search(text) else "-"
    form = [chain[0].part]
    for one, other in pairwise(chain):
        open_ = not (one.part.text.endswith(("-", "_", ".")) or other.part.text[:1] in ("-", "_"))
        sign = tag_words.joint(text[one.end : other.start], usual) if open_ else ""
        form += [literal(sign), other.part]
    return tuple(part for part in form if part != literal(""))
