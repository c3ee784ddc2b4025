"""Who else on this machine may hold GPU memory: the containers that have been given GPUs.

From inside a container, `nvidia-smi` often shows no process of others. The Docker engine knows
which containers can have some.
"""

from collections.abc import Callable, Mapping
from typing import Any

import docker
from docker.errors import DockerException

from oi_deploy.engine.phases import Phase, Progress


def shown_with_holders(client: docker.DockerClient, own: str) -> Callable[[Progress], str]:
    """How a server's progress is shown: as it is, and where it waits for memory, with holders.

    Args:
        client: the Docker engine.
        own: the id of the server's container.
    """
    last = (Progress(Phase.STARTING), str(Phase.STARTING))

    def shown(progress: Progress) -> str:
        nonlocal last
        if progress.phase is not Phase.WAITING:
            return str(progress)
        if progress != last[0]:  # whoever waits asks several times a second
            names = " and ".join(_others(client, own))
            last = progress, f"{progress}; other containers with GPUs: {names or 'none'}"
        return last[1]

    return shown


def _others(client: docker.DockerClient, own: str) -> list[str]:
    try:
        found = [client.api.inspect_container(item["Id"]) for item in client.api.containers()]
    except (DockerException, OSError):
        return []  # one has just ended, or the engine has; the wait itself goes on
    return sorted(
        str(attrs["Name"]).removeprefix("/")
        for attrs in found
        if attrs["Id"] != own and has_gpu(attrs["HostConfig"])
    )


def has_gpu(host_config: Mapping[str, Any]) -> bool:
    """Whether a container has a GPU: by `--gpus` or CDI, by NVIDIA's runtime, or as a device."""
    devices = host_config.get("Devices") or []
    return bool(
        host_config.get("DeviceRequests")
        or host_config.get("Runtime") == "nvidia"
        or any(str(one.get("PathInContainer")).startswith("/dev/nvidia") for one in devices)
    )
