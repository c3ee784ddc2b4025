"""An image of the registry whose tag stands in a file: "release/approval.yaml says which one"."""

import re
from collections.abc import Iterator, Mapping, Sequence

import yaml

from oi_deploy.agent import intents, words
from oi_deploy.agent.named import Image

_FILE = re.compile(r"\.(?:ya?ml|json)$", re.IGNORECASE)
_SAYS = re.compile(
    r"\bwhich\b|\bsays\b|\bnames\b|\bstates\b|\bholds\b|\blists?\b|\bin\b|\bfrom\b|写|记|里|中|见",
    intents.FLAGS,
)


# Keys that say nothing of which one it is.
_ANY = frozenset(("", "tag", "image", "version", "name", "release", "digest"))


def filled(
    prompt: str,
    images: Sequence[Image],
    tags: Mapping[str, Sequence[str]],
    texts: Mapping[str, str],
) -> tuple[Image, ...]:
    """The images, where one that is named without a tag has the one that a named file says.

    It is a tag that the registry has: the only one in the file, or the only one under a key that
    the prompt has as a word.

    Args:
        prompt: the task.
        images: those that it names.
        tags: the registry's, by repository.
        texts: of the files that it names.
    """
    for path, text in texts.items():
        said = [it for it in intents.sentences(prompt) if words.is_named(path, it)]
        if not (_FILE.search(path) and any(map(_SAYS.search, said))):
            continue
        for image in (it for it in images if not it.tag):
            known = tags.get(image.repository, ())
            found = [(keys, value) for keys, value in _values(text) if value in known]
            if len({value for _, value in found}) > 1:
                # The file's name says nothing of a part of it.
                rest = prompt.replace(path, " ")
                found = [
                    (keys, value)
                    for keys, value in found
                    if any(it not in _ANY and words.is_named(it, rest) for it in keys)
                ]
            if len({value for _, value in found}) == 1:
                own = Image(image.repository, found[0][1])
                return tuple(own if it == image else it for it in images)
    return tuple(images)


_DIGEST = re.compile(r"\bdigests?\b|摘要", intents.FLAGS)


def pinned(prompt: str, images: Sequence[Image], texts: Mapping[str, str]) -> tuple[str, ...]:
    """The image by the only digest in a file that the prompt names for it; empty without one.

    Args:
        prompt: the task.
        images: those that it names.
        texts: of the files that it names.
    """
    said = _DIGEST.search(prompt) and "build" not in intents.read(prompt)
    bare = [image.repository for image in images if not image.tag]
    found = {
        it
        for path, text in texts.items()
        if _FILE.search(path)
        for it in re.findall(r"sha256:[0-9a-f]{64}", text)
    }
    return (f"{bare[0]}@{found.pop()}",) if said and len(bare) == len(found) == 1 else ()


def _values(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """All texts in a document, each with the keys that it stands under."""
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return
    waiting: list[tuple[tuple[str, ...], object]] = [((), content)]
    while waiting:
        keys, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [((*keys, str(name)), it) for name, it in value.items()]
        elif isinstance(value, list):
            waiting += [(keys, it) for it in value]
        else:
            yield keys, str(value)
