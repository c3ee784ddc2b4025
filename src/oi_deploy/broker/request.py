"""What is asked of the broker, what it may answer, and what the workflow's author allowed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Tool = Literal["docker", "kubectl"]


@dataclass(frozen=True)
class Policy:
    """What the model's code may do with docker and kubectl.

    Attributes:
        workspace: directory that build contexts and manifests must be in.
        registry: `host[:port][/path]` that images are pushed to.
        namespace: the only namespace that kubectl may see.
        allowed_images: repositories, or path prefixes of them; empty means everything under
            `registry`.
        allowed_deployments: names of the Deployments that may change; empty means all of
            `namespace`.
        rollout_timeout_s: seconds that a `kubectl rollout status` without `--timeout` waits.
    """

    workspace: Path
    registry: str
    namespace: str
    allowed_images: tuple[str, ...] = ()
    allowed_deployments: tuple[str, ...] = ()
    rollout_timeout_s: int = 300

    @property
    def images(self) -> tuple[str, ...]:
        """The allowed repositories, with the default applied."""
        return self.allowed_images or (self.registry,)


@dataclass(frozen=True)
class Request:
    """One command as the shim sent it; `argv` is without the program's name."""

    tool: Tool
    argv: tuple[str, ...]
    cwd: str
    stdin: bytes = b""


@dataclass(frozen=True)
class Decision:
    """The answer of the policy to one request.

    Attributes:
        allowed: whether the request passes.
        rule: stable name of the rule that decided, for the journal.
        reason: for people and the model; empty for a plain pass.
        alternatives: complete command lines that would be allowed instead.
        argv: what really runs, without the program's name; empty when nothing runs.
        stdin: what the command gets on its standard input.
        mutates: whether the command changes an image store, the registry or the cluster.
        answer: text that is given back without running anything (`docker login`).
        images: references that a build names, a tag creates or a push sends.
    """

    allowed: bool
    rule: str
    reason: str = ""
    alternatives: tuple[str, ...] = ()
    argv: tuple[str, ...] = ()
    stdin: bytes = b""
    mutates: bool = False
    answer: str = ""
    images: tuple[str, ...] = ()


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """A rule says no; `decide` turns it into a Decision."""

    def __init__(self, rule: str, reason: str, *alternatives: str) -> None:
        """Keep the parts of the Decision."""
        self.rule = rule
        self.reason = reason
        self.alternatives = alternatives
        super().__init__(reason)
