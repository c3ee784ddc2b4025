"""What happens to a pod between the request for it and the store, whoever asked for it."""

from __future__ import annotations

from devkit.cluster import quota
from devkit.cluster.resources import SERVICEACCOUNTS
from devkit.cluster.store import Object, Store


def admit(store: Store, pod: Object) -> None:
    """Complete a pod that is about to be created, in place.

    Raises:
        ApiError: 403, a quota has no room for it.
    """
    _pull_secrets(store, pod)
    quota.check(store, pod)


def _pull_secrets(store: Store, pod: Object) -> None:
    """Give a pod that names no pull secrets those of its service account.

    Only then, and all of them: kubernetes/kubernetes, plugin/pkg/admission/serviceaccount/
    admission.go. The account's secrets do not add to those that a pod names itself.
    """
    spec = pod["spec"]
    if spec.get("imagePullSecrets"):
        return
    account = store.find(
        SERVICEACCOUNTS, pod["metadata"]["namespace"], spec.get("serviceAccountName") or "default"
    )
    if account and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = account["imagePullSecrets"]
