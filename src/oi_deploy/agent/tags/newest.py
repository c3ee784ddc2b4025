"""The newest version that the registry has: "deploy the newest tag of web in the registry"."""

import re
from collections.abc import Mapping, Sequence

from oi_deploy.agent import intents, words
from oi_deploy.agent.named import Image

_NEWEST = r"(?:newest|latest|highest|most recent)"
_WHAT = (
    r"(?:released |published |pushed |existing |available |stable )*(?:version|tag|image|release)"
)
_WHERE = r"(?:registry|仓库|镜像库)"
_ASKED = re.compile(
    rf"\b{_NEWEST} {_WHAT}\b[^.;]{{0,40}}\b(?:in|of|from|on) (?:the|our) (?:\w+ )?registry\b"
    rf"|\b{_NEWEST} {_WHAT}\b[^.;]{{0,24}}\b(?:the|our) registry (?:has|holds|knows)\b"
    rf"|{_WHERE}\s*(?:上|里|中|内)?(?:面|边)?\s*(?:现?已?有|存在)?的?(?:那个)?最[新高]的?\s*(?:那个|一个)?的?(?:已发布的?)?"
    r"(?:版本|标签|镜像|tag)",
    intents.FLAGS,
)
_VERSION = re.compile(r"v?(\d+(?:\.\d+)+)")


def filled(
    prompt: str, images: Sequence[Image], tags: Mapping[str, Sequence[str]]
) -> tuple[Image, ...]:
    """The images, where one without a tag has the highest version of the registry, if it is wanted.

    A candidate (`2.0.0-rc1`) and what is no version do not count. Nothing is added if there is no
    version.

    Args:
        prompt: the task.
        images: those that it names; if there are none, those of its Deployments are meant.
        tags: the registry's, by repository.
    """
    text = words.without_references(prompt)
    asked = [
        match for it in intents.clauses(text) for match in _ASKED.finditer(it.text)
        if not (it.supposed or intents.is_denied(it.text, match.start()))
    ]  # fmt: skip
    if not asked or "build" in intents.read(prompt):
        return tuple(images)
    bare = list(images) or [Image(name) for name in tags]
    found = [it if it.tag else Image(it.repository, _highest(tags, it.repository)) for it in bare]
    return tuple(it for it in found if it.tag or it in images)


def _highest(tags: Mapping[str, Sequence[str]], repository: str) -> str:
    versions = {
        tuple(map(int, match[1].split("."))): tag
        for tag in tags.get(repository, ())
        if (match := _VERSION.fullmatch(tag))
    }
    return versions[max(versions)] if versions else ""
