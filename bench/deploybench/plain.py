"""The setup and the verifier of every task that only words the usual three steps differently."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, deployed
from bench.deploybench.world import World


def setup(world: World) -> None:
    """Version 1.0.0 of myapp runs; the commit has the next one."""
    world.repository()
    world.plain()


def verify(world: World, run: Run) -> Problems:
    """The commit's image runs and answers, and nothing else has changed."""
    yield from deployed(world, f"library/myapp:{world.commit}")
