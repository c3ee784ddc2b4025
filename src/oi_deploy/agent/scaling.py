"""The number of pods that a prompt asks for."""

import re

from oi_deploy.agent import intents, words

_N = intents.numbers()
_PODS = r"(?:replicas?\b|pods?\b|copies\b|copy\b|instances?\b|副本|实例)"
_MORE = r"(?:more|additional|extra|further)"
_UP = r"(?:add|up|increas\w*|rais\w*|grow\w*|expand\w*)"
_DOWN = r"(?:remov\w*|down|decreas\w*|reduc\w*|lower\w*|shrink\w*|drop\w*)"

# How many more or fewer than now; tried before the numbers that mean a total.
_RISE = (
    rf"(?P<n>{_N})\s+{_MORE}\s+{_PODS}",
    rf"\b(?:another|an? {_MORE})\s+(?P<n>{_N})?\s*{_PODS}",
    rf"\badd(?:ing)?\s+(?P<n>{_N}|an?)\s+{_PODS}",
    rf"\b{_UP}\b[^.]*\bby\s+(?P<n>{_N})(?![\w.%])",
    rf"(?:再|多)(?:扩|加|增加|起|开|来|添)?\s*(?P<n>{_N})\s*(?:个?\s*{_PODS}|个吧?$)",
    rf"(?:增加|添加|增|加|添|扩)了?\s*(?P<n>{_N})\s*个\s*(?:{_PODS}|$)",
)
_FALL = (
    rf"(?P<n>{_N})\s+(?:fewer|less)\s+{_PODS}",
    rf"(?P<n>{_N})\s+{_PODS}\s+(?:fewer|less)\b",
    rf"\b(?:remov|tak)(?:e|ing)\s+(?P<n>{_N}|an?)\s+{_PODS}",
    rf"\b{_DOWN}\b[^.]*\bby\s+(?P<n>{_N})(?![\w.%])",
    rf"(?:减少|去掉|减掉|砍掉|减|少|缩|撤掉)了?\s*(?P<n>{_N})\s*个\s*(?:{_PODS}|$)",
)
_DOUBLE = r"\bdoubl(?:e|ing)\b|\btwice (?:as many|the)\b|翻(?:一?倍|一番)|加倍|两倍|[容加大多]一倍"
_HALF = r"\bhal(?:f(?! an? (?:hour|day|minute)| past| hour)|ve|ving)\b|减半|一半"
_TOTAL = (
    r"(?:\bto|\bat|=|->|=>|→|\bmake (?:it|that|them)|到|为|成|至|[缩扩降减升]回)"
    # "At 5 am" is a time.
    rf"\s*(?P<n>{_N})(?![\w.]|\s*[.]\d|:\d\d|\s*%|\s*(?:[ap]\.?m\b|o'clock|点|时))",
    rf"(?<![\w.])(?P<n>{_N}|a single|an? (?=pod|replica|instance))[^\S\n]*(?:个)?[^\S\n]*{_PODS}",
    rf"{_PODS}[^,.;。]{{0,20}}?[:=]\s*(?P<n>{_N})(?![\w.])",
)
# The column of a table that says how many there are to be.
_TO_BE = re.compile(
    r"\b(?:target|wanted|desired|new|to|after|then|should|goal|tonight|tomorrow)\b"
    r"|目标|期望|之?后$|调整为|改为|改成|新",
    intents.FLAGS,
)


def tabled(prompt: str, name: str) -> int | None:
    """The number of pods that a table in the prompt has for a Deployment; None if it has none.

    The column is the one whose head says that it is what is to be, or the only one.
    """
    rows = [
        [cell.strip(" `*") for cell in line.strip().strip("|").split("|")]
        for line in prompt.splitlines()
        if line.strip().startswith("|")
    ]
    own = [row for row in rows if row[0] == name]
    if len(own) != 1 or rows[0] is own[0]:
        return None
    heads = [place for place, head in enumerate(rows[0]) if place and _TO_BE.search(head)]
    places = heads or ([1] if len(rows[0]) == 2 else [])
    if len(places) != 1 or len(own[0]) <= places[0] or not own[0][places[0]].isdecimal():
        return None
    return int(own[0][places[0]])


# The surest of them: any other number may be a time.
_FROM_TO = (
    rf"\b(?:can|could|may|might) (?:we|i|you) (?:please )?(?:have|get|run) (?P<n>{_N})(?![\w.])",
    rf"\bfrom (?:{_N})(?: {_PODS})? to (?P<n>{_N})(?![\w.])",
    rf"从\s*(?:{_N})\s*个?\s*(?:{_PODS})?[^,。;\d]{{0,4}}[到至为成]\s*(?P<n>{_N})(?![\w.])",
)
# What a prompt may be about instead; a number of pods is only told then.
_ELSE = re.compile(
    r"\b(?:build|push|deploy(?:ed|ing)?|ship\w*|releas\w*|roll(?:ed|ing)? (?:it |this |them )?out"
    r"|updat\w*|upgrad\w*|version|report\w*|writ\w*)\b|部署|发布|上线|更新|升级|版本|写|报告",
    intents.FLAGS,
)
# A clause with one of those wants a number of pods; with one of the others, it does not.
_WANTS = re.compile(
    r"\b(?:needs?|should (?:run|have)|give|take|turn|let|want|can do with|have|resize|adjust|bring"
    r"|make|please|plenty|enough|suffices?)\b|->|→|\bfrom \d+ to \d|\bfrom now on\b"
    r"|从\s*\d+\s*个?[^,。;]{0,3}到\s*\d|只留|改|让|够|提|翻|应当|应该|[加减]",
    intents.FLAGS,
)
# How it came to be what it is now.
_TOLD = re.compile(
    r"\b(?:currently|now|still|at (?:the|this) moment|so far)"
    rf" (?:at|on|with|has|having|runs?|running) (?:{_N}) {_PODS}|"
    r"\b(?:parked|sits?|sitting|idl(?:es?|ing)|stands?|standing) (?:at|with|on)"
    rf" (?:{_N})(?: {_PODS})?|"
    rf"(?:停在|处于|现为|目前是?|当前是?|现在是?)\s*(?:{_N})\s*个?\s*{_PODS}|"
    rf"\bscaled (?:down |up )?to (?:{_N}) (?:at the moment|right now|now|currently|so far)\b|"
    r"\b(?:has|have|had|was|were|is|are)\b[^,.;:\n]{0,24}?\b(?:scaled|at)\b[^,.;:\n]*",
    intents.FLAGS,
)
_COUNT = re.compile(rf"(?:{_N})|\ba single|\btwice", intents.FLAGS)
_LOOKS = re.compile(
    r"\b(?:wait|until|check|verify|show|list|logs?|kill|annotat\w+|fail\w*|crash\w*|why|whether|how)\b"
    r"|等|检查|查看|看看|就绪|为什么|是不是",
    intents.FLAGS,
)

# A question that is an order.
_POLITE = re.compile(
    r"\b(?:can|could|may|might|would|will)\s+(?:we|you|i|somebody|someone)\b[^?.]*\?"
    r"|(?:能不能|能否|可否|可以|能|麻烦)[^?。]*\?",
    intents.FLAGS,
)


def is_all(prompt: str, now: int) -> bool:
    """Whether a prompt orders another number of pods, without a word for scaling, and nothing else.

    Args:
        prompt: the task.
        now: how many there were before the run.
    """
    clauses = [it.text for it in intents.clauses(prompt)]
    other = any(
        not intents.is_denied(clause, match.start())
        for clause in clauses
        for match in _ELSE.finditer(clause)
    )
    if other or "?" in _POLITE.sub("", prompt) or not re.search(_PODS, prompt, intents.FLAGS):
        return False
    ordered = [
        part
        for sentence in intents.sentences(prompt)
        if _WANTS.search(sentence)
        for clause in intents.clauses(sentence)
        for part in re.split(r"\band\b", clause.text)
        if _COUNT.search(part) and not (clause.supposed or clause.told or _LOOKS.search(part))
    ]
    return bool(ordered) and wanted(prompt, now) not in (None, now)


def wanted(prompt: str, now: int) -> int | None:
    """The number of pods that a prompt about scaling asks for; None if it names none.

    Args:
        prompt: the task.
        now: how many there were before the run.
    """
    text = "\n".join(clause.text for clause in intents.clauses(prompt) if not clause.supposed)
    text = _TOLD.sub(" ", words.without_references(text))
    total = _first(_FROM_TO, text)
    total = _first(_TOTAL[:1], text) if total is None else total
    if total is not None:
        return total
    if (more := _first(_RISE, text)) is not None:
        return now + more
    if (fewer := _first(_FALL, text)) is not None:
        return max(0, now - fewer)
    if re.search(_DOUBLE, text, intents.FLAGS):
        return 2 * now
    if re.search(_HALF, text, intents.FLAGS):
        return now // 2 if now % 2 == 0 else None
    return _first(_TOTAL[1:], text)


def _first(patterns: tuple[str, ...], text: str) -> int | None:
    for pattern in patterns:
        # Chinese leaves the pods out at a clause's end: "now there are 2 pods, add 3".
        if match := re.search(pattern, text, intents.FLAGS | re.MULTILINE):
            word = (match["n"] or "a").lower().strip()
            return 1 if word in ("a", "an", "a single") else intents.number(word)
    return None
