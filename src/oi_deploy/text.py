"""Text of others, made harmless: for a terminal, for the runner, and for a reader's eyes."""

import re
import unicodedata
from functools import lru_cache

# Colours, cursor movements and character sets go, whole, in their 7-bit and 8-bit forms; bounded,
# so that a piece of a stream is not held back for long. Of everything else that ESC begins (titles,
# links, device strings), only ESC goes: a log must not lose the words in it.
_SEQUENCE = re.compile(r"(?:\x1b\[|\x9b)[0-9:;<=>?]{0,32}[ -/]?[@-~]|\x1b[()][0AB]")
# The beginning of one, or of a line end, at the end of a piece.
_OPEN_SEQUENCE = re.compile(r"(?:\r|(?:\x1b\[|\x9b)[0-9:;<=>?]{0,32}[ -/]?|\x1b[()]?)\Z")
_NOT_PLAIN = re.compile(r"[^\n\t\x20-\x7e]+")

# Characters that show nothing (Unicode's Default_Ignorable_Code_Point, where the category does not
# say it already), and a blank that is no space. Whole sentences can be hidden in them.
_INVISIBLE = frozenset(
    character
    for first, last in (
        (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2065, 0x2065),
        (0x2800, 0x2800), (0x3164, 0x3164), (0xFE00, 0xFE0D), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8),
        (0xE0000, 0xE0FFF),
    )
    for character in map(chr, range(first, last + 1))
)  # fmt: skip
# They choose between two looks of the symbol before them, such as an emoji; nothing else.
_LOOKS = ("\ufe0e", "\ufe0f")
# Format characters, halves of surrogate pairs, private use, line and paragraph separators.
_SHOWN_BY_CODE = ("Cf", "Cs", "Co", "Zl", "Zp")


def visible(text: str) -> str:
    """Text whose characters can do nothing to a terminal, to the runner or to a reader's eyes.

    Terminal escapes and control characters go. Direction marks and invisible characters, which can
    make a line look like another one or hide text in it, are shown by their code; so are other line
    separators and halves of surrogate pairs, which a weak model writes and no file can hold.

    `##[` gets a space: the runner reads a command there wherever it stands in a line, and the log's
    viewer folds lines at `##[group]` even where the runner reads no commands.
    """
    text = _SEQUENCE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _NOT_PLAIN.sub(lambda match: "".join(map(_visible, match[0])), text)
    return text.replace("##[", "## [")


@lru_cache(4096)
def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cc" or character in _LOOKS:
        return ""
    if category in _SHOWN_BY_CODE or character in _INVISIBLE:
        return f"<U+{ord(character):04X}>"
    return character


def one_line(text: str) -> str:
    """Visible text with its line ends shown as `\\n`: no part of it looks like another line."""
    return visible(text).replace("\n", "\\n")


class VisibleStream:
    """The same for text that arrives in pieces; its output is that of `visible` on the whole."""

    def __init__(self) -> None:
        """Begin a text."""
        self._held = ""
        self._end = ""

    def feed(self, text: str) -> str:
        """Take a piece; return what can be shown by now."""
        text = self._held + text
        opening = _OPEN_SEQUENCE.search(text)
        end = opening.start() if opening else len(text)
        self._held = text[end:]
        return self._marked(visible(text[:end]))

    def flush(self) -> str:
        """What is left at the end."""
        rest, self._held = self._held, ""
        return self._marked(visible(rest))

    def _marked(self, text: str) -> str:
        """The text, with a space where it makes `##[` of the end of what came before."""
        shown = (self._end + text).replace("##[", "## [")[len(self._end) :]
        end = (self._end + text)[-2:]
        self._end = end[len(end.rstrip("#")) :]
        return shown
