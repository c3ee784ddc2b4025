"""GPU memory: what a model needs."""

import hashlib
from typing import Any

import pytest

from oi_deploy.engine import memory, remarks
from oi_deploy.engine.inside.gpu_memory import SHARE
from oi_deploy.engine.memory import DEFAULT, DEFAULT_FP8, GIB, Need
from tests import qwen3_4b
from tests.unit.engine.settings import settings


def test_the_cache_of_a_token_follows_from_the_configuration() -> None:
    assert memory.token_bytes(qwen3_4b.CONFIG) == 2 * 2 * 36 * 8 * 128
    assert memory.token_bytes({"num_hidden_layers": 2}) == 0
    assert memory.token_bytes({"num_hidden_layers": 2, "num_attention_heads": 0}) == 0


def test_the_default_model_s_files_are_as_they_were_published() -> None:
    found = {name: (qwen3_4b.FILES / name).read_bytes() for name in qwen3_4b.SHA256}
    assert {name: hashlib.sha256(it).hexdigest() for name, it in found.items()} == qwen3_4b.SHA256


def test_what_is_known_of_the_default_model_is_what_its_configuration_says() -> None:
    everything, linear = qwen3_4b.numbers()
    token = memory.token_bytes(qwen3_4b.CONFIG)
    assert Need(2 * everything, token) == DEFAULT
    assert Need(2 * everything - linear, token) == DEFAULT_FP8


@pytest.mark.parametrize(
    ("changes", "need"),
    [
        ({}, DEFAULT),
        ({"model": "/srv/models/Qwen3-4B-Instruct-2507/"}, DEFAULT),
        ({"vllm_args": ("--quantization", "fp8_per_tensor")}, DEFAULT_FP8),
        ({"vllm_args": ("-q=fp8",)}, DEFAULT_FP8),
        ({"vllm_args": ("--quantization", "mxfp4")}, None),
        ({"model": "acme/Qwen3-4B-Instruct-2507-tuned"}, None),
    ],
)
def test_whose_need_is_known_without_a_look(changes: dict[str, Any], need: Need | None) -> None:
    assert memory.known(settings(**changes)) == need


def test_a_model_without_known_size_has_no_known_need() -> None:
    unknown = Need(weights=0, token=100)
    assert (unknown.each(16384), unknown.runs(80 * GIB, 16384)) == (0, 0)


def test_several_gpus_share_weights_and_cache() -> None:
    assert DEFAULT.each(16384, gpus=2) < DEFAULT.each(16384)
    assert DEFAULT.runs(24 * GIB, 16384, gpus=2) > 2 * DEFAULT.runs(24 * GIB, 16384)


def test_as_many_runs_fit_as_the_memory_beside_the_weights_holds() -> None:
    runs = DEFAULT.runs(24 * GIB, 16384)
    taken = DEFAULT.each(16384) + (runs - 1) * 16384 * DEFAULT.token
    assert taken <= SHARE * 24 * GIB < taken + 16384 * DEFAULT.token
    assert DEFAULT.runs(8 * GIB, 16384) == 0
    assert DEFAULT.runs(24 * GIB, 0) == 0


@pytest.mark.parametrize(
    ("arguments", "share"),
    [
        ((), SHARE),
        (("--gpu-memory-utilization", "0.5"), 0.5),
        (("--gpu_memory_utilization=0.5",), 0.5),
        (("--device-memory-utilization=0.5",), 0.5),
        (("--gpu-memory-utilization",), SHARE),
        (("--gpu-memory-utilization", "most"), SHARE),
    ],
)
def test_what_vllm_will_take(arguments: tuple[str, ...], share: float) -> None:
    assert memory.utilization(settings(vllm_args=arguments)) == share


def test_what_the_server_has_measured_is_told() -> None:
    log = [
        "INFO [kv_cache_utils.py:2327] GPU KV cache size: 74,912 tokens, Maximum concurrency for "
        "16,384 tokens per request: 4.57x",
        "INFO: Application startup complete.",
    ]
    assert remarks.when_ready(log) == [
        "engine: its KV cache holds 74,912 tokens: 4 runs of 16,384 tokens at once"
    ]
    one = [log[0].replace("4.57x", "1.77x")]
    assert remarks.when_ready(one)[0].endswith("1 run of 16,384 tokens at once")
    assert remarks.when_ready(log[1:]) == []


def test_at_the_start_the_need_is_told_for_the_length_that_the_server_will_have() -> None:
    (line,) = remarks.at_start(settings())
    assert "needs about 11.2 GiB" in line and "16384 tokens" in line
    (line,) = remarks.at_start(settings(vllm_args=("--max-model-len=8192",)))
    assert "needs about 10.1 GiB" in line and "8192 tokens" in line
    assert remarks.at_start(settings(vllm_args=("--max-model-len", "auto"))) == []
