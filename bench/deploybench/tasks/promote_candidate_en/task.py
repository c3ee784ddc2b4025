"""A release candidate becomes a release, without a build."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, answers, only, pushed, runs
from bench.deploybench.world import World


def setup(world: World) -> None:
    """A candidate is in the registry; 1.0.0 runs."""
    world.repository()
    world.plain()
    world.image("library/myapp:1.1.0-rc.2", says="1.1.0")


def verify(world: World, run: Run) -> Problems:
    """The release is the candidate's image, and runs."""
    candidate = world.registry.digest("library/myapp", "1.1.0-rc.2")
    yield from pushed(world, "library/myapp", "1.1.0", same_as=candidate)
    yield from runs(world, "myapp", "library/myapp:1.1.0")
    yield from answers(world, "myapp", "version 1.1.0")
    yield from only(
        world,
        cluster_changes={"deployment/myapp": {"image:app"}},
        tags={"library/myapp": {"1.1.0"}},
    )
