"""A failed run's changes are undone and verified; what is somebody else's is left alone."""

import threading
import time
from dataclasses import dataclass, field, replace

import pytest

from oi_deploy.errors import RunError
from oi_deploy.verify.network import UnreachableError
from oi_deploy.verify.rollback import Changes, Restored, roll_back, touched_by
from oi_deploy.verify.state import DeploymentState, PodState
from tests.unit.verify.imitations import NEW, OLD, deployment, running, unavailable

BEFORE = replace(deployment(app=OLD), template='{"image": "old"}')
BROKEN = replace(
    unavailable(deployment(revision=2, app=NEW)), template='{"image": "new"}', generation=2
)


@dataclass
class Cluster:
    """One Deployment that can be put back; `works` says whether it then rolls out."""

    now: DeploymentState | None
    works: bool = True
    denied: str = ""
    away: int = 0
    namespace: str = "production"
    restored: list[tuple[str, bool]] = field(default_factory=list)

    def deployment(self, name: str) -> DeploymentState | None:
        self.away -= 1
        if self.away >= 0:
            raise UnreachableError("The cluster cannot be read", why="nothing listens there")
        return self.now

    def pods_of(self, state: DeploymentState) -> tuple[PodState, ...]:
        return running(state, app="sha256:" + 64 * "1")

    def restore(self, now: DeploymentState, before: DeploymentState, *, replicas: bool) -> None:
        if self.denied:
            raise RunError("The cluster says no", why=self.denied)
        self.restored.append((before.template, replicas))
        self.now = before if self.works else unavailable(before)


def undo(cluster: Cluster, changes: Changes, patience_s: float = 0.0) -> Restored:
    (found,) = roll_back(
        cluster,
        changes,
        deadline=time.monotonic() + patience_s,
        cancelled=threading.Event(),
        say=lambda line: None,
    )
    return found


def noted(left: DeploymentState = BROKEN) -> Changes:
    return Changes({"myapp": BEFORE}, left={"myapp": left})


def test_a_broken_rollout_is_put_back_and_verified() -> None:
    cluster = Cluster(BROKEN)
    assert undo(cluster, noted()) == Restored(
        True, f"The Deployment myapp in production runs {OLD} again."
    )
    assert cluster.restored == [(BEFORE.template, False)]


def test_a_rollback_that_does_not_come_up_is_no_success() -> None:
    found = undo(Cluster(BROKEN, works=False), noted())
    assert not found.ok
    assert "was put back" in found.sentence


def test_what_somebody_else_changed_is_left_alone() -> None:
    cluster = Cluster(replace(BROKEN, template='{"image": "theirs"}', generation=3))
    found = undo(cluster, noted())
    assert not found.ok
    assert "somebody else" in found.sentence
    assert "kubectl -n production rollout undo deployment/myapp --to-revision=1" in found.sentence
    assert cluster.restored == []


def test_a_deployment_that_is_as_before_needs_nothing() -> None:
    cluster = Cluster(BEFORE)
    assert undo(cluster, noted()).ok
    assert cluster.restored == []


@pytest.mark.parametrize(
    ("left", "now", "ours"),
    [
        (5, 5, True),  # the run has scaled it
        (2, 5, False),  # an autoscaler has
        (5, 4, False),  # both
    ],
)
def test_only_our_own_change_of_the_replicas_is_undone(left: int, now: int, ours: bool) -> None:
    cluster = Cluster(replace(BROKEN, replicas=now))
    undo(cluster, noted(replace(BROKEN, replicas=left)))
    assert cluster.restored == [(BEFORE.template, ours)]


def test_a_change_whose_command_was_killed_is_undone_too() -> None:
    cluster = Cluster(BROKEN)
    assert undo(cluster, Changes({"myapp": BEFORE}, unsure={"myapp"})).ok
    assert cluster.restored


def test_a_refused_rollback_says_how_to_do_it_by_hand() -> None:
    found = undo(Cluster(BROKEN, denied="forbidden"), noted())
    assert not found.ok
    assert "forbidden" in found.sentence
    assert "rollout undo deployment/myapp --to-revision=1" in found.sentence


def test_a_deployment_that_the_run_made_stays_and_is_named() -> None:
    found = undo(Cluster(BROKEN), Changes({}, left={"myapp": BROKEN}))
    assert (found.ok, "made by this run" in found.sentence) == (False, True)


def test_a_deployment_that_is_gone_is_named() -> None:
    assert undo(Cluster(None), noted()).sentence.endswith("is gone.")


@pytest.mark.parametrize(
    "line", ["set image deployment/myapp app=x", "scale deploy myapp --replicas=1"]
)
def test_a_killed_command_may_have_changed_what_it_names(line: str) -> None:
    assert touched_by(line.split(), {"myapp": BEFORE, "other": BEFORE}) == {"myapp"}


def test_a_cluster_that_is_away_for_a_moment_is_asked_again() -> None:
    cluster = Cluster(BROKEN, away=2)
    assert undo(cluster, noted(), patience_s=20).ok
    assert cluster.restored == [(BEFORE.template, False)]


def test_a_cluster_that_stays_away_is_told_with_the_way_back() -> None:
    found = undo(Cluster(BROKEN, away=99), noted())
    assert not found.ok
    assert "nothing listens there" in found.sentence
    assert "rollout undo deployment/myapp" in found.sentence
