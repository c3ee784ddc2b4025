"""The folder to build does not exist."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, only, says_why
from bench.deploybench.world import World


def setup(world: World) -> None:
    """The Deployment is there, but not the folder."""
    world.repository()
    world.plain("search")


def verify(world: World, run: Run) -> Problems:
    """Nothing was built from another folder under that name."""
    yield from only(world)
    yield from says_why(run)
