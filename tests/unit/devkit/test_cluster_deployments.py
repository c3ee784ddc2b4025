"""The rollout, step by step, without a clock, a store or a container."""

import copy
import datetime
from typing import Any

import pytest

from devkit.cluster import defaults, deployments, rollout_status
from devkit.cluster.resources import DEPLOYMENTS

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
REVISION = "deployment.kubernetes.io/revision"


class Cluster:
    """A Deployment with its ReplicaSets; `available` says how many pods of each image work."""

    def __init__(self, **spec: Any) -> None:
        labels = {"app": "web"}
        self.deployment: dict[str, Any] = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "n", "uid": "d", "generation": 1},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "app", "image": "v1"}]},
                },
                **spec,
            },
        }
        defaults.apply(DEPLOYMENTS, self.deployment)
        self.sets: list[dict[str, Any]] = []
        self.now = NOW
        self.most_pods = self.fewest_available = 0

    def set_image(self, image: str) -> None:
        self.deployment["spec"]["template"]["spec"]["containers"][0]["image"] = image
        self.deployment["metadata"]["generation"] += 1

    def replicas(self) -> dict[str, int]:
        return {image_of(item): item["spec"]["replicas"] for item in self.sets}

    def step(self) -> deployments.Plan:
        plan = deployments.reconcile(self.deployment, self.sets, [], self.now)
        changed = {item["metadata"]["name"]: item for item in plan.update}
        self.sets = [changed.get(item["metadata"]["name"], item) for item in self.sets]
        self.sets = [item for item in self.sets if item["metadata"]["name"] not in plan.delete]
        if plan.create is not None:
            plan.create["metadata"]["uid"] = plan.create["metadata"]["name"]
            self.sets.append(plan.create)
        self.deployment["metadata"]["annotations"] = plan.annotations
        self.deployment["status"] = plan.status
        return plan

    def settle(self, broken: str = "") -> None:
        """Step until nothing changes; pods of all images but `broken` become available."""
        seen: list[int] = []
        self.most_pods = 0
        for _ in range(60):
            before = copy.deepcopy((self.sets, self.deployment))
            self.step()
            self.most_pods = max(self.most_pods, sum(self.replicas().values()))
            for item in self.sets:
                count = item["spec"]["replicas"]
                working = 0 if image_of(item) == broken else count
                item["status"] = {
                    "replicas": count, "readyReplicas": working, "availableReplicas": working,
                }  # fmt: skip
            seen.append(sum(item["status"]["availableReplicas"] for item in self.sets))
            self.now += datetime.timedelta(seconds=1)
            if (self.sets, self.deployment) == before:
                break
        self.fewest_available = min(seen)

    def progressing(self) -> tuple[str, str]:
        found = rollout_status.condition(self.deployment["status"], "Progressing")
        assert found is not None
        return found["status"], found["reason"]


def image_of(item: dict[str, Any]) -> str:
    return str(item["spec"]["template"]["spec"]["containers"][0]["image"])


def test_first_rollout_ends_complete() -> None:
    cluster = Cluster(replicas=3)
    cluster.settle()

    assert cluster.replicas() == {"v1": 3}
    status = cluster.deployment["status"]
    assert (status["replicas"], status["updatedReplicas"], status["availableReplicas"]) == (3, 3, 3)
    assert status["observedGeneration"] == 1
    assert cluster.progressing() == ("True", "NewReplicaSetAvailable")
    assert cluster.deployment["metadata"]["annotations"][REVISION] == "1"
    (found,) = cluster.sets
    hash_ = found["metadata"]["labels"]["pod-template-hash"]
    assert found["metadata"]["name"] == f"web-{hash_}"
    assert found["spec"]["selector"]["matchLabels"]["pod-template-hash"] == hash_


@pytest.mark.parametrize(("surge", "unavailable"), [(1, 0), (0, 1), ("25%", "25%"), ("100%", 0)])
def test_rolling_update_keeps_to_its_limits(surge: Any, unavailable: Any) -> None:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    cluster = Cluster(replicas=4, strategy={"type": "RollingUpdate", "rollingUpdate": rolling})
    cluster.settle()
    cluster.set_image("v2")
    cluster.settle()

    most, fewest = deployments.surge_and_unavailable(cluster.deployment)
    assert cluster.replicas() == {"v1": 0, "v2": 4}
    assert cluster.most_pods <= 4 + most
    assert cluster.fewest_available >= 4 - fewest
    assert cluster.deployment["metadata"]["annotations"][REVISION] == "2"


def test_a_broken_version_stops_and_passes_the_deadline() -> None:
    cluster = Cluster(replicas=2, progressDeadlineSeconds=10)
    cluster.settle()
    cluster.set_image("bad")
    cluster.settle(broken="bad")

    assert cluster.progressing() == ("True", "ReplicaSetUpdated")
    cluster.now += datetime.timedelta(seconds=10)
    cluster.settle(broken="bad")

    assert cluster.replicas() == {"v1": 2, "bad": 1}
    assert cluster.progressing() == ("False", "ProgressDeadlineExceeded")
    available = rollout_status.condition(cluster.deployment["status"], "Available")
    assert available is not None and available["status"] == "True"


def test_going_back_reuses_the_old_set_with_a_new_revision() -> None:
    cluster = Cluster(replicas=2)
    cluster.settle()
    cluster.set_image("v2")
    cluster.settle()
    cluster.set_image("v1")
    cluster.settle()

    assert cluster.replicas() == {"v1": 2, "v2": 0}
    old = next(item for item in cluster.sets if image_of(item) == "v1")
    assert old["metadata"]["annotations"][REVISION] == "3"
    assert old["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"
    assert cluster.progressing() == ("True", "NewReplicaSetAvailable")


def test_history_is_cut_to_its_limit() -> None:
    cluster = Cluster(replicas=1, revisionHistoryLimit=1)
    for image in ("v1", "v2", "v3", "v4"):
        cluster.set_image(image)
        cluster.settle()

    assert sorted(cluster.replicas()) == ["v3", "v4"]


def test_a_paused_deployment_scales_but_does_not_roll() -> None:
    cluster = Cluster(replicas=2)
    cluster.settle()
    cluster.deployment["spec"]["paused"] = True
    cluster.set_image("v2")
    cluster.deployment["spec"]["replicas"] = 5
    cluster.settle()
    assert cluster.replicas() == {"v1": 5}

    del cluster.deployment["spec"]["paused"]
    cluster.settle()
    assert cluster.replicas() == {"v1": 0, "v2": 5}


def test_recreate_waits_until_the_old_pods_are_gone() -> None:
    cluster = Cluster(replicas=2, strategy={"type": "Recreate"})
    cluster.settle()
    cluster.set_image("v2")
    cluster.step()
    assert cluster.replicas() == {"v1": 0}
    leaving = {
        "metadata": {"ownerReferences": [{"uid": cluster.sets[0]["metadata"]["uid"]}]},
        "status": {"phase": "Running"},
    }

    waiting = deployments.reconcile(cluster.deployment, cluster.sets, [leaving], NOW)
    assert waiting.create is None
    cluster.settle()
    assert cluster.replicas() == {"v1": 0, "v2": 2}


def test_scaling_in_the_middle_of_a_rollout_is_shared() -> None:
    cluster = Cluster(replicas=4)
    cluster.settle()
    cluster.set_image("bad")
    cluster.settle(broken="bad")
    cluster.deployment["spec"]["replicas"] = 8
    cluster.step()

    counts = cluster.replicas()
    assert sum(counts.values()) == 8 + 2
    assert counts["v1"] > counts["bad"] > 0


def test_scale_to_zero() -> None:
    cluster = Cluster(replicas=2)
    cluster.settle()
    cluster.deployment["spec"]["replicas"] = 0
    cluster.settle()
    assert cluster.replicas() == {"v1": 0}
