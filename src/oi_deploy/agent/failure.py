"""What a hint is found from: a script that failed, and rules for its output."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from oi_deploy.agent.facts import Facts


@dataclass(frozen=True)
class Failure:
    """A script that failed.

    Attributes:
        script: its code.
        output: what it printed.
        facts: as they are now.
    """

    script: str
    output: str
    facts: Facts


@dataclass(frozen=True)
class Rule:
    """One kind of failure.

    Attributes:
        pattern: what the output says; searched line by line.
        line: the hint for a match, or empty.
    """

    pattern: re.Pattern[str]
    line: Callable[[re.Match[str], Failure], str]


def rule(pattern: str, line: Callable[[re.Match[str], Failure], str]) -> Rule:
    """A rule for output that matches a pattern."""
    return Rule(re.compile(pattern), line)
