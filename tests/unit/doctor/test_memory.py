"""GPU memory: what there is, what a model needs, what is said about both."""

import pytest

from oi_deploy.doctor.memory import GIB, MIB, UTILIZATION, Gpu, cache_bytes, need, read, utilization
from oi_deploy.doctor.server import judge

# config.json of Qwen3-4B-Instruct-2507, as far as it matters here.
QWEN = {
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "hidden_size": 2560,
}
WEIGHTS = 8_045_591_552


def gpu(total: float, free: float) -> Gpu:
    return Gpu("0", "NVIDIA L4", int(total * GIB), int(free * GIB))


def test_reads_what_nvidia_smi_prints() -> None:
    text = "0, NVIDIA H100 80GB HBM3, 81559, 81008\n1, NVIDIA L4, 23034, 10\nNo devices\n"
    assert read(text) == (
        Gpu("0", "NVIDIA H100 80GB HBM3", 81559 * MIB, 81008 * MIB),
        Gpu("1", "NVIDIA L4", 23034 * MIB, 10 * MIB),
    )
    assert read("Failed to initialize NVML: Driver/library version mismatch") == ()


def test_the_cache_of_the_default_model_is_known() -> None:
    assert cache_bytes(QWEN, 1) == 147_456
    assert cache_bytes({"num_hidden_layers": 2}, 1) == 0
    assert cache_bytes({"num_hidden_layers": 2, "num_attention_heads": 0}, 1) == 0


def test_a_model_without_known_size_has_no_known_need() -> None:
    assert need(0, QWEN, 16384, 1) == 0
    assert need(WEIGHTS, QWEN, 16384, 2) < need(WEIGHTS, QWEN, 16384, 1)


@pytest.mark.parametrize(
    ("arguments", "share"),
    [
        ((), UTILIZATION),
        (("--gpu-memory-utilization", "0.5"), 0.5),
        (("--gpu_memory_utilization=0.5",), 0.5),
        (("--gpu-memory-utilization",), UTILIZATION),
        (("--gpu-memory-utilization", "most"), UTILIZATION),
    ],
)
def test_what_vllm_will_take(arguments: tuple[str, ...], share: float) -> None:
    assert utilization(arguments) == share


NEEDED = need(WEIGHTS, QWEN, 16384, 1)


@pytest.mark.parametrize(
    ("one", "own", "state", "says"),
    [
        (gpu(24, 23.9), "", "ok", "about 11.2 GiB"),
        (gpu(8, 7.9), "", "FAILED", "may use 7.4 GiB"),
        (gpu(24, 6), "", "FAILED", "only 6.0 GiB are free"),
        (gpu(24, 6), "oi-deploy-engine", "ok", "our own server, oi-deploy-engine"),
    ],
)
def test_judges_a_gpu(one: Gpu, own: str, state: str, says: str) -> None:
    found = judge((one,), NEEDED, 0.92, own_server=own)
    assert (found.state, says in found.found) == (state, True), found
    assert bool(found.remedy) == (state == "FAILED")


def test_the_fullest_of_several_gpus_counts() -> None:
    found = judge((gpu(24, 23.9), gpu(24, 1)), NEEDED, 0.92, own_server="")
    assert found.state == "FAILED"
    assert "unknown" in judge((gpu(24, 23.9),), 0, 0.92, own_server="").found
