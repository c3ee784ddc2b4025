"""An endpoint that is there already: another machine's vLLM, or a router before many."""

import threading
from collections.abc import Callable

from oi_deploy.engine.interface import Endpoint, EngineSettings
from oi_deploy.engine.readiness import probe


class External:
    """Uses an endpoint; starts and stops nothing."""

    def __init__(
        self, settings: EngineSettings, *, say: Callable[[str], None], cancelled: threading.Event
    ) -> None:
        """See `open_engine`."""
        self._settings = settings
        self._say = say

    def start(self) -> Endpoint:
        """Check that the endpoint serves the model.

        Raises:
            RunError: it is unreachable, refuses the key, or serves other models.
        """
        settings = self._settings
        endpoint = probe(
            settings.api_base, api_key=settings.api_key, wanted=settings.model, any_single=True
        )
        if endpoint.model != settings.model:
            self._say(f"engine: the endpoint serves only `{endpoint.model}`; using that")
        return endpoint

    def diagnose(self) -> str | None:
        """Nothing is known about a server that is not ours."""
        return None

    def stop(self) -> None:
        """There is nothing to stop."""
