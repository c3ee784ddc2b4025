"""Who does the tasks. An agent gets a world and leaves it changed; what it says is kept."""

import subprocess
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench.deploybench.task import Task
from bench.deploybench.world import World
from devkit.runner import Action, StepResult, start
from devkit.shell import ROOT
from oi_deploy.agent import parts

# Beyond the limit that the action is told: it has to notice, roll back and report.
_GRACE_S = 120.0


@dataclass(frozen=True)
class Run:
    """What an agent left besides the world.

    Attributes:
        status: the action's output of that name.
        has_status: whether the agent has one; if not, only what it left counts.
        outputs: all outputs of the step.
        log: the step's log.
        errors: what it reported as errors.
        turns: model answers.
        prompt_tokens: tokens sent to the model.
        completion_tokens: tokens that the model wrote.
        seconds: from start to end.
    """

    status: str = ""
    has_status: bool = True
    outputs: Mapping[str, str] = field(default_factory=dict)
    log: str = ""
    errors: tuple[str, ...] = ()
    turns: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0


class Agent(Protocol):
    """Does tasks.

    Attributes:
        name: as in the results.
        model: the model's name in the results.
    """

    name: str
    model: str

    def run(self, task: Task, world: World) -> Run:
        """Do one task in a world that its setup has filled."""


class Ours:
    """The action, started as GitHub's runner starts it."""

    def __init__(
        self,
        image: str,
        *,
        api_base: str,
        model: str,
        api_key: str = "",
        without: Collection[str] = (),
        on_line: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Use the action's image, and a model behind an endpoint that its container reaches.

        What is in `without` is switched off (`oi_deploy.agent.parts`), and is in the name.
        """
        self.model = model
        self.name = "-without-".join(("ours", *sorted(without)))
        self._env = {parts.VARIABLE: " ".join(sorted(without))} if without else {}
        self._image = image
        self._engine = {"api-base": api_base, "model": model, "api-key": api_key}
        self._on_line = on_line
        self._action = Action.load(ROOT)

    def inputs(self, task: Task, world: World) -> dict[str, str]:
        """The step's `with:`."""
        values, limits = world.values, task.spec.limits
        own = {
            key: text.replace("{registry}", world.host) for key, text in task.spec.inputs.items()
        }
        return {
            "prompt": task.text(world.host),
            **self._engine,
            "registry": f"{values['REGISTRY']}/library",
            "registry-username": values["REGISTRY_USERNAME"],
            "registry-password": values["REGISTRY_PASSWORD"],
            "registry-ca": Path(values["REGISTRY_CA"]).read_text(encoding="utf-8"),
            # The administrator's: what a task forbids must be stopped by the action, not by RBAC.
            "kubeconfig": world.cluster.kubeconfig.read_text(encoding="utf-8"),
            "namespace": world.namespace,
            "rollout-timeout": "90s",
            "max-turns": str(limits.turns),
            "timeout": f"{limits.minutes}m",
            **own,
        }

    def run(self, task: Task, world: World) -> Run:
        """See `Agent`."""
        step = start(
            self._action,
            world.folders,
            self.inputs(task, world),
            image=self._image,
            env=self._env,
            sha=world.commit,
            on_line=self._on_line,
        )
        limit = threading.Timer(task.spec.limits.minutes * 60 + _GRACE_S, step.cancel)
        limit.start()
        try:
            return of(step.wait())
        except KeyboardInterrupt:
            step.cancel()
            raise
        finally:
            limit.cancel()


def of(result: StepResult) -> Run:
    """What a step of the action says about itself."""
    outputs = result.outputs
    return Run(
        status=outputs.get("status", ""),
        outputs=outputs,
        log=result.log,
        errors=tuple(item.message for item in result.annotations if item.level == "error"),
        turns=int(outputs.get("turns") or 0),
        prompt_tokens=int(outputs.get("prompt-tokens") or 0),
        completion_tokens=int(outputs.get("completion-tokens") or 0),
        seconds=result.seconds,
    )


def run_directly(script: str, world: World, env: Mapping[str, str]) -> str:
    """Run a script in the workspace with every right and no action around it; return its output."""
    done = subprocess.run(  # noqa: S603 - a task's own script
        ["bash", "-euo", "pipefail", "-c", script],  # noqa: S607
        cwd=world.workspace,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return f"{done.stdout}\n[exit code {done.returncode}]"
