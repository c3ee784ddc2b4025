"""vLLM as a container beside the action's, started over the mounted Docker socket.

GitHub's runner gives a container action no `--gpus` (actions/runner#754). The engine behind the
socket gives one to any container that asks. The server shares our network, so that it is on our
loopback address whatever network the job uses, and nobody else's.
"""

import http
import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from docker.types import Mount

from oi_deploy.engine.flags import Machine, arguments, environment
from oi_deploy.engine.gpu import device_requests, no_gpu
from oi_deploy.engine.image import require_image
from oi_deploy.engine.interface import Endpoint, EngineSettings, Say
from oi_deploy.engine.network import container_id
from oi_deploy.engine.server import LOOPBACK, MODULE, death, free_port, new_key, wait_for
from oi_deploy.engine.serverlog import ServerLog
from oi_deploy.engine.tether import Tether, tethered
from oi_deploy.errors import RunError

_CALL_TIMEOUT_S = 60
_STOP_S = 4.0
_DRAIN_S = 2.0
# The weights and compiled kernels that outlive a run, and where the server has them.
CACHE_VOLUME = "oi-deploy-models"
CACHE = "/var/cache/oi-deploy"
# vLLM's processes hand each other data through /dev/shm, for which Docker gives 64 MB.
_SHARED_MEMORY = "4g"


class Sibling:
    """One container for one run."""

    def __init__(self, settings: EngineSettings, *, say: Say, cancelled: threading.Event) -> None:
        """See `open_engine`."""
        self._settings = settings
        self._say = say
        self._cancelled = cancelled
        self._log = ServerLog()
        self._name = f"oi-deploy-engine-{settings.run_id}"
        self._created = False
        self._tether: Tether | None = None
        self._ended = threading.Event()
        self._exit_code: int | None = None

    def start(self) -> Endpoint:
        """Start the container and wait for it. See `Engine`."""
        settings = self._settings
        client = _connect()
        info = client.info()
        devices = device_requests(settings.gpus, info)
        port, api_key = free_port(), new_key()
        vector = arguments(settings, host=LOOPBACK, port=port)
        image = require_image(
            client,
            settings.vllm_image,
            timeout_s=settings.timeout_s,
            say=self._say,
            cancelled=self._cancelled,
        )
        entrypoint = image.attrs["Config"].get("Entrypoint") or []
        try:
            self._launch(
                client,
                image=image.id,
                entrypoint=tethered([*program(entrypoint), *vector]),
                environment=self._environment(info, api_key),
                device_requests=devices,
            )
            return wait_for(
                settings,
                self._log,
                port=port,
                api_key=api_key,
                died=self._died,
                say=self._say,
                cancelled=self._cancelled,
            )
        except BaseException:
            self.stop()
            raise

    def diagnose(self) -> str | None:
        """See `Engine`."""
        error = self._died()
        return str(error) if error else None

    def stop(self) -> None:
        """Kill and remove the container. See `Engine`."""
        if self._tether:
            self._tether.cut()
        if self._created:
            # A client of its own: its calls are short, whatever the other one is waiting for.
            with suppress(DockerException, OSError):
                _remove(docker.from_env(timeout=int(_STOP_S)), self._name)
            self._created = False

    def _launch(self, client: docker.DockerClient, **description: Any) -> None:
        settings = self._settings
        own = container_id(Path("/proc/self/mountinfo").read_text(encoding="utf-8"))
        _remove(client, self._name)
        self._say(f"engine: starting vLLM with `{settings.model}` ({settings.vllm_image})")
        self._created = True
        try:
            container = client.containers.create(
                **description,
                command=[],
                name=self._name,
                labels={"oi-deploy.run": settings.run_id, "oi-deploy.role": "engine"},
                network_mode=f"container:{own}" if own else "host",
                mounts=self._mounts(),
                shm_size=_SHARED_MEMORY,
                stdin_open=True,
                auto_remove=True,
            )
            self._tether = Tether(container, self._log)
            threading.Thread(
                target=self._watch, args=(container,), name="engine-exit", daemon=True
            ).start()
            container.start()
        except APIError as error:
            raise self._not_started(error) from error

    def _environment(self, info: dict[str, Any], api_key: str) -> dict[str, str]:
        machine = Machine(cpus=int(info["NCPU"]), memory_bytes=int(info["MemTotal"]))
        env = environment(self._settings, machine, api_key=api_key, job=os.environ)
        if self._keeps_cache():
            env |= {"HF_HOME": f"{CACHE}/huggingface", "VLLM_CACHE_ROOT": f"{CACHE}/vllm"}
        return env

    def _keeps_cache(self) -> bool:
        """Whether anything is worth keeping: weights from the hub, or compiled kernels."""
        return not self._settings.model_is_path or self._settings.gpus != "none"

    def _mounts(self) -> list[Mount]:
        settings = self._settings
        mounts = []
        if settings.model_is_path:
            mounts.append(Mount(settings.model, settings.model, type="bind", read_only=True))
        if self._keeps_cache():
            labels = {"oi-deploy.role": "cache"}
            mounts.append(Mount(CACHE, CACHE_VOLUME, type="volume", labels=labels))
        return mounts

    def _watch(self, container: Container) -> None:
        """Wait for the end; a container that removes itself cannot be asked afterwards."""
        with suppress(DockerException, OSError):
            self._exit_code = container.wait(timeout=None, condition="next-exit")["StatusCode"]
        self._ended.set()

    def _died(self) -> RunError | None:
        if not self._ended.is_set():
            return None
        if self._tether:
            self._tether.drained(_DRAIN_S)
        return death(self._settings, self._log, self._exit_code)

    def _not_started(self, error: APIError) -> RunError:
        settings, why = self._settings, str(error.explanation or error).strip()
        if "bind source path does not exist" in why or "invalid mount config" in why:
            return RunError(
                "The model was not found",
                why=f"there is no folder `{settings.model}` on the Docker host (a path inside the "
                "job or the action means nothing there)",
                remedy="Write the absolute path of a folder on the runner's host: "
                "`model: /srv/models/Qwen3-4B-Instruct-2507`, or a hub name.",
            )
        if "device driver" in why or "nvidia" in why.lower() or "CDI" in why:
            return no_gpu(why)
        return RunError("The model server's container could not be started", why=why)


def program(entrypoint: Sequence[str]) -> list[str]:
    """What to start in an image, from its own entry point.

    An entry point that starts vLLM takes our arguments. Another one (tini, a vendor's set-up
    script) gets the server as its command.
    """
    if any("vllm" in part for part in entrypoint):
        return list(entrypoint)
    return [*entrypoint, "python3", "-m", MODULE]


def _connect() -> docker.DockerClient:
    try:
        client = docker.from_env(timeout=_CALL_TIMEOUT_S)
        client.ping()
    except (DockerException, OSError) as error:
        raise RunError(
            "The Docker engine cannot be reached",
            why=str(error),
            remedy="`engine: sibling` needs /var/run/docker.sock, which GitHub's runner mounts if "
            "the host has Docker. Without it, write: `api-base: http://gpu-host:8000/v1`",
        ) from error
    return client


def _remove(client: docker.DockerClient, name: str) -> None:
    """Remove a container, running or not, and wait until its name is free."""
    deadline = time.monotonic() + _STOP_S
    with suppress(NotFound):
        while time.monotonic() < deadline:
            try:
                client.api.remove_container(name, force=True, v=True)
            except APIError as error:
                if error.status_code != http.HTTPStatus.CONFLICT:  # "removal already in progress"
                    raise
            client.api.inspect_container(name)
            time.sleep(0.05)
