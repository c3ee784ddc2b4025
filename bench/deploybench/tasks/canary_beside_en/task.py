"""A second Deployment beside the stable one."""

import yaml

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, answers, only, pushed, replicas, runs
from bench.deploybench.world import Container, World, manifest


def setup(world: World) -> None:
    """1.0.0 runs; the canary's manifest is in the repository."""
    containers = {"app": Container("library/myapp:1.0.0")}
    described = manifest(
        world.host, "myapp-canary", containers, replicas=1, namespace=world.namespace
    )
    world.repository(files={"k8s/canary.yaml": yaml.safe_dump(described)})
    world.plain()


def verify(world: World, run: Run) -> Problems:
    """The canary runs the new version, and the stable one is as it was."""
    yield from pushed(world, "library/myapp", world.commit)
    yield from replicas(world, "myapp-canary", 1)
    yield from runs(world, "myapp-canary", f"library/myapp:{world.commit}")
    yield from answers(world, "myapp-canary", f"version {world.version}")
    yield from answers(world, "myapp", "version 1.0.0")
    yield from only(
        world,
        cluster_changes={"deployment/myapp-canary": {"new"}},
        tags={"library/myapp": {world.commit}},
    )
