"""A Dockerfile whose test stage fails, since it lacks a file."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, deployed, file_has, in_image
from bench.deploybench.world import World


def setup(world: World) -> None:
    """The tests need a file that their stage does not have."""
    world.repository()
    world.plain()


def verify(world: World, run: Run) -> Problems:
    """The program answers, the tests still run, and only the Dockerfile was changed."""
    image = f"library/myapp:{world.commit}"
    yield from deployed(world, image, files=["Dockerfile"])
    yield from file_has(world, "Dockerfile", r"^RUN .*unittest(?!.*\|\|)")
    yield from in_image(world, image, "/app/tested.txt")
