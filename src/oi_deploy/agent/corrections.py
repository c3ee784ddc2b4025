"""A prompt whose author corrects a value of it: "tag 1.2. No wait, make it 1.3"."""

import re

from oi_deploy.agent import intents

_CORRECTION = re.compile(
    # At the beginning of a clause, with a sign behind it: anything else may be told.
    r"(?:\b(?:(?:no,? wait|wait,? no)(?=\s*[,.;:!-]|\s+(?:make|use|it|that)\b)|scratch that"
    r"|(?<![\w ] )correction\s*[:,]|sorry,?(?= (?:i meant|make (?:it|that))))"
    r"|(?:^|(?<=[,。;.!?…\s]))(?:(?:哦|啊|抱歉|刚才?|我)\W*)*"
    r"(?:不对(?=[,。;!\s])|[说写打]错了)|更正(?:一下)?(?=[:,]))"
    r"(?P<said>[^\n。]{0,80}?)"
    r"(?:\b(?:make (?:it|that)|use|meant|should be)|(?:改[成为用]|应该?是|换成|改为|要用)"
    r"|(?<=[,:] )(?=v?\d+\.\d[\w.-]*\w(?:\.\s|[,;:!。]|$)))\s*"
    r"[`'\"“「]?(?P<value>v?\d[\w.-]*\w|\d)(?![\w-])",
    intents.FLAGS,
)
_VALUE = re.compile(r"(?<![\w.-])v?\d(?:[\w.-]*\w)?", re.ASCII)
_NAME = re.compile(r"[A-Za-z][\w-]*", re.ASCII)
# How far behind the new value its owner's name may stand: "5 for the api".
_NEAR = 24


def applied(text: str) -> str:
    """The text with the last value of the same form put right, and without the correction.

    Where the correction names something, the value that was said of that one.
    """
    match = _CORRECTION.search(text)
    if match is None:
        return text
    before, after, value = text[: match.start()], text[match.end() :], match["value"]
    dots = value.count(".")
    wrong = [it for it in _VALUE.finditer(before) if it[0].count(".") == dots]
    owners = _NAME.findall(match["said"] + after[:_NEAR])
    wrong = next((own for name in owners if (own := _behind(name, before, wrong))), wrong[-1:])
    if not wrong:
        return text
    old = wrong[0]
    if dots:
        # A version stands for the same thing wherever it is.
        pattern = rf"(?<![\w.-]){re.escape(old[0])}(?![\w-]|\.\w)"
        return re.sub(pattern, value, before, flags=re.ASCII) + after
    return before[: old.start()] + value + before[old.end() :] + after


def _behind(name: str, text: str, values: list[re.Match[str]]) -> list[re.Match[str]]:
    """The first value behind the last place of a name; empty if there is none."""
    places = [it.end() for it in re.finditer(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)]
    return [it for it in values if places and it.start() > places[-1]][:1]
