"""What turns left: equal ones in a row lead nowhere, and end the run with a reason."""

from dataclasses import dataclass

from oi_deploy.agent.completions import Reply
from oi_deploy.agent.hints import shorten
from oi_deploy.agent.session import Turn
from oi_deploy.errors import RunError
from oi_deploy.verify.finding import Verdict

# Turns in a row after which everything is as it was before: the model is asked the same again,
# and at temperature 0 it answers the same again.
_MOST_REPEATS = 3


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
        return cls(turn.reply.kind, tuple(turn.reply.text.split()), code, lacking(verdict))


def standing(steps: list[Step]) -> int:
    """How many of the last steps were the same as the one before them."""
    count = 0
    for before, after in zip(reversed(steps[:-1]), reversed(steps), strict=False):
        if before != after:
            break
        count += 1
    return count


def stands_still(steps: list[Step]) -> bool:
    """Whether the model will not get any further."""
    return standing(steps) >= _MOST_REPEATS - 1


def unusable(reply: Reply) -> RunError:
    """The error where no answer was a whole call."""
    if reply.kind == "cut":
        return RunError(
            f"The model's answers were cut {_MOST_REPEATS} times in a row",
            why="each reached the limit of tokens for one answer, or repeated itself, before it "
            "was a whole call",
            remedy="Write a prompt for smaller steps, or a larger `max-model-len:`; one answer may "
            "have a quarter of it, at most 2048 tokens.",
        )
    return RunError(
        f"The model did not call a function {_MOST_REPEATS} times in a row",
        why=f"it wrote: {said}" if (said := shorten(reply.text, most=300)) else "it wrote nothing",
        remedy="Write a `model:` that can call tools, and let its server read tool calls.",
    )


def repeats_itself(reply: Reply, verdict: Verdict | None) -> RunError:
    """The error where nothing changed any more."""
    what = "claimed to be done" if reply.kind == "finish" else "wrote the same script"
    return RunError(
        f"The model {what} {_MOST_REPEATS} times in a row, and nothing changed",
        why=lacking(verdict),
        remedy="Look at the last turn in the log; write a more exact prompt, or a larger `model:`.",
    )


def lacking(verdict: Verdict | None) -> str:
    """What verification misses, a sentence a line."""
    findings = verdict.findings if verdict else ()
    return "\n".join(item.sentence() for item in findings if not item.ok)
