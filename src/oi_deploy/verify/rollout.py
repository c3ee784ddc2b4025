"""Whether a rollout is complete, goes on, or cannot succeed, and why."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from oi_deploy.errors import RunError, Status
from oi_deploy.verify.network import UnreachableError
from oi_deploy.verify.state import DeploymentState, PodContainer, PodState

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 2.0
# A node's first attempt can fail and a later one succeed; the kubelet waits 10 s, then 20 s.
_PATIENCE_S = 30.0
# A program that waits for its database may end once or twice before it stays.
_RESTARTS = 2

_PULL = frozenset({"ErrImagePull", "ImagePullBackOff"})
_HOPELESS = frozenset({"InvalidImageName", "ErrImageNeverPull"})
_STUCK = _PULL | {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
_NOT_FOR_US = ("unauthorized", "denied", "x509", "no basic auth", "authentication required")


class Watched(Protocol):
    """What is needed from the cluster."""

    def deployment(self, name: str) -> DeploymentState | None:
        """The Deployment now; None if it is gone."""

    def pods_of(self, deployment: DeploymentState) -> tuple[PodState, ...]:
        """Its pods, of all revisions."""


@dataclass(frozen=True)
class Problem:
    """Why a new pod does not run.

    Attributes:
        pod: its name.
        container: the container's.
        reason: the kubelet's word for it.
        message: what the kubelet says about it.
        final: whether waiting is useless.
    """

    pod: str
    container: str
    reason: str
    message: str
    final: bool

    @property
    def is_pull(self) -> bool:
        """Whether the node could not get the image."""
        return self.reason in _PULL


@dataclass(frozen=True)
class Rollout:
    """How a rollout stands.

    Attributes:
        state: `complete`; `failed`: it cannot succeed; `waiting`.
        deployment: as last read; None if it is gone.
        pods: as last read.
        why: for `failed` and `waiting`, a verb phrase about the Deployment.
        problem: the pod's problem behind that, if there is one.
    """

    state: Literal["complete", "failed", "waiting"]
    deployment: DeploymentState | None
    pods: tuple[PodState, ...]
    why: str = ""
    problem: Problem | None = None


def judge(deployment: DeploymentState, pods: Sequence[PodState]) -> Rollout:
    """Decide from one look; the same rules as `kubectl rollout status`, and the pods' problems."""
    pods = tuple(pods)
    if deployment.observed_generation < deployment.generation:
        return Rollout("waiting", deployment, pods, "has not begun its rollout yet")
    wanted, new = deployment.replicas, deployment.updated
    if new >= wanted and deployment.total <= new and deployment.available >= new:
        return Rollout("complete", deployment, pods)
    if deployment.paused:
        return Rollout("failed", deployment, pods, "is paused, so nothing is rolled out")
    found = problems(pods)
    hopeless = next((item for item in found if item.final), None)
    if hopeless:
        return Rollout("failed", deployment, pods, _says(hopeless), hopeless)
    if deployment.progressing_reason == "ProgressDeadlineExceeded":
        problem = next(iter(found), None)
        why = "made no progress until its deadline (ProgressDeadlineExceeded)"
        if problem:
            why += f"; {_says(problem)}"
        return Rollout("failed", deployment, pods, why, problem)
    ready = sum(pod.current and pod.ready for pod in pods)
    why = f"has {ready} of {wanted} new pods ready and {max(0, deployment.total - new)} old left"
    if deployment.replica_failure:
        why += f"; no pod can be made: {deployment.replica_failure}"
    return Rollout("waiting", deployment, pods, why, next(iter(found), None))


def problems(pods: Sequence[PodState]) -> tuple[Problem, ...]:
    """What keeps the newest revision's pods from running; those without a way out come first."""
    found = [
        Problem(pod.name, item.name, item.waiting, item.message, _is_final(item))
        for pod in pods
        if pod.current and not pod.terminating
        for item in pod.containers
        if item.waiting in _HOPELESS | _STUCK or item.waiting == "CrashLoopBackOff"
    ]
    return tuple(sorted(found, key=lambda item: not item.final))


def _is_final(container: PodContainer) -> bool:
    if container.waiting == "CrashLoopBackOff":
        return container.restarts >= _RESTARTS
    if container.waiting in _PULL:
        # "Not found" is not among them: the image may have been pushed since the node's last try.
        return any(word in container.message.lower() for word in _NOT_FOR_US)
    return container.waiting in _HOPELESS


def _says(problem: Problem) -> str:
    return f"does not get its new pods running: {problem.reason} in container {problem.container}"


def wait(
    cluster: Watched,
    name: str,
    *,
    deadline: float,
    cancelled: threading.Event,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> Rollout:
    """Look until the rollout is complete or cannot succeed; at most until `deadline` (of `clock`).

    Raises:
        RunError: the run is cancelled; the cluster cannot be read.
    """
    pause, last_line = _FIRST_PAUSE_S, ""
    since: dict[str, float] = {}
    silent_since: float | None = None
    while True:
        now = clock()
        try:
            rollout = _out_of_patience(_look(cluster, name), since, now)
        except UnreachableError:
            silent_since = now if silent_since is None else silent_since
            if now - silent_since >= _PATIENCE_S or now >= deadline:
                raise
        else:
            silent_since = None
            if rollout.state != "waiting":
                return rollout
            if now >= deadline:
                why = f"was not rolled out within `rollout-timeout`; it {rollout.why}"
                return replace(rollout, state="failed", why=why)
            if rollout.why != last_line:
                say(f"Deployment {name} {rollout.why}")
                last_line, pause = rollout.why, _FIRST_PAUSE_S
        if cancelled.wait(min(pause, max(0.0, deadline - now))):
            raise RunError("The run was cancelled", status=Status.CANCELLED)
        pause = min(pause * 1.5, _LONGEST_PAUSE_S)


def _look(cluster: Watched, name: str) -> Rollout:
    deployment = cluster.deployment(name)
    if deployment is None:
        return Rollout("failed", None, (), "is gone")
    return judge(deployment, cluster.pods_of(deployment))


def _out_of_patience(rollout: Rollout, since: dict[str, float], now: float) -> Rollout:
    """A problem that stays for too long is final; a pod's pull errors take turns, but are one."""
    current: dict[str, Problem] = {}
    for item in problems(rollout.pods) if rollout.state == "waiting" else ():
        if item.reason in _STUCK:
            kind = "pull" if item.is_pull else item.reason
            current.setdefault(f"{item.pod}/{item.container}/{kind}", item)
    for key in set(since) - set(current):
        del since[key]
    for key, problem in current.items():
        if now - since.setdefault(key, now) >= _PATIENCE_S:
            return replace(rollout, state="failed", why=_says(problem), problem=problem)
    return rollout
