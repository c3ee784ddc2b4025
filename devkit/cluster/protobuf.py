"""Request bodies in Kubernetes' protobuf encoding, which kubectl's typed commands send.

`kubectl create namespace`, `auth can-i` and others write protobuf and read either that or JSON, so
only decoding is needed. protobuf.json holds the field numbers of the messages (see
protobuf_table.py); they are part of the API and never change.
"""

from __future__ import annotations

import base64
import functools
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from devkit.cluster import clock, errors

Object = dict[str, Any]

_MAGIC = b"k8s\x00"
_META = "k8s.io.apimachinery.pkg.apis.meta.v1"
_INTSTR = "k8s.io.apimachinery.pkg.util.intstr.IntOrString"
_QUANTITY = "k8s.io.apimachinery.pkg.api.resource.Quantity"
# Go structs that are embedded: a message of its own on the wire, no level of its own in JSON.
_INLINE = {"volumeSource", "handler", "localObjectReference", "ephemeralContainerCommon"}
# Zero values go over the wire for fields that JSON would leave out. For these alone zero means
# something: they are pointers in Go, and are sent only when they are set.
_MEANINGFUL_ZERO = {
    "activeDeadlineSeconds",
    "allowPrivilegeEscalation",
    "automountServiceAccountToken",
    "blockOwnerDeletion",
    "controller",
    "defaultMode",
    "enableServiceLinks",
    "fsGroup",
    "gracePeriodSeconds",
    "immutable",
    "mode",
    "optional",
    "privileged",
    "progressDeadlineSeconds",
    "readOnlyRootFilesystem",
    "replicas",
    "revisionHistoryLimit",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "terminationGracePeriodSeconds",
}


def decode(raw: bytes) -> Object:
    """Return the object in a protobuf body; raise ApiError 400 (or 415 for unknown types)."""
    if not raw.startswith(_MAGIC):
        raise errors.bad_request("provided data does not appear to be a protobuf message")
    try:
        envelope = dict(wire(raw[len(_MAGIC) :]))
        meta = dict(wire(envelope[1]))
        api_version, kind = meta[1].decode(), meta[2].decode()
        model = _model(api_version, kind)
        if model not in _table():
            raise errors.unsupported_media_type(["application/json", "application/yaml"])
        item = _message(envelope.get(2, b""), model)
    except (KeyError, ValueError, IndexError, struct.error) as error:
        raise errors.bad_request(f"error decoding the protobuf body: {error!r}") from error
    return {**item, "apiVersion": api_version, "kind": kind}


def wire(raw: bytes) -> Iterator[tuple[int, Any]]:
    """Yield (field number, value) of a message: int for numbers, bytes for all else."""
    position = 0
    while position < len(raw):
        tag, position = _varint(raw, position)
        match tag & 7:
            case 0:
                value: Any
                value, position = _varint(raw, position)
            case 1:
                (value,) = struct.unpack_from("<q", raw, position)
                position += 8
            case 2:
                length, position = _varint(raw, position)
                if position + length > len(raw):
                    raise ValueError("message is cut off")
                value = raw[position : position + length]
                position += length
            case 5:
                (value,) = struct.unpack_from("<i", raw, position)
                position += 4
            case other:
                raise ValueError(f"unknown wire type {other}")
        yield tag >> 3, value


def _varint(raw: bytes, position: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = raw[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if not byte & 0x80:
            # Negative numbers are sent as 64-bit two's complement.
            return (result - (1 << 64) if result >= 1 << 63 else result), position
        shift += 7


@functools.cache
def _table() -> dict[str, dict[str, list[Any]]]:
    text = Path(__file__).with_name("protobuf.json").read_text("utf-8")
    table: dict[str, dict[str, list[Any]]] = json.loads(text)
    return table


def _model(api_version: str, kind: str) -> str:
    if kind == "DeleteOptions":
        return f"{_META}.DeleteOptions"
    group, slash, version = api_version.rpartition("/")
    name = group.partition(".")[0] if slash else "core"
    return f"k8s.io.api.{name}.{version}.{kind}"


def _message(raw: bytes, model: str) -> Any:
    fields = list(wire(raw))
    if model in (f"{_META}.Time", f"{_META}.MicroTime"):
        seconds = dict(fields).get(1, 0)
        return clock.timestamp(clock.from_epoch(seconds)) if seconds else None
    if model == _INTSTR:
        values = dict(fields)
        return values.get(3, b"").decode() if values.get(1) else values.get(2, 0)
    if model == _QUANTITY:
        return dict(fields).get(1, b"0").decode()
    result: Object = {}
    table = _table()[model]
    for number, value in fields:
        if str(number) not in table:
            continue
        name, kind, repeated = table[str(number)]
        if kind.startswith("map:"):
            entry = dict(wire(value))
            item = _value(entry.get(2, b""), kind.removeprefix("map:"))
            result.setdefault(name, {})[entry.get(1, b"").decode()] = item
            continue
        decoded = _value(value, kind)
        if repeated:
            result.setdefault(name, []).append(decoded)
        elif name in _INLINE:
            result |= decoded
        elif decoded or isinstance(decoded, dict) or _zero_matters(name, decoded):
            result[name] = decoded
    return result


def _zero_matters(name: str, value: Any) -> bool:
    return value is not None and value != "" and name in _MEANINGFUL_ZERO


def _value(value: Any, kind: str) -> Any:
    match kind:
        case "string":
            return value.decode()
        case "bytes":
            return base64.b64encode(value).decode()
        case "bool":
            return bool(value)
        case "int":
            return value
        case _:
            return _message(value, kind)
