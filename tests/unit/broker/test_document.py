"""The policy file: what it may say, what it means, and what fills it up."""

import json
from pathlib import Path

import pytest

from oi_deploy.broker import document
from oi_deploy.broker.document import Document, read, schema, settle

REG = "harbor.example.com/library"
FULL = """\
version: 1
images:
  push: [harbor.example.com/library/shop]
  pull: ["harbor.example.com/library/*"]
  base: [python, node]
  local: [shop]
build: {network: none, arguments: [VERSION]}
run: {memory: 1Gi, seconds: 20}
namespaces:
  production:
    - {kinds: ["*"], verbs: [read]}
    - {kinds: [deployment], names: [shop, "shop-*"], verbs: [set-image, rollout]}
  staging:
    - {kinds: [pod, deployment], verbs: [read]}
manifests: {secrets: [tls], service-accounts: [shop]}
network: open
limits: {processes: 100, memory: 2Gi, disk: 1Gi, file-size: 512Mi, open-files: 64, cpu-seconds: 9}
"""


def test_a_full_document_is_read_and_settles_to_itself() -> None:
    policy = read(FULL)
    assert settle(policy, registry=REG, namespace="production") == policy
    assert document.size(policy.limits.memory) == 2 * 1024**3
    assert policy.network == "open"


@pytest.mark.parametrize(
    ("kind", "name", "verb", "allowed"),
    [
        ("deployment", "shop", "set-image", True),
        ("deployment", "shop-eu", "rollout", True),
        ("deployment", "shopping", "set-image", False),
        ("deployment", "", "set-image", False),
        ("deployment", "shop", "scale", False),
        ("pod", "", "read", True),
        ("pod", "x", "rollout", False),
    ],
)
def test_a_rule_allows_what_it_names(kind: str, name: str, verb: str, allowed: bool) -> None:
    assert read(FULL).permits("production", kind, name, verb) is allowed
    assert not read(FULL).permits("other", kind, name, verb)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("images: {}", "version"),
        ("version: 2", "version"),
        ("version: 1\nimage: {}", "image"),
        ("version: 1\nimages: {push: [https://x/y]}", "images.push.0"),
        ("version: 1\nimages: {push: x}", "images.push"),
        ("version: 1\nimages: {local: [a/b:1]}", "images.local.0"),
        ("version: 1\nnamespaces: {a: [{kinds: [secret], verbs: [read]}]}", "namespaces.a.0.kinds"),
        ("version: 1\nnamespaces: {a: [{kinds: [pod], verbs: [exec]}]}", "namespaces.a.0.verbs"),
        ("version: 1\nnamespaces: {a: [{kinds: [pod], verbs: [scale]}]}", "namespaces.a.0"),
        ('version: 1\nnamespaces: {a: [{kinds: ["*"], verbs: [scale]}]}', "namespaces.a.0"),
        ("version: 1\nlimits: {memory: 1GB}", "limits.memory"),
        ("version: 1\nlimits: {processes: 0}", "limits.processes"),
        ("version: 1\nnetwork: bridge", "network"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, where: str) -> None:
    with pytest.raises(ValueError, match=f"  {where}".replace(".", r"\.")):
        read(text)


@pytest.mark.parametrize(
    "text",
    ["", "[", "just text", "version: 1\n---\nversion: 1", "version: 1\nversion: 1",
     "version: 1\nimages: &a {push: []}\nbuild: *a"],
)  # fmt: skip
def test_what_could_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read(text)


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(ValueError) as caught:
        read("version: 2\nfoo: 1\nlimits: {memory: x}")
    assert str(caught.value).count("\n  ") == 3


def test_the_inputs_are_the_short_form() -> None:
    short = settle(None, registry=REG, namespace="shop")
    assert short.images.push == short.images.pull == (REG,)
    assert short.permits("shop", "configmap", "", "read")
    for verb in ("set-image", "scale", "rollout"):
        assert short.permits("shop", "deployment", "anything", verb)
    for verb in ("apply", "create", "patch"):
        assert not short.permits("shop", "deployment", "anything", verb)
    assert short.network == "none"
    narrow = settle(
        None,
        registry=REG,
        namespace="shop",
        allowed_images=(f"{REG}/a",),
        allowed_deployments=("a",),
    )
    assert narrow.images.push == (f"{REG}/a",)
    assert not narrow.permits("shop", "deployment", "b", "scale")


@pytest.mark.parametrize(
    ("text", "more", "words"),
    [
        ("images: {push: [h.example/x]}", {"allowed_images": ("h.example/y",)}, "allowed-images"),
        ("namespaces: {}", {"allowed_deployments": ("a",)}, "allowed-deployments"),
        ("namespaces: {other: [{kinds: [deployment], verbs: [scale]}]}", {}, "namespace `other`"),
    ],
)
def test_contradictions_are_refused(text: str, more: dict[str, tuple[str]], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        settle(read(f"version: 1\n{text}"), registry=REG, namespace="shop", **more)


def test_the_digest_depends_on_the_meaning_alone() -> None:
    assert read(FULL).digest == read(json.dumps(read(FULL).model_dump(by_alias=True))).digest
    assert read(FULL).digest != read(FULL.replace("network: open", "network: none")).digest
    assert Document(version=1).digest.startswith("sha256:")


def test_the_published_schema_is_the_model_s() -> None:
    file = Path(document.__file__).with_name("policy.schema.json")
    assert json.loads(file.read_text(encoding="utf-8")) == schema()
