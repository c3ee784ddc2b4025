"""How vLLM is started, and who wins when the user says otherwise."""

import json
from typing import Any

import pytest

from oi_deploy.engine.flags import Machine, arguments, environment, served_name
from oi_deploy.engine.memory import DEFAULT
from oi_deploy.errors import RunError
from tests.unit.engine.settings import settings

GIB = 1024**3
SMALL = Machine(cpus=2, memory_bytes=24 * GIB)


def vector(**changes: Any) -> list[str]:
    return arguments(settings(**changes), host="127.0.0.1", port=8123)


def value(vector: list[str], name: str) -> str:
    assert vector.count(name) == 1
    return vector[vector.index(name) + 1]


def variables(job: dict[str, str] | None = None, machine: Machine = SMALL, **changes: Any) -> Any:
    return environment(settings(**changes), machine, job=job or {})


def test_it_serves_the_model_on_the_loopback_address_and_with_tools() -> None:
    found = vector()
    assert value(found, "--model") == "Qwen/Qwen3-4B-Instruct-2507"
    assert value(found, "--served-model-name") == "Qwen3-4B-Instruct-2507"
    assert value(found, "--revision") == "cdbee75f17c01a7cc42f958dc650907174af0554"
    assert value(found, "--max-model-len") == "16384"
    assert value(found, "--tool-call-parser") == "hermes"
    assert "--enable-auto-tool-choice" in found
    assert (value(found, "--host"), value(found, "--port")) == ("127.0.0.1", "8123")
    config = json.loads(value(found, "--structured-outputs-config"))
    assert config == {"backend": "xgrammar", "disable_any_whitespace": True}


def test_a_path_is_served_under_its_last_part_without_a_revision_and_without_the_hub() -> None:
    found = vector(model="/srv/models/Tiny/", model_revision="main")
    assert value(found, "--served-model-name") == "Tiny"
    assert "--revision" not in found
    assert variables(model="/srv/models/Tiny/")["HF_HUB_OFFLINE"] == "1"
    assert "HF_HUB_OFFLINE" not in variables()


@pytest.mark.parametrize(
    ("user", "name"),
    [
        (("--max-model-len", "4096"), "--max-model-len"),
        (("--max-model-len=4096",), "--max-model-len"),
        (("--max_model_len=4096",), "--max-model-len"),
        (("--no-enable-auto-tool-choice",), "--enable-auto-tool-choice"),
        (("--structured-outputs-config.backend", "guidance"), "--structured-outputs-config"),
    ],
)
def test_what_the_user_gives_is_not_given_twice(user: tuple[str, ...], name: str) -> None:
    found = vector(vllm_args=user)
    assert name in vector()
    assert name not in found[: -len(user)]
    assert tuple(found[-len(user) :]) == user


@pytest.mark.parametrize("user", [("-O3",), ("-O", "3"), ("-cc.mode=3",)])
def test_on_a_cpu_nothing_is_compiled_unless_the_user_asks_for_it(user: tuple[str, ...]) -> None:
    assert "--enforce-eager" not in vector()
    assert "--enforce-eager" in vector(gpus="none")
    assert "--enforce-eager" not in vector(gpus="none", vllm_args=user)


def test_listed_gpus_share_the_model() -> None:
    assert value(vector(gpus="0,1"), "--tensor-parallel-size") == "2"
    assert "--tensor-parallel-size" not in vector(gpus="1")
    assert value(vector(gpus="0,1", vllm_args=("-pp", "2")), "-pp") == "2"
    assert "--tensor-parallel-size" not in vector(gpus="0,1", vllm_args=("-pp", "2"))


def test_requests_use_the_name_that_the_user_gave_the_server() -> None:
    assert served_name(settings(vllm_args=("--served-model-name", "a", "b"))) == "a"
    assert served_name(settings(vllm_args=("--served_model_name=c",))) == "c"
    assert served_name(settings()) == "Qwen3-4B-Instruct-2507"


@pytest.mark.parametrize("argument", ["--port=1", "--api-key", "--host", "--model", "--uds=/x"])
def test_an_argument_without_which_the_server_is_not_found_is_refused(argument: str) -> None:
    with pytest.raises(RunError) as caught:
        vector(vllm_args=(argument, "x"))
    assert argument.partition("=")[0] in str(caught.value)
    assert "vllm-args" in str(caught.value)


def test_a_key_of_the_job_is_not_the_server_s() -> None:
    assert "VLLM_API_KEY" not in variables({"VLLM_API_KEY": "job"})


def test_nothing_is_reported_to_anybody() -> None:
    assert variables()["VLLM_NO_USAGE_STATS"] == variables()["DO_NOT_TRACK"] == "1"


def test_of_the_job_a_server_sees_the_way_to_the_hub_and_its_own_variables_only() -> None:
    job = {
        "HTTPS_PROXY": "http://proxy:3128",
        "no_proxy": "10.0.0.0/8",
        "HF_TOKEN": "hf_x",
        "INPUT_REGISTRY-PASSWORD": "secret",
        "ACTIONS_RUNTIME_TOKEN": "secret",
        "GITHUB_TOKEN": "secret",
    }
    found = variables(job)
    assert found["HTTPS_PROXY"] == "http://proxy:3128"
    assert found["no_proxy"] == "10.0.0.0/8"
    assert found["HF_TOKEN"] == "hf_x"
    assert "secret" not in found.values()


def test_on_a_cpu_memory_and_cores_are_those_of_the_machine() -> None:
    found = variables(gpus="none")
    assert found["VLLM_CPU_OMP_THREADS_BIND"] == "0-1"
    assert found["VLLM_CPU_KVCACHE_SPACE"] == "4"
    assert variables(gpus="none", machine=Machine(2, GIB))["VLLM_CPU_KVCACHE_SPACE"] == "1"
    assert variables(gpus="none", machine=Machine(2, 512 * GIB))["VLLM_CPU_KVCACHE_SPACE"] == "8"
    assert "VLLM_CPU_OMP_THREADS_BIND" not in variables(gpus="none", machine=Machine(64, GIB))
    assert "VLLM_CPU_KVCACHE_SPACE" not in variables()


def test_the_jobs_own_setting_wins() -> None:
    found = variables({"VLLM_CPU_KVCACHE_SPACE": "12"}, gpus="none")
    assert found["VLLM_CPU_KVCACHE_SPACE"] == "12"


def test_on_a_hosted_runner_one_run_of_the_default_model_has_room() -> None:
    found = variables(gpus="none", machine=Machine(4, 16_764_559_360))
    assert int(found["VLLM_CPU_KVCACHE_SPACE"]) * GIB >= 16384 * DEFAULT.token


def test_what_a_server_has_made_is_kept_where_there_is_a_place_for_it() -> None:
    machine = Machine(8, 64 * GIB, cache="/kept")
    found = variables(machine=machine)
    assert {name for name, text in found.items() if text.startswith("/kept/")} == {
        "HF_HOME",
        "VLLM_CACHE_ROOT",
        "TRITON_CACHE_DIR",
    }
    assert found["VLLM_ENABLE_STARTUP_PLAN"] == "1"
    assert not [text for text in variables().values() if text.startswith("/")]
    assert "VLLM_ENABLE_STARTUP_PLAN" not in variables(gpus="none", machine=machine)


def test_calls_are_constrained_by_their_schema() -> None:
    assert value(vector(), "--tool-strict-level") == "parameter"
    assert variables()["VLLM_ENFORCE_STRICT_TOOL_CALLING"] == "0"
    own_form = variables(vllm_args=("--tool-call-parser", "openai"))
    assert "VLLM_ENFORCE_STRICT_TOOL_CALLING" not in own_form
