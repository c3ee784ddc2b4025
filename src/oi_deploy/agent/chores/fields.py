"""What a Deployment has that a report may be about, by what it may be called."""

import re

from oi_deploy.agent import intents

NAME = ".metadata.name"
IMAGE = ".spec.template.spec.containers[*].image"
REPLICAS = ".spec.replicas"
READY = ".status.readyReplicas"
UPDATED = ".status.updatedReplicas"
AVAILABLE = ".status.availableReplicas"
# What a column may be called, and where it is found; the first that fits.
FIELDS = (
    (r"updated|of the new version|pods (?:that|which) (?:already )?run it|已更新|更新的", UPDATED),
    (r"ready|就绪", READY),
    (r"available|可用", AVAILABLE),
    (r"image|镜像", IMAGE),
    (r"replica|desired|wanted|pods?$|副本|期望", REPLICAS),
    (r"name(?!space)|deployment|名", NAME),
)
# What stands between two of a list.
LISTED = re.compile(
    r"\s*(?:,?\s*\band\b|,?\s*并(?:列出|附上?|写[上明]?)|[,、]?\s*以及|[,、/&]|[和与及])\s*",
    intents.FLAGS,
)


# Pods have names of their own.
_OF_PODS = re.compile(
    r"\bpods?'? names?\b|\bnames? of (?:(?:the|its|all|their|running|new) )*pods?\b"
    r"|\bpods?\s*的?(?:名|列表)|\bpods?,? (?:by name|names)\b",
    intents.FLAGS,
)


# "Ready/desired": two of them in one.
_PAIR = re.compile(
    r"(?P<in_one><[^<>\n]*(?:ready|updated|available|就绪|更新|可用)[^<>\n]*>)/"
    r"(?P<in_all><[^<>\n]*(?:desired|wanted|total|replicas|期望|总|副本)[^<>\n]*>)|"
    r"(?P<one>[\w<>.\u4e00-\u9fff]*(?:ready|updated|available|就绪|更新|可用)[\w<>.\u4e00-\u9fff]*)\s*/\s*"
    r"(?P<all>[\w<>.\u4e00-\u9fff]*(?:desired|wanted|total|replicas|期望|总|副本)[\w<>.\u4e00-\u9fff]*)",
    intents.FLAGS,
)
# "`ready: X/Y`, with the ready pods and the wanted ones"
_SHOWN_PAIR = re.compile(
    r"`(?P<label>[\w -]{1,20}:\s*)[A-Za-z]/[A-Za-z]`,?\s*(?:with|being|where [A-Za-z] is)\s+"
    r"(?:the\s+)?(?P<one>[^,.;\n]{2,40}?)\s+and\s+(?:[A-Z] (?:is )?)?(?:the\s+)?"
    r"(?P<all>[^,.;\n]{2,40})",
    intents.FLAGS,
)
BOTH = "\u2215"


def joined(said: str) -> str:
    """A text in which a list is not split between two that belong together."""
    said = _SHOWN_PAIR.sub(rf"`\g<label>\g<one>{BOTH}\g<all>`", said)
    return _PAIR.sub(lambda it: BOTH.join(filter(None, it.groups())), said)


def is_of_pods(said: str) -> bool:
    """Whether a text speaks of the names of pods."""
    return _OF_PODS.search(said) is not None


def of(said: str) -> str:
    """The field that a text speaks of; empty if it is none."""
    if _OF_PODS.search(said):
        return ""
    return next((field for name, field in FIELDS if re.search(name, said.lower())), "")
