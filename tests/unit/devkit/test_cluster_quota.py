"""A namespace without room for another pod: what its ReplicaSet and its Deployment say."""

from typing import Any

from devkit.cluster import controllers, rollout_status
from devkit.cluster.resources import EVENTS, NAMESPACES, PODS, REPLICASETS
from devkit.cluster.store import Store

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}}


def synced(quota: str) -> tuple[Store, dict[str, Any]]:
    """A ReplicaSet of three pods in a namespace with a quota, after one sync."""
    store = Store()
    metadata = {"name": "demo", "annotations": {"devkit/quota-pods": quota}}
    store.create(NAMESPACES, {**NAMESPACE, "metadata": metadata})
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}}
    item = store.create(
        REPLICASETS,
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {"name": "web-1", "namespace": "demo"},
            "spec": {"replicas": 3, "template": template},
        },
    )
    controllers.sync_replica_set(store, item)
    return store, store.get(REPLICASETS, "demo", "web-1")


def test_a_quota_bounds_the_pods_and_says_so() -> None:
    store, found = synced("2")
    assert len(store.list(PODS, "demo")) == 2
    failure = rollout_status.condition(found["status"], "ReplicaFailure")
    assert failure is not None and failure["reason"] == "FailedCreate"
    wanted = "is forbidden: exceeded quota: pods, requested: pods=1, used: pods=2, limited: pods=2"
    assert failure["message"].endswith(wanted)
    warnings = [item for item in store.list(EVENTS, "demo") if item["type"] == "Warning"]
    assert [item["reason"] for item in warnings] == ["FailedCreate"]


def test_a_quota_that_suffices_changes_nothing() -> None:
    store, found = synced("3")
    assert len(store.list(PODS, "demo")) == 3
    assert rollout_status.condition(found["status"], "ReplicaFailure") is None
