"""Two containers that run the same image."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, answers, only, pushed, runs
from bench.deploybench.world import Container, World


def setup(world: World) -> None:
    """A Deployment with two containers of one image."""
    world.repository()
    world.image("library/myapp:1.0.0")
    world.deployment(
        "myapp",
        containers={
            "api": Container("library/myapp:1.0.0"),
            "worker": Container("library/myapp:1.0.0", 8081),
        },
    )


def verify(world: World, run: Run) -> Problems:
    """Both are new."""
    image = f"library/myapp:{world.commit}"
    yield from pushed(world, "library/myapp", world.commit)
    for container, port in (("api", 8080), ("worker", 8081)):
        yield from runs(world, "myapp", image, container=container)
        yield from answers(world, "myapp", f"version {world.version}", port=port)
    yield from only(
        world,
        cluster_changes={"deployment/myapp": {"image:api", "image:worker"}},
        tags={"library/myapp": {world.commit}},
    )
