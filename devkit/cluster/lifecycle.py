"""How objects end: graceful pod deletion, owners and their dependents, namespaces; and events."""

from __future__ import annotations

import datetime
import secrets
import time
from typing import Any

from devkit.cluster import clock, deployments
from devkit.cluster.resources import (
    DEPLOYMENTS,
    EVENTS,
    NAMESPACES,
    PODS,
    REPLICASETS,
    STORED,
    Resource,
)
from devkit.cluster.store import Object, Store

_EVENT_LIMIT = 1000


def random_suffix(length: int = 5) -> str:
    """Return the random end of a generated name."""
    return deployments.safe_encode(secrets.token_bytes(length), length)


def owned(store: Store, resource: Resource, owner: Object) -> list[Object]:
    """Return the objects of a type that `owner` owns."""
    uid = owner["metadata"]["uid"]
    return [
        item
        for item in store.list(resource, owner["metadata"].get("namespace", ""))
        if any(ref["uid"] == uid for ref in item["metadata"].get("ownerReferences") or [])
    ]


def delete(
    store: Store,
    resource: Resource,
    item: Object,
    *,
    grace: int | None = None,
    orphan: bool = False,
) -> Object:
    """Delete an object and what it owns (or let that live on, with `orphan`).

    A pod with a node is only marked; the kubelet removes it when its containers are gone. Returns
    the object as it was last.
    """
    namespace = item["metadata"].get("namespace", "")
    name = item["metadata"]["name"]
    if resource is PODS and item["spec"].get("nodeName") and grace != 0:
        return _mark_pod(store, item, grace)
    gone = store.delete(resource, namespace, name)
    dependents = {DEPLOYMENTS: REPLICASETS, REPLICASETS: PODS}.get(resource)
    if dependents is not None:
        for child in owned(store, dependents, gone):
            if orphan:
                references = child["metadata"]["ownerReferences"]
                uid = gone["metadata"]["uid"]
                child["metadata"]["ownerReferences"] = [r for r in references if r["uid"] != uid]
                store.update(dependents, child)
            else:
                delete(store, dependents, child, grace=grace)
    if resource is NAMESPACES:
        for kind in STORED:
            if kind.namespaced:
                for child in store.list(kind, name):
                    if store.find(kind, name, child["metadata"]["name"]) is not None:
                        delete(store, kind, child)
    return gone


def _mark_pod(store: Store, pod: Object, grace: int | None) -> Object:
    if pod["metadata"].get("deletionTimestamp"):
        return pod
    seconds = pod["spec"]["terminationGracePeriodSeconds"] if grace is None else grace
    until = clock.now() + datetime.timedelta(seconds=seconds)
    pod["metadata"]["deletionTimestamp"] = clock.timestamp(until)
    pod["metadata"]["deletionGracePeriodSeconds"] = seconds
    return store.update(PODS, pod)


def record_event(
    store: Store,
    about: Object,
    reason: str,
    message: str,
    *,
    kind: str = "Normal",
    source: str = "kubelet",
    field_path: str = "",
) -> None:
    """Write an Event on an object; the same one again only raises the count of the first."""
    metadata = about["metadata"]
    namespace = metadata.get("namespace", "default")
    now = clock.timestamp()
    reference: dict[str, Any] = {
        "apiVersion": about["apiVersion"],
        "kind": about["kind"],
        "name": metadata["name"],
        "namespace": namespace,
        "uid": metadata["uid"],
    }
    if field_path:
        reference["fieldPath"] = field_path
    known = store.list(EVENTS, namespace)
    for event in known:
        same = (event["involvedObject"], event["reason"], event["message"])
        if same == (reference, reason, message):
            event["count"] += 1
            event["lastTimestamp"] = now
            store.update(EVENTS, event)
            return
    if len(known) >= _EVENT_LIMIT:
        oldest = min(known, key=lambda event: str(event["lastTimestamp"]))
        store.delete(EVENTS, namespace, oldest["metadata"]["name"])
    store.create(
        EVENTS,
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{metadata['name']}.{time.time_ns():x}",
                "namespace": namespace,
            },
            "involvedObject": reference,
            "reason": reason,
            "message": message,
            "type": kind,
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": {"component": source},
            "reportingComponent": source,
            "reportingInstance": "",
            "eventTime": None,
        },
    )
