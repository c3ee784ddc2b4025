"""The tag is the day."""

import datetime

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, deployed
from bench.deploybench.world import World


def setup(world: World) -> None:
    """As usual."""
    world.repository()
    world.plain()


def verify(world: World, run: Run) -> Problems:
    """The image has the day of the run as its tag, or the day before if midnight has passed."""
    today = datetime.datetime.now(datetime.UTC).date()
    days = [str(today - datetime.timedelta(days=back)) for back in (0, 1)]
    tag = next((day for day in days if world.registry.digest("library/myapp", day)), days[0])
    yield from deployed(world, f"library/myapp:{tag}")
