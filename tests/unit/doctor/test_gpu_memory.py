"""What the doctor says of the GPUs' memory."""

from types import SimpleNamespace
from typing import Any

import pytest

from oi_deploy.doctor.server import judge, own_server
from oi_deploy.engine.host import GPUS
from oi_deploy.engine.inside.gpu_memory import Gpu
from oi_deploy.engine.memory import DEFAULT, GIB, Need

LENGTH = 16384


def gpu(total: float, free: float) -> Gpu:
    return Gpu("0", "NVIDIA L4", int(total * GIB), int(free * GIB))


@pytest.mark.parametrize(
    ("one", "own", "state", "says"),
    [
        (gpu(24, 23.9), "", "ok", "about 11.2 GiB of memory (7.5 GiB for the weights, 2.2 GiB"),
        (gpu(24, 23.9), "", "ok", "room for 5 runs of that length at once"),
        (gpu(8, 7.9), "", "FAILED", "may use 7.4 GiB"),
        (gpu(24, 6), "", "FAILED", "only 6.0 GiB are free"),
        (gpu(24, 6), "oi-deploy-engine", "ok", "our own server, oi-deploy-engine"),
    ],
)
def test_judges_a_gpu(one: Gpu, own: str, state: str, says: str) -> None:
    found = judge((one,), DEFAULT, LENGTH, 0.92, own_server=own)
    assert (found.state, says in found.found) == (state, True), found
    assert bool(found.remedy) == (state == "FAILED")


def test_the_fullest_of_several_gpus_counts() -> None:
    found = judge((gpu(24, 23.9), gpu(24, 1)), DEFAULT, LENGTH, 0.92, own_server="")
    assert found.state == "FAILED"


def test_a_model_too_large_for_one_gpu_fits_into_two() -> None:
    large = Need(weights=28 * GIB, token=200_000)
    one = judge((gpu(24, 24),), large, LENGTH, 0.92, own_server="")
    assert (one.state, "gpus: 0,1" in one.remedy) == ("FAILED", True)
    assert judge((gpu(24, 24),) * 2, large, LENGTH, 0.92, own_server="").state == "ok"


def test_a_model_of_unknown_size_is_not_judged() -> None:
    found = judge((gpu(24, 23.9),), Need(0, 0), LENGTH, 0.92, own_server="")
    assert (found.state, "unknown" in found.found) == ("ok", True)


@pytest.mark.parametrize(
    ("wanted", "name"), [("0", "first"), ("1", "second"), ("all", "first"), ("2", "")]
)
def test_only_a_server_of_ours_on_these_gpus_counts(wanted: str, name: str) -> None:
    servers = [
        SimpleNamespace(name="processor", labels={GPUS: "none"}),
        SimpleNamespace(name="first", labels={GPUS: "0"}),
        SimpleNamespace(name="second", labels={GPUS: "1"}),
    ]
    client: Any = SimpleNamespace(containers=SimpleNamespace(list=lambda filters: servers))
    assert own_server(client, wanted) == name
