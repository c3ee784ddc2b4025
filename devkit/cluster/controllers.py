"""Runs the controllers of Deployments, ReplicaSets and quotas whenever something has changed."""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Callable

from devkit.cluster import (
    admission,
    clock,
    defaults,
    deployments,
    lifecycle,
    quota,
    rollout_status,
)
from devkit.cluster.errors import ApiError
from devkit.cluster.resources import (
    DEPLOYMENTS,
    NAMESPACES,
    PODS,
    REPLICASETS,
    RESOURCEQUOTAS,
    SERVICEACCOUNTS,
)
from devkit.cluster.store import Change, Object, Store

_LOG = logging.getLogger("devkit.cluster.controllers")
_WATCHED = {DEPLOYMENTS, REPLICASETS, PODS, RESOURCEQUOTAS}
# Deadlines and minReadySeconds pass without any change that would wake the controllers.
_TICK_SECONDS = 1.0


class Controllers:
    """One loop that brings the store closer to what its Deployments and ReplicaSets ask for."""

    def __init__(self, store: Store) -> None:
        """Listen to the store."""
        self._store = store
        self._wake = asyncio.Event()
        store.on_change(self._changed)

    def _changed(self, change: Change) -> None:
        if change.resource in _WATCHED:
            self._wake.set()

    async def run(self) -> None:
        """Reconcile without end."""
        while True:
            self._wake.clear()
            for deployment in self._store.list(DEPLOYMENTS):
                self._guarded(sync_deployment, deployment)
            for replica_set in self._store.list(REPLICASETS):
                self._guarded(sync_replica_set, replica_set)
            for item in self._store.list(RESOURCEQUOTAS):
                self._guarded(quota.sync, item)
            try:
                await asyncio.wait_for(self._wake.wait(), _TICK_SECONDS)
            except TimeoutError:
                continue
            await asyncio.sleep(0.05)

    def _guarded(self, sync: Callable[[Store, Object], None], item: Object) -> None:
        try:
            sync(self._store, item)
        except ApiError as error:
            # A client was faster; the change that it made wakes the loop again.
            _LOG.info("%s %s: %s", item["kind"], item["metadata"]["name"], error)


def sync_deployment(store: Store, deployment: Object) -> None:
    """Do the next step of one Deployment's rollout."""
    sets = lifecycle.owned(store, REPLICASETS, deployment)
    pods = [pod for item in sets for pod in lifecycle.owned(store, PODS, item)]
    plan = deployments.reconcile(deployment, sets, pods, clock.now())
    if plan.create is not None:
        created = store.create(REPLICASETS, plan.create)
        _LOG.info("created ReplicaSet %s", created["metadata"]["name"])
    for item in plan.update:
        store.update(REPLICASETS, item)
    namespace = deployment["metadata"]["namespace"]
    for name in plan.delete:
        gone = store.get(REPLICASETS, namespace, name)
        lifecycle.delete(store, REPLICASETS, gone)
    for reason, message in plan.events:
        _LOG.info("%s: %s", deployment["metadata"]["name"], message)
        lifecycle.record_event(store, deployment, reason, message, source="deployment-controller")
    deployment["metadata"]["annotations"] = plan.annotations
    deployment["status"] = plan.status
    store.update(DEPLOYMENTS, deployment)


def sync_replica_set(store: Store, replica_set: Object) -> None:
    """Create or delete pods until their number is right; write the status."""
    pods = [
        pod
        for pod in lifecycle.owned(store, PODS, replica_set)
        if not pod["metadata"].get("deletionTimestamp")
        and (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
    ]
    wanted = replica_set["spec"]["replicas"]
    failure = ""
    for _ in range(wanted - len(pods)):
        pod = _pod_of(replica_set)
        try:
            admission.admit(store, pod)
        except ApiError as error:
            failure = str(error)
            break
        pod = store.create(PODS, pod)
        pods.append(pod)
        text = f"Created pod: {pod['metadata']['name']}"
        _event(store, replica_set, "SuccessfulCreate", text)
    if len(pods) > wanted:
        # Not ready before ready, young before old (controller.ActivePods).
        pods.sort(key=lambda pod: (_ready_since(pod) is None, pod["metadata"]["creationTimestamp"]))
        for pod in pods[wanted:]:
            lifecycle.delete(store, PODS, pod)
            text = f"Deleted pod: {pod['metadata']['name']}"
            _event(store, replica_set, "SuccessfulDelete", text)
        pods = pods[:wanted]
    before = replica_set.get("status") or {}
    replica_set["status"] = _status(replica_set, pods)
    if failure:
        _failed(store, replica_set, before, failure)
    store.update(REPLICASETS, replica_set)


def _failed(store: Store, replica_set: Object, before: Object, failure: str) -> None:
    """Say once why a pod cannot be made; it is tried again at every tick."""
    status = replica_set["status"]
    status["conditions"] = list(before.get("conditions") or [])
    if rollout_status.condition(before, "ReplicaFailure") is None:
        _event(store, replica_set, "FailedCreate", f"Error creating: {failure}", "Warning")
    rollout_status.set_condition(
        status, "ReplicaFailure", "True", "FailedCreate", failure, clock.now()
    )


def _status(replica_set: Object, pods: list[Object]) -> Object:
    now = clock.now()
    minimum = replica_set["spec"].get("minReadySeconds", 0)
    ready = [since for pod in pods if (since := _ready_since(pod)) is not None]
    available = [since for since in ready if clock.age_seconds(since, now) >= minimum]
    counts = {
        "fullyLabeledReplicas": len(pods),
        "readyReplicas": len(ready),
        "availableReplicas": len(available),
    }
    return {
        "replicas": len(pods),
        **{key: value for key, value in counts.items() if value},
        "observedGeneration": replica_set["metadata"]["generation"],
    }


def _ready_since(pod: Object) -> str | None:
    for item in (pod.get("status") or {}).get("conditions") or []:
        if item["type"] == "Ready" and item["status"] == "True":
            return str(item["lastTransitionTime"])
    return None


def _pod_of(replica_set: Object) -> Object:
    template = copy.deepcopy(replica_set["spec"]["template"])
    name = replica_set["metadata"]["name"]
    metadata = template.get("metadata") or {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{name}-{lifecycle.random_suffix()}",
            "generateName": f"{name}-",
            "namespace": replica_set["metadata"]["namespace"],
            "labels": metadata.get("labels") or {},
            **({"annotations": metadata["annotations"]} if metadata.get("annotations") else {}),
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "ReplicaSet",
                    "name": name,
                    "uid": replica_set["metadata"]["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {**template["spec"], "serviceAccountName": "default"},
        "status": {"phase": "Pending"},
    }


def _event(
    store: Store, replica_set: Object, reason: str, message: str, kind: str = "Normal"
) -> None:
    source = "replicaset-controller"
    lifecycle.record_event(store, replica_set, reason, message, kind=kind, source=source)


def ensure_namespace(store: Store, name: str) -> None:
    """Create a namespace with what every namespace has, unless it is there."""
    if store.find(NAMESPACES, "", name) is None:
        item = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        create_namespace(store, item)


def create_namespace(store: Store, item: Object) -> Object:
    """Create a namespace, and its default service account."""
    defaults.apply(NAMESPACES, item)
    created = store.create(NAMESPACES, item)
    metadata = {"name": "default", "namespace": created["metadata"]["name"]}
    store.create(
        SERVICEACCOUNTS, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    )
    return created
