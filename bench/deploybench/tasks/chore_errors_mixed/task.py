"""Errors of a log, counted by component."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, file_has, file_lacks, only
from bench.deploybench.world import World


def setup(world: World) -> None:
    """A log in which a line that is no error has the word, too."""
    world.repository()


def verify(world: World, run: Run) -> Problems:
    """Both counts are right, and the log is as it was."""
    yield from file_has(world, "errors.md", r"\bdb\b.*\b4\b", r"\bworker\b.*\b2\b")
    yield from file_lacks(world, "errors.md", r"\bapi\b.*\b[1-9]\b")
    yield from only(world)
