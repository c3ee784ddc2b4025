"""Back by more than one revision."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, answers, only, runs
from bench.deploybench.world import World


def setup(world: World) -> None:
    """1.2.0 runs; before it 1.1.0 did, and before that 1.0.0."""
    world.repository()
    world.plain()
    for version in ("1.1.0", "1.2.0"):
        world.image(f"library/myapp:{version}")
        world.deployment("myapp", f"library/myapp:{version}")


def verify(world: World, run: Run) -> Problems:
    """The first version runs again."""
    yield from runs(world, "myapp", "library/myapp:1.0.0")
    yield from answers(world, "myapp", "version 1.0.0")
    yield from only(world, cluster_changes={"deployment/myapp": {"image:app"}})
