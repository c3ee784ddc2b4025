"""A Dockerfile that uses files before it has copied them."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, deployed
from bench.deploybench.world import World


def setup(world: World) -> None:
    """A step runs before its files are copied."""
    world.repository()
    world.plain()


def verify(world: World, run: Run) -> Problems:
    """The program answers; only the Dockerfile was changed for it."""
    image = f"library/myapp:{world.commit}"
    text = f"version {world.version}+dist"
    yield from deployed(world, image, files=["Dockerfile"], text=text)
