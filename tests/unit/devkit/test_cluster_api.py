"""What API server and node decide by themselves: rights, fields, request bodies, images."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from devkit.cluster import authz, defaults, errors, images, openapi, pod_config, protobuf, schema
from devkit.cluster import request as requests
from devkit.cluster.authz import Access
from devkit.cluster.resources import CONFIGMAPS, DEPLOYMENTS, PODS, SERVICES
from devkit.cluster.store import Store


def deployer() -> authz.User:
    return authz.User.model_validate(authz.deployer("t", "demo"))


@pytest.mark.parametrize(
    ("verb", "group", "resource", "namespace", "name", "allowed"),
    [
        ("patch", "apps", "deployments", "demo", "web", True),
        ("update", "apps", "deployments/scale", "demo", "web", True),
        ("get", "", "pods/log", "demo", "web-1", True),
        ("watch", "", "events", "demo", "", True),
        ("create", "", "configmaps", "demo", "", True),
        ("get", "", "namespaces", "", "demo", True),
        ("get", "", "namespaces", "", "other", False),
        ("list", "", "namespaces", "", "", False),
        ("delete", "apps", "deployments", "demo", "web", False),
        ("get", "", "secrets", "demo", "x", False),
        ("create", "", "pods/exec", "demo", "web-1", False),
        ("get", "", "pods/proxy", "demo", "web-1:80", False),
        ("patch", "apps", "deployments", "other", "web", False),
        ("patch", "apps", "replicasets", "demo", "web", False),
        ("list", "", "pods", "", "", False),
    ],
)
def test_the_deployers_rights(
    verb: str, group: str, resource: str, namespace: str, name: str, allowed: bool
) -> None:
    access = Access(verb, group, resource, namespace, name)
    assert authz.allowed(deployer(), access) is allowed


def test_a_refusal_has_rbacs_words() -> None:
    with pytest.raises(errors.ApiError) as refused:
        authz.require(
            deployer(), Access("delete", "apps", "deployments", "demo", "web"), DEPLOYMENTS
        )
    assert refused.value.message == (
        'deployments.apps "web" is forbidden: User "system:serviceaccount:demo:deployer" cannot '
        'delete resource "deployments" in API group "apps" in the namespace "demo"'
    )
    assert refused.value.status()["details"]["kind"] == "deployments"


def test_tokens_are_read_from_a_file_and_others_are_unknown(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    file.write_text(json.dumps({"tokens": [authz.admin("secret")]}))
    users = authz.load(file)

    assert authz.authenticate(users, "Bearer secret").user == "kubernetes-admin"
    for header in (None, "", "Bearer other", "Basic secret"):
        with pytest.raises(errors.ApiError) as refused:
            authz.authenticate(users, header)
        assert refused.value.code == 401


@pytest.mark.parametrize(
    ("path", "resource", "namespace", "name", "subresource"),
    [
        ("/api/v1/namespaces/demo/pods/a/log", PODS, "demo", "a", "log"),
        ("/apis/apps/v1/namespaces/demo/deployments/w/scale", DEPLOYMENTS, "demo", "w", "scale"),
        ("/apis/apps/v1/deployments", DEPLOYMENTS, "", "", ""),
        ("/api/v1/namespaces/proxy/pods/http:a:80/proxy/b/c", PODS, "proxy", "http:a:80", "proxy"),
    ],
)
def test_paths(path: str, resource: Any, namespace: str, name: str, subresource: str) -> None:
    found = requests.target(path)
    assert found == requests.Target(resource, namespace, name, subresource)


@pytest.mark.parametrize(
    "path", ["/apis/batch/v1/jobs", "/api/v1", "/api/v1/namespaces/demo/pods/a/nope", "/x"]
)
def test_unknown_paths_are_404(path: str) -> None:
    with pytest.raises(errors.ApiError) as refused:
        requests.target(path)
    assert refused.value.code == 404


def deployment(**container: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "app", "image": "a/b:1", **container}]},
            },
        },
    }


def test_unknown_fields_and_wrong_types_are_named() -> None:
    item = deployment(imagePulPolicy="Always")
    assert schema.unknown_fields(item, "V1Deployment") == [
        "spec.template.spec.containers[0].imagePulPolicy"
    ]
    item = deployment(env=[{"name": "A", "value": 1}], resources={"limits": {"cpu": 1}})
    complaint = schema.type_error(item, "V1Deployment")
    assert complaint is not None
    assert "cannot unmarshal number into Go struct field EnvVar" in complaint
    assert schema.type_error(deployment(resources={"limits": {"cpu": 1}}), "V1Deployment") is None


def test_defaults_and_checks() -> None:
    item = deployment()
    defaults.apply(DEPLOYMENTS, item)
    defaults.check(DEPLOYMENTS, item, None)
    spec = item["spec"]
    assert (spec["replicas"], spec["progressDeadlineSeconds"]) == (1, 600)
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": "25%"}
    assert spec["template"]["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"

    wrong = deployment(image="")
    wrong["spec"]["selector"]["matchLabels"] = {"app": "other"}
    defaults.apply(DEPLOYMENTS, wrong)
    with pytest.raises(errors.ApiError) as refused:
        defaults.check(DEPLOYMENTS, wrong, None)
    assert refused.value.code == 422
    fields = {cause["field"] for cause in refused.value.details["causes"]}
    assert fields == {
        "spec.template.metadata.labels",
        "spec.template.spec.containers[0].image",
    }


@pytest.mark.parametrize(
    ("image", "policy"),
    [("a/b", "Always"), ("a/b:latest", "Always"), ("h:5/a/b@sha256:0", "IfNotPresent")],
)
def test_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    item = deployment(image=image)
    defaults.apply(DEPLOYMENTS, item)
    assert item["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] == policy


def field(number: int, value: bytes | str | int) -> bytes:
    """One protobuf field; numbers and lengths are small here."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    raw = value.encode() if isinstance(value, str) else value
    return bytes([number << 3 | 2, len(raw)]) + raw


def envelope(api_version: str, kind: str, raw: bytes) -> bytes:
    meta = field(1, api_version) + field(2, kind)
    return b"k8s\x00" + field(1, meta) + field(2, raw)


def test_protobuf_bodies_are_decoded() -> None:
    metadata = field(1, "settings") + field(3, "") + field(8, b"")
    data = field(1, "A") + field(2, "1")
    body = envelope("v1", "ConfigMap", field(1, metadata) + field(2, data))
    assert protobuf.decode(body) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings"},
        "data": {"A": "1"},
    }

    probe = field(1, field(2, field(1, "/ready") + field(2, field(1, 0) + field(2, 80)))) + field(
        3, 0
    )
    container = field(1, "app") + field(11, probe)
    template = field(2, field(2, container))
    body = envelope("apps/v1", "Deployment", field(2, field(1, 0) + field(3, template)))
    spec = protobuf.decode(body)["spec"]
    # Zero replicas mean something, a timeout of zero means that none was given.
    assert spec["replicas"] == 0
    (decoded,) = spec["template"]["spec"]["containers"]
    assert decoded["readinessProbe"] == {"httpGet": {"path": "/ready", "port": 80}}


@pytest.mark.parametrize(
    ("raw", "code"),
    [(b"{}", 400), (b"k8s\x00\x0a\xff", 400), (envelope("batch/v1", "Job", b""), 415)],
)
def test_other_bodies_are_refused(raw: bytes, code: int) -> None:
    with pytest.raises(errors.ApiError) as refused:
        protobuf.decode(raw)
    assert refused.value.code == code


def test_openapi_tells_kubectl_how_to_merge() -> None:
    document = openapi.document("apps/v1")
    assert document is not None
    schemas = document["components"]["schemas"]
    containers = schemas["io.k8s.api.v1.PodSpec"]["properties"]["containers"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    ports = schemas["io.k8s.api.v1.Container"]["properties"]["ports"]
    assert ports["x-kubernetes-patch-merge-key"] == "containerPort"


@pytest.mark.parametrize(
    ("image", "full", "repository"),
    [
        ("nginx", "docker.io/library/nginx:latest", "docker.io/library/nginx"),
        ("h.example:5443/a/b:1", "h.example:5443/a/b:1", "h.example:5443/a/b"),
        ("localhost/a@sha256:0", "localhost/a@sha256:0", "localhost/a"),
    ],
)
def test_image_references(image: str, full: str, repository: str) -> None:
    assert (images.with_tag(image), images.repository(image)) == (full, repository)


def test_registry_credentials_are_found_by_host() -> None:
    login = base64.b64encode(b"robot:pass:word").decode()
    config = {"auths": {"https://h.example:5443/v1/": {"auth": login}}}
    assert images.credentials(config, "h.example:5443") == {
        "username": "robot",
        "password": "pass:word",
        "serveraddress": "h.example:5443",
    }
    assert images.credentials(config, "h.example") is None


def test_environment_comes_from_everywhere() -> None:
    objects = {
        ("ConfigMap", "c"): {"data": {"K": "from-map"}},
        ("Secret", "s"): {"data": {"P": base64.b64encode(b"hidden").decode()}},
    }
    pod = {
        "metadata": {"name": "web-1", "namespace": "demo"},
        "spec": {},
        "status": {"podIP": "1.2"},
    }
    container = {
        "envFrom": [{"configMapRef": {"name": "c"}, "prefix": "X_"}],
        "env": [
            {"name": "P", "valueFrom": {"secretKeyRef": {"name": "s", "key": "P"}}},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "ALL", "value": "$(P) $(IP) $(NONE) $$(P)"},
        ],
    }
    env = pod_config.environment(pod, container, lambda kind, name: objects.get((kind, name)))
    assert env == {"X_K": "from-map", "P": "hidden", "IP": "1.2", "ALL": "hidden 1.2 $(NONE) $(P)"}

    missing = {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "z", "key": "k"}}}]}
    with pytest.raises(pod_config.ConfigError, match='configmap "z" not found'):
        pod_config.environment(pod, missing, lambda *_: None)


def test_a_command_replaces_the_images_arguments() -> None:
    pod = {"metadata": {"name": "w", "namespace": "n", "uid": "u"}, "spec": {}}
    container = {"command": ["run"], "resources": {"limits": {"memory": "64Mi"}}}
    body = pod_config.container_body(pod, container, "i@sha256:0", "s", {}, lambda *_: None)
    assert (body["Entrypoint"], body["Cmd"]) == (["run"], [])
    assert body["HostConfig"]["Memory"] == 64 * 2**20
    assert "Cmd" not in pod_config.container_body(pod, {}, "i", "s", {}, lambda *_: None)


def test_the_store_refuses_stale_writes_and_counts_generations() -> None:
    store = Store()
    first = store.create(
        DEPLOYMENTS, {"metadata": {"name": "a", "namespace": "n"}, "spec": {"x": 1}}
    )
    changed = store.update(DEPLOYMENTS, {**first, "spec": {"x": 2}})
    assert changed["metadata"]["generation"] == 2
    with pytest.raises(errors.ApiError) as refused:
        store.update(DEPLOYMENTS, {**first, "spec": {"x": 3}})
    assert (refused.value.code, refused.value.reason) == (409, "Conflict")
    labelled = {**changed, "metadata": {**changed["metadata"], "labels": {"a": "b"}}}
    after = store.update(DEPLOYMENTS, labelled)
    assert after["metadata"]["generation"] == 2
    assert store.update(DEPLOYMENTS, after) == after
    with pytest.raises(errors.ApiError, match='configmaps "a" not found'):
        store.get(CONFIGMAPS, "n", "a")


def test_a_service_needs_ports() -> None:
    item: dict[str, Any] = {"metadata": {"name": "web"}, "spec": {}}
    defaults.apply(SERVICES, item)
    with pytest.raises(errors.ApiError, match=r"spec.ports: Required value"):
        defaults.check(SERVICES, item, None)
