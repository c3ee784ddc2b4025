"""There is no revision to go back to."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, only, says_why
from bench.deploybench.world import World


def setup(world: World) -> None:
    """The Deployment has only its first revision."""
    world.repository()
    world.plain()


def verify(world: World, run: Run) -> Problems:
    """It is as it was."""
    yield from only(world)
    yield from says_why(run)
