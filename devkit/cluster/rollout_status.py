"""A Deployment's status: counts, and the conditions Available and Progressing."""

from __future__ import annotations

import datetime
from typing import Any

from devkit.cluster import clock

Object = dict[str, Any]

_DONE = "NewReplicaSetAvailable"
_LATE = "ProgressDeadlineExceeded"


def condition(status: Object, kind: str) -> Object | None:
    """Return the condition of a type, or None."""
    return next((item for item in status.get("conditions") or [] if item["type"] == kind), None)


def set_condition(
    status: Object, kind: str, value: str, reason: str, message: str, now: datetime.datetime
) -> None:
    """Write a condition; the transition time stays when the value does (SetDeploymentCondition).

    The same value for the same reason is not written again, so that the progress deadline counts
    from the last real progress.
    """
    old = condition(status, kind)
    if old is not None and (old["status"], old["reason"]) == (value, reason):
        return
    stamp = clock.timestamp(now)
    same = old is not None and old["status"] == value
    entry = {
        "type": kind,
        "status": value,
        "reason": reason,
        "message": message,
        "lastUpdateTime": stamp,
        "lastTransitionTime": old["lastTransitionTime"] if old is not None and same else stamp,
    }
    others = [item for item in status.get("conditions") or [] if item["type"] != kind]
    status["conditions"] = [*others, entry]


def complete(deployment: Object, status: Object) -> bool:
    """Tell whether the rollout is complete (DeploymentComplete)."""
    desired = deployment["spec"]["replicas"]
    return bool(
        status.get("updatedReplicas", 0) == desired
        and status.get("replicas", 0) == desired
        and status.get("availableReplicas", 0) == desired
        and status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    )


def calculate(
    deployment: Object,
    new: Object | None,
    sets: list[Object],
    before: Object,
    now: datetime.datetime,
    max_unavailable: int,
) -> Object:
    """Return the status that follows from the ReplicaSets (calculateStatus, syncRolloutStatus).

    `before` is the last status, with the conditions that this step already set.
    """
    counts = {
        "replicas": _sum(sets, "replicas"),
        "updatedReplicas": _sum([new] if new is not None else [], "replicas"),
        "readyReplicas": _sum(sets, "readyReplicas"),
        "availableReplicas": _sum(sets, "availableReplicas"),
    }
    desired = deployment["spec"]["replicas"]
    counts["unavailableReplicas"] = max(
        sum(item["spec"]["replicas"] for item in sets) - counts["availableReplicas"], 0
    )
    status: Object = {
        "observedGeneration": deployment["metadata"].get("generation", 0),
        **{key: value for key, value in counts.items() if value},
        "conditions": list(before.get("conditions") or []),
    }
    if counts["availableReplicas"] >= desired - max_unavailable:
        text = "Deployment has minimum availability."
        set_condition(status, "Available", "True", "MinimumReplicasAvailable", text, now)
    else:
        text = "Deployment does not have minimum availability."
        set_condition(status, "Available", "False", "MinimumReplicasUnavailable", text, now)
    if deployment["spec"].get("paused"):
        _pause(status, now)
    else:
        _progress(deployment, new, before, status, now)
    _replica_failure(new, sets, status)
    return status


def _replica_failure(new: Object | None, sets: list[Object], status: Object) -> None:
    """Pass on why a ReplicaSet cannot make pods, the newest one's first (getReplicaFailures)."""
    kind = "ReplicaFailure"
    found = [condition(item.get("status") or {}, kind) for item in [*([new] if new else []), *sets]]
    failure = next(filter(None, found), None)
    others = [item for item in status["conditions"] if item["type"] != kind]
    status["conditions"] = [*others, dict(failure)] if failure else others


def _pause(status: Object, now: datetime.datetime) -> None:
    current = condition(status, "Progressing")
    if current is None or current["reason"] != "DeploymentPaused":
        text = "Deployment is paused"
        set_condition(status, "Progressing", "Unknown", "DeploymentPaused", text, now)


def _progress(
    deployment: Object, new: Object | None, before: Object, status: Object, now: datetime.datetime
) -> None:
    current = condition(status, "Progressing")
    if current is not None and current["reason"] == "DeploymentPaused":
        text = "Deployment is resumed"
        set_condition(status, "Progressing", "Unknown", "DeploymentResumed", text, now)
        current = condition(status, "Progressing")
    done_before = current is not None and current["reason"] == _DONE
    if done_before and status.get("replicas", 0) == status.get("updatedReplicas", 0):
        return
    who = f'Deployment "{deployment["metadata"]["name"]}"'
    if new is not None:
        who = f'ReplicaSet "{new["metadata"]["name"]}"'
    if complete(deployment, status):
        text = f"{who} has successfully progressed."
        set_condition(status, "Progressing", "True", _DONE, text, now)
    elif _progressed(before, status):
        # Written even when value and reason stay: the deadline counts from here.
        text = f"{who} is progressing."
        others = [item for item in status["conditions"] if item["type"] != "Progressing"]
        began = clock.timestamp(now)
        if current is not None and current["status"] == "True":
            began = current["lastTransitionTime"]
        status["conditions"] = others
        set_condition(status, "Progressing", "True", "ReplicaSetUpdated", text, now)
        status["conditions"][-1]["lastTransitionTime"] = began
    elif timed_out(deployment, current, now):
        text = f"{who} has timed out progressing."
        set_condition(status, "Progressing", "False", _LATE, text, now)


def _progressed(before: Object, status: Object) -> bool:
    def old(item: Object) -> int:
        return int(item.get("replicas", 0)) - int(item.get("updatedReplicas", 0))

    return bool(
        status.get("updatedReplicas", 0) > before.get("updatedReplicas", 0)
        or old(status) < old(before)
        or status.get("readyReplicas", 0) > before.get("readyReplicas", 0)
        or status.get("availableReplicas", 0) > before.get("availableReplicas", 0)
    )


def timed_out(deployment: Object, current: Object | None, now: datetime.datetime) -> bool:
    """Tell whether the last progress is longer ago than `progressDeadlineSeconds`."""
    if current is None or current["reason"] == _DONE:
        return False
    if current["reason"] == _LATE:
        return True
    limit: int = deployment["spec"]["progressDeadlineSeconds"]
    return clock.age_seconds(current["lastUpdateTime"], now) > limit


def _sum(sets: list[Object], key: str) -> int:
    return sum(int((item.get("status") or {}).get(key, 0)) for item in sets)
