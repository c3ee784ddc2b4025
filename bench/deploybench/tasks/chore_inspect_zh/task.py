"""What runs in the namespace."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, file_has, only
from bench.deploybench.world import World


def setup(world: World) -> None:
    """Two Deployments."""
    world.repository()
    world.plain()


def verify(world: World, run: Run) -> Problems:
    """The file names both with their images, and nothing has changed."""
    yield from file_has(
        world,
        "resources.txt",
        r"myapp.*library/myapp:1\.0\.0",
        r"payments.*library/payments:3\.1\.0",
    )
    yield from only(world)
