"""Tags of several images, where each has the version of its own folder."""

import re
from collections.abc import Callable, Mapping, Sequence
from posixpath import basename, dirname

from oi_deploy.agent import intents, words
from oi_deploy.agent.named import Image

_EACH = re.compile(
    r"\b(?:its|their|each|every|own|respective|that (?:folder|service|directory|package)'s)\b"
    r"|各自|分别|自己|该目录|对应",
    intents.FLAGS,
)
_OF_TAG = re.compile(r"\btag|\bversion|标签|版本", intents.FLAGS)
_ROOT = re.compile(r"\broot\b|根目录", intents.FLAGS)


def tagged(
    prompt: str,
    images: Sequence[Image],
    versions: Mapping[str, str],
    tag_of: Callable[[Mapping[str, str]], str],
) -> tuple[Image, ...]:
    """The images, those without a tag with that of their folder.

    Args:
        prompt: the task.
        images: those that it names.
        versions: by the file that says them.
        tag_of: the tag that the prompt asks for, if there are these versions only.
    """
    below = {path: version for path, version in versions.items() if dirname(path)}
    said = [it for it in intents.sentences(prompt) if _OF_TAG.search(it)]
    each = any(_EACH.search(it) for it in said) and not any(_ROOT.search(it) for it in said)
    if len(images) < 2 or len(set(below.values())) < 2 or not each:
        return tuple(images)
    return tuple(
        Image(image.repository, tag_of(own))
        if not image.tag and (own := _own(image, below, prompt))
        else image
        for image in images
    )


def _own(image: Image, versions: Mapping[str, str], prompt: str) -> Mapping[str, str]:
    """The versions of the only folder that is called like the image, else is named beside it."""
    name = basename(image.repository)
    lines = [it for it in prompt.splitlines() if re.search(rf"{re.escape(image.repository)}\b", it)]
    alike: dict[str, dict[str, str]] = {}
    beside: dict[str, dict[str, str]] = {}
    for path, version in versions.items():
        folder = dirname(path)
        word = basename(folder)
        if name == word or name.endswith(f"-{word}") or name.startswith(f"{word}-"):
            alike.setdefault(folder, {})[path] = version
        if any(words.is_named(folder, it) or words.is_named(word, it) for it in lines):
            beside.setdefault(folder, {})[path] = version
    found = alike or beside
    return found.popitem()[1] if len(found) == 1 else {}
