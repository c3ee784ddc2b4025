"""A Markdown table of the cluster's state."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, file_has, only
from bench.deploybench.world import World


def setup(world: World) -> None:
    """Two Deployments with two pods and one."""
    world.repository()
    world.plain()


def verify(world: World, run: Run) -> Problems:
    """The table has a row for each, and nothing has changed."""
    row = r"^\|.*\b{0}\b.*library/{0}:{1}.*\|.*\b{2}\b.*\|.*\b{2}\b.*\|"
    yield from file_has(
        world,
        "cluster-report.md",
        r"^\|[ :|-]*--[ :|-]*\|",
        row.format("myapp", r"1\.0\.0", 2),
        row.format("payments", r"3\.1\.0", 1),
    )
    yield from only(world)
