"""A prompt without what it only tells: what was done before, is for later, or is left to others."""

import re

from oi_deploy.agent import intents

_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_SENTENCE = re.compile(r"[^。!?;\n]*?(?:[。!?;\n]|\.(?=\s|$)|$)", re.DOTALL)
# An order may follow another one without a comma.
# How an order begins that follows another one.
VERB = (
    r"(?:build|push|deploy|release|update|upgrade|restart|scale|roll|apply|wait|set|point|switch"
    r"|move)"
)
_CLAUSE = re.compile(rf"[,()]|\s(?=and (?:then )?{VERB}\b)", intents.FLAGS)
# Something is corrected, and by what.
_CORRECTION = re.compile(
    r"(?:\b(?:no,? wait|wait,? no|scratch that|correction|sorry,? (?:i meant|make (?:it|that)))\b"
    r"|(?<![是,])不对|更正一?下?|[说写打]错了)"
    r"(?P<said>[^\n]*?)"
    r"(?:\b(?:make (?:it|that)|use|meant|should be)|(?:改[成为用]|应该?是|换成|改为|要用))\s*"
    r"[`'\"“「]?(?P<value>v?\d[\w.-]*\w|\d)(?![\w-])",
    intents.FLAGS,
)
_VALUE = re.compile(r"(?<![\w.-])v?\d(?:[\w.-]*\w)?", re.ASCII)


def only(prompt: str) -> str:
    """The prompt without what orders nothing now; all of it if no order would be left."""
    text = _corrected(prompt)
    kept = "\n\n".join(_paragraph(it) for it in _PARAGRAPH.split(text))
    return kept if intents.read(kept).wanted else text


def _corrected(text: str) -> str:
    """The text with a value as its author corrects it: "tag 1.2. No wait, make it 1.3"."""
    match = _CORRECTION.search(text)
    if match is None:
        return text
    before = text[: match.start()]
    dots = match["value"].count(".")
    wrong = [it[0] for it in _VALUE.finditer(before) if it[0].count(".") == dots]
    if not wrong:
        return text
    old = rf"(?<![\w.-]){re.escape(wrong[-1])}(?![\w-]|\.\w)"
    return re.sub(old, match["value"], before, flags=re.ASCII) + text[match.end() :]


def _paragraph(text: str) -> str:
    kept: list[str] = []
    for match in _SENTENCE.finditer(text):
        if intents.word("bygone").search(match[0]):
            # What stands before it is what it speaks of.
            kept = [" "]
        elif not _is_past(match[0]):
            kept.append(_sentence(match[0]))
    return "".join(kept)


def _is_past(sentence: str) -> bool:
    """Whether a sentence tells what was done at a time that is over."""
    parts = intents.split(sentence)
    return bool(intents.word("past").match(sentence.strip())) and not any(
        intents.word("asks").search(it) or intents.IMPERATIVE.match(it) for it in parts
    )


def _sentence(text: str) -> str:
    """A sentence without its clauses that are for later or for others."""
    start, kept = 0, ""
    for match in (*_CLAUSE.finditer(text), None):
        clause = text[start : match.start() if match else len(text)]
        out = intents.word("later").search(clause) or intents.word("others").search(clause)
        # Its last sign stays: it ends the sentence.
        kept += (clause[-1:] if match is None else "") if out else clause
        kept += match[0] if match else ""
        start = match.end() if match else start
    return kept
