"""The same Deployment in two namespaces."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, deployed
from bench.deploybench.world import World


def setup(world: World) -> None:
    """It runs in staging and in production."""
    world.repository()
    world.image("library/myapp:1.0.0")
    world.deployment("myapp", "library/myapp:1.0.0", namespace="production", wait=False)
    world.deployment("myapp", "library/myapp:1.0.0")
    world.rolled_out("myapp", namespace="production")


def verify(world: World, run: Run) -> Problems:
    """It is new in staging only."""
    yield from deployed(world, f"library/myapp:{world.commit}")
