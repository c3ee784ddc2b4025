"""An image is pushed, and its digest is written down."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, file_has, only, pushed
from bench.deploybench.world import World


def setup(world: World) -> None:
    """As usual."""
    world.repository()
    world.plain()


def verify(world: World, run: Run) -> Problems:
    """The file has the digest that the registry has."""
    yield from pushed(world, "library/myapp", world.commit)
    digest = world.registry.digest("library/myapp", world.commit)
    yield from file_has(world, "digest.txt", digest or "sha256:")
    yield from only(world, tags={"library/myapp": {world.commit}})
