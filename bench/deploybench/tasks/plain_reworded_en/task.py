"""The usual three steps in other words, with other names."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, deployed
from bench.deploybench.world import World


def setup(world: World) -> None:
    """Version 1.0.0 of catalog runs; the commit has the next one."""
    world.repository()
    world.plain("catalog", container="server")


def verify(world: World, run: Run) -> Problems:
    """The commit's image runs in catalog, and nothing else has changed."""
    yield from deployed(
        world, f"library/catalog:{world.commit}", name="catalog", container="server"
    )
