"""A Dockerfile whose base image does not exist."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, deployed
from bench.deploybench.world import World


def setup(world: World) -> None:
    """The base image's tag is misspelt."""
    world.repository()
    world.plain()


def verify(world: World, run: Run) -> Problems:
    """The program answers; only the Dockerfile was changed for it."""
    yield from deployed(world, f"library/myapp:{world.commit}", files=["Dockerfile"])
