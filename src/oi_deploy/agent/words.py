"""A prompt as words: without what only looks like some."""

import re


def without_references(prompt: str) -> str:
    """The prompt without references, addresses and shell substitutions: no name is read there."""
    text = re.sub(r"\$\([^()]*\)|\$\{[^{}]*\}", " ", prompt)
    pattern = r"(?:\w+://)?[\w-]+(?:\.[\w-]+)*(?::\d+)?/[\w./-]*:[\w.-]+|\w+://\S+"
    return re.sub(pattern, " ", text, flags=re.ASCII)


def plain(prompt: str, registry: str) -> str:
    """The same without any reference to the run's registry, too."""
    host = registry.partition("/")[0]
    pattern = rf"{re.escape(host)}/[\w./-]*(?::[\w.-]+)?"
    text = re.sub(pattern, " ", prompt, flags=re.ASCII) if host else prompt
    return without_references(text)


def is_named(name: str, text: str) -> bool:
    """Whether a text has a name as a whole word, and not as a part of a path or a reference."""
    pattern = rf"(?<![A-Za-z0-9_./-]){re.escape(name)}(?![A-Za-z0-9_-]|[./:][\w$])"
    return re.search(pattern, text) is not None
