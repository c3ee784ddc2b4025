"""Writes protobuf.json: `python -m devkit.cluster.protobuf_table KUBECTL > .../protobuf.json`.

A kubectl binary carries the compressed descriptors of all API messages (generated.proto of
k8s.io/api, Apache-2.0). Taken from it are the messages that this cluster decodes, and those inside
them. Run it again only for new resource types.
"""

from __future__ import annotations

import json
import re
import sys
import zlib
from pathlib import Path
from typing import Any

from devkit.cluster.protobuf import wire

Table = dict[str, dict[str, list[Any]]]

_ROOTS = [
    *(
        f"k8s.io.api.core.v1.{kind}"
        for kind in ("ConfigMap", "Event", "Namespace", "Pod", "Secret", "Service")
    ),
    "k8s.io.api.core.v1.ResourceQuota",
    "k8s.io.api.core.v1.ServiceAccount",
    "k8s.io.api.apps.v1.Deployment",
    "k8s.io.api.apps.v1.ReplicaSet",
    "k8s.io.api.authorization.v1.SelfSubjectAccessReview",
    "k8s.io.api.authorization.v1.SelfSubjectRulesReview",
    "k8s.io.api.autoscaling.v1.Scale",
    "k8s.io.apimachinery.pkg.apis.meta.v1.DeleteOptions",
]
# A gzip header as Go's descriptors have it: no name, no time, best compression.
_GZIP = re.compile(re.escape(bytes.fromhex("1f8b08000000000002ff")))
_TYPES = {9: "string", 12: "bytes", 8: "bool", 1: "double"}
_REPEATED, _MESSAGE = 3, 11


def table(binary: bytes) -> Table:
    """Return message -> field number -> [name, type, repeated] of all messages that are needed."""
    every: Table = {}
    for match in _GZIP.finditer(binary):
        try:
            raw = zlib.decompressobj(31).decompress(binary[match.start() :], 2**21)
        except zlib.error:
            continue
        if b"generated.proto" in raw[:200]:
            _add_file(every, raw)
    return _reachable(every)


def _add_file(every: Table, raw: bytes) -> None:
    fields = list(wire(raw))
    package = next(value for number, value in fields if number == 2).decode()
    for number, value in fields:
        if number == 4:
            _add_message(every, package, value)


def _add_message(every: Table, prefix: str, raw: bytes) -> None:
    fields = list(wire(raw))
    name = f"{prefix}.{dict(fields)[1].decode()}"
    every[name] = {}
    for number, value in fields:
        if number == 3:
            _add_message(every, name, value)
        elif number == 2:
            field = dict(wire(value))
            kind = _TYPES.get(field[5], "int")
            if field[5] == _MESSAGE:
                kind = field[6].decode().lstrip(".")
            every[name][str(field[3])] = [field[1].decode(), kind, field[4] == _REPEATED]


def _reachable(every: Table) -> Table:
    result: Table = {}
    pending = list(_ROOTS)
    while pending:
        name = pending.pop()
        if name in result or name not in every:
            continue
        result[name] = {}
        for number, (field, kind, repeated) in every[name].items():
            if field == "managedFields":
                continue
            if kind.endswith("Entry") and kind.startswith(f"{name}."):
                kind = f"map:{every[kind]['2'][1]}"
            result[name][number] = [field, kind, repeated]
            pending.append(kind.removeprefix("map:"))
    return result


if __name__ == "__main__":
    lines = [
        f"{json.dumps(name)}: {json.dumps(fields)}"
        for name, fields in sorted(table(Path(sys.argv[1]).read_bytes()).items())
    ]
    print("{\n" + ",\n".join(lines) + "\n}")
