"""What the Docker engine is asked about the servers' containers, and the way to be rid of one."""

import http
import time
from contextlib import suppress

import docker
from docker.errors import APIError, DockerException, NotFound

from oi_deploy.engine import choice
from oi_deploy.errors import RunError

GPUS = "oi-deploy.engine.gpus"
# What the engine answers about a container that another run, or its own end, removes just now.
GONE = (http.HTTPStatus.CONFLICT, http.HTTPStatus.NOT_FOUND)

_CALL_TIMEOUT_S = 60
_REMOVAL_S = 4.0
_EVENTS_S = 4
_END_NOTICED_S = 2.0


def connect() -> docker.DockerClient:
    """A client of the Docker engine, which has answered.

    Raises:
        RunError: it cannot be reached.
    """
    try:
        client = docker.from_env(timeout=_CALL_TIMEOUT_S)
        client.ping()
    except (DockerException, OSError) as error:
        raise RunError(
            "The Docker engine cannot be reached",
            why=str(error),
            remedy="`engine: sibling` needs /var/run/docker.sock, which GitHub's runner mounts if "
            "the host has Docker. Without it, write: `api-base: http://gpu-host:8000/v1`",
        ) from error
    return client


def look(client: docker.DockerClient, label: str) -> list[choice.Server]:
    """Every container: one of another program may have our name.

    Args:
        client: the engine.
        label: which one holds the digest of a server's configuration.
    """
    now = time.time()
    return [
        choice.Server(
            id=item["Id"],
            name=str((item["Names"] or [""])[0]).removeprefix("/"),
            digest=(item["Labels"] or {}).get(label),
            gpus=(item["Labels"] or {}).get(GPUS, ""),
            state=item["State"],
            age_s=now - item["Created"],
        )
        for item in client.api.containers(all=True)
    ]


def exit_code(container_id: str) -> int | None:
    """What a container has ended with; None if it runs, or the engine does not know it any more.

    The container has removed itself, so only the engine's events tell; it has them a moment later
    than we see the end, and forgets them when it is restarted.
    """
    with suppress(DockerException, OSError):
        for event in docker.from_env(timeout=_EVENTS_S).events(
            since=1,
            until=int(time.time() + _END_NOTICED_S),
            filters={"container": container_id, "event": "die"},
            decode=True,
        ):
            return int(event["Actor"]["Attributes"]["exitCode"])
    return None


def remove(client: docker.DockerClient, container_id: str) -> None:
    """Remove a container, running or not, and wait until its name is free."""
    deadline = time.monotonic() + _REMOVAL_S
    with suppress(NotFound):
        while time.monotonic() < deadline:
            try:
                client.api.remove_container(container_id, force=True, v=True)
            except APIError as error:
                if error.status_code != http.HTTPStatus.CONFLICT:  # "removal already in progress"
                    raise
            client.api.inspect_container(container_id)
            time.sleep(0.05)
