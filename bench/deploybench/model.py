"""The demo's model on a vLLM container that is started once and serves every task."""

import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import docker
import httpx

from devkit import engine
from devkit.shell import DevkitError, call, step, works
from oi_deploy.engine.flags import Machine, arguments, environment, served_name
from oi_deploy.engine.interface import EngineSettings

_NAME = "oi-deploy-devkit-bench-model"
_START_S = 600.0


@dataclass(frozen=True)
class Server:
    """An OpenAI-compatible endpoint that containers reach."""

    api_base: str
    model: str
    api_key: str


@contextmanager
def served(values: Mapping[str, str]) -> Iterator[Server]:
    """Start the server, as the action starts its own, and end it.

    Args:
        values: the devkit's, with `VLLM_IMAGE` and `MODEL_PATH`.

    Raises:
        DevkitError: it does not start.
    """
    folder, host, port = values["MODEL_PATH"], engine.gateway(), 8000
    settings = EngineSettings(
        kind="sibling",
        model=folder,
        model_revision="",
        api_base=(),
        api_key="",
        vllm_image=values["VLLM_IMAGE"],
        vllm_args=(),
        gpus="none",
        max_model_len=8192,
        timeout_s=_START_S,
        keep_warm_s=0,
        owner="",
        user="bench",
    )
    key = secrets.token_urlsafe(24)
    client = docker.from_env()
    info = client.info()
    client.close()
    machine = Machine(cpus=int(info["NCPU"]), memory_bytes=int(info["MemTotal"]))
    variables = {**environment(settings, machine, job={}), "VLLM_API_KEY": key}
    _end()
    with step("starting the model server"):
        call(
            "docker", "run", "--detach", "--name", _NAME, "--label", "oi-deploy.devkit=bench",
            "--shm-size", "4g", "--publish", f"{host}::{port}",
            "--volume", f"{folder}:{folder}:ro",
            *(item for name in variables for item in ("--env", name)),
            values["VLLM_IMAGE"], *arguments(settings, host="0.0.0.0", port=port),  # noqa: S104
            env=variables,
        )  # fmt: skip
        try:
            address = call("docker", "port", _NAME, str(port)).split()[0]
            _wait(f"http://{address}/health")
        except BaseException:
            _end()
            raise
    try:
        yield Server(f"http://{address}/v1", served_name(settings), key)
    finally:
        _end()


def usage(server: Server) -> tuple[int, int, int]:
    """Requests, prompt tokens and completion tokens that a vLLM server has answered so far.

    For agents that do not count themselves; zeros if the server does not say.
    """
    url = f"{server.api_base.removesuffix('/v1')}/metrics"
    try:
        text = httpx.get(url, trust_env=False, timeout=10).text
    except httpx.HTTPError:
        return 0, 0, 0
    return (
        _sum(text, "vllm:request_success_total"),
        _sum(text, "vllm:prompt_tokens_total"),
        _sum(text, "vllm:generation_tokens_total"),
    )


def _sum(text: str, name: str) -> int:
    """The sum of a counter over its labels."""
    pattern = rf"^{re.escape(name)}(?:\{{.*\}})? ([0-9.e+]+)$"
    return int(sum(float(value) for value in re.findall(pattern, text, re.MULTILINE)))


def _wait(url: str) -> None:
    limit = time.monotonic() + _START_S
    while time.monotonic() < limit:
        try:
            if httpx.get(url, trust_env=False, timeout=5).is_success:
                return
        except httpx.HTTPError:
            pass
        state = call("docker", "container", "inspect", "--format", "{{.State.Running}}", _NAME)
        if state.strip() != "true":
            break
        time.sleep(1)
    raise DevkitError(f"the model server does not start:\n{call('docker', 'logs', _NAME)[-2000:]}")


def _end() -> None:
    works("docker", "rm", "--force", _NAME)
