"""Real model servers that are not the action's own: vLLM containers, and a router before them."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from devkit import engine
from devkit.shell import DevkitError, call, step, works
from oi_deploy.engine.flags import Machine, arguments, environment, served_name
from oi_deploy.engine.interface import EngineSettings
from oi_deploy.engine.server import free_port

_PORT = 8000
_START_S = 600.0
_LOOK_S = 0.5


@dataclass(frozen=True)
class Server:
    """One vLLM server in a container, which the host and other containers reach."""

    container: str
    url: str
    model: str
    key: str

    @property
    def api_base(self) -> str:
        """What goes into `api-base`."""
        return f"{self.url}/v1"

    def answered(self) -> float:
        """How many answers it has given whole."""
        return self._metric("vllm:request_success_total")

    def running(self) -> float:
        """How many it is at just now."""
        return self._metric("vllm:num_requests_running")

    def _metric(self, name: str) -> float:
        text = httpx.get(f"{self.url}/metrics", trust_env=False, timeout=60).text
        lines = [line for line in text.splitlines() if line.startswith(f"{name}{{")]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def killer(self) -> Callable[[], None]:
        """What lets it die at once, as with its machine.

        Docker is not asked then: it takes longer than a small model's answer.
        """
        inspected = call("docker", "container", "inspect", "-f", "{{.State.Pid}}", self.container)
        return partial(os.kill, int(inspected), signal.SIGKILL)

    def restart(self) -> None:
        """Start it again at the same address, and wait until it answers."""
        # To Docker, it may still run; then it would not be started.
        call("docker", "wait", self.container)
        call("docker", "start", self.container)
        self.wait()

    def wait(self) -> None:
        """Wait until it answers.

        Raises:
            DevkitError: it does not.
        """
        _wait(f"{self.url}/health", lambda: _container_problem(self.container))


@contextmanager
def servers(image: str, model: Path, count: int, *, max_model_len: int) -> Iterator[list[Server]]:
    """Start servers with one model and one key, as the action starts its own, and end them.

    Args:
        image: has vLLM for the CPU in it.
        model: a folder.
        count: how many.
        max_model_len: context length in tokens.

    Raises:
        DevkitError: one does not start.
    """
    key, host = secrets.token_urlsafe(24), engine.gateway()
    settings = EngineSettings(
        kind="sibling",
        model=str(model),
        model_revision="",
        api_base=(),
        api_key="",
        vllm_image=image,
        vllm_args=(),
        gpus="none",
        max_model_len=max_model_len,
        timeout_s=_START_S,
        keep_warm_s=0,
        owner="",
        user="devkit",
    )
    info = json.loads(call("docker", "info", "--format", "{{json .}}"))
    machine = Machine(cpus=int(info["NCPU"]), memory_bytes=int(info["MemTotal"]))
    # Several share the machine's memory.
    job = {"VLLM_CPU_KVCACHE_SPACE": "1"} if count > 1 else {}
    variables = {**environment(settings, machine, job=job), "VLLM_API_KEY": key}
    listen = arguments(settings, host="0.0.0.0", port=_PORT)  # noqa: S104 - in its container
    found: list[Server] = []
    with ExitStack() as stack, step(f"starting {count} model server{'s' * (count > 1)}"):
        for _ in range(count):
            name = f"oi-deploy-devkit-pool-{secrets.token_hex(4)}"
            stack.callback(works, "docker", "rm", "--force", name)
            # Another port after a restart would be another server to everybody who knows it.
            port = free_port()
            call(
                "docker", "run", "--detach", "--name", name, "--label", "oi-deploy.devkit=pool",
                "--shm-size", "4g", "--publish", f"{host}:{port}:{_PORT}",
                "--volume", f"{model}:{model}:ro",
                *(item for variable in variables for item in ("--env", variable)),
                image, *listen, env=variables,
            )  # fmt: skip
            found.append(Server(name, f"http://{host}:{port}", served_name(settings), key))
        for server in found:
            server.wait()
        kept = stack.pop_all()
    with kept:
        yield found


@contextmanager
def router(workers: Sequence[Server]) -> Iterator[str]:
    """Start `vllm-router` before them, as examples/scale-out does, and end it; yields its URL."""
    host, port = engine.gateway(), free_port()
    program = Path(sys.executable).with_name("vllm-router")
    argv = [
        *(str(program), "--host", host, "--port", str(port)),
        *("--worker-urls", *(worker.url for worker in workers)),
        *ROUTER_ARGUMENTS,
        *("--prometheus-port", str(free_port())),
    ]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            url = f"http://{host}:{port}"
            _wait(f"{url}/health", lambda: "it has ended" if process.poll() is not None else "")
            yield url
        finally:
            process.kill()


# The same as in examples/scale-out/compose.yaml, which says why.
ROUTER_ARGUMENTS = (
    *("--policy", "consistent_hash"),
    *("--health-check-interval-secs", "5", "--health-failure-threshold", "1"),
    *("--health-success-threshold", "1", "--worker-startup-check-interval", "2"),
)


def _wait(url: str, problem: Callable[[], str]) -> None:
    limit = time.monotonic() + _START_S
    while time.monotonic() < limit and not (why := problem()):
        try:
            if httpx.get(url, trust_env=False, timeout=5).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(_LOOK_S)
    raise DevkitError(f"{url} does not answer: {why or 'it takes too long'}")


def _container_problem(name: str) -> str:
    state: Mapping[str, object] = json.loads(
        call("docker", "container", "inspect", "--format", "{{json .State}}", name)
    )
    return "" if state["Running"] else call("docker", "logs", name)[-2000:]
