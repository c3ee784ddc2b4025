"""The server's image: there already, or pulled, with progress."""

import queue
import threading
import time
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound
from docker.models.images import Image

from oi_deploy.engine.interface import Say
from oi_deploy.errors import RunError, Status

_SAY_EVERY_S = 10.0
_POLL_S = 0.25


def require_image(
    client: docker.DockerClient,
    name: str,
    *,
    timeout_s: float,
    say: Say,
    cancelled: threading.Event,
) -> Image:
    """The image `name`; pulled if the engine does not have it.

    Raises:
        RunError: it cannot be pulled, takes too long, or the run was cancelled.
    """
    try:
        return client.images.get(name)
    except ImageNotFound:
        pass
    say(f"engine: pulling {name}")
    events: queue.SimpleQueue[dict[str, Any] | Exception | None] = queue.SimpleQueue()
    # A thread, because a pull that waits for the network cannot be interrupted. When the run is
    # over the process ends, the connection with it, and the engine gives the pull up.
    threading.Thread(
        target=_pull, args=(client, name, events), name="engine-pull", daemon=True
    ).start()
    started = told_at = time.monotonic()
    layers: dict[str, tuple[int, int]] = {}
    while True:
        now = time.monotonic()
        if cancelled.is_set():
            raise RunError("The run was cancelled", status=Status.CANCELLED)
        if now - started > timeout_s:
            raise RunError(
                f"The image `{name}` was not pulled within {timeout_s:.0f} s",
                why=_progress(layers),
                remedy=f"Pull it once on the runner's host (`docker pull {name}`), or write a "
                "longer limit, such as: `engine-timeout: 60m`",
                status=Status.TIMED_OUT,
            )
        if now - told_at >= _SAY_EVERY_S:
            say(f"engine: pulling {name}, {_progress(layers)} ({now - started:.0f} s)")
            told_at = now
        try:
            event = events.get(timeout=_POLL_S)
        except queue.Empty:
            continue
        if event is None:
            return client.images.get(name)
        if isinstance(event, Exception):
            raise _not_pullable(name, str(getattr(event, "explanation", None) or event)) from event
        if error := event.get("error"):
            raise _not_pullable(name, str(error))
        detail = event.get("progressDetail") or {}
        if event.get("status") == "Downloading" and "id" in event:
            layers[event["id"]] = (int(detail.get("current", 0)), int(detail.get("total", 0)))
        elif event.get("status") == "Download complete" and event.get("id") in layers:
            layers[event["id"]] = (layers[event["id"]][1],) * 2


def _pull(
    client: docker.DockerClient,
    name: str,
    events: "queue.SimpleQueue[dict[str, Any] | Exception | None]",
) -> None:
    try:
        # Without a tag the API would pull every tag of the repository.
        tagged = "@" in name or ":" in name.rpartition("/")[2]
        for event in client.api.pull(
            name if tagged else f"{name}:latest", stream=True, decode=True
        ):
            events.put(event)
    except (APIError, DockerException, OSError) as error:
        events.put(error)
    else:
        events.put(None)


def _progress(layers: dict[str, tuple[int, int]]) -> str:
    """How far the pull is; the engine learns the layers' sizes one by one."""
    done = sum(current for current, _ in layers.values())
    total = sum(size for _, size in layers.values())
    return f"{done / 1e9:.1f} of {total / 1e9:.1f} GB" if total else "waiting for the registry"


def _not_pullable(name: str, why: str) -> RunError:
    return RunError(
        f"The image `{name}` is not on the runner's host and cannot be pulled",
        why=why.strip(),
        remedy="Write one that it can pull: `vllm-image: harbor.example.com/mirror/vllm-openai:"
        f"v0.32.0`, or pull it once on the host: `docker pull {name}`",
    )
