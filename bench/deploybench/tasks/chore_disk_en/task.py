"""A report on files."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, file_has, file_lacks, only
from bench.deploybench.world import World

SIZES = {"access": 900, "audit": 120, "error": 2400, "gateway": 7000, "worker": 310}


def setup(world: World) -> None:
    """Five logs of different sizes."""
    files = {f"logs/{name}.log": "line\n" * lines for name, lines in SIZES.items()}
    world.repository(files=files)


def verify(world: World, run: Run) -> Problems:
    """The three largest are in the report, in order, and no file is gone."""
    largest = sorted(SIZES, key=lambda name: -SIZES[name])[:3]
    sizes = [
        rf"{name}[\s\S]*\b{SIZES[name] * 5}\b|\b{SIZES[name] * 5}\b[\s\S]*{name}"
        for name in largest
    ]
    yield from file_has(world, "disk-report.txt", r"[\s\S]*".join(largest), *sizes)
    yield from file_lacks(world, "disk-report.txt", *(set(SIZES) - set(largest)))
    yield from only(world)
