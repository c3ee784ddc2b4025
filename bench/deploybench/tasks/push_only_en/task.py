"""An image is pushed and not deployed."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, only, pushed
from bench.deploybench.world import World


def setup(world: World) -> None:
    """As usual."""
    world.repository()
    world.plain()


def verify(world: World, run: Run) -> Problems:
    """The image is there, and the cluster is as it was."""
    yield from pushed(world, "library/myapp", world.commit)
    yield from only(world, tags={"library/myapp": {world.commit}})
