"""Parts of the harness that the benchmark switches off to measure what they bring.

The variable is no input and is for `bench/deploybench` only (docs/benchmark.md). What is off
changes what the model is told and how its answer is constrained, never what it may do or what is
verified.
"""

from collections.abc import Mapping
from dataclasses import dataclass

VARIABLE = "OI_DEPLOY_WITHOUT"
NAMES = ("facts", "hints", "feedback", "constraint")


@dataclass(frozen=True)
class Parts:
    """What is on.

    Attributes:
        facts: the model is told about repository, registry, cluster, policy and command lines.
        hints: a failed script comes back with the line that puts it right.
        feedback: the model hears what is verified and what is missing.
        constraint: the server lets the model write nothing but a call of a function.
    """

    facts: bool = True
    hints: bool = True
    feedback: bool = True
    constraint: bool = True

    @classmethod
    def of(cls, env: Mapping[str, str]) -> "Parts":
        """All, but for those that the variable names."""
        off = env.get(VARIABLE, "").split()
        return cls(**{name: name not in off for name in NAMES})
