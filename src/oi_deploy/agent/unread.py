"""Where a prompt takes an image, a tag or names from what is not read before the first turn.

A line that is made without it would be a wrong one: the usual tag, every Deployment.
"""

import re

from oi_deploy.agent import intents, tagged_code
from oi_deploy.agent.situation import Situation

_OF_IMAGE = re.compile(r"\b(?:images?|tags?|versions?)\b|镜像|标签|版本", intents.FLAGS)
_IN_CLUSTER = re.compile(
    r"\bannotations?\b|注解|\bconfigmap\b.*?(?:\bkeys?\b|\bvalues?\b|键|的值)", intents.FLAGS
)
_LABELLED = re.compile(
    r"(?:\blabel(?:l?ed|s)?\b(?: with)?|\bselector\b|标签)\s*[`'\"“]?[\w./-]+\s*=\s*[\w.-]+",
    intents.FLAGS,
)
_CHECKS_OUT = re.compile(
    r"\bcheck (?:it|that|this)(?: commit| one)? out\b|\bcheck out (?:it|that|this|the) "
    r"|\bgit (?:checkout|switch)\b|检出(?=它|这个|那|该|后|来)|\bcheckout (?:过去|到|出)",
    intents.FLAGS,
)


def is_needed(world: Situation) -> bool:
    """Whether the lines would be made without knowing what they are to be made of."""
    text = world.ask.text
    for sentence in intents.sentences(text):
        if _IN_CLUSTER.search(sentence) and _OF_IMAGE.search(sentence):
            return True
        if (match := _LABELLED.search(sentence)) and not intents.is_denied(sentence, match.start()):
            return True
    return any(
        match and not intents.is_denied(clause.text, match.start())
        for clause in intents.clauses(text)
        if (match := _CHECKS_OUT.search(clause.text)) and not any(tagged_code.checkout(world))
    )
