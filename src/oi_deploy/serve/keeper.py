"""Keeps one engine up: starts it, looks after it, starts it again when it has died."""

import threading
import time
from collections.abc import Callable

import httpx

from oi_deploy.engine import Endpoint, Engine
from oi_deploy.engine.sibling import STUCK_S
from oi_deploy.errors import RunError

_LOOK_S = 0.5
_HEALTH_EVERY_S = 15.0
_HEALTH_S = 5.0
# Before a start that follows on a death; twice as long after each, until a server lasts.
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 300.0
_LASTS_S = 600.0


def keep(
    open_one: Callable[[], Engine],
    *,
    ready: Callable[[Endpoint], None],
    ended: Callable[[str], None],
    stop: threading.Event,
) -> None:
    """Keep an engine up until `stop` is set.

    Args:
        open_one: makes an engine that is not started yet.
        ready: told the endpoint whenever the model answers anew.
        ended: told the cause whenever it answers no more, with what happens next.
        stop: ends it all; the engine was opened with it.

    Raises:
        RunError: the first start failed. Later ones are repeated, since jobs rely on us by then.
    """
    pause, been_ready = _FIRST_PAUSE_S, False
    while True:
        engine, lasted = open_one(), 0.0
        try:
            endpoint = engine.start()
            began, been_ready = time.monotonic(), True
            ready(endpoint)
            why = _cause_of_its_end(engine, endpoint, stop)
            lasted = time.monotonic() - began
        except RunError as error:
            if not been_ready and not stop.is_set():
                raise
            why = str(error)
        finally:
            engine.stop()
        if stop.is_set():
            return
        if lasted > _LASTS_S:
            pause = _FIRST_PAUSE_S
        ended(f"{why}\nThe server is started again in {pause:.0f} s.")
        if stop.wait(pause):
            return
        pause = min(2 * pause, _LONGEST_PAUSE_S)


def _cause_of_its_end(engine: Engine, endpoint: Endpoint, stop: threading.Event) -> str:
    """Wait until the engine has died, stands still, or `stop` is set; why it is of no use."""
    looked = well = time.monotonic()
    while not stop.wait(_LOOK_S):
        if why := engine.diagnose():
            return why
        if time.monotonic() - looked > _HEALTH_EVERY_S:
            looked = time.monotonic()
            if _healthy(endpoint):
                well = time.monotonic()
            elif time.monotonic() - well > STUCK_S:
                return f"The model server has not answered for {STUCK_S:.0f} s"
    return ""


def _healthy(endpoint: Endpoint) -> bool:
    try:
        url = endpoint.base_url.removesuffix("/v1") + "/health"
        with httpx.Client(trust_env=False, timeout=_HEALTH_S) as client:
            return client.get(url).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
