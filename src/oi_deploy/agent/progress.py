"""What the next message says: what is done, what is missing, what the last script did.

Every message is a clean context: nothing of earlier turns is in it but what it says itself. Where
even that is too long for the model's window, outputs and lists are cut first, the task never.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from oi_deploy.agent.facts import Facts
from oi_deploy.agent.hints import Failure, hints, shorten
from oi_deploy.agent.parts import Parts
from oi_deploy.agent.prompt_files import fill

_ALL = Parts()
_MOST_FILES = 20


@dataclass(frozen=True)
class State:
    """What the next message says beyond task and facts.

    Attributes:
        script: the last script, if it failed.
        right: whether it stands there with what was wrong about it put right.
        output: what it printed.
        notes: what to change.
        verified: what verification has found to be right.
        missing: what it has found to be wrong.
        closing: what to do when everything is verified.
        deployed: whether what was verified is a deployment, or a push.
    """

    script: str = ""
    right: bool = False
    output: str = ""
    notes: tuple[str, ...] = ()
    verified: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    closing: str = ""
    deployed: bool = False


def still_to_run(facts: Facts, ran: Sequence[str]) -> tuple[str, ...]:
    """The lines of docker and kubectl that were not run yet, in whatever words.

    Lines that write files are not among what ran: they leave the facts when their file is there.
    """
    done = {_words(line) for line in ran}
    return tuple(line for line in facts.commands if _words(line) not in done)


def _words(line: str) -> tuple[str, ...]:
    """A command without its namespace, in an order of its own, and without what it writes to."""
    line = re.split(r" [|>] ", line)[0].replace("'", "")
    text = re.sub(r"(?:\s-n[ =]?|\s--namespace[ =])\S+", " ", f"{line} ")
    text = re.sub(r"\bdeployments?(?:\.apps)?/", "deployment ", text)
    return tuple(sorted(text.replace("--replicas ", "--replicas=").split()))


def tokens(text: str) -> int:
    """About how many tokens a text has, rather more: 3 bytes to one, as measured for Qwen2.5."""
    return len(text.encode()) // 3 + 1


def render(
    task: str,
    facts: Facts,
    state: State,
    *,
    budget: int = 10**9,
    parts: Parts = _ALL,
) -> str:
    """The message of one turn.

    Args:
        task: the prompt.
        facts: as they are now.
        state: what the turns so far have left.
        budget: tokens that the message may have.
        parts: what of the harness is on.
    """
    lines = (
        hints(Failure(state.script, state.output, facts)) if state.script and parts.hints else ()
    )
    state = replace(
        _with_first(state, lines), output=shorten(state.output), notes=(*lines, *state.notes)
    )
    if not parts.facts:
        facts = Facts()
    if not parts.feedback:
        state = replace(state, verified=(), missing=())
    text = _fill(task, facts, state)
    for level in range(7):
        if tokens(text) <= budget:
            break
        text = _fill(task, *_cut(facts, state, level))
    return text


def _with_first(state: State, lines: Sequence[str]) -> State:
    """The last script with the line that has to run before it, if it is shell that builds."""
    first = next((line.partition("First run: ")[2] for line in lines if "First run: " in line), "")
    if not first or state.right or not re.search(r"(?m)^docker build ", state.script):
        return state
    return replace(state, script=f"{first}\n{state.script}", right=True)


def _fill(task: str, facts: Facts, state: State) -> str:
    # A script that was put right stands alone: beside the lines that it came from, it is not run.
    commands = () if state.right else facts.commands
    if state.deployed:
        # The other lines did their work, perhaps in other words; what is shown is run again.
        commands = tuple(line for line in commands if " > " in line and "<<" not in line)
    return fill("message.md.j2", task=task.strip(), facts=facts, commands=commands, **vars(state))


def render_edit(task: str, facts: Facts, path: str, said: str = "") -> str:
    """The message that asks for the new text of one file.

    Args:
        task: the prompt.
        facts: what is known.
        path: of the file; one of a program that is to be mended has texts beside it.
        said: what an answer without the file said is wrong in it.
    """
    mends = path in facts.beside
    return fill(
        "mend.md.j2" if mends else "edit.md.j2",
        task=task.strip(),
        files=facts.files[:_MOST_FILES],
        path=path,
        text=facts.edits[path].rstrip("\n"),
        **({"beside": facts.beside[path], "failed": facts.failed, "said": said} if mends else {}),
    )


def _cut(facts: Facts, state: State, level: int) -> tuple[Facts, State]:
    """The same with less of it: what helps least goes first, and of outputs the end stays."""
    most_files = (20, 20, 20, 20, 0, 0, 0)[level]
    left_out = max(0, len(facts.files) - most_files)
    output = (1200, 1200, 1200, 1200, 400, 400, 0)[level]
    facts = replace(
        facts,
        files=facts.files[:most_files] if level >= 1 else facts.files,
        more_files=facts.more_files + left_out if level >= 1 else facts.more_files,
        excerpts={} if level >= 2 else facts.excerpts,
        registry=() if level >= 3 else facts.registry,
        policy=() if level >= 3 else facts.policy,
        git_tags=() if level >= 3 else facts.git_tags,
        deployments=facts.deployments[:5] if level >= 5 else facts.deployments,
    )
    state = replace(
        state,
        output=shorten(state.output, most=output) if output else "",
        script="" if level >= 2 else state.script,
        verified=() if level >= 5 else state.verified,
        missing=state.missing[:3] if level >= 6 else state.missing,
    )
    return facts, state


def repeated(scripts: Sequence[str]) -> bool:
    """Whether the last script stands again, word for word, among the earlier ones."""
    return len(scripts) > 1 and scripts[-1].split() in [item.split() for item in scripts[:-1]]
