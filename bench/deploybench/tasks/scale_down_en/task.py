"""Another number of pods."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, only, replicas
from bench.deploybench.world import World


def setup(world: World) -> None:
    """As usual."""
    world.repository()
    world.plain("reports", replicas=3)


def verify(world: World, run: Run) -> Problems:
    """The number is right, and nothing else has changed."""
    yield from replicas(world, "reports", 1)
    yield from only(world, cluster_changes={"deployment/reports": {"replicas"}})
