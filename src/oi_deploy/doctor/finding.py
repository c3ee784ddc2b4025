"""What one check found, and how a list of that is shown. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from oi_deploy.errors import RunError
from oi_deploy.text import one_line

State = Literal["ok", "warning", "FAILED", "not needed", "not checked"]


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        name: of the check.
        state: `FAILED`: no run can succeed; `warning`: a run may succeed; `not needed`: these
            inputs need it not; `not checked`: something else has to be put right first, or it
            cannot be seen from here.
        found: what is so.
        remedy: what to do, if possible as the line to write; empty if there is nothing to do.
    """

    name: str
    state: State
    found: str
    remedy: str = ""


def of_error(name: str, error: RunError, state: State = "FAILED") -> Finding:
    """The finding that an error amounts to."""
    found = f"{error.what}: {error.why}" if error.why else error.what
    return Finding(name, state, found, error.remedy)


def failed(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Those because of which no run can succeed."""
    return tuple(item for item in findings if item.state == "FAILED")


def require(findings: Sequence[Finding]) -> None:
    """End a run that cannot succeed.

    Raises:
        RunError: a check has failed; all that have are named.
    """
    wrong = failed(findings)
    if len(wrong) == 1:
        raise RunError(wrong[0].found, remedy=wrong[0].remedy)
    if wrong:
        raise RunError(
            f"The run cannot succeed, for {len(wrong)} reasons",
            why="\n" + "\n".join(item.found for item in wrong),
            remedy="\n".join(dict.fromkeys(item.remedy for item in wrong if item.remedy)),
        )


def table(findings: Sequence[Finding]) -> str:
    """One row a check for a terminal, and below it what to do."""
    if not findings:
        return ""
    names = max(len(item.name) for item in findings)
    states = max(len(item.state) for item in findings)
    lines = []
    for item in findings:
        lines.append(f"{item.name:{names}}  {item.state:{states}}  {one_line(item.found)}")
        if item.remedy:
            lines += [f"{'':{names}}  -> {line}" for line in item.remedy.splitlines()]
    return "\n".join(lines)
