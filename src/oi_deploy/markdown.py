"""Text of others inside our Markdown: it stays text."""

import re

_SPECIAL = re.compile(r"[&<>\"'\\`*_\[\]()|~!^{}]|:(?=/)|(?<=www)\.|[@#$]", re.IGNORECASE)
# GitHub makes links of `@name` and `#1`, and formulas of `$x$`, out of the text that Markdown
# leaves. It looks at one piece of text at a time; a comment, which nobody sees, makes two of it.
_SPLIT = "<!-- -->"


def inert(text: str) -> str:
    """Text that means nothing to Markdown, HTML and a table, nor to GitHub, which makes links."""
    return _SPECIAL.sub(_entity, text)


def _entity(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};" + (_SPLIT if match[0] in "@#$" else "")


def inline_code(text: str) -> str:
    """Text on one line, shown as code. In HTML, as no backticks hold in every table."""
    return f"<code>{inert(' '.join(text.splitlines()))}</code>"


def fenced(text: str, language: str = "") -> str:
    """A Markdown code block that nothing in `text` can end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
