"""What the checks look at; each connection is opened once, by the check that needs it first."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import docker
from docker.errors import DockerException, ImageNotFound
from docker.models.images import Image

from oi_deploy import surroundings
from oi_deploy.doctor.weights import Weights, find
from oi_deploy.engine import EngineSettings
from oi_deploy.errors import RunError
from oi_deploy.loaded import Loaded
from oi_deploy.verify.cluster import Cluster
from oi_deploy.verify.registry import Registry
from oi_deploy.verify.state import DeploymentState

_ENGINE_CALL_S = 10

T = TypeVar("T")


class Once(Generic[T]):
    """A call that several threads need the value of: it is made once, and all get its value."""

    def __init__(self, call: Callable[[], T]) -> None:
        """Call nothing yet."""
        self._call = call
        self._lock = threading.Lock()
        self._values: list[T] = []
        self._error: BaseException | None = None

    def __call__(self) -> T:
        """The value, or the error again."""
        with self._lock:
            if self._error is None and not self._values:
                try:
                    self._values.append(self._call())
                except BaseException as error:  # raised below, for each caller
                    self._error = error
        if self._error is not None:
            raise self._error
        return self._values[0]


@dataclass(frozen=True)
class Docker:
    """The Docker engine, after it has answered.

    Attributes:
        client: asks it.
        version: of the engine.
        info: its answer to `docker info`.
    """

    client: docker.DockerClient
    version: str
    info: Mapping[str, Any]


@dataclass(frozen=True)
class Context:
    """What the checks look at.

    Attributes:
        loaded: the inputs.
        env: the step's environment.
        workspace: the checkout.
        private: paths that the model's code must not reach.
        settings: what the inputs say about the model's engine.
        engine: the Docker engine; RunError if it does not answer.
        image: the image of the model's server; None if the engine does not have it.
        weights: the model's files on the engine's host.
        registry: the registry, after it has accepted the login; None if the inputs name none.
        cluster: the cluster, after it was read; None if the inputs name none.
        deployments: all of the namespace; none without a cluster.
    """

    loaded: Loaded
    env: Mapping[str, str]
    workspace: Path
    private: Sequence[Path]
    settings: EngineSettings
    engine: Once[Docker]
    image: Once[Image | None]
    weights: Once[Weights]
    registry: Once[Registry | None]
    cluster: Once[Cluster | None]
    deployments: Once[tuple[DeploymentState, ...]]

    @classmethod
    def of(
        cls,
        loaded: Loaded,
        env: Mapping[str, str],
        workspace: Path,
        stack: ExitStack,
        *,
        private: Sequence[Path] = (),
    ) -> "Context":
        """Open nothing yet; what the checks open is closed with `stack`."""
        settings = surroundings.engine_settings(loaded, env)
        engine = Once(lambda: _engine(stack))
        image = Once(lambda: _image(engine().client, settings.vllm_image))
        cluster = Once(lambda: surroundings.cluster(loaded, stack))

        def deployments() -> tuple[DeploymentState, ...]:
            found = cluster()
            return found.deployments() if found else ()

        return cls(
            loaded=loaded,
            env=env,
            workspace=workspace,
            private=private,
            settings=settings,
            engine=engine,
            image=image,
            weights=Once(lambda: find(engine().client, settings)),
            registry=Once(lambda: surroundings.registry(loaded, stack)),
            cluster=cluster,
            deployments=Once(deployments),
        )


def _engine(stack: ExitStack) -> Docker:
    try:
        client = docker.from_env(timeout=_ENGINE_CALL_S)
        stack.callback(client.close)
        return Docker(client, str(client.version()["Version"]), client.info())
    except (DockerException, OSError) as error:
        raise RunError(
            "The Docker engine cannot be reached",
            why=str(error),
            remedy="Images are built there. GitHub's runner mounts /var/run/docker.sock if the "
            "host has Docker; `docker info` on the host says what is wrong.",
        ) from error


def _image(client: docker.DockerClient, name: str) -> Image | None:
    try:
        return client.images.get(name)
    except ImageNotFound:
        return None
