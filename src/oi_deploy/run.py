"""One run, top to bottom: inputs, engine, agent, verification, report."""

import errno
import shutil
import traceback
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from importlib import import_module
from pathlib import Path
from typing import TextIO

from oi_deploy import leftovers, surroundings, triggers
from oi_deploy.agent.parts import Parts
from oi_deploy.broker import document
from oi_deploy.broker.credentials import Credentials
from oi_deploy.broker.journal import Entry
from oi_deploy.broker.server import Broker
from oi_deploy.desk import Desk, ends_the_run, report, show_entry, show_findings, show_verdict
from oi_deploy.doctor import BEFORE_A_RUN, DOCTOR_S, Context, examine, failed, require
from oi_deploy.engine import open_engine
from oi_deploy.errors import RunError, Status
from oi_deploy.inputs import parse
from oi_deploy.limits import Ahead, Stop
from oi_deploy.loaded import Loaded, load
from oi_deploy.record import Record
from oi_deploy.redact import Redactor
from oi_deploy.report import DeployLog, Transcript
from oi_deploy.sandbox import Limits, Sandbox
from oi_deploy.undo import look, note, undo
from oi_deploy.verify.check import Asked, verify
from oi_deploy.verify.finding import Verdict
from oi_deploy.verify.rollback import Changes
from oi_deploy.workflow import Workflow

_DIAGNOSIS_S = 10.0
_LEFTOVERS_S = 30.0
_IMPORT_S = 5.0
_SANDBOX_S = 5.0
# A slow registry or cluster is one all the same; a run has the time.
_CHECKS_S = 60.0
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


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
    log = DeployLog(private / leftovers.LOG, redactor, ends_the_run("deploy.log", stop))
    transcript = Transcript(
        private / "transcript.jsonl", redactor, ends_the_run("the transcript", stop)
    )
    desk = Desk(workflow, log, transcript, Record(), redactor, stop)
    with stop.watching():
        relative_log = _attempt(env, workspace, desk)
        reported = report(desk, workspace, relative_log, redactor)
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
        work = _examine if inputs.mode == "doctor" else _deploy
        record.status = work(load(inputs, workspace), env, workspace, desk)
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
    stop = desk.stop
    stop.allow(inputs.timeout, inputs.stall_timeout)
    # Open Interpreter takes seconds to import; checks and the engine's start mostly wait.
    agent = Ahead(lambda: import_module("oi_deploy.talk"))
    with ExitStack() as stack:
        # Python ends its threads when it ends; one of them inside an extension would abort it.
        stack.callback(agent.settle, _IMPORT_S)
        with desk.workflow.group("Checks"), record.phase("checks"):
            triggers.check(
                env,
                allow_untrusted=inputs.allow_untrusted_trigger,
                allowed_actors=inputs.allowed_actors,
            )
            surroundings.refuse_stored_token(workspace)
            shielded = surroundings.runner_folders(env, workspace)
            _clean(env, shielded, workspace, desk)
            context = Context.of(loaded, env, workspace, stack)
            findings = stop.obey(lambda: examine(context, BEFORE_A_RUN, within_s=_CHECKS_S))
            show_findings(desk, findings)
            require(findings)
            registry, cluster = context.registry(), context.cluster()
            before = context.deployments()
        engine = open_engine(context.settings, say=desk.say, cancelled=stop.event)
        stack.callback(engine.stop)
        changes = Changes({item.name: item for item in before})

        def on_entry(entry: Entry) -> None:
            show_entry(desk, entry)
            if cluster is not None and entry.tool == "kubectl" and entry.decision.mutates:
                note(entry, cluster, changes, stop)

        hidden = [desk.log.path.parent]
        sandbox = Sandbox(
            workspace,
            socket=surroundings.SOCKET,
            shims=surroundings.SHIMS,
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
            socket=surroundings.SOCKET,
            sandbox_user=sandbox.user,
            mounted={item.name: item.mounted for item in before},
            redactor=desk.redactor,
            on_entry=on_entry,
            command_timeout_s=inputs.command_timeout,
            docker=surroundings.PROGRAMS / "docker",
            kubectl=surroundings.PROGRAMS / "kubectl",
        )
        stack.callback(look, cluster, changes, stop, record)
        # Entered before the broker, so that it runs when no command can change anything any more.
        stack.push(lambda kind, error, trace: undo(error, loaded, cluster, changes, stop, desk))
        stack.enter_context(broker)
        # The sandbox proves, when it opens, that its user reaches none of these.
        hidden.append(broker.private)
        stack.callback(_tell_put_back, sandbox, desk)
        opened = stack.enter_context(ExitStack())

        def contain() -> None:
            try:
                opened.enter_context(sandbox)
            except RunError as error:
                stop.request(error)  # such a run need not wait for the model

        # Beside the engine's start, which mostly waits.
        containing = Ahead(contain)
        stack.callback(containing.settle, _SANDBOX_S)
        with desk.workflow.group("Engine"), record.phase("engine"):
            try:
                endpoint = engine.start()
            except RunError:
                stop.check()
                raise
            # Of a server of ours, nobody knew it before.
            desk.hide(endpoint.api_key)
            record.model = endpoint.model
            desk.say(f"engine: {endpoint.model} answers")
            desk.log.event(
                "engine.ready", model=endpoint.model, kind=inputs.engine_kind, warm=endpoint.warm
            )
        containing.value(look=stop.check)
        stop.check()
        if sandbox.weaker:
            desk.workflow.warning(sandbox.weaker, "oi-deploy")
            desk.log.event("sandbox.weaker", missing=sandbox.weaker)

        def progress(line: str) -> None:
            stop.alive()
            desk.say(line)

        def check(asked: Asked) -> Verdict:
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
                        last_script=record.last_script,
                        asked=asked,
                    )
                )
                record.verified_at = upto
                show_verdict(desk, record.verdict)
            stop.check()
            return record.verdict

        with record.phase("agent"):
            talk = agent.value(look=stop.check).talk
            try:
                talk(
                    loaded,
                    endpoint,
                    sandbox,
                    registry,
                    cluster,
                    stop,
                    desk,
                    check,
                    broker.decline,
                    Parts.of(env),
                )
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


def _examine(loaded: Loaded, env: Mapping[str, str], workspace: Path, desk: Desk) -> Status:
    """Look at everything that a run needs; start, build and change nothing.

    Raises:
        RunError: a run could not succeed.
    """
    record = desk.record
    with ExitStack() as stack, desk.workflow.group("Doctor") as group, record.phase("checks"):
        private = [desk.log.path.parent]
        context = Context.of(loaded, env, workspace, stack, private=private)
        record.findings = desk.stop.obey(lambda: examine(context, within_s=DOCTOR_S))
        show_findings(desk, record.findings)
        wrong = failed(record.findings)
        group.ending = f"{len(wrong)} of {len(record.findings)} FAILED" if wrong else "all is well"
    for item in record.findings:
        text = f"{item.name}: {item.found}\n{item.remedy}".strip()
        if item.state == "FAILED":
            desk.workflow.error(text, "oi-deploy doctor")
        elif item.state == "warning":
            desk.workflow.warning(text, "oi-deploy doctor")
    if wrong:
        names = ", ".join(item.name for item in wrong)
        raise RunError(f"A run could not succeed; what FAILED: {names}")
    return Status.READY


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


def _tell_put_back(sandbox: Sandbox, desk: Desk) -> None:
    for path in sandbox.put_back:
        desk.log.event("git.put-back", path=path)
    if sandbox.put_back:
        desk.workflow.warning(
            f"{len(sandbox.put_back)} of git's own files were changed in this run, and are as they "
            "were before; the log names them.",
            "oi-deploy",
        )


def _limits(limits: document.Limits) -> Limits:
    return Limits(
        processes=limits.processes,
        memory_bytes=document.size(limits.memory),
        disk_bytes=document.size(limits.disk),
        file_bytes=document.size(limits.file_size),
        open_files=limits.open_files,
        cpu_seconds=limits.cpu_seconds,
    )
