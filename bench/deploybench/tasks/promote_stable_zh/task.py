"""A tag moves to another image; nothing is deployed."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, only, pushed
from bench.deploybench.world import World


def setup(world: World) -> None:
    """The tag stable is still the old version."""
    world.repository()
    world.plain()
    world.image("library/myapp:1.1.0")
    world.image("library/myapp:stable", says="1.0.0")


def verify(world: World, run: Run) -> Problems:
    """The tag stable is the new version; the cluster is as it was."""
    release = world.registry.digest("library/myapp", "1.1.0")
    yield from pushed(world, "library/myapp", "stable", same_as=release)
    yield from only(world, tags={"library/myapp": {"stable"}})
