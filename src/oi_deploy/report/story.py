"""What a run's summary and its report both tell: the words, the order, how much; pure functions.

On failure the cause comes first, then what to do, then how things are now.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from oi_deploy.errors import Status
from oi_deploy.result import CommandLine, DeploymentLine, Phase, RunResult
from oi_deploy.text import one_line, visible

T = TypeVar("T")

# Of a prompt, of an error, of a list, and of one line there. Together (there are nine) they stay
# below what GitHub shows of a summary: no text, however long, pushes out what comes after it.
_MOST_LINES = 200
_MOST_BYTES = 96 * 1024
_LONGEST_LINE = 8 * 1024
# A value in a table: an image reference has at most 255 + 1 + 128 characters, and a digest.
_LONGEST_VALUE = 1024
_MOST_DEPLOYMENTS = 20
_MOST_PHASES = 60


def headline(result: RunResult) -> str:
    """How the run ended, in one sentence."""
    deployment = f"The Deployment {result.deployment} in {result.namespace}"
    match result.status:
        case Status.DEPLOYED if not result.changed:
            return f"{deployment} ran {result.image_tag} already; nothing had to change."
        case Status.DEPLOYED:
            return f"{deployment} runs {result.image_tag}."
        case Status.PUSHED:
            return f"The registry has {result.image_tag}."
        case Status.COMPLETED:
            return "The model has finished, and nothing had to be deployed or pushed."
        case Status.READY:
            return "Everything that a run needs is there."
        case Status.ROLLED_BACK:
            return "The deployment did not work, and was undone."
        case Status.REFUSED:
            return "The model asked for what is not allowed."
        case Status.TIMED_OUT:
            return "The run took longer than it may."
        case Status.CANCELLED:
            return "The run was cancelled."
        case _ if result.examined:
            return "A run could not succeed."
        case _:
            return "The run failed."


def state(result: RunResult) -> str:
    """What a run that did not end well has left behind, in one sentence; empty if it ended well."""
    if result.status.ok:
        return ""
    if result.rollback:
        if all(line.ok for line in result.rollback):
            return "Every Deployment that it changed is as it was before the run."
        return "Not every Deployment is as it was before the run: see Rollback."
    if any(_differs(line) for line in result.deployments):
        return "What it has changed stays changed."
    return "No Deployment was changed."


def _differs(line: DeploymentLine) -> bool:
    return line.image_now not in ("", line.image_before)


def remedy(result: RunResult) -> str:
    """What to do next; empty if the run ended well."""
    if result.remedy or result.status.ok:
        return result.remedy
    if result.examined:
        return "The table says it for each check."
    if result.status is Status.CANCELLED:
        return "Start the job again; a new run begins with what registry and cluster have then."
    log, transcript = result.log_path or "the log", result.transcript_path or "the transcript"
    return f"{log} has every command and its ending, {transcript} what the model was told."


def deployments(result: RunResult) -> tuple[DeploymentLine, ...]:
    """The Deployments that the run was about; the one that was verified is always among them."""
    if result.deployments or not result.deployment:
        return result.deployments[:_MOST_DEPLOYMENTS]
    return (
        DeploymentLine(
            namespace=result.namespace,
            name=result.deployment,
            image_before=result.previous_image,
            image_now=result.image_tag,
            revision_now=result.revision,
        ),
    )


def changing(result: RunResult) -> list[CommandLine]:
    """Commands that may have changed something outside."""
    return [item for item in result.commands if item.mutates and item.allowed]


def refused(result: RunResult) -> list[CommandLine]:
    """Commands that the policy has refused."""
    return [item for item in result.commands if not item.allowed]


def command(item: CommandLine) -> str:
    """A command on one line."""
    return short(item.command, one_line)


def reason(item: CommandLine) -> str:
    """Why a command was refused, on one line."""
    return short(f"{item.reason} ({item.rule})" if item.rule else item.reason, one_line)


def first(items: Sequence[Any]) -> Sequence[Any]:
    """As many as are shown."""
    return items[:_MOST_LINES]


def rest(items: Sequence[Any]) -> str:
    """A line about those that are not shown; empty if there are none."""
    return f"... and {len(items) - _MOST_LINES} more" if len(items) > _MOST_LINES else ""


def ending(item: CommandLine) -> str:
    """How a command ended that was allowed."""
    return "killed" if item.exit_code is None else f"exit code {item.exit_code}"


def cost(result: RunResult) -> list[tuple[str, str]]:
    """What the run cost: name and value."""
    return [
        ("turns", f"{result.turns}"),
        ("prompt tokens", f"{result.prompt_tokens}"),
        ("completion tokens", f"{result.completion_tokens}"),
        ("seconds in all", f"{result.duration_seconds:.0f}"),
        ("seconds until the model answered", f"{result.engine_seconds:.0f}"),
    ]


@dataclass(frozen=True)
class Bar:
    """One part of the time line.

    Attributes:
        name: of the phase.
        depth: how many other phases it lies in.
        begin: seconds after the run's start.
        seconds: how long it took.
    """

    name: str
    depth: int
    begin: float
    seconds: float


def bars(result: RunResult) -> list[Bar]:
    """The phases in the order in which they began; of very many, those that hold the others."""
    # One that began together with its parts, and is longer, holds them.
    phases = sorted(result.phases, key=lambda phase: (phase.begin, -phase.seconds))
    found = [
        Bar(value(phase.name), _depth(phase, phases), phase.begin, phase.seconds)
        for phase in phases
    ]
    if len(found) > _MOST_PHASES:
        found = [bar for bar in found if bar.depth == 0]
    return found[:_MOST_PHASES]


def _depth(inner: Phase, phases: Sequence[Phase]) -> int:
    # The clock is read twice where one phase ends and the next begins.
    end = inner.begin + inner.seconds - 1e-6
    return sum(
        phase is not inner
        and phase.begin <= inner.begin
        and end <= phase.begin + phase.seconds
        and phase.seconds > inner.seconds
        for phase in phases
    )


def value(text: str) -> str:
    """Visible text on one line, for one place in a table."""
    text = " ".join(visible(text).splitlines())
    return text if len(text) <= _LONGEST_VALUE else f"({len(text)} characters)"


def lines(text: str) -> list[str]:
    """The lines of a text, as many as there is room for, and one about the rest."""
    return bounded(visible(text).splitlines(), short)


def short(text: str, written: Callable[[str], str] = str) -> str:
    """A line, or its size if it is too long.

    Not its beginning: what was cut in half would no longer be known as a secret.
    """
    size = len(text.encode(errors="replace"))
    return written(text) if size <= _LONGEST_LINE else f"(a line of {size} bytes)"


def bounded(items: Sequence[T], written: Callable[[T], str]) -> list[str]:
    """What is written of the first items, a line each, as far as there is room; and of the rest."""
    kept: list[str] = []
    room = _MOST_BYTES
    for item in items[:_MOST_LINES]:
        line = written(item)
        room -= len(line.encode(errors="replace")) + 1
        if room < 0:
            break
        kept.append(line)
    more = len(items) - len(kept)
    return [*kept, f"... and {more} more"] if more else kept
