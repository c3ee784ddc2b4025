"""Where the model comes from: three engines behind one interface."""

import threading
from collections.abc import Callable, Mapping

from oi_deploy.engine.external import External
from oi_deploy.engine.interface import Endpoint, Engine, EngineSettings, Kind, Say
from oi_deploy.engine.process import Process
from oi_deploy.engine.sibling import Sibling

__all__ = ["Endpoint", "Engine", "EngineSettings", "open_engine"]

_ENGINES: Mapping[Kind, Callable[..., Engine]] = {
    "external": External,
    "process": Process,
    "sibling": Sibling,
}


def open_engine(settings: EngineSettings, *, say: Say, cancelled: threading.Event) -> Engine:
    """The engine that `settings.kind` names; nothing is started yet.

    Args:
        settings: what to serve and how.
        say: prints one line of progress.
        cancelled: ends every wait when it is set.
    """
    return _ENGINES[settings.kind](settings, say=say, cancelled=cancelled)
