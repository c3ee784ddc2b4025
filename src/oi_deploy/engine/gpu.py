"""How the Docker engine hands out GPUs, from what `docker info` says. Pure."""

from collections.abc import Mapping
from typing import Any

from docker.types import DeviceRequest

from oi_deploy.errors import RunError

_CDI_KIND = "nvidia.com/gpu="


def device_requests(gpus: str, info: Mapping[str, Any]) -> list[DeviceRequest]:
    """What to ask the engine for.

    Args:
        gpus: `all`, `none`, or GPU indexes such as `0,1`.
        info: the engine's answer to `docker info`. `DiscoveredDevices` lists devices of the
            Container Device Interface, from Docker 28.2 on.

    Raises:
        RunError: a GPU is wanted and the engine has neither NVIDIA's runtime nor its devices.
    """
    if gpus == "none":
        return []
    ids = None if gpus == "all" else gpus.split(",")
    if "nvidia" in (info.get("Runtimes") or {}):
        if ids is None:
            return [DeviceRequest(count=-1, capabilities=[["gpu"]])]
        return [DeviceRequest(device_ids=ids, capabilities=[["gpu"]])]
    devices = info.get("DiscoveredDevices") or []
    if any(str(device.get("ID", "")).startswith(_CDI_KIND) for device in devices):
        names = [_CDI_KIND + index for index in ids or ["all"]]
        return [DeviceRequest(driver="cdi", device_ids=names)]
    raise no_gpu("it has no NVIDIA runtime")


def no_gpu(why: str) -> RunError:
    """The refusal, with both ways out."""
    return RunError(
        "The Docker engine of this runner cannot give the model a GPU",
        why=why,
        remedy="Without a GPU, write: `gpus: none` (and a `vllm-image` for the CPU). With one, "
        "install the NVIDIA Container Toolkit on the host and run `nvidia-ctk runtime configure "
        "--runtime=docker && systemctl restart docker`.",
    )
