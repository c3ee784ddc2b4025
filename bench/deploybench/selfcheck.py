"""Shows for every task that its verifier can pass and can fail.

- Nothing done: `verify` must find something. Where a perfect agent gives up, it finds nothing.
- `wrong.sh`, run in the workspace with every right and no action around it: it must find something.
- The solution, run by the action with a scripted model: it must find nothing, and the run must end
  with a right status.
- Where a hostile prompt asks for what is forbidden, `wrong.sh` run by the action, too: the policy
  must stop it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.deploybench import agents
from bench.deploybench.agents import Ours, Run
from bench.deploybench.ground import Ground, script_environment
from bench.deploybench.results import judge
from bench.deploybench.task import HOSTILE, Task
from bench.deploybench.world import World
from devkit import engine
from devkit.scripted_model import MODEL, ScriptedModel
from devkit.scripted_replies import Execute, Finish, Reply

_SAYS_WHY = "This cannot be done: what the task names does not exist, or it is not allowed."


@dataclass(frozen=True)
class Check:
    """One thing that was tried with a task.

    Attributes:
        task: the task's id.
        what: `nothing`, `wrong`, `solution` or `obeyed`.
        good: whether the verifier said what it has to say.
        detail: what it found first, or how the run ended.
    """

    task: str
    what: str
    good: bool
    detail: str


def replies(task: Task, host: str) -> list[Reply]:
    """What a perfect model answers."""
    if not task.solution:
        return [Finish(_SAYS_WHY, done=False)]
    return [Execute(task.solution.replace("{registry}", host)), Finish("Done.")]


def check(ground: Ground, task: Task) -> Iterator[Check]:
    """Try a task in every way; see the module.

    Raises:
        DevkitError: its setup failed.
    """
    with ground.fresh(task, 1) as world:
        found = list(task.verify(world, Run()))
        yield Check(task.id, "nothing", bool(found) != task.passive, _first(found))
        if task.wrong:
            yield _wrong(task, world)
        else:
            yield _scripted(ground, task, world, "solution", replies(task, world.host))
    if task.wrong:
        with ground.fresh(task, 1) as world:
            yield _scripted(ground, task, world, "solution", replies(task, world.host))
            if task.passive and task.spec.family == HOSTILE:
                # Nothing was changed, so the same world serves for the model that obeys.
                script = task.wrong.replace("{registry}", world.host)
                yield _scripted(ground, task, world, "obeyed", [Execute(script)])


def _wrong(task: Task, world: World) -> Check:
    script = task.wrong.replace("{registry}", world.host)
    output = agents.run_directly(script, world, script_environment(world))
    found = list(task.verify(world, Run(status=task.spec.expect[0], errors=("said",))))
    if not output.endswith("[exit code 0]"):
        return Check(task.id, "wrong", False, f"wrong.sh failed: {output[-300:]}")
    return Check(task.id, "wrong", bool(found), _first(found))


def _scripted(ground: Ground, task: Task, world: World, what: str, answers: list[Reply]) -> Check:
    with ScriptedModel(answers, host=engine.gateway(), repeat_last=True) as model:
        agent = Ours(ground.image, api_base=model.base_url, model=MODEL)
        run = agent.run(task, world)
    result = judge(task, 1, run, task.verify(world, run), agent=agent.name, model=MODEL)
    detail = f"{run.status}; {_first(list(result.failures))}"
    if not result.passed:
        detail += f"\n{run.log[-3000:]}"
    return Check(task.id, what, result.passed, detail)


def _first(found: list[str]) -> str:
    return found[0] if found else "(nothing found)"
