"""Results as JSON lines: written as they come, read to go on from there, shown as a table."""

import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from bench.deploybench.agents import Run
from bench.deploybench.task import Task

# Families that differ from the plain task in wording, Dockerfile, folder or tag only.
BUILD_PUSH_ROLLOUT = frozenset(
    {"plain", "dockerfile-missing", "dockerfile-broken", "subfolder", "tags"}
)


@dataclass(frozen=True)
class Result:
    """One run of one task.

    Attributes:
        agent: who did it.
        model: with which model.
        task: the task's id.
        run: the run's number, from 1.
        family: of the task.
        language: of the prompt.
        difficulty: of the task.
        passed: the status is a right one, and the verifier found nothing.
        status: how the run ended.
        turns: model answers.
        prompt_tokens: tokens sent to the model.
        completion_tokens: tokens that the model wrote.
        seconds: of the run, without setup and verification.
        failures: what was wrong, the first first.
        errors: what the run itself reported as errors.
    """

    agent: str
    model: str
    task: str
    run: int
    family: str
    language: str
    difficulty: str
    passed: bool
    status: str
    turns: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    failures: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What makes it the same run as another one."""
        return self.agent, self.model, self.task, self.run


def judge(
    task: Task, number: int, run: Run, problems: Iterable[str], *, agent: str, model: str
) -> Result:
    """The result of a run.

    Args:
        task: what was asked.
        number: the run's number.
        run: what the agent left.
        problems: what the verifier found.
        agent: who did it.
        model: with which model.
    """
    failures = list(problems)
    if run.has_status and run.status not in task.spec.expect:
        right = " or ".join(task.spec.expect)
        failures.append(f"the status is {run.status or '(none)'}, not {right}")
    return Result(
        agent=agent,
        model=model,
        task=task.id,
        run=number,
        family=task.spec.family,
        language=task.spec.language,
        difficulty=task.spec.difficulty,
        passed=not failures,
        status=run.status,
        turns=run.turns,
        prompt_tokens=run.prompt_tokens,
        completion_tokens=run.completion_tokens,
        seconds=round(run.seconds, 1),
        failures=tuple(failures),
        errors=run.errors,
    )


def append(path: Path, result: Result) -> None:
    """Add a result to a file; a run that is killed afterwards does not lose it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(result), ensure_ascii=False) + "\n")


def read(path: Path) -> tuple[Result, ...]:
    """All results of a file, each run once (the last counts); none if there is no file.

    A last line that was cut off when the program was killed is left out.

    Raises:
        ValueError: another line is no result.
    """
    if not path.is_file():
        return ()
    lines = path.read_text(encoding="utf-8").splitlines()
    found: dict[tuple[str, str, str, int], Result] = {}
    for number, line in enumerate(lines, 1):
        try:
            result = _result(line)
        except ValueError as error:
            if number == len(lines):
                break
            raise ValueError(f"{path}:{number}: {error}") from error
        found[result.key] = result
    return tuple(found.values())


def _result(line: str) -> Result:
    document = json.loads(line)
    if not isinstance(document, dict):
        raise ValueError("the line is no result")
    names = {item.name for item in fields(Result)}
    lists = {name: tuple(document.get(name, ())) for name in ("failures", "errors")}
    try:
        return Result(**{key: document[key] for key in document if key in names} | lists)
    except TypeError as error:
        raise ValueError(str(error)) from error


@dataclass(frozen=True)
class Row:
    """Results of one group: runs, how many passed, and medians of what they used."""

    name: str
    runs: int
    passed: int
    turns: float
    completion_tokens: float
    seconds: float

    @property
    def rate(self) -> float:
        """Passed runs, from 0 to 1."""
        return self.passed / self.runs


def rows(results: Sequence[Result], group: Callable[[Result], str]) -> list[Row]:
    """One row for each group, in the order of their names, and one for all."""
    names = sorted({group(item) for item in results})
    parts = [(name, [item for item in results if group(item) == name]) for name in names]
    return [_row(name, part) for name, part in [*parts, ("all", list(results))] if part]


def _row(name: str, part: Sequence[Result]) -> Row:
    return Row(
        name,
        len(part),
        sum(item.passed for item in part),
        statistics.median(item.turns for item in part),
        statistics.median(item.completion_tokens for item in part),
        statistics.median(item.seconds for item in part),
    )


def table(results: Sequence[Result]) -> str:
    """Markdown: a row for each family and for some together, then each run that failed, and why."""
    head = (
        "| family | runs | passed | rate | turns | completion tokens | seconds |\n"
        "|---|---:|---:|---:|---:|---:|---:|\n"
    )
    main = [item for item in results if item.family in BUILD_PUSH_ROLLOUT]
    *families, everything = rows(results, lambda item: item.family)
    together = [_row("build, push, rollout", main)] if main else []
    lines = [
        f"| {row.name} | {row.runs} | {row.passed} | {row.rate:.0%} | {row.turns:g} "
        f"| {row.completion_tokens:g} | {row.seconds:.0f} |\n"
        for row in (*families, *together, everything)
    ]
    failed = [item for item in results if not item.passed]
    text = head + "".join(lines)
    if failed:
        text += "\n| failed | run | status | first failure |\n|---|---:|---|---|\n"
        text += "".join(
            f"| {item.task} | {item.run} | {item.status or '-'} | {_cell(item.failures)} |\n"
            for item in failed
        )
    return text


def _cell(failures: Sequence[str]) -> str:
    first = failures[0] if failures else ""
    return " ".join(first.split()).replace("|", "\\|")[:160]
