"""A prompt without what it only tells: what was done before, is for later, or is left to others."""

import re

from oi_deploy.agent import corrections, intents

_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_SENTENCE = re.compile(r"[^。!?;\n]*?(?:[。!?;\n]|\.(?=\s|$)|$)", re.DOTALL)
# A line of a form that says what would be done if it went wrong.
_PLAN = re.compile(
    r"^[ \t]*[-*]?[ \t]*(?:(?:roll-?back|back-?out|fallback) ?(?:plan|procedure|strategy)?"
    r"|(?:回滚|回退)(?:方案|预案|计划|策略)?)[ \t]*(?:\.{2,}|…+|[:\uff1a|])[^\n]*$",
    re.IGNORECASE | re.MULTILINE,
)
# How an order begins.
VERB = (
    r"(?:build|push|deploy|release|update|upgrade|restart|scale|roll|apply|wait|set|point|switch"
    r"|move)"
)
_CLAUSE = re.compile(
    rf"[,()]|\s(?=and (?:(?:then )?{VERB}|(?:i|we)(?:'ll| will| shall))\b)", intents.FLAGS
)
# Before a word for another time: an order, and the reason for it, or what it is about.
_BECAUSE = re.compile(
    rf"(?:^\W*(?:(?:and|then|please|also|now|just) )*{VERB}\b|\b(?:i|we) need\b).*"
    r"\b(?:because|as|since|so|for|till|until|before|by|from|through|over|ahead of|instead of"
    r"|without|which|that|who|when)\b"
    r"|因为|由于|为了?(?!由)|应对|撑到|坚持到|免得|以免|以便|避免",
    intents.FLAGS,
)
_ORDER = re.compile(
    rf"(?:^|[,.;:!?]\s|\n|\b(?:please|and|then|also|to))\W*{VERB}\b"
    r"|\b(?:put|use|give|gets?|goes (?:on|to))\b|更新|升级|部署|发布|换[上到成]|上线",
    intents.FLAGS,
)
_REFERENCE = re.compile(r"[\w.-]+/[\w./-]*\w:[\w.-]*\w", re.ASCII)
_TELLS = re.compile(r"\b(?:was|were|had|\w+ed)\b|[了过曾]", intents.FLAGS)
_NEEDS = re.compile(r"\b(?:needs?|must|should|want)\b", intents.FLAGS)
_PRONOUN = re.compile(r"[^,;]{0,24}\b(?:it|them|that one)\b|[^,;]{0,8}它", intents.FLAGS)


def only(prompt: str) -> str:
    """The prompt without what orders nothing now; all of it if no order would be left."""
    text = _PLAN.sub("", corrections.applied(prompt))
    kept = "\n\n".join(_paragraph(it) for it in _PARAGRAPH.split(text))
    return kept if intents.read(kept).wanted or _ORDER.search(kept) else text


def _paragraph(text: str) -> str:
    kept: list[str] = []
    for match in _SENTENCE.finditer(text):
        if intents.word("bygone").search(match[0]):
            # What stands before it is what it speaks of, if that tells something.
            kept = [" "] if any(_TELLS.search(it) for it in kept) else kept
        elif not _is_past(match[0], text[match.end() :]):
            kept.append(_sentence(match[0]))
    return "".join(kept)


def _is_past(sentence: str, after: str) -> bool:
    """Whether a sentence only tells what was done at a time that is over.

    Not if what follows goes on about what it names.
    """
    if not intents.word("past").match(sentence.strip()):
        return False
    if _REFERENCE.search(sentence) or _NEEDS.search(sentence) or _PRONOUN.match(after):
        return False
    parts = intents.split(sentence)
    if any(intents.word("asks").search(it) or intents.IMPERATIVE.match(it) for it in parts):
        return False
    # Chinese has no other form for an order than for what is told.
    chinese = re.search(rf"[{intents.CJK}]", sentence)
    new = (it for it in parts[1:] if not re.search(r"已经?|[过了]\W*$", it))
    return not (chinese and any(intents.read(it).wanted for it in new))


def _sentence(text: str) -> str:
    """A sentence without its clauses that are for later or for others."""
    start, kept = 0, ""
    for match in (*_CLAUSE.finditer(text), None):
        clause = text[start : match.start() if match else len(text)]
        found = intents.word("later").search(clause) or intents.word("others").search(clause)
        out = found and not _BECAUSE.search(clause[: found.start()])
        # Its last sign stays: it ends the sentence.
        kept += (clause[-1:] if match is None else "") if out else clause
        kept += match[0] if match else ""
        start = match.end() if match else start
    return kept
