"""What verification found, as data, with one sentence for people and for a weak model."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Check = Literal[
    "push.claimed",
    "registry.digest",
    "deployment.image",
    "deployment.changed",
    "deployment.replicas",
    "deployment.unchanged-fields",
    "rollout.complete",
    "pods.digest",
    "pods.ready",
    "script.ended",
]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        ok: whether it is as it must be.
        check: what was looked at; a stable id.
        where: its subject: `the image X`, `the Deployment NAME in NAMESPACE`.
        found: what is so, as a verb phrase that goes with `where`.
        expected: what must be so, as a clause of its own; empty if it is obvious.
        fix: the complete command line that would put it right, if one is known.
        detail: lines that explain it: events, what a container wrote.
    """

    ok: bool
    check: Check
    where: str
    found: str
    expected: str = ""
    fix: str = ""
    detail: tuple[str, ...] = ()

    def sentence(self) -> str:
        """What is so and, if it is wrong, what must be so and the line that does it.

        A small model ignores advice in prose, but runs an exact line that it is shown.
        """
        text = f"{self.where[:1].upper()}{self.where[1:]} {self.found}"
        if self.ok:
            return f"{text}."
        if self.expected:
            text += f"; {self.expected}"
        text += f": run `{self.fix}`" if self.fix else "."
        return "\n".join([text, *(f"  {line}" for line in self.detail)])


@dataclass(frozen=True)
class Verdict:
    """All findings, and the facts that a run reports. Unknown strings are empty.

    Attributes:
        findings: in the order in which they were made.
        image: the deployed image with its tag (the last one, if there are several); with
            `expect: push`, the last one pushed.
        digest: its digest, read from the registry.
        deployment: the Deployment that runs it.
        namespace: where that is.
        revision: its revision now.
        previous_image: what that container ran before.
        changed: whether a Deployment of the findings has another revision than before.
    """

    findings: tuple[Finding, ...]
    image: str = ""
    digest: str = ""
    deployment: str = ""
    namespace: str = ""
    revision: str = ""
    previous_image: str = ""
    changed: bool = False

    @property
    def ok(self) -> bool:
        """Whether there is nothing wrong."""
        return all_ok(self.findings)


def all_ok(findings: Iterable[Finding]) -> bool:
    """Whether none of them is wrong."""
    return all(item.ok for item in findings)


def of_deployment(name: str, namespace: str) -> str:
    """How a Deployment is called in sentences."""
    return f"the Deployment {name} in {namespace}"
