"""The three patch types of the Kubernetes API, as pure functions: objects in, objects out.

Merge keys are those of the API's own Go types (`patchMergeKey` in k8s.io/api/core/v1/types.go and
apps/v1/types.go). They depend on the place, not on the type, so they are listed by path.
"""

from __future__ import annotations

import copy
from typing import Any

from devkit.cluster import errors

MERGE_KEYS: dict[str, str] = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
    "resourceClaims": "name",
    "ownerReferences": "uid",
    "conditions": "type",
    "secrets": "name",
}
"""Lists that are merged by a key, wherever the field has this name and holds objects."""

_PORT_KEYS = {"containers": "containerPort", "initContainers": "containerPort", "spec": "port"}
_SET_LISTS = {"finalizers"}


def merge_key(field: str, parent: str) -> str | None:
    """Return the key that merges the list `field` inside `parent`, or None when it is replaced.

    `ports` is the one name with two meanings: by `containerPort` in a container, by `port` in a
    Service's spec.
    """
    if field == "ports":
        return _PORT_KEYS.get(parent)
    return MERGE_KEYS.get(field)


def json_merge(target: Any, patch: Any) -> Any:
    """Apply an RFC 7386 merge patch: null removes, lists are replaced."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = json_merge(result.get(key), value)
    return result


def strategic_merge(target: Any, patch: Any, parent: str = "") -> Any:
    """Apply a strategic merge patch, with `$patch`, `$retainKeys`, `$setElementOrder/...` and
    `$deleteFromPrimitiveList/...`.

    `parent` names the field that holds `target`; a list of containers hands its own name down.
    """
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: copy.deepcopy(value) for key, value in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    result = copy.deepcopy(target) if isinstance(target, dict) else {}
    retain = patch.get("$retainKeys")
    if retain is not None:
        result = {key: value for key, value in result.items() if key in retain}
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        if value is None:
            result.pop(key, None)
        elif isinstance(value, list):
            result[key] = _merge_list(result.get(key), value, key, parent)
        elif isinstance(value, dict):
            result[key] = strategic_merge(result.get(key), value, key)
        else:
            result[key] = value
    for key, value in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            field = key.partition("/")[2]
            result[field] = [item for item in result.get(field, []) if item not in value]
        elif key.startswith("$setElementOrder/"):
            field = key.partition("/")[2]
            if isinstance(result.get(field), list):
                result[field] = _ordered(result[field], value, merge_key(field, parent))
    return result


def _merge_list(target: Any, patch: list[Any], field: str, parent: str) -> list[Any]:
    current = list(target) if isinstance(target, list) else []
    if field in _SET_LISTS:
        return current + [item for item in patch if item not in current]
    key = merge_key(field, parent)
    if key is None or not all(isinstance(item, dict) for item in patch):
        return [copy.deepcopy(item) for item in patch if not _is_directive(item)]
    if any(item.get("$patch") == "replace" for item in patch):
        return [copy.deepcopy(item) for item in patch if not _is_directive(item)]
    for item in patch:
        if key not in item:
            raise errors.bad_request(f"map: {item} does not contain declared merge key: {key}")
        index = next((i for i, old in enumerate(current) if old.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            if index is not None:
                del current[index]
        elif index is None:
            current.append(strategic_merge({}, item, field))
        else:
            current[index] = strategic_merge(current[index], item, field)
    return current


def _is_directive(item: Any) -> bool:
    return isinstance(item, dict) and "$patch" in item


def _ordered(items: list[Any], order: list[Any], key: str | None) -> list[Any]:
    """Put the items that `order` names into its order; the others stay behind their neighbours."""

    def name(item: Any) -> Any:
        return item.get(key) if key is not None and isinstance(item, dict) else item

    wanted = [name(item) for item in order]
    listed = sorted(
        (item for item in items if name(item) in wanted), key=lambda item: wanted.index(name(item))
    )
    result = []
    remaining = iter(listed)
    for item in items:
        result.append(next(remaining) if name(item) in wanted else item)
    return result


def json_patch(target: Any, operations: Any) -> Any:
    """Apply an RFC 6902 JSON patch; raise ApiError 422 when an operation does not fit."""
    if not isinstance(operations, list):
        raise errors.bad_request("error decoding patch: a JSON patch is a list of operations")
    document = copy.deepcopy(target)
    for operation in operations:
        document = _apply(document, operation)
    return document


def _apply(document: Any, operation: dict[str, Any]) -> Any:
    path = _pointer(operation.get("path", ""))
    match operation.get("op"):
        case "add":
            return _add(document, path, copy.deepcopy(operation.get("value")))
        case "remove":
            return _remove(document, path)
        case "replace":
            _lookup(document, path)
            if not path:
                return copy.deepcopy(operation.get("value"))
            return _add(_remove(document, path), path, copy.deepcopy(operation.get("value")))
        case "move":
            source = _pointer(operation.get("from", ""))
            value = _lookup(document, source)
            return _add(_remove(document, source), path, value)
        case "copy":
            value = _lookup(document, _pointer(operation.get("from", "")))
            return _add(document, path, copy.deepcopy(value))
        case "test":
            if _lookup(document, path) != operation.get("value"):
                raise _unprocessable(f"testing value {operation.get('path')} failed")
            return document
        case other:
            raise _unprocessable(f"unexpected kind: {other}")


def _pointer(path: str) -> list[str]:
    if path and not path.startswith("/"):
        raise _unprocessable(f"invalid JSON pointer: {path!r}")
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _lookup(document: Any, path: list[str]) -> Any:
    for part in path:
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list):
            document = document[_index(document, part)]
        else:
            raise _unprocessable(
                f"the server rejected our request due to an error in our request: "
                f"path not found: /{'/'.join(path)}"
            )
    return document


def _index(items: list[Any], part: str, *, end: bool = False) -> int:
    if end and part == "-":
        return len(items)
    if not part.isdigit() or int(part) > len(items) - (0 if end else 1):
        raise _unprocessable(f"index {part} is out of range")
    return int(part)


def _add(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent = _lookup(document, path[:-1])
    if isinstance(parent, list):
        parent.insert(_index(parent, path[-1], end=True), value)
    elif isinstance(parent, dict):
        parent[path[-1]] = value
    else:
        raise _unprocessable(f"path not found: /{'/'.join(path)}")
    return document


def _remove(document: Any, path: list[str]) -> Any:
    _lookup(document, path)
    parent = _lookup(document, path[:-1])
    if isinstance(parent, list):
        del parent[_index(parent, path[-1])]
    else:
        del parent[path[-1]]
    return document


def _unprocessable(message: str) -> errors.ApiError:
    return errors.ApiError(422, "Invalid", message)
