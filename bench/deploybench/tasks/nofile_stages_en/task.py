"""A build in two stages without a Dockerfile."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, deployed, in_image
from bench.deploybench.world import World


def setup(world: World) -> None:
    """The program has to be put together before it is shipped."""
    world.repository(without=["Dockerfile"])
    world.plain()


def verify(world: World, run: Run) -> Problems:
    """What the first stage made runs, and the tool that made it was left behind."""
    image = f"library/myapp:{world.commit}"
    yield from deployed(world, image, text=f"version {world.version}+dist")
    yield from in_image(world, image, "*/make_dist.py", there=False)
