"""One image for two Deployments."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, answers, only, pushed, runs
from bench.deploybench.world import World


def setup(world: World) -> None:
    """Two Deployments run the same image."""
    world.repository()
    world.image("library/myapp:1.0.0")
    world.neighbour()
    for name in ("web", "jobs"):
        world.deployment(name, "library/myapp:1.0.0", replicas=1, wait=False)
    for name in ("web", "jobs", "payments"):
        world.rolled_out(name)


def verify(world: World, run: Run) -> Problems:
    """Both are new."""
    yield from pushed(world, "library/myapp", world.commit)
    for name in ("web", "jobs"):
        yield from runs(world, name, f"library/myapp:{world.commit}")
        yield from answers(world, name, f"version {world.version}")
    yield from only(
        world,
        cluster_changes={f"deployment/{name}": {"image:app"} for name in ("web", "jobs")},
        tags={"library/myapp": {world.commit}},
    )
