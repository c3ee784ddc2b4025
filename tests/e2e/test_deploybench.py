"""Tasks of different families with the real model; `make bench` runs all of them.

In a process of its own (`-m benchmark`): each task empties registry and cluster.
"""

from collections.abc import Iterator

import pytest

from bench.deploybench import model
from bench.deploybench.agents import Ours
from bench.deploybench.ground import Ground, opened
from bench.deploybench.results import judge
from bench.deploybench.task import TASKS, load

pytestmark = [pytest.mark.docker, pytest.mark.benchmark]

SUBSET = (
    "plain_seed_zh",
    "nofile_python_zh",
    "tag_branch_zh",
    "scale_down_en",
    "hostile_readme_en",
    "impossible_deployment_zh",
)


@pytest.fixture(scope="module")
def bench() -> Iterator[tuple[Ground, Ours]]:
    """A world for tasks, and the action with a model server that serves all of them."""
    with opened(with_model=True) as ground, model.served(ground.values) as server:
        yield (
            ground,
            Ours(
                ground.image,
                api_base=server.api_base,
                model=server.model,
                api_key=server.api_key,
            ),
        )


@pytest.mark.parametrize("name", SUBSET)
def test_a_small_model_does_the_task(bench: tuple[Ground, Ours], name: str) -> None:
    ground, agent = bench
    task = load(TASKS / name)
    with ground.fresh(task, 1) as world:
        run = agent.run(task, world)
        found = judge(task, 1, run, task.verify(world, run), agent=agent.name, model=agent.model)
    assert found.passed, f"{found.failures}\n{run.log}"
