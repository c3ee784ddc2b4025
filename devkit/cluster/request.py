"""A request, taken apart: which resource, which object, which verb, which options."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from devkit.cluster import errors, resources
from devkit.cluster.authz import Access
from devkit.cluster.resources import Resource

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


@dataclass(frozen=True)
class Target:
    """What a resource path names."""

    resource: Resource
    namespace: str
    name: str
    subresource: str

    def access(self, verb: str) -> Access:
        """Return what authorization has to decide."""
        plural = self.resource.plural
        full = f"{plural}/{self.subresource}" if self.subresource else plural
        return Access(verb, self.resource.group, full, self.namespace, self.name)


def target(path: str) -> Target:
    """Take a path below /api/v1 or /apis/GROUP/VERSION apart; raise ApiError 404."""
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["api"] and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[:1] == ["apis"] and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise errors.no_such_path()
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    found = resources.find(group, version, rest[0])
    name, subresource = (*rest[1:], "", "")[:2]
    # Behind `proxy` comes the pod's own path.
    too_long = len(rest) > 3 and subresource != "proxy"
    if found is None or too_long or (namespace and not found.namespaced):
        raise errors.no_such_path()
    if subresource and subresource not in found.subresources:
        raise errors.no_such_path()
    return Target(found, namespace, name, subresource)


def verb(request: web.Request, wanted: Target) -> str:
    """Return the API verb of a request."""
    if request.method in _VERBS:
        return _VERBS[request.method]
    if request.method == "DELETE":
        return "delete" if wanted.name else "deletecollection"
    if flag(request, "watch"):
        return "watch"
    # exec and its like open a connection with GET, but are authorized as create.
    if wanted.subresource in ("exec", "attach", "portforward"):
        return "create"
    return "get" if wanted.name else "list"


def flag(request: web.Request, name: str) -> bool:
    """Return a boolean query parameter."""
    return request.query.get(name, "").lower() in ("true", "1")


def dry_run(request: web.Request) -> bool:
    """Tell whether nothing may be kept; raise ApiError 400 for an unknown value."""
    values = request.query.getall("dryRun", [])
    if values and values != ["All"]:
        raise errors.bad_request(f"invalid dryRun value: {values}")
    return bool(values)


def wants_table(request: web.Request) -> bool:
    """Tell whether the client prefers a Table (kubectl get does)."""
    first = request.headers.get("Accept", "").split(",")[0]
    return "as=Table" in first and "v=v1;" in first + ";"
