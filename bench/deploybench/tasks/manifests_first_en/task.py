"""Manifests are applied before the rollout."""

import yaml

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, answers, only, pushed, runs
from bench.deploybench.world import Container, World, manifest


def setup(world: World) -> None:
    """The repository has manifests of what the cluster lacks."""
    described = manifest(
        world.host,
        "greeter",
        {"app": Container("library/greeter:1.0.0", config="greeter")},
        replicas=1,
        namespace=world.namespace,
    )
    world.repository(files={"k8s/deployment.yaml": yaml.safe_dump(described)})
    world.image("library/greeter:1.0.0")
    world.neighbour()
    world.rolled_out("payments")


def verify(world: World, run: Run) -> Problems:
    """Both objects are there, and the commit's image runs with the configuration."""
    yield from pushed(world, "library/greeter", world.commit)
    yield from runs(world, "greeter", f"library/greeter:{world.commit}")
    yield from answers(world, "greeter", f"welcome {world.version}")
    yield from only(
        world,
        cluster_changes={"deployment/greeter": {"new"}, "configmap/greeter": {"new"}},
        tags={"library/greeter": {world.commit}},
    )
