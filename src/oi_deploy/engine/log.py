"""A server's log while it runs: the last lines, and the phase that they announce."""

import threading
from collections import deque
from collections.abc import Iterable

from oi_deploy.engine.phases import cause_of, phase_of
from oi_deploy.errors import RunError

_KEPT_LINES = 200
_SHOWN_LINES = 20


class ServerLog:
    """Follows a log in a thread of its own."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self.phase = "starting"
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._thread: threading.Thread | None = None

    def follow(self, lines: Iterable[bytes]) -> None:
        """Read `lines` until they end."""
        self._thread = threading.Thread(target=self._read, args=[lines], daemon=True)
        self._thread.start()

    def _read(self, lines: Iterable[bytes]) -> None:
        try:
            for raw in lines:
                for line in raw.decode(errors="replace").splitlines():
                    self._lines.append(line)
                    self.phase = phase_of(line) or self.phase
        except (OSError, ValueError):
            return  # the stream was closed under us, when the server was stopped

    def death(self, how: str) -> RunError:
        """The error for a server that ended by itself."""
        if self._thread:
            self._thread.join(timeout=2)
        lines = list(self._lines)
        cause = cause_of(lines)
        tail = "\n".join(lines[-_SHOWN_LINES:])
        return RunError(
            "The model server died",
            why=f"{cause.why if cause else how}. Its last lines:\n{tail}",
            remedy=cause.remedy if cause else "",
        )
