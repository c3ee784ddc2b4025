"""Back to the revision before."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, answers, only, runs
from bench.deploybench.world import World


def setup(world: World) -> None:
    """1.1.0 runs; before it, 1.0.0 did."""
    world.repository()
    world.plain()
    world.image("library/myapp:1.1.0")
    world.deployment("myapp", "library/myapp:1.1.0")


def verify(world: World, run: Run) -> Problems:
    """The old version runs again."""
    yield from runs(world, "myapp", "library/myapp:1.0.0")
    yield from answers(world, "myapp", "version 1.0.0")
    yield from only(world, cluster_changes={"deployment/myapp": {"image:app"}})
