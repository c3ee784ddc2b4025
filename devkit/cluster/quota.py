"""How many pods a namespace may have: a ResourceQuota in one annotation.

An administrator writes it: `kubectl annotate namespace production devkit/quota-pods=2`. What pods'
makers are told, and what becomes of it, is as with a ResourceQuota called `pods`.
"""

from __future__ import annotations

from devkit.cluster import errors
from devkit.cluster.resources import NAMESPACES, PODS
from devkit.cluster.store import Object, Store

_ANNOTATION = "devkit/quota-pods"


def check(store: Store, pod: Object) -> None:
    """Raise ApiError 403 when the namespace has no room for another pod."""
    namespace = pod["metadata"]["namespace"]
    found = store.find(NAMESPACES, "", namespace) or {"metadata": {}}
    hard = (found["metadata"].get("annotations") or {}).get(_ANNOTATION)
    if hard is None:
        return
    ended = ("Succeeded", "Failed")
    used = sum(
        (item.get("status") or {}).get("phase") not in ended for item in store.list(PODS, namespace)
    )
    if used >= int(hard):
        why = f"exceeded quota: pods, requested: pods=1, used: pods={used}, limited: pods={hard}"
        raise errors.forbidden(PODS, pod["metadata"]["name"], why)
