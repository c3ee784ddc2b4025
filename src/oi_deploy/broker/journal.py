"""The journal: every request to the broker, what was decided, and what it changed.

It is the list of claims that verification checks against the registry and the cluster.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from oi_deploy.broker import images
from oi_deploy.broker.effects import Built, Changed, Effect, Pushed, Tagged
from oi_deploy.broker.request import Decision, Tool

__all__ = ["Built", "Changed", "Effect", "Entry", "Journal", "Pushed", "Tagged"]


@dataclass(frozen=True)
class Entry:
    """One request.

    Attributes:
        seq: 1, 2, 3, … in the order in which the commands ended.
        time: when the request came, in UTC.
        tool: `docker` or `kubectl`; `request` for bytes that were none.
        argv: what was asked for, without the program's name.
        cwd: where it was asked for.
        decision: what the policy said, and what ran.
        exit_code: the command's; None when nothing ran or it was killed.
        seconds: how long it took.
        effects: what it changed.
        output: the end of what it printed, both streams in the order in which they came.
    """

    seq: int
    time: datetime
    tool: Tool | Literal["request"]
    argv: tuple[str, ...]
    cwd: str
    decision: Decision
    exit_code: int | None
    seconds: float
    effects: tuple[Effect, ...]
    output: str


def _canonical(reference: str) -> str:
    image = images.read(reference)
    return images.canonical(image) if image else reference


def _made(found: Mapping[str, str], source: str) -> str:
    """The id of an image of ours, by reference or by (part of) its id; else empty."""
    by_name = found.get(_canonical(source), "")
    wanted = source.removeprefix("sha256:")
    if by_name or len(wanted) < images.SHORT_ID or not images.is_image_id(source):
        return by_name
    ids = (one.removeprefix("sha256:") for one in found.values())
    return next((one for one in ids if one.startswith(wanted) or wanted.startswith(one)), "")


class Journal:
    """Entries in order; safe to use from several threads."""

    def __init__(self) -> None:
        """Start empty."""
        self._entries: tuple[Entry, ...] = ()
        self._lock = threading.Lock()

    def append(
        self,
        *,
        tool: Tool | Literal["request"],
        argv: tuple[str, ...],
        cwd: str,
        decision: Decision,
        time: datetime | None = None,
        exit_code: int | None = None,
        seconds: float = 0.0,
        effects: tuple[Effect, ...] = (),
        output: str = "",
    ) -> Entry:
        """Add an entry; it gets the next number."""
        with self._lock:
            entry = Entry(
                seq=len(self._entries) + 1,
                time=time or datetime.now(UTC),
                tool=tool,
                argv=argv,
                cwd=cwd,
                decision=decision,
                exit_code=exit_code,
                seconds=seconds,
                effects=effects,
                output=output,
            )
            self._entries += (entry,)
        return entry

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries so far."""
        return self._entries

    def built(self) -> tuple[Built, ...]:
        """Images that were built in this run, oldest first."""
        return tuple(e for e in self._effects() if isinstance(e, Built))

    def images(self) -> dict[str, str]:
        """The images that this run made, by every reference it gave them -> id."""
        found: dict[str, str] = {}
        for effect in self._effects():
            if isinstance(effect, Built):
                found[_canonical(effect.reference)] = effect.image_id
            elif isinstance(effect, Tagged):
                image_id = _made(found, effect.source)
                found.pop(_canonical(effect.reference), None)
                if image_id:
                    found[_canonical(effect.reference)] = image_id
        return found

    def named(self) -> frozenset[str]:
        """The references that builds and tags of this run named, whatever became of them.

        A build whose client was gone before its end leaves its name, and no effect.
        """
        return frozenset(
            _canonical(reference)
            for entry in self._entries
            if entry.decision.allowed and entry.decision.argv[:1] in (("build",), ("tag",))
            for reference in entry.decision.images
        )

    def pushed(self) -> tuple[Pushed, ...]:
        """Images that the registry took in this run, oldest first."""
        return tuple(e for e in self._effects() if isinstance(e, Pushed))

    def changed_deployments(self) -> tuple[str, ...]:
        """Names of the Deployments that this run changed, each once, oldest change first."""
        names = (
            e.name for e in self._effects() if isinstance(e, Changed) and e.kind == "deployment"
        )
        return tuple(dict.fromkeys(names))

    def mutated_since(self, seq: int) -> bool:
        """Whether a command after that number may have changed something outside."""
        return any(e.seq > seq and e.decision.mutates and e.decision.argv for e in self._entries)

    def _effects(self) -> tuple[Effect, ...]:
        return tuple(effect for entry in self._entries for effect in entry.effects)
