"""Back to the previous state: what a failed run changed in Deployments is undone and verified.

A Deployment is put back only as long as it is as this run left it. What somebody else changed since
then is theirs.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from oi_deploy.errors import RunError
from oi_deploy.verify import rollout
from oi_deploy.verify.network import UnreachableError
from oi_deploy.verify.state import DeploymentState

_AGAIN_S = 0.5


class Restores(rollout.Watched, Protocol):
    """What is needed from the cluster."""

    namespace: str

    def restore(self, now: DeploymentState, before: DeploymentState, *, replicas: bool) -> None:
        """Give a Deployment back what it had."""


@dataclass
class Changes:
    """What this run made of Deployments, noted after each change.

    Attributes:
        before: all Deployments when the run began, by name.
        left: the last state that this run gave to a Deployment, by name.
        unsure: Deployments that a command may have changed before it was killed.
    """

    before: Mapping[str, DeploymentState]
    left: dict[str, DeploymentState] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)

    def names(self) -> tuple[str, ...]:
        """Deployments to look at."""
        return tuple(dict.fromkeys([*self.left, *sorted(self.unsure)]))


@dataclass(frozen=True)
class Restored:
    """What became of one Deployment.

    Attributes:
        ok: whether it is as it was before the run.
        sentence: what was done or why not, for people.
    """

    ok: bool
    sentence: str


def undo_by_hand(before: DeploymentState) -> str:
    """The command line that does the same."""
    return (
        f"kubectl -n {before.namespace} rollout undo deployment/{before.name}"
        f" --to-revision={before.revision}"
    )


def roll_back(
    cluster: Restores,
    changes: Changes,
    *,
    deadline: float,
    cancelled: threading.Event,
    say: Callable[[str], None],
) -> tuple[Restored, ...]:
    """Put back every Deployment that the run has changed, then wait until they serve again.

    Args:
        cluster: where they are.
        changes: what was noted during the run.
        deadline: of `time.monotonic`, for the waiting; everything is put back in any case.
        cancelled: ends the waiting.
        say: prints a line of progress.
    """
    started: list[tuple[DeploymentState, Restored | None]] = []
    for name in changes.names():
        before = changes.before.get(name)
        if before is None:
            words = f"The Deployment {name} was made by this run and stays."
            say(words)
            started.append((changes.left[name], Restored(False, words)))
            continue
        started.append((before, _put_back(cluster, before, changes, deadline, say)))
    return tuple(
        done or _wait(cluster, before, deadline, cancelled, say) for before, done in started
    )


def _put_back(
    cluster: Restores,
    before: DeploymentState,
    changes: Changes,
    deadline: float,
    say: Callable[[str], None],
) -> Restored | None:
    """Begin with one Deployment; None if there is something to wait for.

    A cluster that is away for a moment is asked again.
    """
    while True:
        try:
            return _put_back_once(cluster, before, changes, say)
        except UnreachableError as error:
            if time.monotonic() + _AGAIN_S > deadline:
                return _not_put_back(before, error)
        except RunError as error:
            return _not_put_back(before, error)
        time.sleep(_AGAIN_S)


def _not_put_back(before: DeploymentState, error: RunError) -> Restored:
    why = f"{error.what}: {error.why}" if error.why else error.what
    return Restored(
        False,
        f"The Deployment {before.name} in {before.namespace} could not be put back ({why}). "
        f"By hand: {undo_by_hand(before)}",
    )


def _put_back_once(
    cluster: Restores, before: DeploymentState, changes: Changes, say: Callable[[str], None]
) -> Restored | None:
    where = f"The Deployment {before.name} in {before.namespace}"
    now = cluster.deployment(before.name)
    if now is None:
        return Restored(False, f"{where} is gone.")
    left = changes.left.get(before.name)
    if before.name in changes.unsure or left is None:
        left = now
    if (now.template, now.replicas, now.paused) == (
        before.template, before.replicas, before.paused,
    ):  # fmt: skip
        return Restored(True, f"{where} is as it was before the run.")
    if now.template != left.template:
        return Restored(
            False,
            f"{where} was changed by somebody else after this run, and is left alone. "
            f"To go back: {undo_by_hand(before)}",
        )
    # An autoscaler may have changed their number; only our own change of it is undone.
    ours = now.replicas == left.replicas != before.replicas
    say(f"rolling back: {where} goes back to revision {before.revision}")
    cluster.restore(now, before, replicas=ours)
    return None


def _wait(
    cluster: Restores,
    before: DeploymentState,
    deadline: float,
    cancelled: threading.Event,
    say: Callable[[str], None],
) -> Restored:
    images = ", ".join(container.image for container in before.containers)
    where = f"The Deployment {before.name} in {before.namespace}"
    try:
        found = rollout.wait(cluster, before.name, deadline=deadline, cancelled=cancelled, say=say)
    except RunError as error:
        return Restored(False, f"{where} was put back to {images}, unverified: {error.what}")
    if found.state == "complete":
        return Restored(True, f"{where} runs {images} again.")
    return Restored(False, f"{where} was put back to {images}, but {found.why}")


def touched_by(argv: Sequence[str], known: Mapping[str, DeploymentState]) -> set[str]:
    """The Deployments that a command line may be about."""
    words = {part for word in argv for part in word.replace("=", "/").split("/")}
    return words & set(known)
