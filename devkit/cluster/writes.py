"""Writing objects: create, replace, patch, scale, delete, with the API server's checks."""

from __future__ import annotations

import base64
import copy
from typing import Any

from devkit.cluster import (
    admission,
    clock,
    controllers,
    defaults,
    errors,
    lifecycle,
    openapi,
    patch,
    quota,
    schema,
)
from devkit.cluster.request import Target
from devkit.cluster.resources import NAMESPACES, PODS, RESOURCEQUOTAS, SERVICES, Resource
from devkit.cluster.store import Object, Store

PATCH_TYPES = {
    "application/json-patch+json": patch.json_patch,
    "application/merge-patch+json": patch.json_merge,
    "application/strategic-merge-patch+json": patch.strategic_merge,
}
_SUBNET = "10.96"


def create(store: Store, where: Target, item: Object, *, strict: str, dry: bool) -> Object:
    """Create an object; raise ApiError."""
    resource = where.resource
    warn_or_refuse(resource, item, strict)
    metadata = _metadata(resource, item, where)
    if metadata.get("generateName") and not metadata.get("name"):
        metadata["name"] = metadata["generateName"] + lifecycle.random_suffix()
    if metadata.pop("resourceVersion", None):
        raise errors.bad_request("resourceVersion should not be set on objects to be created")
    if resource.namespaced and store.find(NAMESPACES, "", where.namespace) is None:
        raise errors.not_found(NAMESPACES, where.namespace)
    _prepare(store, resource, item, None)
    if resource.kind in ("Deployment", "ReplicaSet", "Pod"):
        item["status"] = {"phase": "Pending"} if resource.kind == "Pod" else {}
    if resource is PODS:
        admission.admit(store, item)
    if dry:
        if store.find(resource, where.namespace, metadata["name"]) is not None:
            raise errors.already_exists(resource, metadata["name"])
        return _pretend(item)
    if resource is NAMESPACES:
        return controllers.create_namespace(store, item)
    made = store.create(resource, item)
    if resource is RESOURCEQUOTAS:
        quota.sync(store, made)
        made = store.get(resource, where.namespace, metadata["name"])
    return made


def replace(store: Store, where: Target, item: Object, *, strict: str, dry: bool) -> Object:
    """Replace an object (or its status); raise ApiError."""
    resource = where.resource
    warn_or_refuse(resource, item, strict)
    metadata = _metadata(resource, item, where)
    if metadata.get("name") != where.name:
        raise errors.bad_request(
            f"the name of the object ({metadata.get('name')}) does not match the name on the URL "
            f"({where.name})"
        )
    return _write(store, where, item, dry=dry)


def apply_patch(
    store: Store, where: Target, content_type: str, body: Any, *, strict: str, dry: bool
) -> Object:
    """Patch an object (or its status); raise ApiError."""
    resource = where.resource
    before = store.get(resource, where.namespace, where.name)
    function = PATCH_TYPES.get(content_type)
    if function is None:
        raise errors.unsupported_media_type(list(PATCH_TYPES))
    after = function(before, body)
    if not isinstance(after, dict):
        raise errors.bad_request("the patched object is not an object")
    warn_or_refuse(resource, after, strict)
    if after.get("metadata", {}).get("name") != where.name:
        raise errors.bad_request("the name of the object does not match the name on the URL")
    return _write(store, where, after, dry=dry)


def _write(store: Store, where: Target, item: Object, *, dry: bool) -> Object:
    resource = where.resource
    before = store.get(resource, where.namespace, where.name)
    if where.subresource == "status":
        item = {**before, "status": item.get("status") or {}, "metadata": item["metadata"]}
    else:
        if "status" in before:
            item["status"] = before["status"]
        _prepare(store, resource, item, before)
    wanted = item["metadata"].get("resourceVersion")
    if wanted and wanted != before["metadata"]["resourceVersion"]:
        raise errors.conflict(resource, where.name)
    if dry:
        item["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"]
        return item
    return store.update(resource, item)


def scale_of(item: Object) -> Object:
    """Return the Scale object of a Deployment or ReplicaSet."""
    labels = (item["spec"].get("selector") or {}).get("matchLabels") or {}
    metadata = item["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: metadata[key] for key in kept},
        "spec": {"replicas": item["spec"]["replicas"]},
        "status": {
            "replicas": (item.get("status") or {}).get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in labels.items()),
        },
    }


def write_scale(
    store: Store, where: Target, content_type: str | None, body: Any, *, dry: bool
) -> Object:
    """Replace or patch the Scale of an object (`content_type` is None when it is replaced)."""
    item = store.get(where.resource, where.namespace, where.name)
    scale = body
    if content_type is not None:
        function = PATCH_TYPES.get(content_type)
        if function is None:
            raise errors.unsupported_media_type(list(PATCH_TYPES))
        scale = function(scale_of(item), body)
    version = (scale.get("metadata") or {}).get("resourceVersion")
    if version:
        item["metadata"]["resourceVersion"] = version
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        raise errors.bad_request("json: cannot unmarshal into Go struct field ScaleSpec.spec")
    item["spec"]["replicas"] = replicas
    plain = Target(where.resource, where.namespace, where.name, "")
    return scale_of(_write(store, plain, item, dry=dry))


def warn_or_refuse(resource: Resource, item: Any, strict: str) -> list[str]:
    """Check an object's fields as `fieldValidation` (Strict, Warn, Ignore) says.

    Returns the unknown fields. Raises ApiError 400 for values of a wrong type, and for unknown
    fields when `strict` is Strict.
    """
    model = openapi.model_name(resource)
    if not isinstance(item, dict):
        raise errors.bad_request("the object provided is unrecognized: it is not an object")
    head = f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}'
    complaint = schema.type_error(item, model)
    if complaint:
        raise errors.bad_request(f"{head}: {complaint}")
    unknown = [f'unknown field "{path}"' for path in schema.unknown_fields(item, model)]
    if unknown and strict == "Strict":
        raise errors.bad_request(f"{head}: strict decoding error: {', '.join(unknown)}")
    return unknown


def _metadata(resource: Resource, item: Object, where: Target) -> Object:
    expected = (resource.api_version, resource.kind)
    found = (item.get("apiVersion") or expected[0], item.get("kind") or expected[1])
    if found != expected:
        raise errors.bad_request(
            f"the object provided is of {found[0]}, Kind={found[1]}, but this path is for "
            f"{expected[0]}, Kind={expected[1]}"
        )
    item["apiVersion"], item["kind"] = expected
    metadata: Object = item.setdefault("metadata", {})
    if resource.namespaced:
        if metadata.get("namespace", where.namespace) != where.namespace:
            raise errors.bad_request(
                "the namespace of the provided object does not match the namespace sent on the "
                "request"
            )
        metadata["namespace"] = where.namespace
    else:
        metadata.pop("namespace", None)
    metadata.pop("managedFields", None)
    return metadata


def _prepare(store: Store, resource: Resource, item: Object, before: Object | None) -> None:
    if resource.kind == "Secret" and item.get("stringData"):
        _import_string_data(item)
    defaults.apply(resource, item)
    if resource is SERVICES:
        _allocate(store, item, before)
    defaults.check(resource, item, before)


def _import_string_data(item: Object) -> None:
    """Move a Secret's `stringData` into `data`."""
    data = item.setdefault("data", {})
    for key, value in item.pop("stringData").items():
        data[key] = base64.b64encode(value.encode()).decode()


def _allocate(store: Store, item: Object, before: Object | None) -> None:
    """Give a Service its cluster IP and node ports; they stay on later writes."""
    spec = item["spec"]
    if before is not None:
        for key in ("clusterIP", "clusterIPs"):
            if key in before["spec"]:
                spec.setdefault(key, before["spec"][key])
    services = store.list(SERVICES)
    if "clusterIP" not in spec and spec["type"] != "ExternalName":
        taken = {service["spec"].get("clusterIP") for service in services}
        free = (f"{_SUBNET}.{high}.{low}" for high in range(256) for low in range(1, 255))
        spec["clusterIP"] = next(address for address in free if address not in taken)
    if "clusterIP" in spec:
        spec["clusterIPs"] = [spec["clusterIP"]]
    if spec["type"] in ("NodePort", "LoadBalancer"):
        used = {port.get("nodePort") for s in services for port in s["spec"].get("ports") or []}
        for port in spec.get("ports") or []:
            if not port.get("nodePort"):
                port["nodePort"] = next(n for n in range(30000, 32768) if n not in used)
                used.add(port["nodePort"])
    item["status"] = item.get("status") or {"loadBalancer": {}}


def _pretend(item: Object) -> Object:
    result = copy.deepcopy(item)
    result["metadata"]["creationTimestamp"] = clock.timestamp()
    result["metadata"]["uid"] = "00000000-0000-0000-0000-000000000000"
    return result
