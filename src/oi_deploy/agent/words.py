"""A prompt as words: without what only looks like some."""

import functools
import re

# Nobody has set it: in a tag it is a placeholder like any other.
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})", re.ASCII)

# It ends the name of a file, and not of an image.
_FILE = re.compile(r"\.(?:ya?ml|json|toml|env|ini|conf|txt|md|py|js|ts|go|sh)$")


def without_references(prompt: str) -> str:
    """The prompt without references, addresses and shell substitutions: no name is read there."""
    text = re.sub(r"\$\([^()]*\)|\$\{[^{}]*\}", " ", prompt)
    pattern = r"(?P<name>(?:\w+://)?[\w-]+(?:\.[\w-]+)*(?::\d+)?/[\w./-]*):[\w.-]+|\w+://\S+"

    def kept(match: re.Match[str]) -> str:
        return match[0].replace(":", ": ") if _FILE.search(match["name"] or "") else " "

    return re.sub(pattern, kept, text, flags=re.ASCII)


def plain(prompt: str, registry: str) -> str:
    """The same without any reference to the run's registry, too."""
    host = registry.partition("/")[0]
    if not host:
        return without_references(prompt)
    # The tag stays where a placeholder follows it: `:debug-<short sha>` says what it is made of.
    # So it does where it is one: `:YYYYMMDD`.
    pattern = (
        rf"{re.escape(host)}/[\w./-]*"
        r"(?::(?![\w.-]*YYYY|[A-Z]*VERSION|[A-Z_]*SHA)[\w.-]+(?![\w.<{\[-]))?"
    )
    tagged = rf"{re.escape(host)}/[\w./-]*:[\w.${{}}-]+"
    text = re.sub(tagged, lambda match: _VARIABLE.sub(r"<\1\2>", match[0]), prompt, flags=re.ASCII)
    text = re.sub(pattern, " ", text, flags=re.ASCII)
    # The host alone is no file.
    return without_references(re.sub(rf"(?<![\w.-]){re.escape(host)}(?![\w./-])", " ", text))


def with_hash(prompt: str) -> str:
    """The prompt with a placeholder where it lets a shell fill in the commit's short hash.

    A name before it, as in `web:$(git rev-parse --short HEAD)`, is no part of the tag.
    """
    command = r"\$\(\s*git rev-parse --short HEAD\s*\)"
    pattern = rf"(?<![\w/:.])(?:[a-z0-9][\w./-]*:)?(?P<before>[\w.-]*){command}"
    return re.sub(pattern, r" \g<before><short sha>", prompt, flags=re.ASCII)


def is_named(name: str, text: str) -> bool:
    """Whether a text has a name as a whole word, and not as a part of a path or a reference."""
    return find(name, text) is not None


def find(name: str, text: str) -> re.Match[str] | None:
    """The first place where a text has a name so."""
    # Most texts do not have it at all.
    return _as_word(name).search(text) if name in text else None


# The same names are looked for in every clause, and `re` remembers few patterns.
@functools.lru_cache(maxsize=4096)
def _as_word(name: str) -> re.Pattern[str]:
    # A colon after a file's name begins what is said of it.
    on = "./" if _FILE.search(name) else "./:"
    return re.compile(
        rf"(?<![A-Za-z0-9_./-]){re.escape(name)}(?![A-Za-z0-9_-]|[{on}][A-Za-z0-9_$])"
    )
