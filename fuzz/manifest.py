"""Fuzz the check of manifests and patches: what passes holds nothing that is forbidden."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import atheris  # type: ignore[import-untyped]

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a program, not with -m
with atheris.instrument_imports(include=["oi_deploy", "yaml"]):
    from oi_deploy.broker import manifest
    from oi_deploy.broker.request import Refused

from fuzz.harness import fuzz, require
from tests.unit.broker import test_properties_manifest as known
from tests.unit.broker.asking import DEPLOYMENT, REG
from tests.unit.broker.yaml_spellings import spell

KINDS = ("Deployment", "Service", "ConfigMap")
WORDS = (
    *("apiVersion: ", "kind: ", *KINDS, "List", "items: ", "metadata: ", "name: ", "spec: ", "v1"),
    *("apps/v1", "template: ", "containers: ", "image: ", f"{REG}/app:1", "securityContext: "),
    *(
        "privileged: ",
        "hostNetwork: ",
        "hostPath: ",
        "volumes: ",
        "secret: ",
        "secretName: ",
        "env",
    ),
    *(
        "valueFrom: ",
        "secretKeyRef: ",
        "ports: ",
        "hostPort: ",
        "null",
        "true",
        "false",
        "&a ",
        "*a",
    ),
    *(
        "!!",
        "!<",
        "<<: ",
        "? ",
        "- ",
        ": ",
        "\n---\n",
        "\n...\n",
        "%YAML 1.1\n",
        "|",
        ">",
        "\\u0068",
    ),
    *("{", "}", "[", "]", ", ", "'", '"', "#", ":59", "0x", ".inf", "~", "\t", "\r\n", "\ufeff"),
)


def seeds() -> Iterator[bytes]:
    """Harmless and hostile manifests in many spellings, patches, and what hurts YAML readers."""
    chance = Random(1)  # noqa: S311 - the same seeds each time
    small = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "app"}}
    yield DEPLOYMENT.encode()
    for path, value in known.HOSTILE:
        document: dict[str, Any] = json.loads(json.dumps(small))
        known.put(document, "spec.template.spec.containers.+", {"image": f"{REG}/a", "name": "a"})
        yield spell(chance, document).encode()
        known.put(document, path, value)
        yield spell(chance, document).encode()
    for _ in range(30):
        yield spell(chance, known.others(chance)).encode()
    yield spell(chance, {"apiVersion": "v1", "kind": "List", "items": [small]}).encode()
    yield b"spec: {replicas: 2}"
    yield b'[{"op": "replace", "path": "/spec/replicas", "value": 2}]'
    yield b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    yield b"a: 1" + b":59" * 400 + b".5\n"
    for nesting in (b"[", b"{", b"? ", b"- ", b"[{", b"a:\n "):
        yield nesting * 200
    yield b"!!int ''\n--- !!set {a}\n--- !!binary aGk=\n--- !!timestamp x\n"
    yield b"a: |2-\n   x\nb: >+\n y\n\nc: 'x\n\n y'\n"


def holds_danger(content: bytes) -> list[str]:
    """What is forbidden and yet there, found by a walk that does not know the check's tables."""
    whole = json.loads(content)
    found = []
    for one in whole["items"] if whole["kind"] == "List" else [whole]:
        found += [] if one["kind"] in KINDS else [one["kind"]]
        found += [] if one["metadata"].get("namespace") in (None, "production") else ["namespace"]
        found += known.dangers(one, one["metadata"]["name"])
    return found


def test_one_input(data: bytes) -> None:
    """Check the bytes as a manifest, or as a patch of one kind."""
    kind = ("", "", "strategic", "merge", "json")[len(data) % 5]
    try:
        if kind:
            manifest.check_patch(known.PATCH, data.decode("utf-8", "replace"), kind)
            return
        content, names = manifest.checked(known.APPLY, data)
    except Refused as no:
        require(no.reason and no.rule.startswith("kubectl.manifest"), "the refusal")
        no.decision.reason.encode()
        return
    require(names and not holds_danger(content), "a manifest with a forbidden field passed")
    require(manifest.checked(known.APPLY, content) == (content, names), "written again")


if __name__ == "__main__":
    fuzz("manifest", test_one_input, seeds=seeds(), words=WORDS, longest=2000)
