"""An image that is there is rolled out, without a build."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, answers, only, runs
from bench.deploybench.world import World


def setup(world: World) -> None:
    """Version 1.1.0 is in the registry; 1.0.0 runs."""
    world.repository()
    world.plain()
    world.image("library/myapp:1.1.0")


def verify(world: World, run: Run) -> Problems:
    """It runs, and the registry is as it was."""
    yield from runs(world, "myapp", "library/myapp:1.1.0")
    yield from answers(world, "myapp", "version 1.1.0")
    yield from only(world, cluster_changes={"deployment/myapp": {"image:app"}})
