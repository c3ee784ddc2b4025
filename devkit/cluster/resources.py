"""The resource types that the cluster serves, and how they are found by path and by kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True)
class Resource:
    """One resource type, as discovery describes it."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = _ALL_VERBS
    subresources: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)

    @property
    def api_version(self) -> str:
        """`apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """`deployments.apps`, or `pods` for the core group: how messages name the type."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def singular(self) -> str:
        """The singular name that discovery shows."""
        return self.kind.lower()


_SCALE = {"status": ("get", "patch", "update"), "scale": ("get", "patch", "update")}
_STATUS = {"status": ("get", "patch", "update")}

NAMESPACES = Resource("", "v1", "namespaces", "Namespace", False, ("ns",), subresources=_STATUS)
NODES = Resource("", "v1", "nodes", "Node", False, ("no",), verbs=("get", "list", "watch"))
PODS = Resource(
    "",
    "v1",
    "pods",
    "Pod",
    short=("po",),
    categories=("all",),
    subresources={
        **_STATUS,
        "log": ("get",),
        "exec": ("create", "get"),
        "attach": ("create", "get"),
        "portforward": ("create", "get"),
        "proxy": ("get",),
    },
)
SERVICES = Resource("", "v1", "services", "Service", True, ("svc",), ("all",), subresources=_STATUS)
CONFIGMAPS = Resource("", "v1", "configmaps", "ConfigMap", short=("cm",))
SECRETS = Resource("", "v1", "secrets", "Secret")
RESOURCEQUOTAS = Resource(
    "", "v1", "resourcequotas", "ResourceQuota", short=("quota",), subresources=_STATUS
)
EVENTS = Resource("", "v1", "events", "Event", short=("ev",))
SERVICEACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount", short=("sa",))
DEPLOYMENTS = Resource(
    "apps", "v1", "deployments", "Deployment", True, ("deploy",), ("all",), subresources=_SCALE
)
REPLICASETS = Resource(
    "apps", "v1", "replicasets", "ReplicaSet", True, ("rs",), ("all",), subresources=_SCALE
)
ACCESS_REVIEWS = Resource(
    "authorization.k8s.io",
    "v1",
    "selfsubjectaccessreviews",
    "SelfSubjectAccessReview",
    False,
    verbs=("create",),
)
RULES_REVIEWS = Resource(
    "authorization.k8s.io",
    "v1",
    "selfsubjectrulesreviews",
    "SelfSubjectRulesReview",
    False,
    verbs=("create",),
)

STORED = (
    NAMESPACES,
    NODES,
    PODS,
    SERVICES,
    CONFIGMAPS,
    SECRETS,
    RESOURCEQUOTAS,
    EVENTS,
    SERVICEACCOUNTS,
    DEPLOYMENTS,
    REPLICASETS,
)
ALL = (*STORED, ACCESS_REVIEWS, RULES_REVIEWS)

_BY_PATH = {(resource.group, resource.version, resource.plural): resource for resource in ALL}


def find(group: str, version: str, plural: str) -> Resource | None:
    """Return the resource type of a path, if it is served."""
    return _BY_PATH.get((group, version, plural))


def by_plural(plural: str) -> Resource | None:
    """Return the resource type with this plural name, if it is served."""
    return next((resource for resource in ALL if resource.plural == plural), None)


def groups() -> dict[str, list[Resource]]:
    """Return the resource types by `apiVersion`."""
    result: dict[str, list[Resource]] = {}
    for resource in ALL:
        result.setdefault(resource.api_version, []).append(resource)
    return result
