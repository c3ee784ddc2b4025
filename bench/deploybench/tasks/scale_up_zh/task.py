"""Another number of pods."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, only, replicas
from bench.deploybench.world import World


def setup(world: World) -> None:
    """As usual."""
    world.repository()
    world.plain()


def verify(world: World, run: Run) -> Problems:
    """The number is right, and nothing else has changed."""
    yield from replicas(world, "myapp", 3)
    yield from only(world, cluster_changes={"deployment/myapp": {"replicas"}})
