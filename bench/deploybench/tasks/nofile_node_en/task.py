"""A Node.js service without a Dockerfile."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, deployed
from bench.deploybench.world import World


def setup(world: World) -> None:
    """A Node.js service, whose version 1.0.0 runs."""
    world.repository("node", without=["Dockerfile"])
    world.plain("webshop", app="node")


def verify(world: World, run: Run) -> Problems:
    """The service answers from the commit's image."""
    yield from deployed(world, f"library/webshop:{world.commit}", name="webshop")
