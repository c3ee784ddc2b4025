"""What ends a run from outside: a signal, or the total time limit."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from oi_deploy.errors import RunError, Status


class Stop:
    """One flag that every wait in the program looks at, with the reason why it was raised."""

    def __init__(self, timeout_s: float) -> None:
        """Give the whole run `timeout_s` seconds, counted from now."""
        self.event = threading.Event()
        self.reason: Status | None = None
        self.deadline = time.monotonic() + timeout_s
        self._timeout_s = timeout_s

    def request(self, reason: Status) -> None:
        """Ask everything to end; the first reason is kept."""
        if self.reason is None:
            self.reason = reason
        self.event.set()

    def left(self) -> float:
        """Seconds until the total time limit; never negative."""
        return max(0.0, self.deadline - time.monotonic())

    def check(self) -> None:
        """Raise if the run has to end.

        Raises:
            RunError: with status `timed-out` or `cancelled`.
        """
        if self.reason is Status.CANCELLED:
            raise RunError("The run was cancelled", status=Status.CANCELLED)
        if self.reason is Status.TIMED_OUT:
            raise RunError(
                "The run took too long",
                why=f"`timeout` is {self._timeout_s:.0f} s",
                remedy="Write a longer `timeout:`, or look in the log for what took the time.",
                status=Status.TIMED_OUT,
            )

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Listen to signals and the clock while the block runs.

        GitHub's runner sends SIGINT, after 7.5 s SIGTERM, and 2.5 s later gives up on the
        container (actions/runner, ProcessInvoker.cs). Open Interpreter turns a KeyboardInterrupt
        into a normal return, so a cancelled job would look like a finished one; no exception is
        raised in the handler for that reason.
        """

        def on_signal(number: int, frame: FrameType | None) -> None:
            self.request(Status.CANCELLED)

        timer = threading.Timer(self.left(), self.request, [Status.TIMED_OUT])
        timer.daemon = True
        timer.start()
        before = {s: signal.signal(s, on_signal) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            timer.cancel()
            for number, handler in before.items():
                signal.signal(number, handler)
