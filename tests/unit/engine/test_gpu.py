"""What is asked of the Docker engine for a GPU, and the refusal where it has none."""

from typing import Any

import pytest

from oi_deploy.engine.gpu import device_requests
from oi_deploy.errors import RunError

NVIDIA = {"Runtimes": {"runc": {}, "nvidia": {"path": "nvidia-container-runtime"}}}
CDI = {
    "Runtimes": {"runc": {}},
    "DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=0"}],
}
PLAIN: dict[str, Any] = {"Runtimes": {"runc": {}}, "DiscoveredDevices": None}


def test_no_gpu_is_asked_for_where_none_is_wanted() -> None:
    assert device_requests("none", PLAIN) == []


def test_all_gpus() -> None:
    (request,) = device_requests("all", NVIDIA)
    assert (request["Count"], request["Capabilities"]) == (-1, [["gpu"]])


def test_listed_gpus() -> None:
    (request,) = device_requests("0,2", NVIDIA)
    assert request["DeviceIDs"] == ["0", "2"]
    assert request["Count"] == 0


@pytest.mark.parametrize(
    ("gpus", "names"),
    [("all", ["nvidia.com/gpu=all"]), ("0,2", ["nvidia.com/gpu=0", "nvidia.com/gpu=2"])],
)
def test_an_engine_without_the_runtime_may_have_the_devices(gpus: str, names: list[str]) -> None:
    (request,) = device_requests(gpus, CDI)
    assert (request["Driver"], request["DeviceIDs"]) == ("cdi", names)


def test_without_either_the_refusal_says_what_to_write_and_what_to_install() -> None:
    with pytest.raises(RunError) as caught:
        device_requests("all", PLAIN)
    assert "`gpus: none`" in str(caught.value)
    assert "nvidia-ctk runtime configure" in str(caught.value)
