"""Endpoints that are there already: another machine's vLLM, or a router in front of many."""

import math
import threading
import time
from collections.abc import Mapping
from functools import partial

from oi_deploy.engine.interface import Endpoint, EngineSettings, Say
from oi_deploy.engine.readiness import (
    Api,
    Down,
    NotReadyYet,
    Served,
    Unreachable,
    check,
    choose,
    wait,
)
from oi_deploy.errors import RunError, Status
from oi_deploy.limits import Ahead, beside

# A server that restarts comes back, and a router whose server has just died answers 500 for seconds
# until it notices; a wrong address stays wrong. One that answers 503 gets the whole
# `engine-timeout`.
_PATIENCE_S = 10.0
# How long the others of several endpoints may take when one has answered.
_GRACE_S = 3.0
_LOOK_S = 0.05


class External:
    """Uses one endpoint, and others when that is gone; starts and stops nothing."""

    def __init__(self, settings: EngineSettings, *, say: Say, cancelled: threading.Event) -> None:
        """See `open_engine`."""
        self._settings = settings
        self._say = say
        self._cancelled = cancelled
        self._wanted = settings.served_model_name or settings.model
        self._last: dict[Api, NotReadyYet] = {}
        self._apis = [
            Api(base if base.endswith("/v1") else f"{base}/v1", settings.api_key)
            for base in (item.rstrip("/") for item in settings.api_base)
        ]

    def start(self) -> Endpoint:
        """Check all endpoints at once; those that do not answer are asked last. See `Engine`."""
        over = threading.Event()
        try:
            up, down = self._gather(
                {api: Ahead(partial(self._wait_for, api, over)) for api in self._apis}
            )
        finally:
            over.set()
        for api, error in down.items():
            self._say(f"engine: warning: {api.base_url} cannot be used now: {error.why}")
        if not up:
            raise _none(down)
        first = next(iter(up.values()))
        for api, served in up.items():
            if served.name != first.name:
                raise _differ({api.base_url: served.name for api, served in up.items()})
            if served.name != self._wanted:
                self._say(f"engine: {api.base_url} serves only `{served.name}`; it is used")
        lengths = [served.max_model_len for served in up.values() if served.max_model_len]
        if not lengths:
            self._say(
                "engine: the endpoint does not tell its context length; "
                f"`max-model-len: {self._settings.max_model_len}` is assumed"
            )
        base_url, *others = (api.base_url for api in (*up, *down))
        return Endpoint(
            base_url,
            first.name,
            self._settings.api_key,
            min(lengths, default=self._settings.max_model_len),
            others=tuple(others),
        )

    def look(self) -> Mapping[str, Served | NotReadyYet | RunError]:
        """Ask each endpoint once which model would be used; nothing is generated.

        Returns:
            By URL: the model, or why there is none.
        """
        found = beside([partial(self._look, api) for api in self._apis])
        return dict(zip((api.base_url for api in self._apis), found, strict=True))

    def diagnose(self) -> str | None:
        """Ask whether one still answers. See `Engine`."""
        found = beside([partial(_models, api) for api in self._apis])
        if None in found:
            return None
        head = "The model endpoint is gone" if len(found) == 1 else "All model endpoints are gone"
        return f"{head}: {'; '.join(str(error) for error in found)}"

    def stop(self) -> None:
        """Close the connections; the servers are not ours. See `Engine`."""
        for api in self._apis:
            api.close()

    def _wait_for(self, api: Api, over: threading.Event) -> Served:
        settings = self._settings
        patience_s = min(_PATIENCE_S, settings.timeout_s)
        patient_until = time.monotonic() + patience_s

        def attempt() -> Served:
            try:
                return check(api, self._wanted, any_single=True, ask_health=False)
            except NotReadyYet as error:
                self._last[api] = error
                raise
            except Down as error:
                if time.monotonic() > patient_until:
                    raise
                self._last[api] = NotReadyYet(error.why)
                raise self._last[api] from error

        return wait(
            attempt,
            timeout_s=settings.timeout_s,
            patience_s=patience_s,
            died=lambda: None,
            doing=lambda: f"waiting for {api.base_url}",
            say=self._say,
            cancelled=over,
        )

    def _gather(
        self, asked: Mapping[Api, Ahead[Served]]
    ) -> tuple[dict[Api, Served], dict[Api, Down]]:
        """Those that have answered, and those that have not, both in the given order.

        Raises:
            RunError: the inputs are wrong for one of them, or the run was cancelled.
        """
        up: dict[Api, Served] = {}
        down: dict[Api, Down] = {}
        limit = math.inf
        while len(up) + len(down) < len(asked) and time.monotonic() < limit:
            if self._cancelled.is_set():
                raise RunError("The run was cancelled", status=Status.CANCELLED)
            for api in (api for api in asked if api not in up and api not in down):
                try:
                    up[api] = asked[api].value(_LOOK_S)
                except TimeoutError:
                    if up and isinstance(self._last.get(api), Unreachable):
                        down[api] = self._late(api)
                except Down as error:
                    down[api] = error
            if up:
                limit = min(limit, time.monotonic() + _GRACE_S)
        return (
            {api: up[api] for api in asked if api in up},
            {api: down.get(api) or self._late(api) for api in asked if api not in up},
        )

    def _late(self, api: Api) -> Down:
        why = self._last.get(api, "it has not answered yet")
        return Down("The model endpoint is not ready", why=str(why))

    def _look(self, api: Api) -> Served | NotReadyYet | RunError:
        try:
            if api.healthy() is False:
                return NotReadyYet("/health says that it is not ready")
            return choose(api.models(), self._wanted, any_single=True)
        except (NotReadyYet, RunError) as error:
            return error


def _models(api: Api) -> NotReadyYet | RunError | None:
    """Why it does not tell its models; None if it does."""
    try:
        api.models()
    except (NotReadyYet, RunError) as error:
        return error
    return None


def _none(down: Mapping[Api, Down]) -> RunError:
    """The error when no endpoint can be used; it names all of them."""
    first = next(iter(down.values()))
    if len(down) == 1:
        return first
    return Down(
        "No model endpoint can be used",
        why="\n" + "\n".join(f"{api.base_url}: {error.why}" for api, error in down.items()),
        remedy=first.remedy,
        status=first.status,
    )


def _differ(names: Mapping[str, str]) -> RunError:
    return RunError(
        "The model endpoints do not serve the same model",
        why="; ".join(f"{url} serves `{name}`" for url, name in names.items()),
        remedy="List only endpoints with one model in `api-base`, under one name.",
    )
