"""The model at work: its turns, what runs for it, and what is kept of both."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace

from oi_deploy import surroundings
from oi_deploy.agent.build_hints import failed_build
from oi_deploy.agent.completions import Completions
from oi_deploy.agent.facts import Facts, gather
from oi_deploy.agent.gathering import Sources
from oi_deploy.agent.languages import describe
from oi_deploy.agent.loop import Outcome, converse, system_message
from oi_deploy.agent.parts import Parts
from oi_deploy.agent.servers import Again
from oi_deploy.agent.session import Session, Turn
from oi_deploy.agent.situation import Ask
from oi_deploy.broker.journal import Entry
from oi_deploy.desk import Desk
from oi_deploy.engine import Endpoint
from oi_deploy.errors import RunError
from oi_deploy.limits import Stop
from oi_deploy.loaded import Loaded
from oi_deploy.sandbox import Result, Sandbox
from oi_deploy.verify.check import Asked
from oi_deploy.verify.cluster import Cluster
from oi_deploy.verify.finding import Finding, Verdict
from oi_deploy.verify.reference import parse
from oi_deploy.verify.registry import Registry
from oi_deploy.verify.state import DeploymentState
from oi_deploy.workflow import Group, UntrustedStream

# One answer: a script of about a hundred lines.
_MAX_TOKENS = 2048
_FACT_TIMEOUT_S = 30.0
# Tokens of a server that does not say how many it can take.
_WINDOW = 8192
# Tokens of the standing instruction, the functions and the chat's own marks, generously.
_STANDING = 800


def talk(
    loaded: Loaded,
    endpoint: Endpoint,
    sandbox: Sandbox,
    registry: Registry | None,
    cluster: Cluster | None,
    stop: Stop,
    desk: Desk,
    check: Callable[[Asked], Verdict],
    decline: Callable[[Mapping[str, str]], None],
    parts: Parts,
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

    def look(*argv: str) -> str:
        # As the model's user: a repository's configuration can name programs that git runs.
        result = sandbox.run(
            argv,
            timeout_s=_FACT_TIMEOUT_S,
            on_output=lambda text: None,
            cancelled=stop.event,
            cwd=folder,
        )
        return desk.redactor.text(result.output).strip() if result.exit_code == 0 else ""

    began: dict[str, int] = {}

    def deployments() -> Sequence[DeploymentState]:
        found = stop.obey(cluster.deployments) if cluster else ()
        known = surroundings.allowed(found, loaded)
        for item in known:
            began.setdefault(item.name, item.replicas)
        return known

    def elsewhere(namespace: str) -> Sequence[DeploymentState]:
        # Facts help: an account need not have rights there.
        with suppress(RunError):
            return stop.obey(lambda: cluster.deployments(namespace)) if cluster else ()
        return ()

    def configuration(name: str) -> Mapping[str, str] | None:
        with suppress(RunError):
            return stop.obey(lambda: cluster.configuration(name)) if cluster else None
        return None

    def holds(reference: str) -> bool:
        # What cannot be asked now is verified afterwards.
        with suppress(RunError, ValueError):
            read = parse(reference)
            return not registry or stop.obey(lambda: registry.digest(read)) is not None
        return True

    def revisions(item: DeploymentState) -> Mapping[str, tuple[str, ...]]:
        return stop.obey(lambda: cluster.revisions(item)) if cluster else {}

    def tags(repository: str) -> Sequence[str]:
        # Facts help; what must be there is verified.
        with suppress(RunError):
            return stop.obey(lambda: registry.tags(repository)) if registry else ()
        return ()

    ask = Ask(loaded.prompt, inputs.expect, inputs.registry, loaded.namespace, inputs.log_file)
    # What is asked for is known from the beginning: lines that are done are left out later.
    first: list[Facts] = []
    wrote: list[str] = []
    built: list[str] = []
    sources = Sources(
        look,
        deployments,
        revisions,
        tags,
        began,
        surroundings.local_images,
        lambda: "\n".join(wrote),
        lambda: "\n".join(built),
        elsewhere,
        holds,
        configuration,
    )

    def verify() -> Verdict:
        """Look everything up, and keep what pods wrote before they ended."""
        verdict = check(first[0].asked if first else Asked())
        wrong = (item for item in verdict.findings if not item.ok)
        wrote[:] = (line for item in wrong for line in item.detail if " wrote: " in line)
        return verdict

    def facts() -> Facts:
        known = gather(ask, sources, loaded.policy)
        if not first:
            first.append(known)
        return known

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
            built[:] = failed_build(result)
            record.scripts += 1
            record.last_script = _ended(result)
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

    def on_again(again: Again) -> None:
        desk.say(again.sentence)
        desk.log.event(
            "model.again",
            turn=record.turns,
            server=again.server,
            why=again.why,
            broke_off=again.broke_off,
            next_server=again.next_server,
            seconds=round(again.wait_s, 1),
        )

    seen = 0

    def refusal() -> Entry | None:
        nonlocal seen
        new, seen = record.journal.entries[seen:], len(record.journal.entries)
        refused = [entry for entry in new if not entry.decision.allowed]
        return refused[-1] if refused else None

    def ran() -> Sequence[str]:
        entries = record.journal.entries
        return [" ".join((it.tool, *it.argv)) for it in entries if it.exit_code == 0]

    def changes() -> int:
        # Where only the scripts' endings can be checked, each script is something new.
        scripts = record.scripts if inputs.expect == "none" else 0
        return scripts + sum(bool(entry.effects) for entry in record.journal.entries)

    window = endpoint.max_model_len or _WINDOW
    max_tokens = min(_MAX_TOKENS, window // 4)
    completions = Completions(
        endpoint,
        stop=stop,
        max_tokens=max_tokens,
        show=writing,
        on_again=on_again,
        constrained=parts.constraint,
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
            verify=verify,
            changes=changes,
            refusal=refusal,
            decline=decline,
            on_turn=on_turn,
            on_answer=on_answer,
            expect=inputs.expect,
            ran=ran,
            left=stop.left,
            budget=window - max_tokens - _STANDING,
            parts=parts,
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


def _ended(result: Result) -> Finding:
    """How a script ended, for where that is all that there is to know."""
    found = f"ended with exit code {result.exit_code}"
    if result.exit_code is None:
        found = "was stopped because its time was over" if result.timed_out else "was stopped"
    ok = result.exit_code == 0
    return Finding(ok, "script.ended", "the last script", found, "it must end with exit code 0")


def _ending(turn: Turn) -> str:
    """How a turn ended, in a few words."""
    if turn.reply.kind == "finish":
        return "the model says that it is done" if turn.reply.done else "the model gives up"
    if turn.result is None:
        return f"no code to run ({turn.reply.kind})"
    return f"{turn.reply.language}, {describe(turn.result).rpartition(chr(10))[2].strip('[]')}"
