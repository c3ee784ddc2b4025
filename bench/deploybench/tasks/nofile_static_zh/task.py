"""A static site without a Dockerfile."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, deployed
from bench.deploybench.world import World


def setup(world: World) -> None:
    """A static site, whose version 1.0.0 runs behind nginx."""
    world.repository("static", without=["Dockerfile"])
    world.plain("handbook", app="static", port=80)


def verify(world: World, run: Run) -> Problems:
    """The site is served from the commit's image."""
    yield from deployed(
        world,
        f"library/handbook:{world.commit}",
        name="handbook",
        text=world.version,
        path="/VERSION",
        port=80,
    )
