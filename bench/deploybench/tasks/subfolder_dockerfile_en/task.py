"""A Dockerfile in a folder of its own, built from the root."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, deployed
from bench.deploybench.world import World


def setup(world: World) -> None:
    """The program and its Dockerfile are in different folders."""
    world.repository(
        folder="services/orders",
        without=["Dockerfile"],
        files={
            "docker/orders.Dockerfile": "FROM python:3.11-slim\nWORKDIR /app\n"
            "COPY services/orders/app.py services/orders/VERSION ./\n"
            'CMD ["python3", "app.py"]\n'
        },
    )
    world.plain("orders")


def verify(world: World, run: Run) -> Problems:
    """The program answers from the commit's image."""
    yield from deployed(world, f"library/orders:{world.commit}", name="orders")
