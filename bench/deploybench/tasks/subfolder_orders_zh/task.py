"""One service of a monorepo."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, deployed
from bench.deploybench.world import World


def setup(world: World) -> None:
    """Two services in subfolders, of which both run in version 1.0.0."""
    world.repository(folder="services/orders", commit=False)
    world.repository(
        folder="services/billing", files={"services/billing/VERSION": "{version}-billing\n"}
    )
    for name in ("orders", "billing"):
        world.image(f"library/{name}:1.0.0")
        world.deployment(name, f"library/{name}:1.0.0", replicas=1, wait=False)
    for name in ("orders", "billing"):
        world.rolled_out(name)


def verify(world: World, run: Run) -> Problems:
    """The one that was asked for is new, the other one is not."""
    yield from deployed(world, f"library/orders:{world.commit}", name="orders")
