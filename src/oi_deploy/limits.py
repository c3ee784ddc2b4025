"""What ends a run from outside: a signal, a limit, a disk that takes no more."""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Generic, TypeVar

from oi_deploy.errors import RunError, Status

_LOOK_S = 0.1
_SIGNALS = (signal.SIGINT, signal.SIGTERM)

T = TypeVar("T")

# Set by the first signal, whenever that comes.
_signalled = threading.Event()


def catch_signals() -> None:
    """Note signals from now on, to the end of the process.

    GitHub's runner sends SIGINT, after 7.5 s SIGTERM, and 2.5 s later gives up on the container
    (actions/runner, ProcessInvoker.cs). A signal that comes while modules are imported must not
    end in a traceback, and the second one must not interrupt the report. Open Interpreter turns a
    KeyboardInterrupt into a normal return, so no exception is raised for that reason too.
    """
    for number in _SIGNALS:
        signal.signal(number, _on_signal)


def _on_signal(number: int, frame: FrameType | None) -> None:
    _signalled.set()


class Stop:
    """One flag that every wait in the program looks at, with the reason why it was raised."""

    def __init__(self, timeout_s: float = math.inf, stall_s: float = math.inf) -> None:
        """Begin without a reason to stop; see `allow` for the limits."""
        self.event = threading.Event()
        self._error: RunError | None = None
        self._lock = threading.Lock()
        self._silent = ""
        self._alive = 0.0
        self.allow(timeout_s, stall_s)

    def allow(self, timeout_s: float, stall_s: float) -> None:
        """Give the whole run `timeout_s` seconds from now, and `stall_s` to each silence."""
        self.deadline = time.monotonic() + timeout_s
        self._timeout_s, self._stall_s = timeout_s, stall_s

    @property
    def reason(self) -> Status | None:
        """The status that the run will have because of this; None while it may go on."""
        return self._error.status if self._error else None

    def request(self, error: RunError) -> None:
        """Ask everything to end; the first reason is kept."""
        with self._lock:
            self._error = self._error or error
        self.event.set()

    def left(self) -> float:
        """Seconds until the total time limit; never negative."""
        return max(0.0, self.deadline - time.monotonic())

    def check(self) -> None:
        """Raise if the run has to end.

        Raises:
            RunError: the reason; for a signal or a limit with status `cancelled` or `timed-out`.
        """
        if self._error is not None:
            raise self._error

    @contextmanager
    def expecting(self, what: str) -> Iterator[None]:
        """A block in which `what` must give a sign of life (`alive`) again and again."""
        self._alive, self._silent = time.monotonic(), what
        try:
            yield
        finally:
            self._silent = ""

    def alive(self) -> None:
        """What is expected to give signs of life has given one."""
        self._alive = time.monotonic()

    def obey(self, call: Callable[[], T], within_s: float = math.inf) -> T:
        """The value of a call that nothing can interrupt; a run that must end leaves it behind.

        Raises:
            RunError: the run has to end.
            TimeoutError: the call takes longer than `within_s`.
            Exception: whatever the call raises.
        """
        self.check()
        return detached(call, within_s=within_s, look=self.check)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Obey signals and limits while the block runs."""
        over = threading.Event()
        before = {number: signal.signal(number, _on_signal) for number in _SIGNALS}
        threading.Thread(target=self._watch, args=(over,), name="limits", daemon=True).start()
        try:
            yield
        finally:
            over.set()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _watch(self, over: threading.Event) -> None:
        while not over.is_set():
            if _signalled.wait(_LOOK_S):
                self.request(RunError("The run was cancelled", status=Status.CANCELLED))
                return
            now, silent = time.monotonic(), self._silent
            if now >= self.deadline:
                self.request(self._took_too_long())
            if silent and now - self._alive >= self._stall_s:
                self.request(self._stalled(silent))

    def _took_too_long(self) -> RunError:
        return RunError(
            "The run took too long",
            why=f"`timeout` is {self._timeout_s:.0f} s",
            remedy="Write a longer `timeout:`, or look in the log for what took the time.",
            status=Status.TIMED_OUT,
        )

    def _stalled(self, what: str) -> RunError:
        return RunError(
            "Nothing happened for too long",
            why=f"{what} for {self._stall_s:.0f} s (`stall-timeout`)",
            remedy="Look at the end of the log for what hung; if it only needs longer, write a "
            "longer `stall-timeout:`.",
            status=Status.TIMED_OUT,
        )


class Ahead(Generic[T]):
    """A call that goes on in a thread of its own, whose value is asked for later.

    The thread ends with the process; nothing waits for a call that hangs.
    """

    def __init__(self, call: Callable[[], T]) -> None:
        """Begin."""
        self._future: Future[T] = Future()

        def work() -> None:
            try:
                self._future.set_result(call())
            except BaseException as error:  # handed to the waiting thread, which raises it
                self._future.set_exception(error)

        threading.Thread(target=work, name="ahead", daemon=True).start()

    def value(self, within_s: float = math.inf, look: Callable[[], None] = lambda: None) -> T:
        """Wait for it.

        Args:
            within_s: how long to wait.
            look: called again and again meanwhile; what it raises ends the waiting.

        Raises:
            TimeoutError: it takes longer.
            Exception: whatever the call, or `look`, raises.
        """
        deadline = time.monotonic() + within_s
        while not self._future.done():
            look()
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            wait([self._future], timeout=min(_LOOK_S, left))
        return self._future.result()

    def settle(self, within_s: float) -> None:
        """Wait until it has ended, in whatever way, or the time is over."""
        wait([self._future], timeout=within_s)


def detached(
    call: Callable[[], T], *, within_s: float, look: Callable[[], None] = lambda: None
) -> T:
    """The value of a call that is left behind if it hangs; see `Ahead.value`."""
    return Ahead(call).value(within_s, look)


def beside(calls: Sequence[Callable[[], T]], *, at_once: int = 8) -> list[T]:
    """The values of several calls, some of which go on at the same time.

    Raises:
        Exception: what the first of them, in their order, has raised.
    """
    free = threading.BoundedSemaphore(at_once)

    def bounded(call: Callable[[], T]) -> T:
        with free:
            return call()

    begun = [Ahead(partial(bounded, call)) for call in calls]
    return [one.value() for one in begun]
