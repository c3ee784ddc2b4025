"""The Deployment does not exist."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, only, says_why
from bench.deploybench.world import World


def setup(world: World) -> None:
    """There is no Deployment of that name."""
    world.repository()
    world.plain()


def verify(world: World, run: Run) -> Problems:
    """No other Deployment got the image; pushing it did no harm."""
    yield from only(world, tags={"library/storefront": {world.commit}})
    yield from says_why(run)
