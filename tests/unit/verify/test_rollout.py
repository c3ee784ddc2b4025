import threading
from dataclasses import replace

import pytest

from oi_deploy.verify import rollout
from oi_deploy.verify.network import UnreachableError
from oi_deploy.verify.state import DeploymentState, PodContainer, PodState

from .imitations import NEW, Deployments, deployment, running, unavailable

DONE = deployment(revision=2, app=NEW)
HALF = unavailable(DONE)


class Clock:
    """A second passes at each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


class Hurried(threading.Event):
    """Waits for nothing."""

    def wait(self, timeout: float | None = None) -> bool:
        return self.is_set()


def wait(cluster: rollout.Watched, seconds: float = 100.0) -> tuple[rollout.Rollout, list[str]]:
    said: list[str] = []
    clock = Clock()
    result = rollout.wait(
        cluster, "myapp", deadline=seconds, cancelled=Hurried(), say=said.append, clock=clock
    )
    return result, [*said, f"{clock.now:.0f} looks"]


def pod(waiting: str, message: str = "", restarts: int = 0) -> tuple[PodState, ...]:
    container = PodContainer("app", waiting=waiting, message=message, restarts=restarts)
    return (PodState("myapp-new", current=True, containers=(container,)),)


@pytest.mark.parametrize(
    "change",
    [
        {"observed_generation": 1},
        {"updated": 1},
        {"total": 3},
        {"available": 1},
    ],
)
def test_complete_means_seen_updated_available_and_no_old_pod_left(change: dict[str, int]) -> None:
    assert rollout.judge(DONE, ()).state == "complete"
    assert rollout.judge(replace(DONE, **change), ()).state == "waiting"  # type: ignore[arg-type]


def test_a_failure_of_the_generation_before_does_not_count() -> None:
    late = replace(HALF, observed_generation=1, progressing_reason="ProgressDeadlineExceeded")
    assert rollout.judge(late, pod("CrashLoopBackOff", restarts=9)).state == "waiting"


def test_progress_is_said_once_for_each_change() -> None:
    first = replace(DONE, observed_generation=1)
    cluster = Deployments({"myapp": [first, first, HALF, HALF, HALF, DONE]}, {})
    result, said = wait(cluster)
    assert result.state == "complete"
    assert said == [
        "Deployment myapp has not begun its rollout yet",
        "Deployment myapp has 0 of 2 new pods ready and 2 old left",
        "6 looks",
    ]


def test_the_progress_deadline_ends_the_wait() -> None:
    late = replace(HALF, progressing_reason="ProgressDeadlineExceeded")
    result, said = wait(Deployments({"myapp": [late]}, {}))
    assert result.state == "failed"
    assert "ProgressDeadlineExceeded" in result.why
    assert said == ["1 looks"]


@pytest.mark.parametrize(
    "pods",
    [
        pod("InvalidImageName"),
        pod("ErrImagePull", "failed to authorize: 401 Unauthorized"),
        pod("ImagePullBackOff", "x509: certificate signed by unknown authority"),
        pod("CrashLoopBackOff", restarts=2),
    ],
)
def test_what_cannot_succeed_ends_the_wait_at_once(pods: tuple[PodState, ...]) -> None:
    result, said = wait(Deployments({"myapp": [HALF]}, {"myapp": pods}))
    assert result.state == "failed"
    assert said == ["1 looks"]


def test_a_first_crash_is_waited_out() -> None:
    cluster = Deployments(
        {"myapp": [HALF, HALF, DONE]}, {"myapp": pod("CrashLoopBackOff", restarts=1)}
    )
    assert wait(cluster)[0].state == "complete"


def test_a_pull_that_keeps_failing_is_final_after_a_while() -> None:
    class Alternating(Deployments):
        looks = 0

        def pods_of(self, deployment: DeploymentState) -> tuple[PodState, ...]:
            self.looks += 1
            return pod(("ErrImagePull", "ImagePullBackOff")[self.looks % 2], "not found")

    result, said = wait(Alternating({"myapp": [HALF]}, {}))
    assert result.state == "failed"
    assert result.problem is not None
    assert result.problem.is_pull
    assert said[-1] == "31 looks"


def test_a_pull_that_works_in_the_end_is_no_failure() -> None:
    cluster = Deployments(
        {"myapp": [*[HALF] * 20, DONE]}, {"myapp": pod("ErrImagePull", "not found")}
    )
    assert wait(cluster)[0].state == "complete"


def test_problems_of_pods_that_are_replaced_do_not_count() -> None:
    (broken,) = pod("CrashLoopBackOff", restarts=9)
    older, ending = replace(broken, current=False), replace(broken, terminating=True)
    assert rollout.problems([older, ending, *running(DONE)]) == ()


class Silent(Deployments):
    """Does not answer `failures` times, from the second look on."""

    failures = 0
    looks = 0

    def deployment(self, name: str) -> DeploymentState | None:
        self.looks += 1
        if 1 < self.looks <= self.failures + 1:
            raise UnreachableError("The cluster cannot be read")
        return super().deployment(name)


def test_a_cluster_that_is_silent_for_a_moment_is_asked_again() -> None:
    cluster = Silent({"myapp": [HALF, DONE]}, {})
    cluster.failures = 5
    assert wait(cluster)[0].state == "complete"


def test_a_cluster_that_stays_silent_is_an_error() -> None:
    cluster = Silent({"myapp": [HALF, DONE]}, {})
    cluster.failures = 1000
    with pytest.raises(UnreachableError):
        wait(cluster)
    assert cluster.looks < 40
