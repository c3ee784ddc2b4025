"""Everything that a run writes to, and what it writes there at its end."""

import shlex
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from oi_deploy.broker.journal import Entry
from oi_deploy.doctor.finding import Finding
from oi_deploy.doctor.finding import table as table_of_findings
from oi_deploy.errors import RunError
from oi_deploy.limits import Stop
from oi_deploy.record import Record
from oi_deploy.redact import Redactor
from oi_deploy.report import (
    DeployLog,
    Transcript,
    outputs_of,
    publish,
    report_html,
    summary_markdown,
    table,
)
from oi_deploy.result import RunResult
from oi_deploy.text import one_line
from oi_deploy.verify.finding import Verdict
from oi_deploy.workflow import Workflow


@dataclass(frozen=True)
class Desk:
    """Everything that a run writes to.

    Attributes:
        workflow: the step's log, annotations, outputs and summary.
        log: deploy.log.
        transcript: the conversation.
        record: what outputs and summary are made from.
        redactor: takes secrets out of what the model reads; the others have it already.
        stop: what ends the run.
    """

    workflow: Workflow
    log: DeployLog
    transcript: Transcript
    record: Record
    redactor: Redactor
    stop: Stop

    def hide(self, secret: str) -> None:
        """Take a secret that has turned up during the run out of everything that is written."""
        if self.redactor.text(secret) == secret != "":
            self.redactor.learn(secret)
            self.workflow.mask(secret)

    def say(self, line: str) -> None:
        """Print one line of progress."""
        self.workflow.line(line)


def ends_the_run(what: str, stop: Stop) -> Callable[[OSError], None]:
    """For a log: end the run over `stop` when it cannot be logged."""

    def lost(error: OSError) -> None:
        stop.request(
            RunError(
                f"The run was ended because {what} cannot be written",
                why=error.strerror or str(error),
                remedy="Free space on the runner's disk.",
            )
        )

    return lost


def show_entry(desk: Desk, entry: Entry) -> None:
    """Show and log one brokered command."""
    command = shlex.join([entry.tool, *entry.argv])
    decision = entry.decision
    # A line end in it must not make a line that looks like ours.
    shown = one_line(command)
    ending = f"exit code {entry.exit_code}" if entry.exit_code is not None else "killed"
    if not decision.allowed:
        desk.say(f"broker: refused ({decision.rule}): {shown}")
    elif decision.argv:
        desk.say(f"broker: allowed, {ending}, {entry.seconds:.1f} s: {shown}")
    else:
        desk.say(f"broker: answered without running anything: {shown}")
    fields = {
        "tool": entry.tool,
        "command": command,
        "allowed": decision.allowed,
        "rule": decision.rule,
        "reason": decision.reason,
        "exit_code": entry.exit_code,
        "seconds": round(entry.seconds, 1),
    }
    desk.log.event("broker.command", **fields)
    desk.transcript.add("command", **fields)


def show_findings(desk: Desk, findings: Sequence[Finding]) -> None:
    """Show and log what checks found."""
    desk.workflow.untrusted(table_of_findings(findings) + "\n")
    for item in findings:
        desk.log.event(
            "doctor.finding",
            check=item.name,
            state=item.state,
            found=item.found,
            remedy=item.remedy,
        )


def show_verdict(desk: Desk, verdict: Verdict) -> None:
    """Show and log what verification found."""
    lines = [f"{'ok' if i.ok else 'MISSING'}: {i.sentence()}\n" for i in verdict.findings]
    desk.workflow.untrusted("".join(lines))
    for item in verdict.findings:
        sentence = item.sentence()
        desk.log.event("verify.finding", ok=item.ok, check=item.check, finding=sentence)
        desk.transcript.add("finding", ok=item.ok, check=item.check, sentence=sentence)


def report(desk: Desk, workspace: Path, relative_log: str, redactor: Redactor) -> bool:
    """Publish the logs, then outputs, summary and the last table.

    Returns:
        Whether the outputs could be written; later steps would otherwise work with empty ones.
    """
    transcript = str(Path(relative_log).with_suffix(".transcript.jsonl"))
    paths: list[str] = []
    for source, relative in ((desk.log.path, relative_log), (desk.transcript.path, transcript)):
        try:
            source.touch()
            paths.append(publish(source, workspace, relative, redactor=redactor))
        except OSError as error:
            paths.append("")
            desk.workflow.warning(f"{relative} cannot be written: {error}", "oi-deploy")
            if source == desk.log.path:
                _show_log(desk)
    result = desk.record.result(log_path=paths[0], transcript_path=paths[1])
    result = replace(result, report_path=_page(result, desk, workspace, relative_log))
    reported = True
    try:
        for name, value in outputs_of(result).items():
            desk.workflow.set_output(name, value)
        desk.workflow.summary(summary_markdown(result))
    except OSError as error:
        reported = False
        desk.workflow.error(f"The outputs or the summary cannot be written: {error}", "oi-deploy")
    if result.error:
        text = f"{result.error}\n{result.remedy}".strip()
        desk.workflow.error(text, "oi-deploy")
    desk.say("\n" + table(result))
    return reported


def _page(result: RunResult, desk: Desk, workspace: Path, relative_log: str) -> str:
    """Publish the report; return where it is, empty if it cannot be written."""
    relative = str(Path(relative_log).with_suffix(".report.html"))
    source = desk.log.path.with_name("report.html")
    try:
        source.write_text(report_html(result, desk.redactor), "utf-8", "backslashreplace")
        return publish(source, workspace, relative, redactor=desk.redactor)
    except Exception as error:  # not even a defect may take the outputs away
        desk.workflow.warning(f"{relative} cannot be written: {error}", "oi-deploy")
        return ""


def _show_log(desk: Desk) -> None:
    """The log on the console, when it cannot be put where it belongs."""
    with suppress(OSError), desk.workflow.group("deploy.log, which cannot be written"):
        desk.workflow.untrusted(desk.log.path.read_text(encoding="utf-8", errors="replace"))
