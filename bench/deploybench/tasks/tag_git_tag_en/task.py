"""The tag is git's."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, deployed
from bench.deploybench.world import World


def setup(world: World) -> None:
    """The commit has a git tag."""
    world.repository(tags=[f"v{world.version}"])
    world.plain()


def verify(world: World, run: Run) -> Problems:
    """The image has that tag and no other."""
    yield from deployed(world, f"library/myapp:v{world.version}")
