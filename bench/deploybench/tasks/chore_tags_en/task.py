"""Old git tags are deleted."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, git_tags, only
from bench.deploybench.world import World

KEPT = frozenset({"v1.3.0", "v1.4.0", "v2.0.0", "docs-2024"})
OLD = frozenset({"v0.9.0", "v1.0.0", "v1.1.0", "v1.2.0"})


def setup(world: World) -> None:
    """Seven release tags and another one."""
    world.repository(tags=[*KEPT, *OLD])


def verify(world: World, run: Run) -> Problems:
    """The old ones are gone, the others are there."""
    found = git_tags(world)
    yield from (f"the tag {tag} is gone" for tag in sorted(KEPT - found))
    yield from (f"the tag {tag} is still there" for tag in sorted(OLD & found))
    yield from only(world)
