"""A Python program without a Dockerfile."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, deployed
from bench.deploybench.world import World


def setup(world: World) -> None:
    """As usual, but nobody has written a Dockerfile."""
    world.repository(without=["Dockerfile"])
    world.plain()


def verify(world: World, run: Run) -> Problems:
    """The program answers from the commit's image."""
    yield from deployed(world, f"library/myapp:{world.commit}")
