"""What a run amounted to: the values behind outputs, summary and the last table."""

from dataclasses import dataclass, field
from typing import NamedTuple

from oi_deploy.errors import Status


@dataclass(frozen=True)
class CheckLine:
    """One verification finding, as shown to people."""

    ok: bool
    sentence: str


@dataclass(frozen=True)
class ExaminedLine:
    """One check of what a run needs, as shown to people; see `doctor.Finding`."""

    name: str
    state: str
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class CommandLine:
    """One brokered command, as shown to people."""

    command: str
    allowed: bool
    exit_code: int | None
    seconds: float
    mutates: bool
    rule: str = ""
    reason: str = ""


@dataclass(frozen=True)
class DeploymentLine:
    """A Deployment that the run was about, before it and at its end; unknown strings are empty."""

    namespace: str
    name: str
    image_before: str = ""
    image_now: str = ""
    revision_before: str = ""
    revision_now: str = ""


class Phase(NamedTuple):
    """A part of the run; parts may lie inside others. In seconds, `begin` from the run's start."""

    name: str
    seconds: float
    begin: float = 0.0


@dataclass(frozen=True)
class RunResult:
    """Everything that a run reports. Durations are in seconds; unknown strings are empty."""

    status: Status
    prompt: str = ""
    image_tag: str = ""
    image_digest: str = ""
    deployment: str = ""
    namespace: str = ""
    revision: str = ""
    previous_image: str = ""
    changed: bool = False
    log_path: str = ""
    transcript_path: str = ""
    report_path: str = ""
    repository: str = ""
    commit: str = ""
    run_url: str = ""
    began: str = ""
    expect: str = ""
    turns: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    model: str = ""
    engine_seconds: float = 0.0
    duration_seconds: float = 0.0
    examined: tuple[ExaminedLine, ...] = ()
    checks: tuple[CheckLine, ...] = ()
    commands: tuple[CommandLine, ...] = ()
    rollback: tuple[CheckLine, ...] = ()
    error: str = ""
    remedy: str = ""
    deployments: tuple[DeploymentLine, ...] = ()
    last_words: str = ""
    phases: tuple[Phase, ...] = field(default=())
