"""What a Deployment has that a report may be about, by what it may be called."""

import re

from oi_deploy.agent import intents

NAME = ".metadata.name"
IMAGE = ".spec.template.spec.containers[*].image"
REPLICAS = ".spec.replicas"
READY = ".status.readyReplicas"
UPDATED = ".status.updatedReplicas"
# What a column may be called, and where it is found; the first that fits.
FIELDS = (
    (r"updated|已更新|更新的", UPDATED),
    (r"ready|就绪|可用", READY),
    (r"image|镜像", IMAGE),
    (r"replica|desired|pods?$|副本|期望", REPLICAS),
    (r"name(?!space)|deployment|名", NAME),
)
# What stands between two of a list.
LISTED = re.compile(r"\s*(?:,?\s*\band\b|[,、]?\s*以及|[,、/&]|[和与及])\s*", intents.FLAGS)


# Pods have names of their own.
_OF_PODS = re.compile(
    r"\bpods?'? names?\b|\bnames? of (?:(?:the|its|all|their|running|new) )*pods?\b"
    r"|\bpods?\s*的?(?:名|列表)",
    intents.FLAGS,
)


def of(said: str) -> str:
    """The field that a text speaks of; empty if it is none."""
    if _OF_PODS.search(said):
        return ""
    return next((field for name, field in FIELDS if re.search(name, said.lower())), "")
