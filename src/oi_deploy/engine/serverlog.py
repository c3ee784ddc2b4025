"""A server's log while it runs: the last lines, and the phase that they announce."""

import codecs
import re
import threading
from collections import deque

from oi_deploy.engine.phases import Phase, Progress, progress_of, to_fetch_of

_KEPT_LINES = 1000
_LONGEST_LINE = 4000
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class ServerLog:
    """Fed by one thread with bytes as they come, read by others."""

    def __init__(self) -> None:
        """Start empty, in the first phase."""
        self._lock = threading.Lock()
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._rest = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._progress = Progress(Phase.STARTING)
        self._to_fetch = ""

    def feed(self, data: bytes) -> None:
        r"""Take what the server wrote. Progress bars end their lines with `\r`."""
        with self._lock:
            text = self._rest + self._decoder.decode(data)
            *whole, rest = re.split(r"[\r\n]+", text)
            self._rest = rest[-_LONGEST_LINE:]
            for line in whole:
                self._take(line)

    def close(self) -> None:
        """Take an unfinished last line too: the server has ended."""
        with self._lock:
            self._take(self._rest)
            self._rest = ""

    def lines(self) -> list[str]:
        """The last lines, oldest first, without colours and empty lines."""
        with self._lock:
            return list(self._lines)

    @property
    def progress(self) -> Progress:
        """The phase that was announced last."""
        with self._lock:
            return self._progress

    def _take(self, line: str) -> None:
        line = _ANSI.sub("", line).rstrip()[:_LONGEST_LINE]
        if line:
            self._lines.append(line)
        progress = progress_of(line)
        self._to_fetch = to_fetch_of(line) or self._to_fetch
        if progress == Progress(Phase.LOADING) and self._to_fetch:
            progress, self._to_fetch = Progress(Phase.LOADING, self._to_fetch), ""
        self._progress = progress or self._progress
