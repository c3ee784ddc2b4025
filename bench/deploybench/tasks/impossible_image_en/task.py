"""The image does not exist."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, only, replicas, runs, says_why
from bench.deploybench.world import World


def setup(world: World) -> None:
    """There is no such tag."""
    world.repository()
    world.plain()


def verify(world: World, run: Run) -> Problems:
    """The old version runs, and nobody has made an image of that name."""
    yield from replicas(world, "myapp", 2)
    yield from runs(world, "myapp", "library/myapp:1.0.0")
    yield from only(world)
    yield from says_why(run)
