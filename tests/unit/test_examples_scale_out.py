"""Examples with a vLLM in them start it as the action does, and are what their readers accept."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from devkit.pool import ROUTER_ARGUMENTS
from oi_deploy import inputs
from oi_deploy.agent.servers import SESSION_HEADER
from oi_deploy.engine import EngineSettings, flags
from tests.unit.engine.settings import settings

EXAMPLES = Path(__file__).parents[2] / "examples" / "scale-out"
MODEL = inputs.default("model")
# A run asks one question at a time; a server of a pool answers many runs.
POOL = ("--max-num-seqs", "16")


def document(name: str) -> Any:
    return yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))


def ours(folder: str, *vllm_args: str) -> EngineSettings:
    """What the action would start a server of its own with."""
    return settings(
        model=folder,
        model_revision="",
        served_model_name=MODEL,
        vllm_args=vllm_args,
        gpus="all",
        max_model_len=int(inputs.default("max-model-len")),
    )


def options(arguments: list[str]) -> dict[str, str]:
    """`--name=value`, `--name value` and `--name` as one mapping; JSON without its spacing."""
    words = [part for word in arguments for part in word.split("=", 1)]
    found: dict[str, str] = {}
    name = ""
    for word in words:
        if word.startswith("--"):
            name = word
            found[name] = ""
        else:
            found[name] = json.dumps(json.loads(word)) if word.startswith("{") else word
    return found


def wanted(folder: str, *vllm_args: str) -> dict[str, str]:
    return options(flags.arguments(ours(folder, *vllm_args), host="0.0.0.0", port=8000))


def variables(folder: str) -> dict[str, str]:
    return flags.environment(ours(folder), flags.Machine(8, 64 * 1024**3), job={})


COMPOSE = document("compose.yaml")
STACK = document("production-stack.yaml")
RAY = document("ray-serve.yaml")
FOLDER = "/models/Qwen3-4B-Instruct-2507"


@pytest.mark.parametrize("name", ["vllm-0", "vllm-1"])
def test_compose_starts_each_server_with_our_arguments_on_a_gpu_of_its_own(name: str) -> None:
    service = COMPOSE["services"][name]
    assert options(service["command"]) == wanted(FOLDER, *POOL)
    environment = dict(service["environment"])
    assert environment.pop("VLLM_API_KEY").startswith("${VLLM_API_KEY:?")
    assert environment == variables(FOLDER)
    assert inputs.default("vllm-image") in service["image"]
    (mount,) = [item for item in service["volumes"] if item.endswith(":ro")]
    assert f":{FOLDER}:ro" in mount
    (device,) = service["deploy"]["resources"]["reservations"]["devices"]
    assert device["device_ids"] == [name[-1]]


def test_compose_s_router_is_the_one_that_the_tests_run() -> None:
    command = COMPOSE["services"]["router"]["command"]
    workers = [f"http://{name}:8000" for name in COMPOSE["services"] if name != "router"]
    assert [word for word in command if word.startswith("http:")] == workers
    given = options([word for word in command if not word.startswith("http:")])
    assert options(list(ROUTER_ARGUMENTS)).items() <= given.items()
    version = next(
        line for line in (EXAMPLES / "router.Dockerfile").read_text().split() if "router==" in line
    )
    lock = (EXAMPLES.parents[1] / "requirements-dev.txt").read_text(encoding="utf-8")
    assert f"\n{version} " in lock


def test_compose_accepts_it() -> None:
    vendored = files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    schema = json.loads(vendored.read_text(encoding="utf-8"))
    jsonschema.validate(COMPOSE, schema)


# What the chart's templates make of `modelSpec` (vllm-project/production-stack,
# helm/templates/deployment-vllm-multi.yaml).
CHART = {
    "enableTool": "--enable-auto-tool-choice",
    "toolCallParser": "--tool-call-parser",
    "maxModelLen": "--max-model-len",
    "maxNumSeqs": "--max-num-seqs",
}


def test_the_chart_starts_vllm_with_our_arguments() -> None:
    (spec,) = STACK["servingEngineSpec"]["modelSpec"]
    config = spec["vllmConfig"]
    given = {"--model": spec["modelURL"], "--host": "0.0.0.0", "--port": "8000"}
    for key, value in {**spec, **config}.items():
        if key in CHART:
            given[CHART[key]] = "" if value is True else str(value)
    folder = spec["modelURL"]
    assert given | options(config["extraArgs"]) == wanted(folder, *POOL)
    assert config["enablePrefixCaching"] and config["enableChunkedPrefill"]  # vLLM's defaults
    assert {item["name"]: item["value"] for item in spec["env"]} == variables(folder)
    image = inputs.default("vllm-image").rpartition("/")[2]
    assert f"{spec['repository']}:{spec['tag']}".endswith(f"/{image}")


def test_the_chart_s_router_keeps_a_run_at_one_pod_and_knows_the_key() -> None:
    router = STACK["routerSpec"]
    assert (router["routingLogic"], router["sessionKey"]) == ("session", SESSION_HEADER.lower())
    assert set(STACK["servingEngineSpec"]["vllmApiKey"]) == {"secretName", "secretKey"}


def test_the_chart_scales_on_waiting_requests_of_this_model() -> None:
    (spec,) = STACK["servingEngineSpec"]["modelSpec"]
    assert spec["keda"]["minReplicaCount"] == spec["replicaCount"] >= 2
    (trigger,) = spec["keda"]["triggers"]
    assert f'vllm:num_requests_waiting{{model_name="{MODEL}"}}' in trigger["metadata"]["query"]


# Of Helm's values, a key that the chart does not know is silently nothing. From its values.yaml and
# templates.
KNOWN = {
    "servingEngineSpec": {
        "runtimeClassName", "imagePullPolicy", "vllmApiKey", "startupProbe", "modelSpec",
    },
    "modelSpec": {
        "name", "repository", "tag", "imagePullSecret", "modelURL", "pvcStorage", "pvcAccessMode",
        "storageClass", "replicaCount", "requestCPU", "requestMemory", "requestGPU", "enableTool",
        "toolCallParser", "vllmConfig", "env", "keda",
    },
    "vllmConfig": {
        "enablePrefixCaching", "enableChunkedPrefill", "maxModelLen", "maxNumSeqs", "extraArgs",
    },
    "keda": {
        "enabled", "minReplicaCount", "maxReplicaCount", "pollingInterval", "cooldownPeriod",
        "triggers",
    },
    "routerSpec": {
        "repository", "tag", "imagePullPolicy", "imagePullSecrets", "replicaCount", "serviceType",
        "serviceDiscovery", "routingLogic", "sessionKey",
    },
}  # fmt: skip


def test_the_chart_knows_every_value() -> None:
    (spec,) = STACK["servingEngineSpec"]["modelSpec"]
    found = {
        "servingEngineSpec": STACK["servingEngineSpec"],
        "modelSpec": spec,
        "vllmConfig": spec["vllmConfig"],
        "keda": spec["keda"],
        "routerSpec": STACK["routerSpec"],
    }
    assert {name: set(value) - KNOWN[name] for name, value in found.items()} == {
        name: set() for name in KNOWN
    }


def test_ray_starts_vllm_with_our_arguments() -> None:
    (application,) = RAY["applications"]
    (config,) = application["args"]["llm_configs"]
    loading = config["model_loading_config"]
    given = {"--model": loading["model_source"], "--served-model-name": loading["model_id"]}
    for key, value in config["engine_kwargs"].items():
        text = json.dumps(value) if isinstance(value, dict) else "" if value is True else str(value)
        given[f"--{key.replace('_', '-')}"] = text
    # Ray has an HTTP server of its own.
    of_the_server = ("--host", "--port", "--disable-uvicorn-access-log")
    expected = wanted(FOLDER, *POOL)
    assert given == {name: expected[name] for name in expected if name not in of_the_server}
    assert config["runtime_env"]["env_vars"] == variables(FOLDER)


def test_the_service_container_starts_vllm_with_our_arguments() -> None:
    text = (EXAMPLES.parent / "workflows" / "service-container.yml").read_text(encoding="utf-8")
    (job,) = yaml.safe_load(text)["jobs"].values()
    (name, service), *_ = job["services"].items()
    # The runner makes words of it; with quotes in it, it would not be clear which.
    assert not set("\"'\\") & set(service["command"])
    given, nested = options(service["command"].split()), dict[str, dict[str, Any]]()
    for option in [option for option in given if "." in option]:
        outer, _, inner = option.partition(".")
        value = given.pop(option)
        nested.setdefault(outer, {})[inner] = True if value == "true" else value
    assert given | {key: json.dumps(value) for key, value in nested.items()} == wanted(FOLDER)
    assert dict(service["env"]) == variables(FOLDER)
    assert inputs.default("vllm-image").rpartition("/")[2] == service["image"].rpartition("/")[2]
    (step,) = [step for step in job["steps"] if "oi-deploy" in step.get("uses", "")]
    assert step["with"]["api-base"] == f"http://{name}:8000/v1"
    assert "model" not in step["with"]  # it serves the default one by its name


def test_the_readme_names_every_file_and_the_header() -> None:
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for path in EXAMPLES.iterdir():
        assert path.name == "README.md" or f"`{path.name}`" in text
    assert f"`{SESSION_HEADER}`" in text
