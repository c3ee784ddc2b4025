"""The fields of the API's types, taken from the Python client's generated models.

The client's models know every field, its type and its description, so this cluster can refuse
unknown fields as the real server does and can serve an OpenAPI document without carrying one.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

from kubernetes import client

_LIST = re.compile(r"^list\[(?P<item>.+)\]$", re.IGNORECASE)
_DICT = re.compile(r"^dict\[str, (?P<item>.+)\]$", re.IGNORECASE)
_SCALARS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
}
_GO_TYPES = {"str": "string", "int": "int32", "float": "float64", "bool": "bool"}


@dataclass(frozen=True)
class Field:
    """One field: its JSON name, the client's type (`str`, `List[V1Container]`) and description."""

    name: str
    type: str
    description: str
    required: bool


@functools.cache
def fields(model: str) -> dict[str, Field]:
    """Return the fields of a model (`V1PodSpec`) by JSON name."""
    cls = getattr(client, model)
    # Attributes and pydantic's names differ for Python's keywords (`_exec`, `var_from`).
    infos = {info.serialization_alias or name: info for name, info in cls.model_fields.items()}
    result = {}
    for attribute, type_ in cls.openapi_types.items():
        name = cls.attribute_map[attribute]
        info = infos[name]
        result[name] = Field(name, type_, info.description or "", info.is_required())
    return result


def is_model(type_: str) -> bool:
    """Tell whether a type is an object with fields of its own."""
    return hasattr(getattr(client, type_, None), "openapi_types")


def item_type(type_: str) -> tuple[str, str]:
    """Return ("list" | "dict" | "", the type of the items or the type itself)."""
    if match := _LIST.match(type_):
        return "list", match["item"]
    if match := _DICT.match(type_):
        return "dict", match["item"]
    return "", type_


def unknown_fields(value: Any, type_: str, path: str = "") -> list[str]:
    """Return the paths of fields that the type does not have (`spec.template.spec.foo`)."""
    container, item = item_type(type_)
    if container == "list" and isinstance(value, list):
        return [
            found
            for index, entry in enumerate(value)
            for found in unknown_fields(entry, item, f"{path}[{index}]")
        ]
    if container == "dict" and isinstance(value, dict):
        return [
            found
            for key, entry in value.items()
            for found in unknown_fields(entry, item, f"{path}.{key}")
        ]
    if container or not is_model(item) or not isinstance(value, dict):
        return []
    known = fields(item)
    result = []
    for key, entry in value.items():
        where = f"{path}.{key}" if path else key
        if key not in known:
            result.append(where)
        else:
            result.extend(unknown_fields(entry, known[key].type, where))
    return result


def type_error(value: Any, type_: str, path: str = "", owner: str = "") -> str | None:
    """Return the Go decoder's complaint about the first value of a wrong type, or None."""
    if value is None:
        return None
    container, item = item_type(type_)
    if container == "list":
        if not isinstance(value, list):
            return _complaint(value, f"[]{_go(item)}", path, owner)
        return _first(type_error(entry, item, path, owner) for entry in value)
    if container == "dict":
        if not isinstance(value, dict):
            return _complaint(value, f"map[string]{_go(item)}", path, owner)
        return _first(
            type_error(entry, item, f"{path}.{key}", owner) for key, entry in value.items()
        )
    if is_model(item):
        if not isinstance(value, dict):
            return _complaint(value, _go(item), path, owner)
        known = fields(item)
        return _first(
            type_error(entry, known[key].type, f"{path}.{key}".lstrip("."), _short(item))
            for key, entry in value.items()
            if key in known
        )
    expected = _SCALARS.get(item)
    if expected is None or (isinstance(value, expected) and not _bool_as_number(value, item)):
        return None
    if _quantity(path):
        return None
    return _complaint(value, _GO_TYPES[item], path, owner)


def _first(complaints: Any) -> str | None:
    return next((complaint for complaint in complaints if complaint), None)


def _bool_as_number(value: Any, item: str) -> bool:
    return isinstance(value, bool) and item != "bool"


def _quantity(path: str) -> bool:
    """The client's models call a Quantity `str`; the API takes numbers too (`cpu: 1`)."""
    return re.search(r"\.(limits|requests|capacity|hard|sizeLimit)\b", path) is not None


def _complaint(value: Any, go_type: str, path: str, owner: str) -> str:
    kind = {bool: "bool", int: "number", float: "number", str: "string", list: "array"}
    found = kind.get(type(value), "object")
    return f"json: cannot unmarshal {found} into Go struct field {owner}.{path} of type {go_type}"


def _short(model: str) -> str:
    return re.sub(r"^(V\d+(?:alpha\d+|beta\d+)?|Core(?=V1)|Events(?=V1))", "", model)


def _go(type_: str) -> str:
    return f"v1.{_short(type_)}" if is_model(type_) else _GO_TYPES.get(type_, type_)
