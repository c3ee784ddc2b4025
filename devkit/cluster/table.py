"""The Table form of objects: what `kubectl get` prints."""

from __future__ import annotations

import datetime
from typing import Any

from devkit.cluster import clock
from devkit.cluster.resources import Resource

Object = dict[str, Any]
Row = list[Any]

_NAME = ("Name", 0)
_AGE = ("Age", 0)
# (column, priority); priority 1 is shown by `-o wide` only.
_COLUMNS: dict[str, list[tuple[str, int]]] = {
    "Deployment": [
        _NAME,
        ("Ready", 0),
        ("Up-to-date", 0),
        ("Available", 0),
        _AGE,
        ("Containers", 1),
        ("Images", 1),
        ("Selector", 1),
    ],
    "ReplicaSet": [
        _NAME,
        ("Desired", 0),
        ("Current", 0),
        ("Ready", 0),
        _AGE,
        ("Containers", 1),
        ("Images", 1),
        ("Selector", 1),
    ],
    "Pod": [
        _NAME,
        ("Ready", 0),
        ("Status", 0),
        ("Restarts", 0),
        _AGE,
        ("IP", 1),
        ("Node", 1),
        ("Nominated Node", 1),
        ("Readiness Gates", 1),
    ],
    "Service": [
        _NAME,
        ("Type", 0),
        ("Cluster-IP", 0),
        ("External-IP", 0),
        ("Port(s)", 0),
        _AGE,
        ("Selector", 1),
    ],
    "Namespace": [_NAME, ("Status", 0), _AGE],
    "Node": [_NAME, ("Status", 0), ("Roles", 0), _AGE, ("Version", 0)],
    "ConfigMap": [_NAME, ("Data", 0), _AGE],
    "Secret": [_NAME, ("Type", 0), ("Data", 0), _AGE],
    "ServiceAccount": [_NAME, ("Secrets", 0), _AGE],
    "ResourceQuota": [_NAME, ("Request", 0), ("Limit", 0), _AGE],
    "Event": [
        ("Last Seen", 0),
        ("Type", 0),
        ("Reason", 0),
        ("Object", 0),
        ("Message", 0),
        ("Name", 1),
    ],
}


def render(
    resource: Resource, items: list[Object], include: str, version: str, *, headers: bool = True
) -> Object:
    """Return the Table of some objects; `include` is `Metadata` (the default), `Object`, `None`."""
    now = clock.now()
    table: Object = {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": [_definition(*column) for column in _COLUMNS[resource.kind]],
        "rows": [
            {"cells": _cells(resource.kind, item, now), **_row_object(item, include)}
            for item in items
        ],
    }
    if not headers:
        table["columnDefinitions"] = []
    return table


def _definition(name: str, priority: int) -> Object:
    return {
        "name": name,
        "type": "string",
        "format": "name" if name == "Name" else "",
        "description": name,
        "priority": priority,
    }


def _row_object(item: Object, include: str) -> Object:
    if include == "None":
        return {}
    if include == "Object":
        return {"object": item}
    metadata = {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": item["metadata"],
    }
    return {"object": metadata}


def _cells(kind: str, item: Object, now: datetime.datetime) -> Row:
    metadata = item["metadata"]
    name, spec, status = metadata["name"], item.get("spec") or {}, item.get("status") or {}
    age = _since(metadata.get("creationTimestamp"), now)
    match kind:
        case "Deployment":
            ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
            updated, available = (
                status.get("updatedReplicas", 0),
                status.get("availableReplicas", 0),
            )
            return [name, ready, updated, available, age, *_containers(spec)]
        case "ReplicaSet":
            desired, current = spec.get("replicas", 0), status.get("replicas", 0)
            return [name, desired, current, status.get("readyReplicas", 0), age, *_containers(spec)]
        case "Pod":
            address = status.get("podIP") or "<none>"
            node = spec.get("nodeName") or "<none>"
            return [name, *_pod(item, now), age, address, node, "<none>", "<none>"]
        case "Service":
            return [name, *_service(spec), age, _selector(spec.get("selector") or {})]
        case "Namespace":
            return [name, status.get("phase", ""), age]
        case "Node":
            version = status.get("nodeInfo", {}).get("kubeletVersion", "")
            return [name, "Ready", "<none>", age, version]
        case "ConfigMap":
            return [name, len(item.get("data") or {}) + len(item.get("binaryData") or {}), age]
        case "Secret":
            return [name, item.get("type", ""), len(item.get("data") or {}), age]
        case "ServiceAccount":
            return [name, len(item.get("secrets") or []), age]
        case "ResourceQuota":
            hard, used = (status.get(key) or {} for key in ("hard", "used"))
            request = ", ".join(f"{key}: {used.get(key, 0)}/{hard[key]}" for key in sorted(hard))
            return [name, request, "", age]
        case _:
            about = item.get("involvedObject") or {}
            who = f"{about.get('kind', '').lower()}/{about.get('name', '')}"
            seen = _since(item.get("lastTimestamp"), now)
            return [
                seen,
                item.get("type", ""),
                item.get("reason", ""),
                who,
                item.get("message", "").strip(),
                name,
            ]


def _since(text: str | None, now: datetime.datetime) -> str:
    return clock.human(clock.age_seconds(text, now)) if text else "<unknown>"


def _containers(spec: Object) -> Row:
    containers = spec.get("template", {}).get("spec", {}).get("containers") or []
    names = ",".join(container["name"] for container in containers)
    images = ",".join(container.get("image", "") for container in containers)
    return [names, images, _selector((spec.get("selector") or {}).get("matchLabels") or {})]


def _selector(labels: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items())) or "<none>"


def _pod(item: Object, now: datetime.datetime) -> Row:
    """READY, STATUS and RESTARTS, as printPod in pkg/printers/internalversion computes them."""
    status = item.get("status") or {}
    reason = status.get("reason") or status.get("phase", "")
    ready = restarts = 0
    last_restart = ""
    running = False
    for container in status.get("containerStatuses") or []:
        restarts += container.get("restartCount", 0)
        state = container.get("state") or {}
        finished = (container.get("lastState") or {}).get("terminated", {}).get("finishedAt", "")
        last_restart = max(last_restart, finished)
        if state.get("waiting", {}).get("reason"):
            reason = state["waiting"]["reason"]
        elif "terminated" in state:
            ended = state["terminated"]
            reason = ended.get("reason") or f"ExitCode:{ended.get('exitCode', 0)}"
        elif container.get("ready") and "running" in state:
            running = True
            ready += 1
    if reason == "Completed" and running:
        reason = "Running"
    if item["metadata"].get("deletionTimestamp"):
        reason = "Terminating"
    shown: Any = restarts
    if restarts and last_restart:
        shown = f"{restarts} ({_since(last_restart, now)} ago)"
    return [f"{ready}/{len(item['spec'].get('containers') or [])}", reason, shown]


def _service(spec: Object) -> Row:
    ports = []
    for port in spec.get("ports") or []:
        node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
        ports.append(f"{port['port']}{node_port}/{port.get('protocol', 'TCP')}")
    external = "<pending>" if spec.get("type") == "LoadBalancer" else "<none>"
    cluster_ip = spec.get("clusterIP") or "<none>"
    return [spec.get("type", ""), cluster_ip, external, ",".join(ports) or "<none>"]
