"""OpenAPI v3 documents, made from the Python client's models and the merge keys of patch.py.

kubectl reads them to see whether the server checks fields itself (`fieldValidation`), how to
compute a strategic merge patch, and for `kubectl explain`.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from devkit.cluster import patch, schema
from devkit.cluster.resources import Resource, groups

_SCALARS: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer", "format": "int32"},
    "float": {"type": "number", "format": "double"},
    "bool": {"type": "boolean"},
    "datetime": {"type": "string", "format": "date-time"},
    "bytes": {"type": "string", "format": "byte"},
    "object": {"x-kubernetes-preserve-unknown-fields": True},
}


def model_name(resource: Resource) -> str:
    """Return the client's model of a resource type (`V1Deployment`)."""
    return "CoreV1Event" if resource.kind == "Event" else f"V1{resource.kind}"


def index() -> dict[str, Any]:
    """Return `/openapi/v3`: where each group version's document is."""
    paths = {}
    for api_version in groups():
        path = f"apis/{api_version}" if "/" in api_version else f"api/{api_version}"
        paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}"}
    return {"paths": paths}


@functools.cache
def document(api_version: str) -> dict[str, Any] | None:
    """Return the OpenAPI v3 document of a group version, or None when it is not served."""
    resources = groups().get(api_version)
    if resources is None:
        return None
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for resource in resources:
        _add_model(schemas, model_name(resource), "")
        schemas[_name(model_name(resource))]["x-kubernetes-group-version-kind"] = [_gvk(resource)]
        paths |= _paths(resource)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.34.0"},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _gvk(resource: Resource) -> dict[str, str]:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _paths(resource: Resource) -> dict[str, Any]:
    root = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
    scope = "/namespaces/{namespace}" if resource.namespaced else ""
    base = f"{root}{scope}/{resource.plural}"
    reference = {"schema": {"$ref": f"#/components/schemas/{_name(model_name(resource))}"}}
    operation = {
        "x-kubernetes-group-version-kind": _gvk(resource),
        "parameters": [
            {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
            for name in ("dryRun", "fieldManager", "fieldValidation")
        ],
        "responses": {"200": {"description": "OK", "content": {"application/json": reference}}},
    }
    paths: dict[str, Any] = {}
    if "create" in resource.verbs:
        body = {"content": {"*/*": reference}}
        action = {"x-kubernetes-action": "post", "requestBody": body}
        paths[base] = {"post": {**operation, **action}}
    if "patch" in resource.verbs:
        types = ("json-patch", "merge-patch", "strategic-merge-patch")
        content = {f"application/{kind}+json": {"schema": {"type": "object"}} for kind in types}
        action = {"x-kubernetes-action": "patch", "requestBody": {"content": content}}
        paths[f"{base}/{{name}}"] = {"patch": {**operation, **action}}
    return paths


def _name(model: str) -> str:
    """`V1DeploymentSpec` -> `io.k8s.api.v1.DeploymentSpec`; kubectl shows the last part."""
    short = re.sub(r"^(?:Core|Apps|Events|Discovery)?V\d+(?:alpha\d+|beta\d+)?", "", model)
    return f"io.k8s.api.v1.{short}"


def _add_model(schemas: dict[str, Any], model: str, parent: str) -> None:
    name = _name(model)
    if name in schemas:
        return
    entry: dict[str, Any] = {"type": "object", "properties": {}}
    schemas[name] = entry
    required = []
    for field in schema.fields(model).values():
        prop = _property(schemas, field.type, field.name)
        key = patch.merge_key(field.name, parent)
        if prop.get("type") == "array" and key is not None:
            prop |= {"x-kubernetes-patch-merge-key": key, "x-kubernetes-patch-strategy": "merge"}
        elif field.name == "finalizers":
            prop["x-kubernetes-patch-strategy"] = "merge"
        if field.description:
            prop["description"] = field.description
        entry["properties"][field.name] = prop
        if field.required:
            required.append(field.name)
    if required:
        entry["required"] = required


def _property(schemas: dict[str, Any], type_: str, field: str) -> dict[str, Any]:
    container, item = schema.item_type(type_)
    if container == "list":
        return {"type": "array", "items": _property(schemas, item, field)}
    if container == "dict":
        return {"type": "object", "additionalProperties": _property(schemas, item, field)}
    if schema.is_model(item):
        _add_model(schemas, item, field)
        # A $ref may not stand beside a description; the real documents wrap it the same way.
        return {"allOf": [{"$ref": f"#/components/schemas/{_name(item)}"}]}
    if item in _SCALARS:
        return dict(_SCALARS[item])
    container, item = schema.item_type(item)
    return _property(schemas, item, field) if container else {"type": "string"}
