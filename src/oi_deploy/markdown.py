"""Text of others inside our Markdown: it stays text."""

import re

_SPECIAL = re.compile(r"[&<>\"'\\`*_\[\]()#|~!@]")


def inert(text: str) -> str:
    """Text whose characters mean nothing to Markdown, to HTML and to a table."""
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", text)


def inline_code(text: str) -> str:
    """Text on one line, shown as code. In HTML, as no backticks hold in every table."""
    return f"<code>{inert(' '.join(text.split()))}</code>"


def fenced(text: str, language: str = "") -> str:
    """A Markdown code block that nothing in `text` can end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
