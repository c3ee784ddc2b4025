"""The servers behind an endpoint: which one is asked, and when a question is asked again.

A question to a model changes nothing, so it can be repeated as long as nothing was done with the
answer. What is acted on are whole answers only; one that broke off is thrown away, and the question
put again, to the next server if there is one. This is the only place where requests are repeated.
"""

import queue
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2  # what openai sends its requests with
import openai

from oi_deploy.engine.interface import Endpoint
from oi_deploy.errors import RunError
from oi_deploy.limits import Stop
from oi_deploy.text import one_line

# Requests with the same value go to the same replica, which has the run's prompt in its cache.
# vllm-router reads it with `--policy consistent_hash` (vllm-project/router,
# docs/load_balancing/README.md), Ray Serve with ConsistentHashRouter
# (ray/serve/_private/constants.py, RAY_SERVE_SESSION_ID_HEADER_KEY), production-stack's router with
# `--session-key x-session-id`.
SESSION_HEADER = "X-Session-ID"

# Seconds without any byte from the server after which it is asked whether it still lives.
_SILENCE_S = 600.0
_CONNECT_S = 5.0
# A machine that has lost its power or its network answers no probe; its connection ends after
# 15 + 3 * 5 s, however long the model may be silent.
_KEEPALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
]
# What a server or a router says that will take the same request later.
_BUSY = (429, 502, 503, 504)
# How often all of them in turn may fail in other ways; with the waits between, about 12 seconds.
# vllm-router answers 500 for some seconds when the server that it has chosen has died.
_ROUNDS = 6
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0
_LOOK_S = 0.2

T = TypeVar("T")


class BrokenOff(Exception):  # noqa: N818 - the server's failure, not the request's
    """The answer ended before its end."""


@dataclass(frozen=True)
class Again:
    """A question that will be asked again, and why.

    Attributes:
        server: the URL of who failed.
        why: what it said or did.
        broke_off: whether part of an answer had arrived, which counts for nothing.
        next_server: who will be asked.
        wait_s: seconds until then.
    """

    server: str
    why: str
    broke_off: bool
    next_server: str
    wait_s: float

    @property
    def sentence(self) -> str:
        """What people read."""
        what = "the answer broke off" if self.broke_off else "no answer"
        soon = f" in {self.wait_s:.0f} s" if self.wait_s >= 1 else ""
        return f"model: {what} ({one_line(self.why)}); asking {self.next_server} again{soon}"


class _Failed(Exception):  # noqa: N818 - the question may be asked again
    """Why a server gave no answer; `busy`: it says that it will later."""

    def __init__(self, why: str, *, busy: bool = False, retry_after_s: float = 0.0) -> None:
        super().__init__(why)
        self.busy, self.retry_after_s = busy, retry_after_s


class Servers:
    """Asks one server for as long as it answers, then the next."""

    def __init__(
        self, endpoint: Endpoint, *, stop: Stop, on_again: Callable[[Again], None]
    ) -> None:
        """Connect to nothing yet; `on_again` is told before a question is asked again."""
        self._stop = stop
        self._on_again = on_again
        http = httpx2.Client(
            timeout=httpx2.Timeout(_SILENCE_S, connect=_CONNECT_S),
            # With a transport of our own, proxies of the environment are not used: they are for
            # the internet, not for a model server.
            transport=httpx2.HTTPTransport(socket_options=_KEEPALIVE),
        )
        # Random, so that it says nothing about the run.
        headers = {SESSION_HEADER: secrets.token_hex(16)}
        key = endpoint.api_key or "none"
        self._clients = {
            url: openai.OpenAI(
                base_url=url, api_key=key, max_retries=0, default_headers=headers, http_client=http
            )
            for url in (endpoint.base_url, *endpoint.others)
        }
        self._urls = list(self._clients)
        self._begun = False

    def ask(self, request: dict[str, Any], read: Callable[[Iterator[Any]], T]) -> T:
        """The value of `read`, which is called again for another answer when one has broken off.

        Args:
            request: the parameters of a streamed chat completion.
            read: consumes an answer's chunks; raises BrokenOff if they are not a whole one.

        Raises:
            RunError: the request is refused, no server answers any more, or the run has to stop.
        """
        failures: dict[str, _Failed] = {}
        this_round: list[_Failed] = []
        rounds = lost = 0
        while True:
            url = self._urls[0]
            try:
                return self._answer(request, url, read)
            except _Failed as failure:
                failures[url] = failure
                this_round.append(failure)
            except openai.APIStatusError as error:
                raise _refused(error, url, failures) from error
            self._urls = [*self._urls[1:], url]
            wait_s = 0.0
            if len(this_round) == len(self._urls):
                lost = 0 if any(item.busy for item in this_round) else lost + 1
                if lost == _ROUNDS:
                    raise _gone(failures)
                wait_s = _wait_s(rounds, max(item.retry_after_s for item in this_round))
                rounds, this_round = rounds + 1, []
            self._on_again(Again(url, str(failures[url]), self._begun, self._urls[0], wait_s))
            self._pause(wait_s)

    def _answer(self, request: dict[str, Any], url: str, read: Callable[[Iterator[Any]], T]) -> T:
        """One attempt at one server.

        Raises:
            _Failed: it may be asked again.
            openai.APIStatusError: it would refuse the same request again.
        """
        self._begun = False
        try:
            return read(self._chunks(request, url))
        except openai.APIStatusError as error:
            why = f"HTTP {error.status_code}"
            if error.status_code in _BUSY:
                retry_after_s = _retry_after_s(error.response.headers)
                raise _Failed(why, busy=True, retry_after_s=retry_after_s) from error
            if error.status_code >= 500:
                raise _Failed(f"{why}: {error.message[:200]}") from error
            raise
        except openai.APIConnectionError as error:
            raise _Failed(_line(error.__cause__ or error)) from error
        except (openai.APIError, BrokenOff) as error:
            raise _Failed(str(error)[:300]) from error

    def _pause(self, seconds: float) -> None:
        """Wait; `timeout` ends it, `stall-timeout` does not, since it was said that we wait."""
        until = time.monotonic() + seconds
        self._stop.check()
        while (left := until - time.monotonic()) > 0:
            self._stop.event.wait(min(left, _LONGEST_WAIT_S))  # a header may say any number
            self._stop.check()

    def _chunks(self, request: dict[str, Any], url: str) -> Iterator[Any]:
        """One answer's chunks; a thread reads them so that a stop request is seen at once."""
        items: queue.Queue[Any] = queue.Queue()
        over, left = object(), threading.Event()

        def get() -> None:
            try:
                with self._clients[url].chat.completions.create(**request) as stream:
                    for chunk in stream:
                        if left.is_set():
                            return
                        items.put(chunk)
                items.put(over)
            except openai.APIError as error:
                items.put(error)  # for the waiting side, which raises it
            except Exception as error:  # a connection that breaks, bytes that are no event
                items.put(BrokenOff(_line(error)))

        threading.Thread(target=get, daemon=True).start()
        try:
            with self._stop.expecting("the model wrote nothing"):
                while True:
                    self._stop.check()
                    try:
                        item = items.get(timeout=_LOOK_S)
                    except queue.Empty:
                        continue
                    if item is over:
                        return
                    if isinstance(item, Exception):
                        raise item
                    self._begun = True
                    self._stop.alive()
                    yield item
        finally:
            # Who reads no further closes the connection, and the server stops writing.
            left.set()


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def _wait_s(rounds: int, retry_after_s: float) -> float:
    """Twice as long each time, and no two runs equally long, so that they do not come together."""
    longest = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0**rounds)
    return max(longest * random.uniform(0.5, 1), retry_after_s)  # noqa: S311 - no secret


def _retry_after_s(headers: Mapping[str, str]) -> float:
    """The header's seconds; its other form, a date, is not what model servers send."""
    try:
        return max(0.0, float(str(headers.get("Retry-After", "0"))))
    except ValueError:
        return 0.0


def _gone(failures: Mapping[str, Exception]) -> RunError:
    lines = [f"{url}: {failure}" for url, failure in failures.items()]
    if len(lines) == 1:
        return RunError("The model server stopped answering", why=lines[0])
    return RunError("All model servers stopped answering", why="\n" + "\n".join(lines))


def _refused(error: openai.APIStatusError, url: str, failures: Mapping[str, Exception]) -> RunError:
    detail = error.message[:500]
    remedy = ""
    if error.status_code == 400 and "context length" in detail:
        remedy = "Write a larger `max-model-len:`, or a shorter prompt."
    if error.status_code in (401, 403):
        remedy = "Write: `api-key: ${{ secrets.VLLM_API_KEY }}`"
    before = "".join(f"\n{other}: {failure}" for other, failure in failures.items())
    return RunError(
        "The model server refused a request",
        why=f"HTTP {error.status_code} from {url}: {detail}{before}",
        remedy=remedy,
    )
