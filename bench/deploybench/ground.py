"""The place where tasks run: the devkit's world, emptied before each of them."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker

from bench.deploybench.task import Task
from bench.deploybench.world import World, snapshot, version
from devkit import images
from devkit import world as devkit_world
from devkit.runner import Action, Folders, build
from devkit.shell import ROOT, STATE, call, say, step, works


class Ground:
    """One world for many tasks. Made by `opened`.

    Attributes:
        values: what `world.env` says.
        image: the action's image.
    """

    def __init__(self, values: dict[str, str], image: str) -> None:
        """Remember which images there are: what comes later is a task's."""
        self.values = values
        self.image = image
        self._earlier = _names(values["REGISTRY"])

    @contextmanager
    def fresh(self, task: Task, number: int) -> Iterator[World]:
        """An empty registry, an empty cluster and a new workspace, filled by the task's setup.

        Args:
            task: the task.
            number: of the run, from 1.

        Raises:
            DevkitError: the setup failed.
        """
        devkit_world.fresh_cluster(self.values)
        self.forget_images()
        folder = Path(tempfile.mkdtemp(prefix="oi-deploy-bench-"))
        folder.chmod(0o755)  # the sandbox's user has to get to the workspace
        namespace = task.spec.inputs.get("namespace", self.values["NAMESPACE"])
        world = World(task, self.values, Folders(folder), version(task.id, number), namespace)
        try:
            world.registry.empty()
            world.folders.create()
            world.make_namespace(namespace)
            task.setup(world)
            world.folders.give_to_user()
            world.before = snapshot(world)
            yield world
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def forget_images(self) -> None:
        """Take away the engine's images that a task has made, so that the next one builds its own.

        No pod may hold them any more.
        """
        new = sorted(_names(self.values["REGISTRY"]) - self._earlier)
        if new:
            # Two names of one image: the second is gone with the first.
            works("docker", "image", "rm", "--force", *new)


@contextmanager
def opened(*, with_model: bool) -> Iterator[Ground]:
    """Start a world of our own, and end it; one that is up already is ended first.

    Args:
        with_model: have the vLLM image and the demo's model, too.

    Raises:
        DevkitError: the world cannot be had.
    """
    if devkit_world.read():
        say("the benchmark empties registry and cluster, so the world that is up ends here")
        devkit_world.stop()
    try:
        values = devkit_world.up(with_model=with_model)
        images.more()
        with step("building the action's image"):
            image = build(Action.load(ROOT), "deploybench")
        ground = Ground(values, image)
        try:
            yield ground
        finally:
            devkit_world.stop()
            ground.forget_images()
            client = docker.from_env()
            client.images.remove(image, noprune=True)
            client.close()
    finally:
        devkit_world.down()


def _names(host: str) -> frozenset[str]:
    """The engine's names for images of the registry."""
    columns = "{{.Repository}} {{.Tag}} {{.Digest}}"
    found: set[str] = set()
    for row in call("docker", "image", "ls", "--digests", "--format", columns).splitlines():
        repository, tag, digest = row.split()
        if repository.startswith(f"{host}/"):
            found |= {f"{repository}:{tag}"} if tag != "<none>" else set()
            found |= {f"{repository}@{digest}"} if digest != "<none>" else set()
    return frozenset(found)


def script_environment(world: World) -> dict[str, str]:
    """Variables with which docker and kubectl reach the world, with every right."""
    tools = str(Path(world.values["KUBECTL"]).parent)
    return {
        **os.environ,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "DOCKER_CONFIG": str(STATE / "docker"),
        "DOCKER_BUILDKIT": "0",
        "KUBECONFIG": str(world.cluster.kubeconfig),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        "REGISTRY": world.host,
    }
