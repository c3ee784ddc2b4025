"""When a model counts as ready: healthy, served under its name, and one token generated."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from oi_deploy.engine.interface import Endpoint, Say
from oi_deploy.errors import RunError, Status

_POLL_S = 0.5
_SAY_EVERY_S = 10.0
_CONNECT_S = 5.0
# The first answer of a large model on a CPU; a limit only for a server that hangs.
_ANSWER_S = 300.0
# What a router or proxy answers while the server behind it starts.
_NOT_YET = (502, 503, 504)


class NotReadyYet(Exception):  # noqa: N818 - a state, not an error
    """The server is starting; asking again later makes sense."""


class Unreachable(NotReadyYet):
    """Nothing listens there (yet)."""


class Down(RunError):  # noqa: N818 - a state of one server; of several, another may do
    """The server is not there, does not get ready, or fails by itself.

    Unlike a refused key or a model that is not served: there, the inputs are wrong.
    """


@dataclass(frozen=True)
class Served:
    """One entry of `/v1/models`; `max_model_len` is None where the server does not tell."""

    name: str
    max_model_len: int | None


class Api:
    """The few requests to an OpenAI-compatible API that readiness needs."""

    def __init__(self, base_url: str, api_key: str) -> None:
        """Speak to `base_url`, which ends in `/v1`; `api_key` may be empty."""
        self.base_url = base_url
        # Proxies of the environment are for the internet, not for a model server.
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(_ANSWER_S, connect=_CONNECT_S),
            trust_env=False,
        )

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def healthy(self) -> bool | None:
        """What `/health` says; None where there is no such thing (not every API has one).

        Raises:
            Unreachable: nothing listens.
        """
        code = self._send("GET", self.base_url.removesuffix("/v1") + "/health").status_code
        return True if code == httpx.codes.OK else False if code in _NOT_YET else None

    def models(self) -> tuple[Served, ...]:
        """The models that are served.

        Raises:
            RunError: the answer is not a list of models, or access is denied.
            NotReadyYet: the server is starting.
        """
        answer = self._json(self._send("GET", f"{self.base_url}/models"))
        data = answer.get("data")
        if not isinstance(data, list):
            raise RunError(
                "The model endpoint cannot be used",
                why=f"{self.base_url}/models does not answer with a list of models",
                remedy="Write the URL of an OpenAI-compatible API: "
                "`api-base: http://gpu-host:8000/v1`",
            )
        return tuple(Served(str(item.get("id")), item.get("max_model_len")) for item in data)

    def generate_one(self, model: str) -> None:
        """Let the model generate one token.

        Raises:
            RunError: it does not.
            NotReadyYet: the server is starting.
        """
        body = {
            "model": model,
            "messages": [{"role": "user", "content": "Hi"}],
            "max_tokens": 1,
            "temperature": 0,
        }
        answer = self._json(self._send("POST", f"{self.base_url}/chat/completions", body))
        if not answer.get("choices"):
            raise RunError(
                "The model endpoint does not generate text",
                why=f"asked for one token, it answered {str(answer)[:300]}",
            )

    def _send(self, method: str, url: str, body: dict[str, Any] | None = None) -> httpx.Response:
        try:
            return self._http.request(method, url, json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Unreachable(f"{url} cannot be reached ({error})") from error
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise NotReadyYet(f"{url} does not answer properly ({reason})") from error

    def _json(self, response: httpx.Response) -> dict[str, Any]:
        code, url = response.status_code, str(response.url)
        if code in _NOT_YET:
            raise NotReadyYet(f"{url} answers {code}")
        if code in (401, 403):
            raise RunError(
                "The model endpoint refuses our key",
                why=f"{url} answers {code}",
                remedy="Write the right one: `api-key: ${{ secrets.VLLM_API_KEY }}`",
            )
        if code >= 400:
            kind = Down if code >= 500 else RunError
            raise kind(
                "The model endpoint cannot be used",
                why=f"{url} answers {code}: {response.text[:300]}",
                remedy="Another program than a model server has the port; an OpenAI-compatible API "
                "has such a page."
                if code == httpx.codes.NOT_FOUND
                else "",
            )
        try:
            answer = response.json()
        except ValueError:
            answer = None
        return answer if isinstance(answer, dict) else {}


def choose(served: Sequence[Served], wanted: str, *, any_single: bool) -> Served:
    """The model to use.

    Args:
        served: what the server has.
        wanted: the name to look for.
        any_single: whether the one model of a server that has only one will do.

    Raises:
        RunError: none can be chosen; lists the served names.
    """
    for model in served:
        if model.name == wanted:
            return model
    if any_single and len(served) == 1:
        return served[0]
    names = ", ".join(f"`{model.name}`" for model in served)
    raise RunError(
        f"The model endpoint does not serve `{wanted}`",
        why=f"it serves {names or 'no model at all'}",
        remedy=f"Write: `model: {served[0].name}`" if served else "",
    )


def check(api: Api, wanted: str, *, any_single: bool = False, ask_health: bool = True) -> Served:
    """Ask once: healthy, model served, one token generated.

    Args:
        api: the server.
        wanted: the model's name.
        any_single: see `choose`.
        ask_health: not of a router, which is not healthy while one of its servers is gone, and
            answers all the same (seen with vllm-router 0.1.17).

    Raises:
        NotReadyYet: ask again later.
        RunError: asking again will not help.
    """
    if ask_health and api.healthy() is False:
        raise NotReadyYet("/health says that it is not ready")
    model = choose(api.models(), wanted, any_single=any_single)
    api.generate_one(model.name)
    return model


def wait(
    attempt: Callable[[], Served],
    *,
    timeout_s: float,
    patience_s: float,
    died: Callable[[], RunError | None],
    doing: Callable[[], str],
    say: Say,
    cancelled: threading.Event,
    late: Callable[[], str] = str,
) -> Served:
    """Repeat `attempt` until it succeeds.

    It runs in a thread of its own, so that neither a server that hangs nor a slow first token
    delays the answer to a cancelled run or a dead server.

    Args:
        attempt: `check`, bound to a server.
        timeout_s: how long the server may take to get ready.
        patience_s: how long nothing at all may listen.
        died: why the server is gone; None while it lives.
        doing: what the server does now, for the lines of progress.
        say: told at every change of `doing`, and every ten seconds.
        cancelled: ends the wait at once.
        late: what to do if the time is over now, if that is something else than to wait longer.

    Raises:
        Down: too much time.
        RunError: what `attempt` or `died` gives, or a cancelled run.
    """
    results: queue.SimpleQueue[Served | Exception] = queue.SimpleQueue()
    over = threading.Event()
    threading.Thread(
        target=_repeat, args=(attempt, results, over), name="engine-readiness", daemon=True
    ).start()
    started = time.monotonic()
    told, told_at, last = "", started, NotReadyYet("it has not answered yet")
    try:
        while True:
            if cancelled.is_set():
                raise RunError("The run was cancelled", status=Status.CANCELLED)
            result = _next(results)
            if isinstance(result, Served):
                return result
            # A server that dies also drops connections; that it died says more.
            if error := died():
                raise error
            if isinstance(result, NotReadyYet):
                last = result
            elif result is not None:
                raise result
            elapsed = time.monotonic() - started
            if elapsed > patience_s and isinstance(last, Unreachable):
                raise Down(
                    "The model endpoint cannot be reached",
                    why=str(last),
                    remedy="Check `api-base`. In the action's container `localhost` is the "
                    "container itself, not the runner.",
                )
            if elapsed > timeout_s:
                raise Down(
                    f"The model was not ready within {timeout_s:.0f} s",
                    why=f"last state: {doing()}; {last}",
                    remedy=late() or "Write a longer limit, such as: `engine-timeout: 30m`",
                    status=Status.TIMED_OUT,
                )
            now = doing()
            if now != told or time.monotonic() - told_at >= _SAY_EVERY_S:
                say(f"engine: {now} ({elapsed:.0f} s)")
                told, told_at = now, time.monotonic()
    finally:
        over.set()


def endpoint(api: Api, model: Served, *, api_key: str, assumed_len: int) -> Endpoint:
    """The endpoint that has answered; `assumed_len` is for a server that tells no length."""
    return Endpoint(api.base_url, model.name, api_key, model.max_model_len or assumed_len)


def _repeat(
    attempt: Callable[[], Served],
    results: "queue.SimpleQueue[Served | Exception]",
    over: threading.Event,
) -> None:
    while not over.is_set():
        try:
            results.put(attempt())
            return
        except NotReadyYet as error:
            results.put(error)
        except Exception as error:  # handed to the waiting thread, which raises it
            results.put(error)
            return
        over.wait(_POLL_S)


def _next(results: "queue.SimpleQueue[Served | Exception]") -> Served | Exception | None:
    try:
        return results.get(timeout=_POLL_S / 2)
    except queue.Empty:
        return None
