"""What is known about a run so far; kept as it goes, so that every exit path can report it."""

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from oi_deploy.broker.journal import Journal
from oi_deploy.doctor.finding import Finding
from oi_deploy.errors import RunError, Status
from oi_deploy.result import (
    CheckLine,
    CommandLine,
    DeploymentLine,
    ExaminedLine,
    Phase,
    RunResult,
)
from oi_deploy.verify.finding import Finding as Checked
from oi_deploy.verify.finding import Verdict
from oi_deploy.verify.rollback import Restored


@dataclass
class Record:
    """Filled in while a run goes on; `result` can be asked for at any time."""

    journal: Journal = field(default_factory=Journal)
    started: float = field(default_factory=time.monotonic)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    repository: str = ""
    commit: str = ""
    run_url: str = ""
    prompt: str = ""
    expect: str = ""
    model: str = ""
    turns: int = 0
    scripts: int = 0
    last_script: Checked | None = None
    last_words: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    findings: tuple[Finding, ...] = ()
    verdict: Verdict | None = None
    verified_at: int = 0
    rollback: tuple[Restored, ...] = ()
    deployments: tuple[DeploymentLine, ...] = ()
    phases: list[Phase] = field(default_factory=list)
    status: Status = Status.FAILED
    error: str = ""
    remedy: str = ""

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure one phase."""
        begun = time.monotonic()
        try:
            yield
        finally:
            seconds = time.monotonic() - begun
            self.phases.append(Phase(name, seconds, begin=begun - self.started))

    def fail(self, error: RunError) -> None:
        """Keep why the run ended."""
        self.status = error.status
        if error.status is Status.FAILED and self.rollback and all(it.ok for it in self.rollback):
            self.status = Status.ROLLED_BACK
        self.error = f"{error.what}: {error.why}" if error.why else error.what
        self.remedy = error.remedy

    def result(self, *, log_path: str, transcript_path: str) -> RunResult:
        """Everything that a run reports."""
        verdict = self.verdict or Verdict(())
        return RunResult(
            status=self.status,
            began=f"{self.began:%Y-%m-%d %H:%M:%S} UTC",
            repository=self.repository,
            commit=self.commit,
            run_url=self.run_url,
            prompt=self.prompt,
            expect=self.expect,
            # A later step may use them without a look at the status, so they are never a guess.
            image_tag=verdict.image if verdict.ok else "",
            image_digest=verdict.digest if verdict.ok else "",
            deployment=verdict.deployment,
            namespace=verdict.namespace,
            revision=verdict.revision,
            previous_image=verdict.previous_image,
            changed=verdict.changed,
            log_path=log_path,
            transcript_path=transcript_path,
            turns=self.turns,
            last_words=self.last_words,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            model=self.model,
            engine_seconds=sum(phase.seconds for phase in self.phases if phase.name == "engine"),
            duration_seconds=time.monotonic() - self.started,
            checks=tuple(CheckLine(item.ok, item.sentence()) for item in verdict.findings),
            commands=tuple(
                CommandLine(
                    command=shlex.join([entry.tool, *entry.argv]),
                    allowed=entry.decision.allowed,
                    exit_code=entry.exit_code,
                    seconds=entry.seconds,
                    mutates=entry.decision.mutates,
                    rule=entry.decision.rule,
                    reason=entry.decision.reason,
                )
                for entry in self.journal.entries
            ),
            examined=tuple(
                ExaminedLine(item.name, item.state, item.found, item.remedy)
                for item in self.findings
            ),
            rollback=tuple(CheckLine(item.ok, item.sentence) for item in self.rollback),
            error=self.error,
            remedy=self.remedy,
            deployments=self.deployments,
            phases=tuple(self.phases),
        )
