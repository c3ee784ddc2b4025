"""How many pods a namespace may have: ResourceQuotas, as far as they are about `pods`.

Other resources in a quota (`requests.cpu`, `count/secrets`), and scopes, are kept and not enforced.
The real quota's status comes a moment after the quota, from a controller, and until then pods are
refused with "status unknown for quota"; here it is right at once.
"""

from __future__ import annotations

from devkit.cluster import errors
from devkit.cluster.resources import PODS, RESOURCEQUOTAS
from devkit.cluster.store import Object, Store

_RESOURCE = "pods"


def check(store: Store, pod: Object) -> None:
    """Raise ApiError 403 when a quota of the pod's namespace has no room for another one.

    The words are those of checkRequest in kubernetes/kubernetes,
    staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go.
    """
    namespace = pod["metadata"]["namespace"]
    for quota in store.list(RESOURCEQUOTAS, namespace):
        hard = _hard(quota)
        used = _used(store, namespace)
        if hard is not None and used >= hard:
            why = (
                f"exceeded quota: {quota['metadata']['name']}, requested: pods=1, "
                f"used: pods={used}, limited: pods={hard}"
            )
            raise errors.forbidden(PODS, pod["metadata"]["name"], why)


def sync(store: Store, quota: Object) -> None:
    """Write a quota's status: what it allows, and how much of it is used."""
    hard = _hard(quota)
    used = _used(store, quota["metadata"]["namespace"])
    quota["status"] = {
        "hard": {} if hard is None else {_RESOURCE: str(hard)},
        "used": {} if hard is None else {_RESOURCE: str(used)},
    }
    store.update(RESOURCEQUOTAS, quota)


def _hard(quota: Object) -> int | None:
    value = ((quota.get("spec") or {}).get("hard") or {}).get(_RESOURCE)
    return None if value is None else int(value)


def _used(store: Store, namespace: str) -> int:
    """A pod that is being deleted counts until it is gone, one that has ended does not.

    As QuotaV1Pod in kubernetes/kubernetes, pkg/quota/v1/evaluator/core/pods.go; the real one also
    forgets a pod that a lost node keeps after its grace period.
    """
    ended = ("Succeeded", "Failed")
    pods = store.list(PODS, namespace)
    return sum((item.get("status") or {}).get("phase") not in ended for item in pods)
