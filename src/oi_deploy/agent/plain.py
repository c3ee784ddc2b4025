"""Answers as plain text, where a call of a function would spoil them.

Within a function call, a text is a JSON string. A small model ends it at the first double quote,
and writes backslashes again and again; as plain text, it writes the same file or script well.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from oi_deploy.agent.prompt_files import prompt_file

_END = "END_OF_FILE"
# Of its lines, an answer with the whole file has at least as much.
_LEAST_OF_IT = 0.6
_FENCED = re.compile(r"(?ms)^```(?P<kind>[^\n`]*)\n(?P<text>.*?)^```\s*$")
_LANGUAGES = {
    "shell": ("bash", "sh", "shell", "console"),
    "javascript": ("javascript", "js", "node"),
}


@dataclass(frozen=True)
class Plain:
    """What is asked for.

    Attributes:
        system: the standing instruction.
        read: language and code that an answer becomes; empty if it has none.
    """

    system: str
    read: Callable[[str], tuple[str, str]]


def new_text(path: str) -> Plain:
    """The new text of a file; the code writes it."""

    def read(answer: str) -> tuple[str, str]:
        match = _FENCED.search(answer)
        text = match["text"] if match else ""
        if not text.strip() or _END in text:
            return "", ""
        return "shell", f"cat > {path} <<'{_END}'\n{text}{_END}\n"

    return Plain(prompt_file("edit-system.md"), read)


def mended(path: str, now: str) -> Plain:
    """The text of a program that is put right, behind words that say what was wrong.

    Args:
        path: of the file.
        now: its text.
    """

    def read(answer: str) -> tuple[str, str]:
        text = max((it["text"] for it in _FENCED.finditer(answer)), key=len, default="")
        # The line that is wrong is no file.
        if len(text.splitlines()) < len(now.splitlines()) * _LEAST_OF_IT or _END in text:
            return "", ""
        return "shell", f"cat > {path} <<'{_END}'\n{text}{_END}\n"

    return Plain(prompt_file("mend-system.md"), read)


def script() -> Plain:
    """A script."""

    def read(answer: str) -> tuple[str, str]:
        match = _FENCED.search(answer)
        if match is None or not match["text"].strip():
            return "", ""
        kind = match["kind"].strip().lower()
        found = (name for name, words in _LANGUAGES.items() if kind in words)
        return next(found, "python"), match["text"]

    return Plain(prompt_file("script-system.md"), read)
