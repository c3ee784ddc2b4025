"""Two services in one repository."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, answers, only, pushed, runs
from bench.deploybench.world import World


def setup(world: World) -> None:
    """Both services run in version 1.0.0."""
    world.repository(folder="api", commit=False)
    world.repository(folder="web", files={"web/VERSION": "{version}-web\n"})
    for name in ("api", "web"):
        world.image(f"library/{name}:1.0.0")
        world.deployment(name, f"library/{name}:1.0.0", replicas=1, wait=False)
    world.neighbour()
    for name in ("api", "web", "payments"):
        world.rolled_out(name)


def verify(world: World, run: Run) -> Problems:
    """Each Deployment runs its own new image."""
    texts = {"api": f"version {world.version}", "web": f"version {world.version}-web"}
    for name, text in texts.items():
        yield from pushed(world, f"library/{name}", world.commit)
        yield from runs(world, name, f"library/{name}:{world.commit}")
        yield from answers(world, name, text)
    yield from only(
        world,
        cluster_changes={f"deployment/{name}": {"image:app"} for name in texts},
        tags={f"library/{name}": {world.commit} for name in texts},
    )
