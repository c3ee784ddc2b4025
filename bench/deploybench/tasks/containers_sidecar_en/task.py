"""One of two containers is updated."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, deployed
from bench.deploybench.world import Container, World


def setup(world: World) -> None:
    """A Deployment with two containers, the other one first."""
    world.repository()
    world.image("library/myapp:1.0.0")
    world.image("library/edge-proxy:0.9.1")
    world.deployment(
        "myapp",
        containers={
            "proxy": Container("library/edge-proxy:0.9.1", 8081),
            "app": Container("library/myapp:1.0.0"),
        },
    )


def verify(world: World, run: Run) -> Problems:
    """The right container is new."""
    yield from deployed(world, f"library/myapp:{world.commit}")
