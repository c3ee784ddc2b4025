"""What our two servers, `process` and `sibling`, share: what comes first, the wait, the end."""

import math
import secrets
import socket
import threading
from collections.abc import Callable, Sequence

from oi_deploy.engine.causes import Cause, late, likely_cause
from oi_deploy.engine.flags import served_name
from oi_deploy.engine.inside import (
    gpu_memory,
    hub_cache,
    manifest,
    model_files,
    prepare,
    program,
    words,
)
from oi_deploy.engine.interface import Endpoint, EngineSettings, Say
from oi_deploy.engine.phases import BEFORE_START
from oi_deploy.engine.readiness import Api, check, endpoint, wait
from oi_deploy.engine.serverlog import ServerLog
from oi_deploy.errors import RunError

LOOPBACK = "127.0.0.1"
MODULE = "vllm.entrypoints.openai.api_server"
_SHOWN_LINES = 15
_SHOWN_WIDTH = 300


def new_key() -> str:
    """A random key for one server."""
    return secrets.token_urlsafe(24)


def free_port() -> int:
    """A TCP port that is free on the loopback address of our network namespace."""
    with socket.socket() as candidate:
        candidate.bind((LOOPBACK, 0))
        return int(candidate.getsockname()[1])


def prepared(settings: EngineSettings, server: Sequence[str]) -> list[str]:
    """The command that looks whether a server can start, and becomes it: `inside/prepare.py`."""
    uses = (words, model_files, manifest, hub_cache, gpu_memory)
    return program(prepare, "cpu" if settings.gpus == "none" else "gpu", *server, uses=uses)


def wait_for(
    settings: EngineSettings,
    *,
    doing: Callable[[], str],
    log: ServerLog,
    port: int,
    api_key: str,
    died: Callable[[], RunError | None],
    say: Say,
    cancelled: threading.Event,
) -> Endpoint:
    """Wait until the server on `port` answers; see `readiness.wait`."""
    api = Api(f"http://{LOOPBACK}:{port}/v1", api_key)
    try:
        model = wait(
            lambda: check(api, served_name(settings)),
            timeout_s=settings.timeout_s,
            patience_s=math.inf,
            died=died,
            doing=doing,
            late=lambda: late(log.progress, settings),
            say=say,
            cancelled=cancelled,
        )
        return endpoint(api, model, api_key=api_key, assumed_len=settings.max_model_len)
    finally:
        api.close()


def death(settings: EngineSettings, log: ServerLog, exit_code: int | None) -> RunError:
    """The error for a server that ended by itself: likely cause and last lines."""
    lines = log.lines()
    cause = likely_cause(lines, settings, exit_code) or Cause(
        "it ended by itself" if exit_code is None else f"its exit code is {exit_code}",
        "Its log, whole: run the same `vllm-image` with the same arguments by hand.",
    )
    shown = [line[:_SHOWN_WIDTH] for line in lines[-_SHOWN_LINES:]]
    if cause.line and cause.line[:_SHOWN_WIDTH] not in shown:
        shown = [cause.line[:_SHOWN_WIDTH], "...", *shown]
    tail = "\n".join(f"    {line}" for line in shown)
    phase = log.progress.phase
    return RunError(
        "The model server was not started"
        if phase in BEFORE_START
        else f"The model server died while it was {phase}",
        why=f"{cause.why}. Its last lines:\n{tail}" if tail else f"{cause.why}. It wrote nothing.",
        remedy=cause.remedy,
    )
