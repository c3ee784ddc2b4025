"""Words that were typed in a hurry, in the spelling in which prompts are read."""

import re
from collections.abc import Iterator

# Those that the tables of `intents.yaml` are about; no name is changed, for it is none of these.
_WORDS = (
    "back", "before", "branch", "build", "commit", "container", "containers", "current", "deploy",
    "deployment", "deployments", "dockerfile", "double", "image", "images", "latest", "namespace",
    "number", "please", "previous", "production", "push", "ready", "registry", "release",
    "replica", "replicas", "repository", "restart", "revision", "rollback", "rolled", "rollout",
    "scale", "service", "short", "staging", "tagged", "then", "this", "until", "update", "version",
    "wait", "with", "without",
)  # fmt: skip
# From that length on, a word with a letter too few or too many is no other word.
_LONG = 7
_ALONE = re.compile(r"(?<![\w./:@$<{`'\"“-])[A-Za-z]{3,}(?![\w@>}`\"”-]|[./:]\w)", re.ASCII)


def _slips(word: str) -> Iterator[str]:
    """How a word is often mistyped: two letters changed round, one left out, one twice."""
    yield from (word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1))
    for at in range(1, len(word) - 1) if len(word) >= _LONG else ():
        yield word[:at] + word[at + 1 :]
        yield word[:at] + word[at] + word[at:]


_MEANT = {slip: word for word in _WORDS for slip in _slips(word) if slip not in _WORDS} | {
    "teh": "the", "hte": "the", "adn": "and", "nad": "and",
    "bild": "build", "buid": "build", "imge": "image", "pleese": "please",
}  # fmt: skip


def mended(text: str) -> str:
    """A text with its mistyped words as they are meant."""
    return _ALONE.sub(lambda it: _MEANT.get(it[0].lower(), it[0]), text)
