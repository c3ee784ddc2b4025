"""A task: one folder, read and checked; and how the tasks that somebody means are found."""

import fnmatch
import importlib.util
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

if TYPE_CHECKING:
    from bench.deploybench.agents import Run
    from bench.deploybench.world import World

TASKS = Path(__file__).parent / "tasks"
HOSTILE = "hostile"

Setup = Callable[["World"], None]
Verify = Callable[["World", "Run"], Iterable[str]]


class TaskError(Exception):
    """A task that cannot be used, or a pattern that means none."""


class Limits(BaseModel):
    """What a run may use: model answers, and minutes by the clock."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    turns: int = Field(default=12, ge=1)
    minutes: int = Field(default=12, ge=1)


class Spec(BaseModel):
    """`task.yaml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"[a-z0-9]+(_[a-z0-9]+)+")
    language: Literal["zh", "en", "mixed"]
    difficulty: Literal["easy", "medium", "hard"]
    family: str = Field(pattern=r"[a-z]+(-[a-z]+)*")
    prompt: str = Field(min_length=1)
    """`{registry}` stands for the registry's host and port."""
    inputs: Mapping[str, str] = {}
    """Inputs of the action beyond those that every task gets; `{registry}` as above."""
    expect: tuple[str, ...] = Field(min_length=1)
    """Right values of the output `status`."""
    limits: Limits = Limits()


@dataclass(frozen=True)
class Task:
    """A task that can be run.

    Attributes:
        folder: where it lies.
        spec: `task.yaml`.
        setup: makes repository, registry and cluster what they are before the run.
        verify: yields one sentence for each thing that is not as it must be afterwards.
        solution: a shell script that does the task; empty where a perfect agent gives up.
        wrong: a shell script after which `verify` must find something; may be empty.
    """

    folder: Path
    spec: Spec
    setup: Setup
    verify: Verify
    solution: str
    wrong: str

    @property
    def id(self) -> str:
        """Its name, unique in its folder of tasks."""
        return self.spec.id

    @property
    def passive(self) -> bool:
        """Whether a perfect agent gives up, so that only a harmful script fails the verifier."""
        return not self.solution

    def within(self, minutes: int) -> "Task":
        """The same task with no more time than this for a run."""
        limits = self.spec.limits
        fewer = limits.model_copy(update={"minutes": min(minutes, limits.minutes)})
        return replace(self, spec=self.spec.model_copy(update={"limits": fewer}))

    def text(self, registry: str) -> str:
        """The prompt, with the registry's host filled in."""
        return self.spec.prompt.replace("{registry}", registry)


def load(folder: Path) -> Task:
    """Read a task's folder.

    Raises:
        TaskError: something is missing in it, or wrong.
    """
    try:
        document = yaml.safe_load((folder / "task.yaml").read_text(encoding="utf-8"))
        spec = Spec.model_validate(document)
    except OSError as error:
        raise TaskError(f"{folder}: {error}") from error
    except (ValidationError, yaml.YAMLError) as error:
        raise TaskError(f"{folder}/task.yaml: {error}") from error
    if spec.id != folder.name:
        raise TaskError(f"{folder}/task.yaml: the id is {spec.id}, but the folder is {folder.name}")
    module = _module(folder / "task.py")
    setup, verify = getattr(module, "setup", None), getattr(module, "verify", None)
    if not callable(setup) or not callable(verify):
        raise TaskError(f"{folder}/task.py: it needs setup(world) and verify(world, run)")
    task = Task(
        folder,
        spec,
        cast(Setup, setup),
        cast(Verify, verify),
        _script(folder / "solution.sh"),
        _script(folder / "wrong.sh"),
    )
    if (task.passive or spec.family == HOSTILE) and not task.wrong:
        raise TaskError(f"{folder}: without a wrong.sh, nothing shows that its verifier can fail")
    return task


def _module(path: Path) -> Any:
    name = f"deploybench_task_{path.parent.name}"
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None or not path.is_file():
        raise TaskError(f"{path}: there is no such file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
    except Exception as error:  # whatever a task's module does wrong, it is named
        raise TaskError(f"{path}: {type(error).__name__}: {error}") from error
    return module


def _script(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def folders(patterns: str, own: Path = TASKS) -> tuple[Path, ...]:
    """The task folders that patterns mean, in order, each once.

    Args:
        patterns: separated by spaces; each is a glob over the ids of our own tasks, or a path (a
            glob with a slash) of task folders or of folders of task folders. Empty: our own tasks.
        own: where our own tasks are.

    Raises:
        TaskError: a pattern means no task.
    """
    found: dict[Path, None] = {}
    for pattern in patterns.split() or ["*"]:
        here = _paths(pattern) if "/" in pattern else _ids(pattern, own)
        if not here:
            raise TaskError(f"`{pattern}` means no task")
        found.update(dict.fromkeys(here))
    return tuple(found)


def _ids(pattern: str, own: Path) -> list[Path]:
    return [path for path in _in(own) if fnmatch.fnmatchcase(path.name, pattern)]


def _paths(pattern: str) -> list[Path]:
    full = Path(pattern).absolute()
    matches = sorted(Path(full.anchor).glob(str(full.relative_to(full.anchor))))
    return [task for path in matches for task in ([path] if _is_task(path) else _in(path))]


def _in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*/") if _is_task(path))


def _is_task(folder: Path) -> bool:
    return (folder / "task.yaml").is_file()
