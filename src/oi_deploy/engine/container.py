"""What the Docker engine is told about a server's container. Pure."""

import io
import tarfile
from collections.abc import Mapping, Sequence
from typing import Any

from docker.errors import APIError
from docker.models.images import Image
from docker.types import DeviceRequest, Mount

from oi_deploy.engine.flags import Machine, environment
from oi_deploy.engine.gpu import no_gpu
from oi_deploy.engine.inside import prepare, program, supervisor
from oi_deploy.engine.interface import EngineSettings
from oi_deploy.engine.server import MODULE, prepared
from oi_deploy.errors import RunError

# Both in the container, which has them for itself.
SOCKET = "/tmp/oi-deploy-engine.sock"  # noqa: S108
PORT = 8000
# The weights and compiled kernels that outlive a server, and where it has them.
CACHE_VOLUME = "oi-deploy-models"
CACHE = "/var/cache/oi-deploy"

# How long the container may stay without its first user, who comes as soon as it runs.
_GRACE_S = 60.0


def configuration(
    settings: EngineSettings,
    arguments: Sequence[str],
    image: Image,
    devices: Sequence[DeviceRequest],
    info: Mapping[str, Any],
    *,
    job: Mapping[str, str],
) -> dict[str, Any]:
    """All that makes one server another than the next, as the client library takes it.

    Args:
        settings: what to serve and how.
        arguments: the server's, without the program.
        image: the server's image.
        devices: what to ask the engine for.
        info: the engine's answer to `docker info`.
        job: the job's variables.
    """
    server = [*start_of(image.attrs["Config"].get("Entrypoint") or []), *arguments]
    mounts = []
    if settings.model_is_path:
        mounts.append(Mount(settings.model, settings.model, type="bind", read_only=True))
    # There is something worth keeping: weights from the hub, or compiled kernels.
    kept = not settings.model_is_path or settings.gpus != "none"
    if kept:
        labels = {"oi-deploy.role": "cache"}
        mounts.append(Mount(CACHE, CACHE_VOLUME, type="volume", labels=labels))
    machine = Machine(
        cpus=int(info["NCPU"]),
        memory_bytes=int(info["MemTotal"]),
        cache=CACHE if kept else "",
    )
    return {
        "image": image.id,
        "entrypoint": program(supervisor, SOCKET, str(_GRACE_S), *prepared(settings, server)),
        "environment": environment(settings, machine, job=job),
        "device_requests": list(devices),
        "mounts": mounts,
    }


def start_of(entrypoint: Sequence[str]) -> list[str]:
    """What to start in an image, from its own entry point.

    An entry point that starts vLLM takes our arguments. Another one (tini, a vendor's set-up
    script) gets the server as its command.
    """
    if any("vllm" in part for part in entrypoint):
        return list(entrypoint)
    return [*entrypoint, "python3", "-m", MODULE]


def token_archive(token: str) -> bytes:
    """A tar archive with the hub's token, for `inside/prepare.py`, which removes it.

    The user of an image may be another than root; all that runs in there is the server's.
    """
    data = token.encode()
    entry = tarfile.TarInfo(prepare.TOKEN.lstrip("/"))
    entry.size, entry.mode = len(data), 0o444
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        archive.addfile(entry, io.BytesIO(data))
    return written.getvalue()


def not_started(settings: EngineSettings, error: APIError) -> RunError:
    """Why the engine did not start the container."""
    why = str(error.explanation or error).strip()
    if "bind source path does not exist" in why or "invalid mount config" in why:
        return RunError(
            "The model was not found",
            why=f"there is no folder `{settings.model}` on the Docker host (a path inside the "
            "job or the action means nothing there)",
            remedy="Write the absolute path of a folder on the runner's host: "
            "`model: /srv/models/Qwen3-4B-Instruct-2507`, or a hub name.",
        )
    if "device driver" in why or "nvidia" in why.lower() or "CDI" in why:
        return no_gpu(why)
    return RunError("The model server's container could not be started", why=why)
