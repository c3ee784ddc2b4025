"""The OpenAPI v2 document, in the only encoding that kubectl asks for: protobuf.

kubectl reads it to check objects inside a `kind: List` (single objects are checked by the server).
Field numbers are those of OpenAPIv2.proto in github.com/google/gnostic-models.
"""

from __future__ import annotations

import functools
import json
from typing import Any

from devkit.cluster import openapi
from devkit.cluster.resources import groups

CONTENT_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
"""kubectl asks with `@v1.0`, which is no valid media type in an answer (Go refuses it)."""

_REF = "#/components/schemas/"


@functools.cache
def document() -> bytes:
    """Return the definitions of all served types, encoded."""
    schemas: dict[str, Any] = {}
    for api_version in groups():
        served = openapi.document(api_version)
        if served is not None:
            # The same type may be part of several documents; only one says which kind it is.
            for name, schema in served["components"]["schemas"].items():
                if name not in schemas or "x-kubernetes-group-version-kind" in schema:
                    schemas[name] = schema
    info = _text(1, "Kubernetes") + _text(2, "v1.34.0")
    definitions = b"".join(_named(1, name, _schema(schema)) for name, schema in schemas.items())
    return _text(1, "2.0") + _bytes(2, info) + _bytes(8, b"") + _bytes(9, definitions)


def _schema(schema: dict[str, Any]) -> bytes:
    if "allOf" in schema:
        (only,) = schema["allOf"]
        return _text(1, "#/definitions/" + only["$ref"].removeprefix(_REF))
    result = b""
    if "format" in schema:
        result += _text(2, schema["format"])
    if "description" in schema:
        result += _text(4, schema["description"])
    for name in schema.get("required", []):
        result += _text(19, name)
    if "additionalProperties" in schema:
        result += _bytes(21, _bytes(1, _schema(schema["additionalProperties"])))
    if "type" in schema:
        result += _bytes(22, _text(1, schema["type"]))
    if "items" in schema:
        result += _bytes(23, _bytes(1, _schema(schema["items"])))
    if schema.get("properties"):
        properties = schema["properties"].items()
        result += _bytes(25, b"".join(_named(1, key, _schema(value)) for key, value in properties))
    for key, value in schema.items():
        if key.startswith("x-"):
            # JSON is YAML, which is what the field holds.
            result += _named(31, key, _text(2, json.dumps(value)))
    return result


def _named(number: int, name: str, value: bytes) -> bytes:
    return _bytes(number, _text(1, name) + _bytes(2, value))


def _text(number: int, value: str) -> bytes:
    return _bytes(number, value.encode())


def _bytes(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    result = bytearray()
    while value > 0x7F:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    result.append(value)
    return bytes(result)
