"""What a command prints: shown as it comes, kept where it matters."""

import codecs
from collections.abc import Callable

_KEEP_HEAD = 32 * 1024
_KEEP_TAIL = 96 * 1024
_SHOW = 8 * 1024 * 1024


class Output:
    """Decodes output as it comes, shows it, and keeps its head and tail."""

    def __init__(self, show: Callable[[str], None]) -> None:
        """Show each piece with `show`, up to a limit."""
        self._show = show
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._head = ""
        self._tail = ""
        self._length = 0

    def add(self, data: bytes, final: bool = False) -> None:
        """Take a piece; a character that is cut in two waits for its rest."""
        text = self._decode(data, final)
        if not text:
            return
        if self._length <= _SHOW:
            note = "\n[more output than 8 MiB: the rest is not shown]\n"
            self._show(text if self._length + len(text) <= _SHOW else note)
        self._length += len(text)
        room = _KEEP_HEAD - len(self._head)
        self._head += text[:room]
        self._tail = (self._tail + text[room:])[-_KEEP_TAIL:]

    def text(self) -> str:
        """What is kept, with a note where something was cut."""
        cut = self._length - len(self._head) - len(self._tail)
        note = f"\n[… {cut} characters cut …]\n" if cut else ""
        return f"{self._head}{note}{self._tail}"
