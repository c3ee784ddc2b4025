"""The Deployment controller as a pure function: what is, in; what should be done, out.

It follows pkg/controller/deployment of Kubernetes (sync.go, rolling.go, recreate.go, progress.go),
whose names are kept where possible. Called again after every change, it leads a rollout to its end.
"""

from __future__ import annotations

import copy
import datetime
import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import Any

from devkit.cluster import clock, rollout_status

Object = dict[str, Any]

REVISION = "deployment.kubernetes.io/revision"
_HISTORY = "deployment.kubernetes.io/revision-history"
_DESIRED = "deployment.kubernetes.io/desired-replicas"
_MAX = "deployment.kubernetes.io/max-replicas"
_NOT_COPIED = {
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    _HISTORY,
    _DESIRED,
    _MAX,
}
_HASH = "pod-template-hash"
# Letters that form no words, as Kubernetes uses them in generated names.
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


@dataclass
class Plan:
    """What to write: ReplicaSets to create, replace and delete; the Deployment's new parts."""

    status: Object
    annotations: dict[str, str]
    create: Object | None = None
    update: list[Object] = field(default_factory=list)
    delete: list[str] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=list)
    """(reason, message) of normal events on the Deployment."""


def safe_encode(digest: bytes, length: int) -> str:
    """Return `length` letters of Kubernetes' safe alphabet for a digest."""
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:length])


def template_hash(template: Object) -> str:
    """Return the pod-template-hash: equal templates, equal hashes."""
    canonical = json.dumps(template, sort_keys=True).encode()
    return safe_encode(hashlib.sha256(canonical).digest(), 10)


def surge_and_unavailable(deployment: Object) -> tuple[int, int]:
    """Return (maxSurge, maxUnavailable) in pods: surge rounds up, unavailable down."""
    spec = deployment["spec"]
    if spec["strategy"]["type"] != "RollingUpdate":
        return 0, 0
    rolling = spec["strategy"]["rollingUpdate"]
    surge = _pods(rolling["maxSurge"], spec["replicas"], up=True)
    unavailable = _pods(rolling["maxUnavailable"], spec["replicas"], up=False)
    # Both may round to zero, which would allow no step at all (ResolveFenceposts).
    return surge, unavailable if surge or unavailable else 1


def _pods(value: int | str, replicas: int, *, up: bool) -> int:
    if isinstance(value, int):
        return value
    exact = replicas * int(value.rstrip("%")) / 100
    return math.ceil(exact) if up else math.floor(exact)


def reconcile(
    deployment: Object, replica_sets: list[Object], pods: list[Object], now: datetime.datetime
) -> Plan:
    """Return the next step of a Deployment's rollout.

    `replica_sets` and `pods` are those that it owns; all are read, none is changed.
    """
    sets = sorted(
        copy.deepcopy(replica_sets),
        key=lambda item: (item["metadata"]["creationTimestamp"], item["metadata"]["name"]),
    )
    plan = Plan(
        status=copy.deepcopy(deployment.get("status") or {}),
        annotations=dict(deployment["metadata"].get("annotations") or {}),
    )
    template = deployment["spec"]["template"]
    new = next((item for item in sets if _template_of(item) == _plain(template)), None)
    old = [item for item in sets if item is not new]
    scaled_before = {item["metadata"]["name"]: copy.deepcopy(item) for item in sets}

    paused = deployment["spec"].get("paused", False)
    if new is not None:
        _set_revision(deployment, new, old, plan)
    if not paused:
        new = _roll(deployment, new, old, pods, plan, now)
    elif _scaling_event(deployment, sets):
        _scale_proportionally(deployment, new, old, plan)
    current = [*old, new] if new is not None else old
    plan.update = [
        item
        for item in current
        if item is not plan.create and item != scaled_before.get(item["metadata"]["name"])
    ]
    plan.status = rollout_status.calculate(
        deployment, new, current, plan.status, now, surge_and_unavailable(deployment)[1]
    )
    if not paused and rollout_status.complete(deployment, plan.status):
        plan.delete = _beyond_history(deployment, old)
        plan.update = [i for i in plan.update if i["metadata"]["name"] not in plan.delete]
    return plan


def _roll(
    deployment: Object,
    new: Object | None,
    old: list[Object],
    pods: list[Object],
    plan: Plan,
    now: datetime.datetime,
) -> Object | None:
    """Do one step of the strategy; return the new ReplicaSet, made if there was none."""
    sets = [*old, new] if new is not None else old
    if new is not None and _scaling_event(deployment, sets):
        _scale_proportionally(deployment, new, old, plan)
        return new
    if deployment["spec"]["strategy"]["type"] == "Recreate":
        if any(item["spec"]["replicas"] for item in old):
            for item in old:
                _scale(deployment, item, 0, plan)
            return new
        if _old_pods_running(new, pods):
            return new
    if new is None:
        new = _new_replica_set(deployment, old, plan, now)
        return new
    wanted = _new_replicas(deployment, new, old)
    if wanted != new["spec"]["replicas"]:
        _scale(deployment, new, wanted, plan)
    elif deployment["spec"]["strategy"]["type"] == "RollingUpdate":
        _scale_down_old(deployment, new, old, plan)
    return new


def _plain(template: Object) -> Object:
    """The template without the label that tells ReplicaSets apart."""
    result = copy.deepcopy(template)
    labels = (result.get("metadata") or {}).get("labels") or {}
    labels.pop(_HASH, None)
    return result


def _template_of(replica_set: Object) -> Object:
    return _plain(replica_set["spec"]["template"])


def _revision(item: Object) -> int:
    return int((item["metadata"].get("annotations") or {}).get(REVISION, "0"))


def _copied_annotations(deployment: Object) -> dict[str, str]:
    annotations = deployment["metadata"].get("annotations") or {}
    return {key: value for key, value in annotations.items() if key not in _NOT_COPIED}


def _set_revision(deployment: Object, new: Object, old: list[Object], plan: Plan) -> None:
    """Give the current ReplicaSet the highest revision; its earlier one goes into its history."""
    wanted = max((_revision(item) for item in old), default=0) + 1
    annotations = new["metadata"].setdefault("annotations", {})
    annotations |= _copied_annotations(deployment)
    current = _revision(new)
    if current < wanted:
        if current:
            history = [*annotations.get(_HISTORY, "").split(","), str(current)]
            annotations[_HISTORY] = ",".join(part for part in history if part)
        annotations[REVISION] = str(wanted)
    new["spec"]["minReadySeconds"] = deployment["spec"].get("minReadySeconds", 0)
    plan.annotations[REVISION] = annotations[REVISION]


def _new_replica_set(
    deployment: Object, old: list[Object], plan: Plan, now: datetime.datetime
) -> Object:
    hash_ = template_hash(_plain(deployment["spec"]["template"]))
    name = f"{deployment['metadata']['name']}-{hash_}"
    template = copy.deepcopy(deployment["spec"]["template"])
    template.setdefault("metadata", {}).setdefault("labels", {})[_HASH] = hash_
    selector = copy.deepcopy(deployment["spec"]["selector"])
    selector.setdefault("matchLabels", {})[_HASH] = hash_
    revision = str(max((_revision(item) for item in old), default=0) + 1)
    new: Object = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": deployment["metadata"]["namespace"],
            "labels": dict(template["metadata"]["labels"]),
            "annotations": {**_copied_annotations(deployment), REVISION: revision},
            "creationTimestamp": clock.timestamp(now),
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "name": deployment["metadata"]["name"],
                    "uid": deployment["metadata"]["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "replicas": 0,
            "minReadySeconds": deployment["spec"].get("minReadySeconds", 0),
            "selector": selector,
            "template": template,
        },
    }
    _scale(deployment, new, _new_replicas(deployment, new, old), plan)
    plan.create = new
    plan.annotations[REVISION] = revision
    rollout_status.set_condition(
        plan.status,
        "Progressing",
        "True",
        "NewReplicaSetCreated",
        f'Created new replica set "{name}"',
        now,
    )
    return new


def _new_replicas(deployment: Object, new: Object, old: list[Object]) -> int:
    """Return how many pods the new ReplicaSet may have now (NewRSNewReplicas)."""
    desired: int = deployment["spec"]["replicas"]
    current: int = new["spec"]["replicas"]
    if deployment["spec"]["strategy"]["type"] == "Recreate" or current > desired:
        return desired
    total = current + sum(item["spec"]["replicas"] for item in old)
    room = desired + surge_and_unavailable(deployment)[0] - total
    return current if room <= 0 else current + min(room, desired - current)


def _available(item: Object) -> int:
    return int((item.get("status") or {}).get("availableReplicas", 0))


def _scale_down_old(deployment: Object, new: Object, old: list[Object], plan: Plan) -> None:
    """Take pods from old ReplicaSets: unhealthy ones first, never below what must be available."""
    active = [item for item in old if item["spec"]["replicas"] > 0]
    if not active:
        return
    every = [*old, new]
    minimum = deployment["spec"]["replicas"] - surge_and_unavailable(deployment)[1]
    new_unavailable = new["spec"]["replicas"] - _available(new)
    budget = sum(item["spec"]["replicas"] for item in every) - minimum - new_unavailable
    if budget <= 0:
        return
    targets = {item["metadata"]["name"]: item["spec"]["replicas"] for item in active}
    for item in active:
        unhealthy = min(budget, max(item["spec"]["replicas"] - _available(item), 0))
        targets[item["metadata"]["name"]] -= unhealthy
        budget -= unhealthy
    spare = sum(_available(item) for item in every) - minimum
    for item in active:
        taken = min(max(spare, 0), targets[item["metadata"]["name"]])
        targets[item["metadata"]["name"]] -= taken
        spare -= taken
    for item in active:
        _scale(deployment, item, targets[item["metadata"]["name"]], plan)


def _scaling_event(deployment: Object, sets: list[Object]) -> bool:
    """Tell whether `spec.replicas` changed since the active ReplicaSets were last sized."""
    for item in sets:
        noted = (item["metadata"].get("annotations") or {}).get(_DESIRED)
        if item["spec"]["replicas"] and noted and int(noted) != deployment["spec"]["replicas"]:
            return True
    return False


def _scale_proportionally(
    deployment: Object, new: Object | None, old: list[Object], plan: Plan
) -> None:
    """Share a new size among the active ReplicaSets; with only one, it takes all of it."""
    sets = [*old, new] if new is not None else list(old)
    active = [item for item in sets if item["spec"]["replicas"] > 0]
    desired = deployment["spec"]["replicas"]
    if len(active) <= 1:
        target = active[0] if active else (new or (old[-1] if old else None))
        if target is not None:
            _scale(deployment, target, desired, plan)
        return
    allowed = desired + surge_and_unavailable(deployment)[0] if desired else 0
    total = sum(item["spec"]["replicas"] for item in active)
    largest_first = sorted(active, key=lambda item: -item["spec"]["replicas"])
    left = allowed
    for item in largest_first:
        share = min(round(item["spec"]["replicas"] * allowed / total), left)
        left -= share
        _scale(deployment, item, share, plan)
    if left:
        _scale(deployment, largest_first[0], largest_first[0]["spec"]["replicas"] + left, plan)


def _scale(deployment: Object, replica_set: Object, wanted: int, plan: Plan) -> None:
    before = replica_set["spec"]["replicas"]
    desired = deployment["spec"]["replicas"]
    annotations = replica_set["metadata"].setdefault("annotations", {})
    annotations[_DESIRED] = str(desired)
    annotations[_MAX] = str(desired + surge_and_unavailable(deployment)[0])
    if wanted == before:
        return
    replica_set["spec"]["replicas"] = wanted
    direction = "up" if wanted > before else "down"
    name = replica_set["metadata"]["name"]
    text = f"Scaled {direction} replica set {name} from {before} to {wanted}"
    plan.events.append(("ScalingReplicaSet", text))


def _old_pods_running(new: Object | None, pods: list[Object]) -> bool:
    uid = new["metadata"]["uid"] if new is not None else ""
    for pod in pods:
        owners = pod["metadata"].get("ownerReferences") or []
        if any(owner["uid"] == uid for owner in owners):
            continue
        if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
            return True
    return False


def _beyond_history(deployment: Object, old: list[Object]) -> list[str]:
    """Name the oldest idle ReplicaSets beyond `revisionHistoryLimit`."""
    limit = deployment["spec"]["revisionHistoryLimit"]
    idle = [
        item
        for item in old
        if not item["spec"]["replicas"] and not (item.get("status") or {}).get("replicas")
    ]
    excess = max(len(idle) - limit, 0)
    return [item["metadata"]["name"] for item in sorted(idle, key=_revision)[:excess]]
