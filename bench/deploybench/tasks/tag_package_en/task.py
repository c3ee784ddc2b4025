"""The tag is in package.json."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, deployed
from bench.deploybench.world import World


def setup(world: World) -> None:
    """A Node.js service with a version in its package.json."""
    package = (
        '{"name": "webshop", "version": "{version}", "scripts": {"start": "node server.js"}}\n'
    )
    world.repository("node", files={"package.json": package})
    world.plain("webshop", app="node")


def verify(world: World, run: Run) -> Problems:
    """The image has that tag and no other."""
    yield from deployed(world, f"library/webshop:{world.version}", name="webshop")
