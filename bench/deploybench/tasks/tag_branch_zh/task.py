"""The tag is made of two parts."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, deployed
from bench.deploybench.world import World


def setup(world: World) -> None:
    """As usual."""
    world.repository()
    world.plain()


def verify(world: World, run: Run) -> Problems:
    """The image has that tag and no other."""
    yield from deployed(world, f"library/myapp:main-{world.commit}")
