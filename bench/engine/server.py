"""The two servers that are compared, and how each is reached."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import docker
import httpx
from docker.errors import DockerException
from docker.models.containers import Container

from bench.engine.figures import Line, instant, timed
from devkit import engine
from devkit.shell import DevkitError, call, step, works
from oi_deploy.engine import sibling
from oi_deploy.engine.connection import Connection
from oi_deploy.engine.container import PORT, SOCKET
from oi_deploy.engine.lease import Lease
from oi_deploy.engine.tunnel import Tunnel

# As people copy them (`python -m vllm.entrypoints.openai.api_server --model ...`).
PLAIN_FLAGS = ("--tensor-parallel-size=1", "--gpu-memory-utilization=0.9", "--port=8000")
_PLAIN = "oi-deploy-bench-plain"
_START_S = 900.0
_POLL_S = 0.1


@dataclass(frozen=True)
class Reached:
    """A server that can be asked: its API, the model's name there, a key, its container."""

    base_url: str
    model: str
    key: str
    container: Container

    @property
    def headers(self) -> dict[str, str]:
        """What each request needs."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def get(self, path: str) -> httpx.Response:
        """Ask something that needs no model; connection errors are the caller's."""
        url = self.base_url.removesuffix("/v1") + path
        return httpx.get(url, headers=self.headers, timeout=30, trust_env=False)

    def first_tokens(self) -> int:
        """For how many requests the model has generated a first token so far."""
        for line in self.get("/metrics").text.splitlines():
            if line.startswith("vllm:time_to_first_token_seconds_count"):
                return int(float(line.rpartition(" ")[2]))
        return 0

    @property
    def started(self) -> float:
        """When the container was started."""
        return instant(self.container.attrs["State"]["StartedAt"])

    def log(self, since: float = 0.0) -> list[Line]:
        """What the server has written; with `since`, from that time on, to the second."""
        text: Any = self.container.logs(timestamps=True, since=int(since) or None)
        return timed(bytes(text).decode("utf-8", "replace"))

    def memory_gb(self) -> float:
        """Gigabytes that it holds: of its GPUs, or else of its container."""
        if gpus := gpus_of(self.container):
            return sum(used for _, used in gpus)
        with suppress(DockerException, KeyError):
            stats: Any = self.container.stats(stream=False)
            found = stats["memory_stats"]
            # As `docker stats` counts: what is only cached is not held.
            files = found["stats"].get("inactive_file", found["stats"].get("total_inactive_file"))
            return float(found["usage"] - (files or 0)) / 1e9
        return 0.0


def gpus_of(container: Container) -> list[tuple[str, float]]:
    """Name and used gigabytes of each GPU that a container sees; none without nvidia-smi."""
    query = ["nvidia-smi", "--query-gpu=name,memory.used", "--format=csv,noheader,nounits"]
    try:
        code, answer = container.exec_run(query)
    except DockerException:
        return []
    if code != 0:
        return []
    output: Any = answer
    rows = [line.rpartition(",") for line in bytes(output).decode().splitlines() if "," in line]
    return [(name.strip(), float(used) * 1024**2 / 1e9) for name, _, used in rows]


@contextmanager
def ours(gpus: str, *, keep_warm_s: float = 0.0) -> Iterator[Reached]:
    """The server that a run of the action has started, as one more of its users.

    Raises:
        DevkitError: there is none after a while.
    """
    client = docker.from_env()
    name = f"{sibling.NAME}-{gpus.replace(',', '-')}"
    limit = time.monotonic() + 60
    lease: Lease | None = None
    while lease is None:
        try:
            container = client.containers.get(name)
            connection = Connection(client, str(container.id), "unix", SOCKET)
            lease = Lease(
                connection, str(container.id), name="the benchmark", use=True, keep_s=keep_warm_s
            )
        except DockerException as error:  # not there yet
            if time.monotonic() > limit:
                raise DevkitError(f"there is no container {name}") from error
            time.sleep(_POLL_S)
    tunnel = Tunnel(lambda: Connection(client, str(container.id), "tcp", str(PORT)))
    try:
        lease.answered.wait(30)
        base = f"http://127.0.0.1:{tunnel.port}/v1"
        yield Reached(base, _named(container), lease.key, container)
    finally:
        tunnel.close()
        lease.end(0.0)
        client.close()


def _named(container: Container) -> str:
    """The name that the server gives its model, from its own arguments."""
    words: list[str] = container.attrs["Config"]["Entrypoint"]
    return words[words.index("--served-model-name") + 1]


def await_first_token(server: Reached, number: int, *, within_s: float = _START_S) -> float:
    """When the model had generated a first token for `number` requests since its start.

    Raises:
        DevkitError: it does not come.
    """
    limit = time.monotonic() + within_s
    while time.monotonic() < limit:
        with suppress(httpx.HTTPError):
            if server.first_tokens() >= number:
                return time.time()
        time.sleep(_POLL_S)
    raise DevkitError(f"no first token within {within_s:.0f} s")


def gone_after(container: Container) -> float:
    """Seconds until a container is gone by itself."""
    begun = time.monotonic()
    while works("docker", "container", "inspect", str(container.id)):
        if time.monotonic() - begun > 120:
            raise DevkitError(f"{container.name} does not end by itself")
        time.sleep(_POLL_S)
    return time.monotonic() - begun


@contextmanager
def plain(
    image: str, model: str, *, gpus: str, max_model_len: int, more: Sequence[str]
) -> Iterator[Reached]:
    """`vllm serve` with the seed's flags, after it has generated a token.

    Raises:
        DevkitError: it does not start.
    """
    client = docker.from_env()
    devices = () if gpus == "none" else ("--gpus", gpus if gpus == "all" else f"device={gpus}")
    mount = ("--volume", f"{model}:{model}:ro") if model.startswith("/") else ()
    works("docker", "rm", "--force", _PLAIN)
    try:
        with step("starting a plain vLLM"):
            call(
                "docker", "run", "--detach", "--name", _PLAIN, "--label", "oi-deploy.devkit=bench",
                # Docker's 64 MB of shared memory are not enough for vLLM's own messages.
                "--shm-size", "4g", "--publish", f"{engine.gateway()}::8000", *devices, *mount,
                image, "--model", model, *PLAIN_FLAGS, f"--max-model-len={max_model_len}", *more,
            )  # fmt: skip
            container = client.containers.get(_PLAIN)
            address = call("docker", "port", _PLAIN, "8000").split()[0]
            reached = Reached(f"http://{address}/v1", model, "", container)
            _await_token(reached)
        yield reached
    finally:
        works("docker", "rm", "--force", "--volumes", _PLAIN)
        client.close()


def _await_token(server: Reached) -> None:
    body = {"model": server.model, "prompt": "Hi", "max_tokens": 1}
    limit = time.monotonic() + _START_S
    while time.monotonic() < limit:
        with suppress(httpx.HTTPError):
            url = f"{server.base_url}/completions"
            if httpx.post(url, json=body, timeout=120, trust_env=False).is_success:
                return
        server.container.reload()
        if server.container.status != "running":
            break
        time.sleep(_POLL_S * 5)
    text = "\n".join(line for _, line in server.log()[-20:])
    raise DevkitError(f"a plain vLLM does not start:\n{text}")
