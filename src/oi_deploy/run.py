"""One run, top to bottom: inputs, engine, agent, verification, report."""

import errno
import secrets
import shlex
import shutil
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TextIO

from oi_deploy import leftovers, surroundings, triggers
from oi_deploy.agent.completions import Completions
from oi_deploy.agent.facts import Facts, gather
from oi_deploy.agent.languages import describe
from oi_deploy.agent.loop import Outcome, converse, system_message
from oi_deploy.agent.session import Session, Turn
from oi_deploy.broker import document
from oi_deploy.broker.credentials import Credentials
from oi_deploy.broker.journal import Changed, Entry
from oi_deploy.broker.request import Decision
from oi_deploy.broker.server import Broker
from oi_deploy.engine import Endpoint, open_engine
from oi_deploy.errors import RunError, Status
from oi_deploy.inputs import Loaded, load, parse
from oi_deploy.limits import Stop, detached
from oi_deploy.record import Record
from oi_deploy.redact import Redactor
from oi_deploy.report import (
    DeployLog,
    Transcript,
    deployment_lines,
    outputs_of,
    publish,
    report_html,
    summary_markdown,
    table,
)
from oi_deploy.result import RunResult
from oi_deploy.sandbox import Limits, Result, Sandbox
from oi_deploy.text import one_line
from oi_deploy.verify.check import verify
from oi_deploy.verify.cluster import Cluster
from oi_deploy.verify.finding import Verdict
from oi_deploy.verify.rollback import Changes, Restored, roll_back, touched_by, undo_by_hand
from oi_deploy.verify.state import DeploymentState
from oi_deploy.workflow import Group, UntrustedStream, Workflow

# Where the image keeps the shims, and the real programs, which only root may run.
_SHIMS = Path("/opt/oi-deploy/bin")
_PROGRAMS = Path("/usr/local/libexec/oi-deploy")
_SOCKET = Path("/run/oi-deploy/broker.sock")

# One answer: a script of about a hundred lines.
_MAX_TOKENS = 2048
_FACT_TIMEOUT_S = 30.0
# GitHub gives a cancelled step ten seconds; the rollback itself is one request a Deployment, and
# this is how long it may look whether it worked.
_CANCELLED_ROLLBACK_S = 3.0
# A cluster that does not answer must not hold up the report for longer than that.
_HUNG_CLUSTER_S = 2.0
_DIAGNOSIS_S = 10.0
_LEFTOVERS_S = 30.0
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class Log:
    """deploy.log for a run that ends when it cannot be logged."""

    def __init__(self, kept: DeployLog, stop: Stop) -> None:
        """Write into `kept`; end the run over `stop`."""
        self.path = kept.path
        self._kept = kept
        self._stop = stop

    def event(self, name: str, **fields: object) -> None:
        """Write one event."""
        try:
            self._kept.event(name, **fields)
        except OSError as error:
            self._stop.request(_not_logged("deploy.log", error))


class Conversation:
    """The same for the transcript."""

    def __init__(self, kept: Transcript, stop: Stop) -> None:
        """Write into `kept`; end the run over `stop`."""
        self.path = kept.path
        self._kept = kept
        self._stop = stop

    def add(self, kind: str, **fields: object) -> None:
        """Write one line."""
        try:
            self._kept.add(kind, **fields)
        except OSError as error:
            self._stop.request(_not_logged("the transcript", error))


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
    log: Log
    transcript: Conversation
    record: Record
    redactor: Redactor
    stop: Stop

    def say(self, line: str) -> None:
        """Print one line of progress."""
        self.workflow.line(line)


def _not_logged(what: str, error: OSError) -> RunError:
    return RunError(
        f"The run was ended because {what} cannot be written",
        why=error.strerror or str(error),
        remedy="Free space on the runner's disk.",
    )


def run(env: Mapping[str, str], out: TextIO) -> int:
    """Do one run with the inputs in `env`; return the step's exit code.

    Whatever happens, log, transcript, outputs and summary are written.
    """
    workspace = Path(env.get("GITHUB_WORKSPACE") or Path.cwd())
    known = surroundings.secrets(env)
    redactor = Redactor(known)
    workflow = Workflow(env, out, redactor)
    for secret in known:
        workflow.mask(secret)
    private = leftovers.private_folder(env)
    stop = Stop()
    log = Log(DeployLog(private / leftovers.LOG, redactor), stop)
    transcript = Conversation(Transcript(private / "transcript.jsonl", redactor), stop)
    desk = Desk(workflow, log, transcript, Record(), redactor, stop)
    with stop.watching():
        relative_log = _attempt(env, workspace, desk)
        reported = _report(desk, workspace, relative_log, redactor)
    shutil.rmtree(private, ignore_errors=True)
    return 0 if desk.record.status.ok and reported else 1


def _attempt(env: Mapping[str, str], workspace: Path, desk: Desk) -> str:
    """Do the run and put its ending on record; return where the log belongs."""
    record = desk.record
    record.repository, record.commit = env.get("GITHUB_REPOSITORY", ""), env.get("GITHUB_SHA", "")
    record.run_url = surroundings.run_url(env)
    relative_log = leftovers.LOG
    desk.log.event(
        "run.started", repository=env.get("GITHUB_REPOSITORY", ""), run=surroundings.run_url(env)
    )
    try:
        inputs = parse(env)
        relative_log = inputs.log_file
        record.status = _deploy(load(inputs, workspace), env, workspace, desk)
    except RunError as error:
        record.fail(error)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            record.fail(
                RunError(
                    "The runner's disk is full",
                    why=str(error),
                    remedy="Free space on the runner's disk.",
                )
            )
        else:
            desk.log.event("run.defect", traceback=traceback.format_exc())
            record.fail(
                RunError(
                    "A defect in this action ended the run",
                    why=f"{type(error).__name__}: {error}",
                    remedy="Please report it with deploy.log, which has the details.",
                )
            )
    desk.transcript.add("end", status=str(record.status), error=record.error)
    desk.log.event("run.ended", status=record.status, error=record.error, remedy=record.remedy)
    return relative_log


def _report(desk: Desk, workspace: Path, relative_log: str, redactor: Redactor) -> bool:
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


def _deploy(loaded: Loaded, env: Mapping[str, str], workspace: Path, desk: Desk) -> Status:
    """Do what the prompt asks, and have it verified.

    Raises:
        RunError: the run did not get there.
    """
    inputs, record = loaded.inputs, desk.record
    record.prompt, record.expect = loaded.prompt, inputs.expect
    desk.log.event("run.prompt", text=loaded.prompt, expect=inputs.expect)
    desk.transcript.add("prompt", text=loaded.prompt)
    policy = loaded.policy.document
    source = inputs.policy_file or "inputs"
    desk.log.event("policy.loaded", digest=policy.digest, source=source)
    desk.transcript.add("policy", digest=policy.digest, source=source)
    run_id = secrets.token_hex(4)
    stop = desk.stop
    stop.allow(inputs.timeout, inputs.stall_timeout)
    with ExitStack() as stack:
        with desk.workflow.group("Checks"), record.phase("checks"):
            triggers.check(
                env,
                allow_untrusted=inputs.allow_untrusted_trigger,
                allowed_actors=inputs.allowed_actors,
            )
            surroundings.refuse_stored_token(workspace)
            shielded = surroundings.runner_folders(env, workspace)
            _clean(env, shielded, workspace, desk)
            registry = stop.obey(lambda: surroundings.registry(loaded, stack))
            cluster = stop.obey(lambda: surroundings.cluster(loaded, stack))
            before = stop.obey(cluster.deployments) if cluster else ()
            desk.say("registry and cluster answer" if cluster else "nothing to check beforehand")
        engine = open_engine(
            surroundings.engine_settings(loaded, run_id), say=desk.say, cancelled=stop.event
        )
        stack.callback(engine.stop)
        with desk.workflow.group("Engine"), record.phase("engine"):
            try:
                endpoint = engine.start()
            except RunError:
                stop.check()
                raise
            record.model = endpoint.model
            desk.say(f"engine: {endpoint.model} answers")
            desk.log.event("engine.ready", model=endpoint.model, kind=inputs.engine_kind)
        changes = Changes({item.name: item for item in before})

        def on_entry(entry: Entry) -> None:
            _on_entry(desk, entry)
            if cluster is not None and entry.tool == "kubectl" and entry.decision.mutates:
                _note(entry, cluster, changes, stop)

        hidden = [desk.log.path.parent]
        sandbox = Sandbox(
            workspace,
            socket=_SOCKET,
            shims=_SHIMS,
            shield=shielded,
            private=hidden,
            limits=_limits(loaded.policy.document.limits),
            open_network=loaded.policy.document.network == "open",
            allow_weaker=inputs.allow_weaker_sandbox,
        )
        broker = Broker(
            loaded.policy,
            credentials=Credentials(
                registry=inputs.registry,
                username=inputs.registry_username,
                password=inputs.registry_password,
                kubeconfig=loaded.kubeconfig,
                kube_context=inputs.kube_context,
            ),
            journal=record.journal,
            socket=_SOCKET,
            sandbox_user=sandbox.user,
            mounted={item.name: item.mounted for item in before},
            redactor=desk.redactor,
            on_entry=on_entry,
            command_timeout_s=inputs.command_timeout,
            docker=_PROGRAMS / "docker",
            kubectl=_PROGRAMS / "kubectl",
        )
        stack.callback(_look, cluster, changes, stop, record)
        # Entered before the broker, so that it runs when no command can change anything any more.
        stack.push(lambda kind, error, trace: _undo(error, loaded, cluster, changes, stop, desk))
        stack.enter_context(broker)
        # The sandbox proves, when it opens, that its user reaches none of these.
        hidden.append(broker.private)
        stack.enter_context(sandbox)
        if sandbox.weaker:
            desk.workflow.warning(sandbox.weaker, "oi-deploy")
            desk.log.event("sandbox.weaker", missing=sandbox.weaker)

        def progress(line: str) -> None:
            stop.alive()
            desk.say(line)

        def check() -> Verdict:
            with (
                record.phase("verification"),
                desk.workflow.group("Verification"),
                stop.expecting("the rollout made no progress"),
            ):
                upto = len(record.journal.entries)
                record.verdict = stop.obey(
                    lambda: verify(
                        record.journal,
                        expect=inputs.expect,
                        before=before,
                        registry=registry,
                        cluster=cluster,
                        rollout_timeout_s=min(inputs.rollout_timeout, stop.left()),
                        cancelled=stop.event,
                        say=progress,
                    )
                )
                record.verified_at = upto
                _on_verdict(desk, record.verdict)
            stop.check()
            return record.verdict

        with record.phase("agent"):
            try:
                _talk(loaded, endpoint, sandbox, cluster, stop, desk, check)
            except RunError as error:
                stop.check()
                cause = None
                with suppress(TimeoutError):
                    cause = stop.obey(engine.diagnose, _DIAGNOSIS_S)
                if cause:
                    raise RunError("The model server died during the run", why=cause) from error
                raise
        stop.check()
    return {"deploy": Status.DEPLOYED, "push": Status.PUSHED, "none": Status.COMPLETED}[
        inputs.expect
    ]


def _clean(env: Mapping[str, str], shielded: list[Path], workspace: Path, desk: Desk) -> None:
    """Tell what a killed run left on this runner, and take it away."""
    found: Sequence[leftovers.Leftover] = ()
    with suppress(TimeoutError):
        own = desk.log.path.parent
        found = desk.stop.obey(
            lambda: list(leftovers.take_away(env, shielded, workspace, own)), _LEFTOVERS_S
        )
    for item in found:
        desk.workflow.warning(f"From an earlier run: {item.sentence}.", "oi-deploy")
        desk.log.event("leftover.found", what=item.sentence)
        if item.log:
            desk.workflow.untrusted(item.log)


def _note(entry: Entry, cluster: Cluster, changes: Changes, stop: Stop) -> None:
    """Remember what a command has made of Deployments, in case it must be undone."""
    changed = {e.name for e in entry.effects if isinstance(e, Changed) and e.kind == "deployment"}
    if entry.exit_code is None:
        changes.unsure |= touched_by(entry.argv, changes.before)
    for name in changed:
        try:
            state = stop.obey(partial(cluster.deployment, name))
        except RunError:
            state = None
        if state is None:
            changes.unsure |= {name} & set(changes.before)
        else:
            changes.left[name] = state


def _undo(
    error: BaseException | None,
    loaded: Loaded,
    cluster: Cluster | None,
    changes: Changes,
    stop: Stop,
    desk: Desk,
) -> None:
    """After a run that failed: put the Deployments back that it has changed."""
    record = desk.record
    good = record.verdict is not None and record.verdict.ok
    if error is None or cluster is None or not changes.names():
        return
    if good and not record.journal.mutated_since(record.verified_at):
        return  # what runs was verified; the run failed at something else
    if not loaded.inputs.rollback:
        record.rollback = tuple(
            Restored(
                False,
                f"The Deployment {name} is left as the run has made it (`rollback: false`). "
                f"To go back: {undo_by_hand(changes.before[name])}",
            )
            for name in changes.names()
            if name in changes.before
        )
    else:
        cancelled = stop.reason is Status.CANCELLED
        patience = _CANCELLED_ROLLBACK_S if cancelled else loaded.inputs.rollout_timeout
        deadline = time.monotonic() + patience
        with desk.workflow.group("Rollback"), record.phase("rollback"):
            try:
                record.rollback = detached(
                    lambda: roll_back(
                        cluster,
                        changes,
                        deadline=deadline,
                        cancelled=threading.Event() if stop.event.is_set() else stop.event,
                        say=desk.say,
                    ),
                    within_s=patience + _HUNG_CLUSTER_S,
                )
                left = max(_HUNG_CLUSTER_S, deadline - time.monotonic())
                detached(lambda: _refresh(record, cluster, changes), within_s=left)
            except TimeoutError:
                record.rollback = record.rollback or _no_answer(changes)
    for item in record.rollback:
        desk.say(item.sentence)
        desk.log.event("rollback.deployment", ok=item.ok, result=item.sentence)
        desk.transcript.add("rollback", ok=item.ok, sentence=item.sentence)


def _no_answer(changes: Changes) -> tuple[Restored, ...]:
    return tuple(
        Restored(
            False,
            f"The cluster did not answer, so it is not known what the Deployment {name} runs. "
            f"To go back: {undo_by_hand(changes.before[name])}",
        )
        for name in changes.names()
        if name in changes.before
    )


def _refresh(record: Record, cluster: Cluster, changes: Changes) -> None:
    """What the outputs say about the Deployment is as it is after the rollback."""
    if record.verdict is None or record.verdict.deployment not in changes.before:
        return
    before = changes.before[record.verdict.deployment]
    with suppress(RunError):
        now = cluster.deployment(before.name)
        if now is not None:
            changed = now.template != before.template
            record.verdict = replace(record.verdict, revision=now.revision, changed=changed)


def _look(cluster: Cluster | None, changes: Changes, stop: Stop, record: Record) -> None:
    """What the Deployments of this run are at its end, for the report."""
    names = [*changes.names(), record.verdict.deployment if record.verdict else ""]
    now: dict[str, DeploymentState] = {}
    if stop.reason is Status.CANCELLED:
        # No time is left to ask; what is wrong after a rollback is said there.
        undone = record.rollback and all(item.ok for item in record.rollback)
        latest = changes.before if undone else changes.left
        # Its controller gives it a new revision, of which nobody has been told.
        now |= {name: replace(item, revision="") for name, item in latest.items()}
    elif cluster is not None:
        with suppress(RunError, TimeoutError):
            for name in filter(None, names):
                state = detached(partial(cluster.deployment, name), within_s=_HUNG_CLUSTER_S)
                if state is not None:
                    now[name] = state
    record.deployments = deployment_lines(names, changes.before, now)


def _limits(limits: document.Limits) -> Limits:
    return Limits(
        processes=limits.processes,
        memory_bytes=document.size(limits.memory),
        disk_bytes=document.size(limits.disk),
        file_bytes=document.size(limits.file_size),
        open_files=limits.open_files,
        cpu_seconds=limits.cpu_seconds,
    )


def _talk(
    loaded: Loaded,
    endpoint: Endpoint,
    sandbox: Sandbox,
    cluster: Cluster | None,
    stop: Stop,
    desk: Desk,
    check: Callable[[], Verdict],
) -> None:
    """Let the model work on the task; see `converse` for how it ends.

    Raises:
        RunError: the run did not get there.
    """
    inputs, record, folder = loaded.inputs, desk.record, loaded.working_directory

    def execute(argv: tuple[str, ...]) -> Result:
        running = desk.workflow.progress("the script runs")
        silence = stop.expecting("the script printed nothing")
        with running, silence, desk.workflow.untrusted_stream() as stream:

            def on_output(text: str) -> None:
                stop.alive()
                stream.write(text)

            result = sandbox.run(
                argv,
                timeout_s=min(inputs.command_timeout, stop.left()),
                on_output=on_output,
                cancelled=stop.event,
                cwd=folder,
            )
        # It goes back to the model.
        return replace(result, output=desk.redactor.text(result.output))

    def git(*argv: str) -> str:
        # As the model's user: a repository's configuration can name programs that git runs.
        result = sandbox.run(
            ("git", *argv),
            timeout_s=_FACT_TIMEOUT_S,
            on_output=lambda text: None,
            cancelled=stop.event,
            cwd=folder,
        )
        return result.output.strip() if result.exit_code == 0 else ""

    def facts() -> Facts:
        return gather(
            git=git,
            prompt=loaded.prompt,
            expect=inputs.expect,
            registry=inputs.registry,
            namespace=loaded.namespace,
            deployments=surroundings.allowed(
                stop.obey(cluster.deployments) if cluster else (), loaded
            ),
            local_images=surroundings.local_images(),
        )

    # The fold and the phase of the turn that goes on.
    turns = ExitStack()
    fold = Group()

    def on_turn(number: int, message: str) -> None:
        nonlocal fold
        record.turns = number
        desk.transcript.add("request", turn=number, message=message)
        desk.log.event("turn.started", turn=number)
        turns.enter_context(record.phase(f"turn {number}"))
        fold = turns.enter_context(desk.workflow.group(f"Turn {number} of {inputs.max_turns}"))

    def count() -> None:
        record.prompt_tokens = completions.prompt_tokens
        record.completion_tokens = completions.completion_tokens

    def on_answer(number: int, turn: Turn) -> None:
        count()
        reply, result = turn.reply, turn.result
        desk.transcript.add(
            "answer", turn=number, reply=reply.kind, language=reply.language, text=reply.text
        )
        desk.log.event("turn.answer", turn=number, reply=reply.kind, language=reply.language)
        if result is not None:
            record.scripts += 1
            desk.transcript.add(
                "result",
                turn=number,
                exit_code=result.exit_code,
                timed_out=result.timed_out,
                seconds=round(result.seconds, 1),
                output=result.output,
            )
        fold.ending = _ending(turn)
        turns.close()

    @contextmanager
    def writing() -> Iterator[UntrustedStream]:
        with (
            desk.workflow.progress("the model writes"),
            desk.workflow.untrusted_stream(code=True) as stream,
        ):
            yield stream

    seen = 0

    def refusal() -> Decision | None:
        nonlocal seen
        new, seen = record.journal.entries[seen:], len(record.journal.entries)
        refused = [entry.decision for entry in new if not entry.decision.allowed]
        return refused[-1] if refused else None

    completions = Completions(
        endpoint,
        stop=stop,
        max_tokens=min(_MAX_TOKENS, (endpoint.max_model_len or 8192) // 4),
        show=writing,
    )
    session = Session(
        completions,
        run=execute,
        stop=stop,
        system_message=system_message(),
        model=endpoint.model,
    )
    with turns, ExitStack() as last:
        # Of an answer after which the run ended, too.
        last.callback(count)
        outcome = converse(
            loaded.prompt,
            session,
            max_turns=inputs.max_turns,
            facts=facts,
            verify=check,
            changes=lambda: sum(bool(entry.effects) for entry in record.journal.entries),
            refusal=refusal,
            on_turn=on_turn,
            on_answer=on_answer,
        )
    if outcome.summary:
        record.last_words = outcome.summary
        desk.say("the model's last words (they decide nothing):")
        desk.workflow.untrusted(outcome.summary + "\n")
    if inputs.expect == "none":
        _refuse_nothing(outcome, record.scripts)


def _refuse_nothing(outcome: Outcome, scripts: int) -> None:
    """Where nothing can be verified, a run must have done something, or have said why not.

    Raises:
        RunError: it has not, or the model says that the task is not done.
    """
    if not outcome.done:
        raise RunError("The model gave up", why=outcome.summary)
    if not scripts and not outcome.summary.strip():
        raise RunError(
            "The run did nothing",
            why="the model ran no code, and did not say why",
            remedy="Write a more exact prompt.",
        )


def _ending(turn: Turn) -> str:
    """How a turn ended, in a few words."""
    if turn.reply.kind == "finish":
        return "the model says that it is done" if turn.reply.done else "the model gives up"
    if turn.result is None:
        return f"no code to run ({turn.reply.kind})"
    return f"{turn.reply.language}, {describe(turn.result).rpartition(chr(10))[2].strip('[]')}"


def _on_entry(desk: Desk, entry: Entry) -> None:
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


def _on_verdict(desk: Desk, verdict: Verdict) -> None:
    """Show and log what verification found."""
    lines = [f"{'ok' if i.ok else 'MISSING'}: {i.sentence()}\n" for i in verdict.findings]
    desk.workflow.untrusted("".join(lines))
    for item in verdict.findings:
        sentence = item.sentence()
        desk.log.event("verify.finding", ok=item.ok, check=item.check, finding=sentence)
        desk.transcript.add("finding", ok=item.ok, check=item.check, sentence=sentence)
