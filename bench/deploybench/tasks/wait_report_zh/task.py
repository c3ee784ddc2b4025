"""A rollout is under way; its end is reported."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, file_has, only, runs
from bench.deploybench.world import Container, World


def setup(world: World) -> None:
    """The pods of version 1.1.0 take their time to start."""
    world.repository()
    world.plain()
    world.image("library/myapp:1.1.0")
    slow = Container("library/myapp:1.1.0", env={"START_DELAY": "8"})
    world.deployment("myapp", containers={"app": slow}, wait=False)


def verify(world: World, run: Run) -> Problems:
    """The report names the new image and the number of pods."""
    yield from runs(world, "myapp", "library/myapp:1.1.0")
    yield from file_has(world, "rollout.md", r"library/myapp:1\.1\.0", r"\b2\b")
    yield from only(world)
