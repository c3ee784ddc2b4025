"""From a task to a verified result: ask, run, look, say what is missing, ask again.

Every turn starts from a clean context: the task, the facts as they are now, the last script with
what it printed, the line that would fix it, and what verification still misses. A small model
copies its own failed script again as long as it can see a history of them.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from oi_deploy.agent import plain
from oi_deploy.agent.completions import LANGUAGES
from oi_deploy.agent.editing import Editing
from oi_deploy.agent.facts import Facts
from oi_deploy.agent.hints import put_right
from oi_deploy.agent.languages import describe
from oi_deploy.agent.parts import Parts
from oi_deploy.agent.progress import State, render, repeated, still_to_run
from oi_deploy.agent.prompt_files import prompt_file
from oi_deploy.agent.rest import written_file
from oi_deploy.agent.session import Session, Turn
from oi_deploy.agent.steps import (
    Step,
    lacking,
    repeats_itself,
    standing,
    stands_still,
    unusable,
)
from oi_deploy.broker.journal import Entry
from oi_deploy.errors import RunError, Status
from oi_deploy.verify.finding import Verdict

# Turns granted after everything is verified, for parts of the task that verification cannot see;
# where a script's good ending is all that can be verified, no part of the task can be seen.
_CLOSING_TURNS = {"deploy": 1, "push": 1, "none": 10**6}
# Turns in a row that end in a refusal by the same rule; after that, the model will not learn.
_MOST_REFUSALS = 3
# Of a file that the prompt wants to have written, after what else there was to do.
_MOST_REMINDERS = 2
_REST = (
    "If the task asks for anything else that is not done yet, do only that now. Otherwise call "
    "`finish`."
)
_CLOSING = {
    "deploy": f"The deployment itself is done. {_REST}",
    "push": f"The image is pushed. {_REST}",
    "none": f"The last script ended well. {_REST}",
}
_ALL = Parts()


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
    return prompt_file("system.md")


def converse(
    task: str,
    session: Session,
    *,
    max_turns: int,
    facts: Callable[[], Facts],
    verify: Callable[[], Verdict],
    changes: Callable[[], int],
    refusal: Callable[[], Entry | None],
    decline: Callable[[Mapping[str, str]], None],
    on_turn: Callable[[int, str], None],
    on_answer: Callable[[int, Turn], None],
    expect: str = "deploy",
    ran: Callable[[], Sequence[str]] = tuple,
    left: Callable[[], float] = lambda: float("inf"),
    budget: int = 10**9,
    parts: Parts = _ALL,
) -> Outcome:
    """Let the model work until verification is content, it gives up, or its turns are used up.

    Args:
        task: the prompt.
        session: where answers come from and run.
        max_turns: the limit.
        facts: gathers the facts anew.
        verify: looks everything up; waits for a rollout under way.
        changes: how many brokered commands have changed something so far.
        refusal: the last refused command since it was asked last; None if nothing was refused.
        decline: makes the broker refuse what these rules let through, for the reason given.
        on_turn: told the turn's number and the message before it is sent.
        on_answer: told the turn's number and what came of it.
        expect: the input of that name.
        ran: the commands of docker and kubectl that ended well so far.
        left: seconds until the run's time limit.
        budget: tokens that one message may have.
        parts: what of the harness is on.

    Raises:
        RunError: the task is impossible; the model gave up, insists on what is refused, repeats
            itself, writes no whole calls, or has used up its turns; the engine failed; the run
            stops.
    """
    state = State()
    scripts: list[str] = []
    seen_changes = -1
    verdict: Verdict | None = None
    closing_left = _CLOSING_TURNS[expect]
    refused: list[str] = []
    steps: list[Step] = []
    # A reminder is due once, and must be followed by a script.
    reminded = nudged = False
    reminders_left = _MOST_REMINDERS
    longest = 0.0
    first = Facts()
    editing = Editing(task)
    for number in range(1, max_turns + 1):
        known = facts()
        first = known if number == 1 else first
        if expect == "none":
            # Where nothing is verified, a second run of a line can undo what the first has done.
            known = replace(known, commands=still_to_run(known, ran()))
            if state.closing and known.commands and parts.facts:
                state = replace(state, closing=_RUN_THEM)
        elif parts.facts:
            known = replace(known, commands=_left(known, ran()))
        if number == 1 and parts.facts:
            _refuse_the_impossible(known)
            if first.declined:
                decline(first.declined)
        asked_for = editing.next(first, known, budget) if parts.facts else None
        if asked_for:
            on_turn(number, asked_for.message)
            turn = session.turn(
                asked_for.message, variation=asked_for.variation, plain=asked_for.plain
            )
            editing.heard(asked_for.path, turn.reply)
            on_answer(number, turn)
            continue
        message = render(task, known, state, budget=budget, parts=parts)
        on_turn(number, message)
        languages = _languages(known, ran()) if parts.facts else LANGUAGES
        script = plain.script() if parts.facts and _is_script(known, state, ran()) else None
        # What is deployed must not fail because of what may be left.
        vary, brief = standing(steps), state.deployed
        asked = time.monotonic()
        turn = session.turn(
            message,
            variation=vary,
            languages=languages,
            plain=script,
            brief=brief,
            may_finish=not (parts.facts and (number == 1 or nudged) and _can_run(known, ran())),
        )
        nudged = False
        longest = max(longest, time.monotonic() - asked)
        on_answer(number, turn)
        reply = turn.reply
        if reply.kind in ("cut", "malformed"):
            steps.append(Step(reply.kind))
            again = not stands_still(steps) or number == max_turns
            if verdict is not None and verdict.ok and not (again and expect == "none"):
                return Outcome(verdict, number, "")
            if not again:
                raise unusable(reply)
            state = replace(state, script="", output="", notes=(_WHOLE_CALL,))
            continue
        entry = refusal()
        no = entry.decision if entry else None
        if no is None:
            refused = []
        else:
            refused = [*refused, no.rule] if no.rule in refused[-1:] else [no.rule]
        if reply.kind == "finish" or changes() != seen_changes:
            verdict = verify()
            seen_changes = changes()
        if verdict is not None and verdict.ok:
            # A script that ended well, or the word of the model, writes no file.
            claims = reply.done or reply.kind == "execute"
            files = expect == "none" and parts.facts and claims and reminders_left > 0
            unwritten = _unwritten(facts(), ran()) if files and number < max_turns else ()
            if unwritten:
                reminders_left -= 1
                scripts.append(reply.text)
                steps.append(Step.of(turn, verdict))
                state = State(missing=tuple(map(_UNWRITTEN.format, unwritten)))
                continue
            if reply.kind == "finish":
                unrun = known.commands if expect == "none" and parts.facts and reply.done else ()
                if not unrun or reminded or number == max_turns:
                    return Outcome(verdict, number, reply.text, reply.done)
                reminded = nudged = True
                state = replace(state, closing="", notes=(_NOT_RUN + "\n".join(unrun),))
                continue
            scripts.append(reply.text)
            # Asked again, a small model does it again: it restarts twice, it undoes an undo.
            known_done = parts.facts and _all_done(first, ran(), facts, expect)
            if known_done or closing_left == 0 or (state.closing and repeated(scripts)):
                return Outcome(verdict, number, "")
            # What is verified must not end as timed out because of what may be left.
            if expect != "none" and left() < longest:
                return Outcome(verdict, number, "")
            closing_left -= 1
            if parts.facts and expect != "none":
                decline({**first.declined, **first.unasked})
            steps.append(Step.of(turn, verdict))
            state = _closing(turn, verdict, expect)
            continue
        if state.deployed and verdict is not None:
            # What has come undone may need just that.
            decline(first.declined)
        if no is not None and len(refused) == _MOST_REFUSALS:
            raise RunError(
                f"The model asked for the same again {_MOST_REFUSALS} times, and it is not allowed",
                why=f"{no.reason} ({no.rule})",
                remedy="If it should be allowed, say so in the policy; else write a prompt that "
                "does not ask for it.",
                status=Status.REFUSED,
            )
        # Where lines are known that do the task, the model hears once more that it can be done.
        gave_up = bool(steps) and steps[-1].kind == "finish"
        may_give_up = gave_up or bool(known.obstacles) or not known.commands
        if reply.kind == "finish" and not reply.done and may_give_up:
            raise RunError(
                "The model gave up",
                why=reply.text,
                remedy=lacking(verdict),
                status=Status.FAILED,
            )
        steps.append(Step.of(turn, verdict))
        if stands_still(steps) and number < max_turns:
            raise repeats_itself(reply, verdict)
        scripts.append(reply.text)
        state = _next_state(turn, verdict, scripts, state, impossible=bool(known.obstacles))
        if parts.hints and (right := put_right(reply, state.output, entry, known.commands)):
            shell = (_SHELL,) if reply.language == "python" else ()
            state = replace(state, script=right, right=True, notes=shell)
    if verdict is not None and verdict.ok:
        return Outcome(verdict, max_turns, "")
    raise RunError(
        f"The task was not done after {max_turns} turns (`max-turns`)",
        why=lacking(verdict),
        remedy="Look at the last turn in the log; write a more exact prompt or a larger "
        "`max-turns:`.",
    )


_WHOLE_CALL = "Your last answer was not a complete function call. Write a short script."
_SHELL = "It is shell, and not Python."
_NOT_DONE = "You called `finish`, but the task is not done. Run what is still missing."
_NOT_RUN = "You called `finish`, but these commands were not run yet. If the task asks for them:\n"
_UNWRITTEN = "The file {} is not there. Write it."
_RUN_THEM = "The last script ended well, but these commands were not run yet. Run them now."
_AGAIN = (
    "You have written the same script twice, and it did not do the task. Write another one: only "
    "the first command that is still missing."
)


def _left(facts: Facts, ran: Sequence[str]) -> tuple[str, ...]:
    """The lines without a build and a push that are done, while their image is still to be set.

    A model that has run one line of several begins with the first one again.
    """
    left = still_to_run(facts, ran)
    sets = any(" set image " in line for line in left)
    plain = all(line.startswith(("docker ", "kubectl ")) for line in facts.commands)
    return left if sets and plain else facts.commands


def _refuse_the_impossible(facts: Facts) -> None:
    """End a run whose prompt surely asks for what cannot be done.

    Raises:
        RunError: with what stands in the way.
    """
    found = [item for item in facts.obstacles if item.certain]
    if found:
        raise RunError(
            "The task cannot be done",
            why=" ".join(item.text for item in found),
            remedy="Correct the names in the prompt, or allow in the policy what it asks for.",
            status=Status.REFUSED if any(item.refused for item in found) else Status.FAILED,
        )


def _all_done(first: Facts, ran: Sequence[str], facts: Callable[[], Facts], expect: str) -> bool:
    """Whether all that is known to belong to the task is done, and nothing else seems to.

    That is known from the beginning: the lines that do it, and the files that it writes. Where
    nothing is deployed, a file that is there is the task done: a small model that is asked to look
    at it again spoils it.
    """
    files_tell = expect == "none" and bool(first.wanted)
    # Without lines, what verification sees is all that is known to belong to a deployment.
    if not files_tell and (first.rest or (expect == "none" and not first.commands)):
        return False
    # Verification waits for rollouts, and what only prepares a build shows in the build.
    if [
        line
        for line in still_to_run(first, ran)
        if line.startswith(("docker", "kubectl")) and " status " not in line
    ]:
        return False
    now = facts()
    written = {file for line in first.commands if (file := written_file(line))}
    if files_tell:
        written |= set(first.wanted)
    # A line of git is not offered again when its work is done.
    return written <= set(now.paths) and not [
        line for line in now.commands if line.startswith("git ")
    ]


def _unwritten(now: Facts, ran: Sequence[str]) -> tuple[str, ...]:
    """The files that are still to be written, where no line is left that may do it."""
    missing = tuple(file for file in now.wanted if file not in now.paths)
    return () if still_to_run(now, ran) else missing


def _closing(turn: Turn, verdict: Verdict, expect: str) -> State:
    """After a script with which everything that can be verified is right."""
    verified = tuple(item.sentence() for item in verdict.findings if item.ok)
    result = turn.result
    failed = result is not None and result.exit_code != 0
    # Of a deployment that is done, the output is only noise.
    output = describe(result) if result is not None and (failed or expect == "none") else ""
    script = turn.reply.text if failed else ""
    return State(
        script=script,
        output=output,
        verified=verified,
        closing=_CLOSING[expect],
        deployed=expect != "none",
    )


def _next_state(
    turn: Turn, verdict: Verdict | None, scripts: list[str], state: State, *, impossible: bool
) -> State:
    findings = verdict.findings if verdict else ()
    verified = tuple(item.sentence() for item in findings if item.ok)
    # What would put it right may be the very thing that must not be done.
    wrong = (replace(item, expected="", fix="") if impossible else item for item in findings)
    missing = tuple(item.sentence() for item in wrong if not item.ok)
    if turn.reply.kind == "finish":
        return replace(
            state, script="", output="", notes=(_NOT_DONE,), verified=verified, missing=missing
        )
    result = turn.result
    failed = result is not None and result.exit_code != 0
    again = repeated(scripts)
    return State(
        # What stands there is copied, so a script that did not do it twice is not shown again.
        script=turn.reply.text if failed and not again else "",
        output=describe(result) if result is not None else "",
        notes=(_AGAIN,) if again else (),
        verified=verified,
        missing=missing,
    )


def _can_run(facts: Facts, ran: Sequence[str]) -> bool:
    """Whether lines are known that do the task: a small model may say that it is done already."""
    return not facts.obstacles and bool(still_to_run(facts, ran))


def _is_script(facts: Facts, state: State, ran: Sequence[str]) -> bool:
    """Whether a file is to be written that no line writes, so that a script has to be made up."""
    known = still_to_run(facts, ran) or facts.obstacles
    return bool(facts.wanted) and not known and not state.closing


def _languages(facts: Facts, ran: Sequence[str]) -> Sequence[str]:
    """Shell, while there are lines of it to run: a small model wraps them in others, and slips."""
    return ("shell",) if still_to_run(facts, ran) else LANGUAGES
