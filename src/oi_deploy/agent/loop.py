"""From a task to a verified result: ask, run, look, say what is missing, ask again.

Every turn starts from a clean context: the task, the facts as they are now, the last script with
what it printed, the line that would fix it, and what verification still misses. A small model
copies its own failed script again as long as it can see a history of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files

import jinja2

from oi_deploy.agent.completions import Reply
from oi_deploy.agent.facts import Facts
from oi_deploy.agent.hints import hints, repeated, shorten
from oi_deploy.agent.languages import describe
from oi_deploy.agent.session import Session, Turn
from oi_deploy.broker.request import Decision
from oi_deploy.errors import RunError, Status
from oi_deploy.verify.finding import Verdict

# Turns granted after everything is verified, for parts of the task that verification cannot see.
_CLOSING_TURNS = 1
# Turns in a row that end in a refusal by the same rule; after that, the model will not learn.
_MOST_REFUSALS = 3
# The same for turns after which everything is as it was before: the model is asked the same again,
# and at temperature 0 it answers the same again.
_MOST_REPEATS = 3
_CLOSING = (
    "The deployment itself is done. If the task asks for anything else that is not done yet, do "
    "only that now. Otherwise call `finish`."
)


@dataclass(frozen=True)
class Outcome:
    """How the conversation ended.

    Attributes:
        verdict: the last verification.
        turns: model answers, those that could not be run included.
        summary: what the model said at the end; shown to people, never believed.
        done: whether the model says that the task is done; also if it said nothing.
    """

    verdict: Verdict
    turns: int
    summary: str
    done: bool = True


def system_message() -> str:
    """The standing instruction."""
    return _prompt("system.md")


def _prompt(name: str) -> str:
    return files("oi_deploy.agent").joinpath(f"prompts/{name}").read_text(encoding="utf-8")


@dataclass(frozen=True)
class State:
    """What the next message says beyond task and facts."""

    script: str = ""
    output: str = ""
    hints: tuple[str, ...] = ()
    verified: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    closing: str = ""


def render(task: str, facts: Facts, state: State) -> str:
    """The message of one turn."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - plain text for a model, not HTML
    )
    template = environment.from_string(_prompt("message.md.j2"))
    return template.render(task=task.strip(), facts=facts, **vars(state)).strip() + "\n"


def converse(
    task: str,
    session: Session,
    *,
    max_turns: int,
    facts: Callable[[], Facts],
    verify: Callable[[], Verdict],
    changes: Callable[[], int],
    refusal: Callable[[], Decision | None],
    on_turn: Callable[[int, str], None],
    on_answer: Callable[[int, Turn], None],
) -> Outcome:
    """Let the model work until verification is content, it gives up, or its turns are used up.

    Args:
        task: the prompt.
        session: where answers come from and run.
        max_turns: the limit.
        facts: gathers the facts anew.
        verify: looks everything up; waits for a rollout under way.
        changes: how many brokered commands have changed something so far.
        refusal: the last refusal since it was asked last; None if nothing was refused.
        on_turn: told the turn's number and the message before it is sent.
        on_answer: told the turn's number and what came of it.

    Raises:
        RunError: the model gave up, insists on what is refused, repeats itself, writes no whole
            calls, or has used up its turns; the engine failed; the run stops.
    """
    state = State()
    scripts: list[str] = []
    seen_changes = -1
    verdict: Verdict | None = None
    closing_left = _CLOSING_TURNS
    refused: list[str] = []
    steps: list[Step] = []
    for number in range(1, max_turns + 1):
        known = facts()
        message = render(task, known, state)
        on_turn(number, message)
        turn = session.turn(message)
        on_answer(number, turn)
        reply = turn.reply
        if reply.kind in ("cut", "malformed"):
            steps.append(Step(reply.kind))
            if _stands_still(steps) and number < max_turns:
                if verdict is not None and verdict.ok:
                    return Outcome(verdict, number, "")
                raise _unusable(reply)
            state = State(
                verified=state.verified,
                missing=state.missing,
                hints=("Your last answer was not a complete function call. Write a short script.",),
            )
            continue
        if (no := refusal()) is None:
            refused = []
        else:
            refused = [*refused, no.rule] if no.rule in refused[-1:] else [no.rule]
        if reply.kind == "finish" or changes() != seen_changes:
            verdict = verify()
            seen_changes = changes()
        if verdict is not None and verdict.ok:
            if reply.kind == "finish":
                return Outcome(verdict, number, reply.text, reply.done)
            if closing_left == 0:
                return Outcome(verdict, number, "")
            closing_left -= 1
        elif no is not None and len(refused) == _MOST_REFUSALS:
            raise RunError(
                f"The model asked for the same again {_MOST_REFUSALS} times, and it is not allowed",
                why=f"{no.reason} ({no.rule})",
                remedy="If it should be allowed, say so in the policy; else write a prompt that "
                "does not ask for it.",
                status=Status.REFUSED,
            )
        elif reply.kind == "finish" and not reply.done and number > 1:
            raise RunError(
                "The model gave up",
                why=reply.text,
                remedy=_lacking(verdict),
                status=Status.FAILED,
            )
        steps.append(Step.of(turn, verdict))
        if _stands_still(steps) and number < max_turns and not (verdict and verdict.ok):
            raise _repeats_itself(reply, verdict)
        scripts.append(reply.text)
        state = _next_state(turn, known, verdict, scripts)
    if verdict is not None and verdict.ok:
        return Outcome(verdict, max_turns, "")
    raise RunError(
        f"The task was not done after {max_turns} turns (`max-turns`)",
        why=_lacking(verdict),
        remedy="Look at the last turn in the log; write a more exact prompt or a larger "
        "`max-turns:`.",
    )


@dataclass(frozen=True)
class Step:
    """What a turn was, and what it left: equal steps in a row lead nowhere.

    Attributes:
        kind: of the reply.
        words: of the code, or of the last words.
        exit_code: of the code.
        missing: what verification misses afterwards.
    """

    kind: str
    words: tuple[str, ...] = ()
    exit_code: int | None = None
    missing: str = ""

    @classmethod
    def of(cls, turn: Turn, verdict: Verdict | None) -> "Step":
        """The step that a turn was."""
        code = turn.result.exit_code if turn.result else None
        return cls(turn.reply.kind, tuple(turn.reply.text.split()), code, _lacking(verdict))


def _stands_still(steps: list[Step]) -> bool:
    last = steps[-_MOST_REPEATS:]
    return len(last) == _MOST_REPEATS and len(set(last)) == 1


def _unusable(reply: Reply) -> RunError:
    if reply.kind == "cut":
        return RunError(
            f"The model's answers were cut {_MOST_REPEATS} times in a row",
            why="each reached the limit of tokens for one answer before it was a whole call",
            remedy="Write a prompt for smaller steps, or a larger `max-model-len:`; one answer may "
            "have a quarter of it, at most 2048 tokens.",
        )
    return RunError(
        f"The model did not call a function {_MOST_REPEATS} times in a row",
        why=f"it wrote: {said}" if (said := shorten(reply.text, most=300)) else "it wrote nothing",
        remedy="Write a `model:` that can call tools, and let its server read tool calls.",
    )


def _repeats_itself(reply: Reply, verdict: Verdict | None) -> RunError:
    what = "claimed to be done" if reply.kind == "finish" else "wrote the same script"
    return RunError(
        f"The model {what} {_MOST_REPEATS} times in a row, and nothing changed",
        why=_lacking(verdict),
        remedy="Look at the last turn in the log; write a more exact prompt, or a larger `model:`.",
    )


def _next_state(turn: Turn, facts: Facts, verdict: Verdict | None, scripts: list[str]) -> State:
    findings = verdict.findings if verdict else ()
    verified = tuple(item.sentence() for item in findings if item.ok)
    missing = tuple(item.sentence() for item in findings if not item.ok)
    if verdict is not None and verdict.ok:
        return State(verified=verified, closing=_CLOSING)
    if turn.reply.kind == "finish":
        return State(
            verified=verified,
            missing=missing,
            hints=("You called `finish`, but the task is not done. Run what is still missing.",),
        )
    result = turn.result
    failed = result is not None and result.exit_code != 0
    output = describe(result) if result is not None else ""
    lines = hints(output, facts) if failed else ()
    if repeated(scripts):
        lines += ("You wrote the same script again, and it did not do it. Write a different one.",)
    return State(
        script=turn.reply.text if failed else "",
        output=shorten(output),
        hints=lines,
        verified=verified,
        missing=missing,
    )


def _lacking(verdict: Verdict | None) -> str:
    findings = verdict.findings if verdict else ()
    return "\n".join(item.sentence() for item in findings if not item.ok)
