"""A Dockerfile that copies a file whose name is misspelt."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, deployed
from bench.deploybench.world import World


def setup(world: World) -> None:
    """The Dockerfile copies what is not there."""
    world.repository()
    world.plain()


def verify(world: World, run: Run) -> Problems:
    """The program answers; only the Dockerfile was changed for it."""
    yield from deployed(world, f"library/myapp:{world.commit}", files=["Dockerfile"])
