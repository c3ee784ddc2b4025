"""A new pod: its namespace's quotas, and what its ReplicaSet says; its account's pull secrets."""

from typing import Any

import pytest

from devkit.cluster import controllers, defaults, errors, rollout_status, writes
from devkit.cluster.request import Target
from devkit.cluster.resources import (
    EVENTS,
    PODS,
    REPLICASETS,
    RESOURCEQUOTAS,
    SERVICEACCOUNTS,
)
from devkit.cluster.store import Store


def created(store: Store, quota: str) -> dict[str, Any]:
    item = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "room"},
        "spec": {"hard": {"pods": quota}},
    }
    where = Target(RESOURCEQUOTAS, "demo", "", "")
    return writes.create(store, where, item, strict="Strict", dry=False)


def with_namespace() -> Store:
    store = Store()
    controllers.ensure_namespace(store, "demo")
    return store


def synced(store: Store, **spec: Any) -> dict[str, Any]:
    """A ReplicaSet of three pods, after one sync."""
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [], **spec}}
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
    return store.get(REPLICASETS, "demo", "web-1")


def test_a_quota_bounds_the_pods_and_says_so() -> None:
    store = with_namespace()
    made = created(store, "2")
    found = synced(store)
    assert made["status"] == {"hard": {"pods": "2"}, "used": {"pods": "0"}}
    assert len(store.list(PODS, "demo")) == 2
    failure = rollout_status.condition(found["status"], "ReplicaFailure")
    assert failure is not None and failure["reason"] == "FailedCreate"
    wanted = "is forbidden: exceeded quota: room, requested: pods=1, used: pods=2, limited: pods=2"
    assert failure["message"].endswith(wanted)
    warnings = [item for item in store.list(EVENTS, "demo") if item["type"] == "Warning"]
    assert [item["reason"] for item in warnings] == ["FailedCreate"]


def test_a_quota_that_suffices_changes_nothing() -> None:
    store = with_namespace()
    created(store, "3")
    found = synced(store)
    assert len(store.list(PODS, "demo")) == 3
    assert rollout_status.condition(found["status"], "ReplicaFailure") is None


def test_a_quota_is_about_its_own_namespace_and_pods_that_have_not_ended() -> None:
    store = with_namespace()
    controllers.ensure_namespace(store, "other")
    synced(store)
    for pod in store.list(PODS, "demo"):
        store.update(PODS, {**pod, "status": {"phase": "Succeeded"}})
    made = created(store, "0")
    assert made["status"]["used"] == {"pods": "0"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}}
    container = {"name": "a", "image": "b"}
    for namespace, refused in (("demo", True), ("other", False)):
        item = {**pod, "metadata": {"name": "one"}, "spec": {"containers": [container]}}
        where = Target(PODS, namespace, "", "")
        try:
            writes.create(store, where, item, strict="Strict", dry=False)
        except errors.ApiError as error:
            assert refused and error.code == 403
        else:
            assert not refused


@pytest.mark.parametrize(
    ("value", "why"),
    [("-1", "must be greater than or equal to 0"), ("1500m", "must be an integer")],
)
def test_a_quota_that_cannot_be_is_refused(value: str, why: str) -> None:
    item = {"metadata": {"name": "room"}, "spec": {"hard": {"pods": value}}}
    with pytest.raises(errors.ApiError) as refused:
        defaults.check(RESOURCEQUOTAS, item, None)
    assert refused.value.message == (
        f'ResourceQuota "room" is invalid: spec.hard[pods]: Invalid value: "{value}": {why}'
    )


def test_a_pod_without_pull_secrets_gets_those_of_its_account() -> None:
    store = with_namespace()
    account = store.get(SERVICEACCOUNTS, "demo", "default")
    store.update(SERVICEACCOUNTS, {**account, "imagePullSecrets": [{"name": "pull"}]})
    synced(store)
    assert {str(pod["spec"]["imagePullSecrets"]) for pod in store.list(PODS)} == {
        "[{'name': 'pull'}]"
    }


def test_a_pod_with_pull_secrets_keeps_its_own() -> None:
    store = with_namespace()
    account = store.get(SERVICEACCOUNTS, "demo", "default")
    store.update(SERVICEACCOUNTS, {**account, "imagePullSecrets": [{"name": "pull"}]})
    synced(store, imagePullSecrets=[{"name": "own"}])
    assert {str(pod["spec"]["imagePullSecrets"]) for pod in store.list(PODS)} == {
        "[{'name': 'own'}]"
    }
