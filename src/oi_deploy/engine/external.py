"""An endpoint that is there already: another machine's vLLM, or a router in front of many."""

import threading

from oi_deploy.engine.interface import Endpoint, EngineSettings, Say
from oi_deploy.engine.readiness import Api, NotReadyYet, Served, check, choose, endpoint, wait
from oi_deploy.errors import RunError

# A server that restarts comes back; a wrong address does not. One that answers 503 gets the whole
# `engine-timeout`.
_PATIENCE_S = 10.0


class External:
    """Uses an endpoint; starts and stops nothing."""

    def __init__(self, settings: EngineSettings, *, say: Say, cancelled: threading.Event) -> None:
        """See `open_engine`."""
        self._settings = settings
        self._say = say
        self._cancelled = cancelled
        self._wanted = settings.served_model_name or settings.model
        base = settings.api_base.rstrip("/")
        self._api = Api(base if base.endswith("/v1") else f"{base}/v1", settings.api_key)

    def start(self) -> Endpoint:
        """Check the endpoint. See `Engine`."""
        settings = self._settings
        model = wait(
            self._check,
            timeout_s=settings.timeout_s,
            patience_s=min(_PATIENCE_S, settings.timeout_s),
            died=lambda: None,
            doing=lambda: f"waiting for {self._api.base_url}",
            say=self._say,
            cancelled=self._cancelled,
        )
        if model.name != self._wanted:
            self._say(f"engine: {self._api.base_url} serves only `{model.name}`; it is used")
        if model.max_model_len is None:
            self._say(
                "engine: the endpoint does not tell its context length; "
                f"`max-model-len: {settings.max_model_len}` is assumed"
            )
        return endpoint(
            self._api, model, api_key=settings.api_key, assumed_len=settings.max_model_len
        )

    def look(self) -> Served:
        """Ask once which model would be used; nothing is generated.

        Raises:
            NotReadyYet: it does not answer, or starts.
            RunError: it does not serve the model, or refuses the key.
        """
        if self._api.healthy() is False:
            raise NotReadyYet("/health says that it is not ready")
        return choose(self._api.models(), self._wanted, any_single=True)

    def diagnose(self) -> str | None:
        """Ask whether it still answers. See `Engine`."""
        try:
            self._api.models()
        except (RunError, NotReadyYet) as error:
            return f"The model endpoint is gone: {error}"
        return None

    def stop(self) -> None:
        """Close the connections; the server is not ours. See `Engine`."""
        self._api.close()

    def _check(self) -> Served:
        return check(self._api, self._wanted, any_single=True)
