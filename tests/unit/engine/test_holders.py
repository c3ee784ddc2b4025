"""Which containers may hold GPU memory."""

from typing import Any

import pytest

from oi_deploy.engine.holders import has_gpu


@pytest.mark.parametrize(
    ("settings", "has"),
    [
        ({"DeviceRequests": None, "Runtime": "runc", "Devices": None}, False),
        ({"DeviceRequests": [], "Runtime": "runc", "Devices": []}, False),
        ({"DeviceRequests": [{"Count": -1, "Capabilities": [["gpu"]]}]}, True),
        ({"DeviceRequests": [{"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=0"]}]}, True),
        ({"Runtime": "nvidia"}, True),
        ({"Devices": [{"PathOnHost": "/dev/nvidia0", "PathInContainer": "/dev/nvidia0"}]}, True),
        ({"Devices": [{"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse"}]}, False),
    ],
)
def test_a_container_that_has_been_given_a_gpu(settings: dict[str, Any], has: bool) -> None:
    assert has_gpu(settings) is has
