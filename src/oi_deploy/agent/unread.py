"""Where a prompt takes an image, a tag or names from what is not read before the first turn.

A line that is made without it would be a wrong one: the usual tag, every Deployment.
"""

import re

from oi_deploy.agent import intents, tagged_code
from oi_deploy.agent.situation import Situation

_OF_IMAGE = re.compile(r"\b(?:images?|tags?|versions?)\b|镜像|标签|版本", intents.FLAGS)
_IN_CLUSTER = re.compile(
    r"\bannotations?\b|注解|\bconfigmap\b.*?(?:\bkeys?\b|\bvalues?\b|键|的值)"
    r"|(?:\bkeys?\b|\bvalues?\b|键).*?\bconfigmap\b",
    intents.FLAGS,
)
_LABELLED = re.compile(
    r"(?:\blabel(?:l?ed|s)?\b(?: with)?|\bselector\b|标签)\s*[`'\"“]?[\w./-]+\s*=\s*[\w.-]+",
    intents.FLAGS,
)
# A label of an image is written into its Dockerfile.
_OBJECTS = re.compile(r"\b(?:deployments?|pods?|workloads?)\b|部署|服务|工作负载", intents.FLAGS)
_OF_DOCKERFILE = re.compile(r"dockerfile|\bLABEL\b|\bimage\b|镜像", re.ASCII)
# What is not checked out yet; to check out the repository is what the workflow has done.
_CHECKS_OUT = re.compile(
    r"\bcheck (?:it|that|this)(?: commit| one)? out\b"
    r"|\bcheck out (?:it|that|this|the) (?:\w+ )?(?:commit|branch|tag|revision|version)\b"
    r"|(?<!the )(?<!this )(?<!our )(?<!a )\bgit (?:checkout|switch)\b"
    r"|检出(?=它|这个|那|该提交)|\bcheckout (?:过去|到|出)",
    intents.FLAGS,
)


def is_needed(world: Situation) -> bool:
    """Whether the lines would be made without knowing what they are to be made of."""
    text = world.ask.text
    for sentence in intents.sentences(text):
        in_cluster = _IN_CLUSTER.search(sentence) and _OF_IMAGE.search(sentence)
        if in_cluster and not world.described.image.tag:
            return True
        match = _LABELLED.search(sentence)
        of_objects = _OBJECTS.search(sentence) and not _OF_DOCKERFILE.search(sentence)
        if match and of_objects and not intents.is_denied(sentence, match.start()):
            return True
    return any(
        match and not intents.is_denied(clause.text, match.start())
        for clause in intents.clauses(text)
        if (match := _CHECKS_OUT.search(clause.text)) and not any(tagged_code.checkout(world))
    )
