"""The cluster as a verifier sees it: its objects, and what of them has changed."""

import copy
import json
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from devkit.shell import DevkitError, call

_KINDS = "deployments,configmaps,services,secrets,namespaces"
_OWN = ("deployment.kubernetes.io/", "kubectl.kubernetes.io/", "kubernetes.io/change-cause")
_SETTLE_S = 20.0

Object = dict[str, Any]
# Objects by `namespace:kind/name`; a namespace itself is `:namespace/name`.
State = Mapping[str, Object]


class Cluster:
    """The world's cluster, as its administrator."""

    def __init__(self, values: Mapping[str, str]) -> None:
        """Use the cluster that `world.env` names."""
        self.kubeconfig = Path(values["KUBECONFIG_ADMIN"])
        self._kubectl = values["KUBECTL"]

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Run kubectl; return what it printed.

        Raises:
            DevkitError: it failed.
        """
        env = {"KUBECONFIG": str(self.kubeconfig)}
        return call(self._kubectl, *arguments, env=env, stdin=stdin.encode())

    def get(self, kind: str, name: str, namespace: str) -> Object | None:
        """An object; None if there is none."""
        try:
            text = self.kubectl("-n", namespace, "get", kind, name, "-o", "json")
        except DevkitError as error:
            if "NotFound" in str(error):
                return None
            raise
        found: Object = json.loads(text)
        return found

    def state(self) -> State:
        """Everything that a run may change, without what the cluster itself writes."""
        items = json.loads(self.kubectl("get", _KINDS, "--all-namespaces", "-o", "json"))["items"]
        return {_key(item): _plain(item) for item in items}

    def pods(self, deployment: Object) -> list[Object]:
        """The pods of a Deployment that are not ending."""
        labels = deployment["spec"]["selector"]["matchLabels"]
        selector = ",".join(f"{name}={value}" for name, value in labels.items())
        namespace = deployment["metadata"]["namespace"]
        text = self.kubectl("-n", namespace, "get", "pods", "-l", selector, "-o", "json")
        return [
            item
            for item in json.loads(text)["items"]
            if "deletionTimestamp" not in item["metadata"]
        ]

    def settled(self, name: str, namespace: str) -> Object | None:
        """A Deployment after its rollout, or after some patience; None if there is none."""
        limit = time.monotonic() + _SETTLE_S
        while (found := self.get("deployment", name, namespace)) is not None:
            pods = len(self.pods(found))
            if (is_complete(found) and pods == wanted(found)) or time.monotonic() > limit:
                return found
            time.sleep(0.5)
        return None


def wanted(deployment: Object) -> int:
    """How many pods a Deployment should have."""
    return int(deployment["spec"].get("replicas", 1))


def is_complete(deployment: Object) -> bool:
    """Whether all pods are of the newest template, and ready."""
    status, replicas = deployment.get("status") or {}, wanted(deployment)
    counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")]
    seen = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    return seen and counts == [replicas] * 3


def _key(item: Object) -> str:
    metadata = item["metadata"]
    return f"{metadata.get('namespace', '')}:{item['kind'].lower()}/{metadata['name']}"


def _plain(item: Object) -> Object:
    metadata = item["metadata"]
    annotations = {
        name: value
        for name, value in (metadata.get("annotations") or {}).items()
        if not name.startswith(_OWN)
    }
    kept = {name: copy.deepcopy(item.get(name)) for name in ("spec", "data", "type")}
    return {**kept, "labels": metadata.get("labels") or {}, "annotations": annotations}


def differences(before: State, now: State, allowed: Mapping[str, Collection[str]]) -> Iterator[str]:
    """What differs although it is not allowed.

    Args:
        before: the state when the run began.
        now: the state after it.
        allowed: for a key of a state, what may differ: `image:CONTAINER`, `replicas`, `restart`
            (the annotation that kubectl sets), `data`, or `new`.
    """
    for key in sorted({*before, *now}):
        parts = allowed.get(key, ())
        if key not in now:
            yield f"{key} is gone"
        elif key not in before:
            if "new" not in parts:
                yield f"{key} is new"
        else:
            old, new = _without(before[key], parts), _without(now[key], parts)
            for path in _paths(old, new):
                yield f"{key} has changed: {path}"


def _without(item: Object, parts: Collection[str]) -> Object:
    item = copy.deepcopy(item)
    spec = item.get("spec") or {}
    template = spec.get("template") or {}
    if "replicas" in parts:
        spec.pop("replicas", None)
    if "data" in parts:
        item["data"] = None
    for container in template.get("spec", {}).get("containers", []):
        if f"image:{container['name']}" in parts:
            container["image"] = ""
    metadata = template.get("metadata", {})
    annotations = metadata.pop("annotations", None) or {}
    if "restart" in parts:
        annotations.pop("kubectl.kubernetes.io/restartedAt", None)
    metadata["annotations"] = annotations
    return item


def _paths(old: object, new: object, where: str = "") -> Iterator[str]:
    """Where two values differ, with what was and is there; at most a few words of it."""
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            yield from _paths(old.get(name), new.get(name), f"{where}.{name}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _paths(one, other, f"{where}[{index}]")
    else:
        yield f"{where.lstrip('.')}: {str(old)[:60]} -> {str(new)[:60]}"
