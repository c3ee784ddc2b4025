"""vLLM in a container beside the action, started over the mounted Docker socket.

GitHub's runner never gives a container action a GPU (actions/runner#754), so the server cannot run
in here. A container that we start can have one.
"""

import re
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.types import DeviceRequest, Mount

from oi_deploy.engine.flags import arguments, available_cores, environment
from oi_deploy.engine.interface import Endpoint, EngineSettings
from oi_deploy.engine.log import ServerLog
from oi_deploy.engine.process import free_port
from oi_deploy.engine.readiness import probe, wait_until_healthy
from oi_deploy.errors import RunError

_HOST = "127.0.0.1"
_WEIGHTS_VOLUME = "oi-deploy-models"
_SHARED_MEMORY = "2g"
_CALL_S = 60


def container_id(mountinfo: str) -> str | None:
    """The id of the container whose network we are in, from /proc/self/mountinfo; else None.

    Docker mounts /etc/hostname from that container's folder: ours, or under `container:` mode the
    one whose network ours shares, which is the one to join too.
    """
    match = re.search(r"/containers/([0-9a-f]{64})/(?:hostname|hosts|resolv\.conf) ", mountinfo)
    return match.group(1) if match else None


class Sibling:
    """One container for one run; it shares our network, so it is on our loopback address."""

    def __init__(
        self, settings: EngineSettings, *, say: Callable[[str], None], cancelled: threading.Event
    ) -> None:
        """See `open_engine`."""
        self._settings = settings
        self._say = say
        self._cancelled = cancelled
        self._log = ServerLog()
        self._name = f"oi-deploy-engine-{settings.run_id}"
        self._container: Container | None = None

    def start(self) -> Endpoint:
        """Start the container and wait for its server.

        Raises:
            RunError: no Docker socket, no image, no GPU, the server died, or the time is up.
        """
        client = _connect()
        self._require_gpu(client)
        self._require_image(client)
        port, key = free_port(), secrets.token_urlsafe(24)
        self._say(f"engine: starting {self._settings.vllm_image} with {self._settings.model}")
        try:
            self._container = client.containers.create(**self._description(port, key))
            self._container.start()
        except APIError as error:
            raise self._explain(error) from error
        self._log.follow(self._container.logs(stream=True, follow=True))
        base_url = f"http://{_HOST}:{port}/v1"
        wait_until_healthy(
            base_url,
            timeout_s=self._settings.timeout_s,
            died=self._died,
            phase=lambda: self._log.phase,
            say=self._say,
            cancelled=self._cancelled,
        )
        return probe(base_url, api_key=key, wanted=self._settings.served_model_name)

    def _description(self, port: int, key: str) -> dict[str, Any]:
        settings = self._settings
        ours = container_id(Path("/proc/self/mountinfo").read_text(encoding="utf-8"))
        if settings.model.startswith("/"):
            weights = Mount(settings.model, settings.model, type="bind", read_only=True)
        else:
            weights = Mount("/root/.cache/huggingface", _WEIGHTS_VOLUME, type="volume")
        description: dict[str, Any] = {
            "image": settings.vllm_image,
            "command": arguments(settings, host=_HOST, port=port),
            "name": self._name,
            "environment": environment(settings, api_key=key, cores=available_cores()),
            "network_mode": f"container:{ours}" if ours else "host",
            "mounts": [weights],
            "shm_size": _SHARED_MEMORY,
            "labels": {"oi-deploy.run": settings.run_id, "oi-deploy.role": "engine"},
            "init": True,
        }
        if settings.gpus != "none":
            request: dict[str, Any] = {"capabilities": [["gpu"]]}
            if settings.gpus == "all":
                request["count"] = -1
            else:
                request["device_ids"] = settings.gpus.split(",")
            description["device_requests"] = [DeviceRequest(**request)]
        return description

    def _require_gpu(self, client: docker.DockerClient) -> None:
        info = client.info()
        runtimes = info.get("Runtimes") or {}
        devices = info.get("DiscoveredDevices") or []
        cdi = any("nvidia.com/gpu" in str(device.get("ID")) for device in devices)
        if self._settings.gpus != "none" and "nvidia" not in runtimes and not cdi:
            raise RunError(
                "Docker cannot give the model server a GPU",
                why="the engine has no NVIDIA runtime",
                remedy="Install it on the runner (`nvidia-ctk runtime configure --runtime=docker`, "
                "then restart Docker), or use the CPU: `gpus: none`",
            )

    def _require_image(self, client: docker.DockerClient) -> None:
        image = self._settings.vllm_image
        with suppress(ImageNotFound):
            client.images.get(image)
            return
        self._say(f"engine: pulling {image}")
        try:
            done: set[str] = set()
            for item in client.api.pull(image, stream=True, decode=True):
                if self._cancelled.is_set():
                    return
                if "error" in item:
                    raise RunError("The pull failed", why=str(item["error"]))
                if item.get("status") == "Pull complete" and item.get("id") not in done:
                    done.add(str(item.get("id")))
                    self._say(f"engine: pulled {len(done)} layers")
        except (APIError, RunError) as error:
            raise RunError(
                f"The image `{image}` is not here and cannot be pulled",
                why=str(getattr(error, "explanation", "") or getattr(error, "why", error)),
                remedy="Write one that the runner can pull: "
                "`vllm-image: harbor.example.com/mirror/vllm-openai:v0.32.0`",
            ) from error

    def _explain(self, error: APIError) -> RunError:
        text = str(error.explanation or error)
        if "bind source path does not exist" in text:
            return RunError(
                f"The model folder `{self._settings.model}` does not exist",
                why="the path is one of the Docker host, where the model server's container runs",
                remedy="Write the folder on the Docker host: `model: /models/my-model`",
            )
        if "could not select device driver" in text or "nvidia" in text:
            return RunError(
                "Docker cannot give the model server a GPU",
                why=text,
                remedy="Use the CPU: `gpus: none`",
            )
        return RunError("The model server's container did not start", why=text)

    def _died(self) -> RunError | None:
        if self._container is None:
            return None
        try:
            self._container.reload()
        except NotFound:
            return self._log.death("its container was removed by somebody else")
        except (DockerException, OSError) as error:
            return RunError("The Docker engine stopped answering", why=str(error))
        state = self._container.attrs["State"]
        if state["Running"] or state["Status"] == "created":
            return None
        if state.get("OOMKilled"):
            return self._log.death("the kernel killed it for lack of memory (exit code 137)")
        return self._log.death(f"it ended with exit code {state['ExitCode']}")

    def diagnose(self) -> str | None:
        """See `Engine`."""
        error = self._died()
        return str(error) if error else None

    def stop(self) -> None:
        """See `Engine`."""
        container, self._container = self._container, None
        if container is not None:
            with suppress(DockerException, OSError):
                container.remove(force=True, v=True)


def _connect() -> docker.DockerClient:
    try:
        client = docker.from_env(timeout=_CALL_S)
        client.ping()
    except (DockerException, OSError) as error:
        raise RunError(
            "There is no Docker engine for `engine: sibling`",
            why=str(error),
            remedy="Run the job on a runner with Docker, or write: "
            "`api-base: http://gpu-host:8000/v1`",
        ) from error
    return client
