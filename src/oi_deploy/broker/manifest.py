"""What a manifest or a patch may contain.

Fields are allowed one by one; a field that is not named here is refused. What was checked is
written again as JSON, so that kubectl cannot read a file differently from us.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from oi_deploy.broker import images
from oi_deploy.broker.request import Policy, Refused

Check = Callable[[Policy, Any, str], None]
NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
RULE = "kubectl.manifest"
_MAX_DEPTH = 40


class _Loader(yaml.SafeLoader):
    """YAML without timestamps (JSON has none), aliases (they can explode) and repeated keys."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise Refused(RULE, "YAML aliases (*name) are not allowed; write the value out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if not all(isinstance(key, str) for key in keys) or len(set(keys)) != len(keys):
            raise Refused(RULE, "every key of a mapping must be a string, and be there only once")
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(content: bytes) -> list[Any]:
    """Read YAML or JSON documents; raises Refused when it is neither."""
    try:
        text = content.decode("utf-8")
        documents = list(yaml.load_all(text, Loader=_Loader))
    except (UnicodeDecodeError, yaml.YAMLError, ValueError, RecursionError) as error:
        problem = getattr(error, "problem", None) or str(error).split("\n", 1)[0]
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise Refused(RULE, f"the manifest is not valid YAML{where}: {problem}") from None
    return [document for document in documents if document is not None]


def checked(policy: Policy, content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Check a manifest.

    Returns:
        The manifest as JSON, and the `kind/name` of what is in it.

    Raises:
        Refused: naming the first field that is not allowed.
    """
    objects = [one for document in load(content) for one in _items(document)]
    if not objects:
        raise Refused(RULE, "the manifest is empty")
    for one in objects:
        _object(policy, one)
    whole = {"apiVersion": "v1", "kind": "List", "items": objects}
    try:
        text = json.dumps(objects[0] if len(objects) == 1 else whole, allow_nan=False)
    except (TypeError, ValueError):
        raise Refused(RULE, "the manifest has a value that JSON cannot hold") from None
    return text.encode(), tuple(f"{o['kind'].lower()}/{o['metadata']['name']}" for o in objects)


def check_patch(policy: Policy, text: str, kind: str) -> None:
    """Check the patch of a Deployment; `kind` is kubectl's `--type`.

    Raises:
        Refused: naming the first field that is not allowed.
    """
    documents = load(text.encode())
    if len(documents) != 1:
        raise Refused(RULE, "a patch must be one JSON or YAML document")
    if kind == "json":
        for operation in _list(documents[0], "patch"):
            _operation(policy, operation)
    else:
        _fields(policy, documents[0], _PATCH, "patch")


_OPERATION_PATHS = (
    re.compile(r"/spec/replicas"),
    re.compile(r"/spec/template/spec/containers/[0-9]+/image"),
    re.compile(r"/(?:spec/template/)?metadata/(?:annotations|labels)/[^/]+"),
)


def _operation(policy: Policy, operation: Any) -> None:
    fields = _mapping(operation, "patch")
    path = fields.get("path")
    if fields.get("op") not in ("add", "replace", "test", "remove") or not isinstance(path, str):
        raise Refused(RULE, f"the patch operation {fields.get('op')!r} is not allowed")
    if set(fields) - {"op", "path", "value"} or not any(
        known.fullmatch(path) for known in _OPERATION_PATHS
    ):
        raise Refused(RULE, f"the patch path {path} is not allowed")
    if path.endswith("/image"):
        _image(policy, fields.get("value"), path)


def _items(document: Any) -> list[Any]:
    fields = _mapping(document, "manifest")
    if fields.get("kind") != "List":
        return [document]
    return _list(fields.get("items") or [], "items")


def _object(policy: Policy, document: Any) -> None:
    fields = _mapping(document, "manifest")
    known = _KINDS.get((str(fields.get("apiVersion")), str(fields.get("kind"))))
    if known is None:
        raise Refused(
            RULE,
            f"{fields.get('kind')} ({fields.get('apiVersion')}) is not allowed in a manifest: only "
            "Deployment (apps/v1), Service (v1) and ConfigMap (v1) are",
        )
    _fields(policy, document, known, str(fields["kind"]))
    metadata = _mapping(fields.get("metadata"), "metadata")
    name = metadata.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise Refused(RULE, f"{fields['kind']} needs a metadata.name")
    if fields["kind"] == "Deployment":
        require_deployment(policy, name, RULE)


def require_deployment(policy: Policy, name: str, rule: str) -> None:
    """Refuse a Deployment that may not change."""
    allowed = policy.allowed_deployments
    if allowed and name not in allowed:
        raise Refused(
            f"{rule}.deployment",
            f"the Deployment {name} is not allowed; allowed: {', '.join(allowed)}",
            *(f"kubectl -n {policy.namespace} get deployment {one}" for one in allowed),
        )


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Refused(RULE, f"{where} must be a mapping")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise Refused(RULE, f"{where} must be a list")
    return value


def _fields(policy: Policy, value: Any, known: Mapping[str, Check], where: str) -> None:
    for key, inner in _mapping(value, where).items():
        if key not in known:
            raise Refused(RULE, f"the field {where}.{key} is not allowed in a manifest")
        if inner is not None:
            known[key](policy, inner, f"{where}.{key}")


def _any(policy: Policy, value: Any, where: str) -> None:
    """No restriction on what is inside."""


def _in(*values: object) -> Check:
    def check(policy: Policy, value: Any, where: str) -> None:
        if not any(value is one or (type(value) is type(one) and value == one) for one in values):
            allowed = " or ".join(repr(one) for one in values)
            raise Refused(RULE, f"{where} may only be {allowed}")

    return check


def _object_of(known: Callable[[], Mapping[str, Check]]) -> Check:
    return lambda policy, value, where: _fields(policy, value, known(), where)


def _list_of(known: Callable[[], Mapping[str, Check]]) -> Check:
    def check(policy: Policy, value: Any, where: str) -> None:
        for index, item in enumerate(_list(value, where)):
            _fields(policy, item, known(), f"{where}[{index}]")

    return check


def _all(*names: str) -> dict[str, Check]:
    return dict.fromkeys(names, _any)


def _image(policy: Policy, value: Any, where: str) -> None:
    if not isinstance(value, str):
        raise Refused(RULE, f"{where} must be a string")
    images.require_allowed(policy, value, f"{RULE}.image", "image: {image}")


def _own_namespace(policy: Policy, value: Any, where: str) -> None:
    if value != policy.namespace:
        raise Refused(
            RULE, f"the namespace {value} is not allowed", f"namespace: {policy.namespace}"
        )


_METADATA: dict[str, Check] = {
    **_all("name", "labels", "annotations", "creationTimestamp"),
    "namespace": _own_namespace,
}
_SECURITY: dict[str, Check] = {
    **_all("runAsNonRoot", "runAsUser", "runAsGroup", "fsGroup", "fsGroupChangePolicy"),
    **_all("readOnlyRootFilesystem"),
    "privileged": _in(False),
    "allowPrivilegeEscalation": _in(False),
    "capabilities": _object_of(lambda: _all("drop")),
    "seccompProfile": _object_of(lambda: {"type": _in("RuntimeDefault")}),
}
_ENV_SOURCE: dict[str, Check] = _all("configMapKeyRef", "fieldRef", "resourceFieldRef")
_ENV: dict[str, Check] = {**_all("name", "value"), "valueFrom": _object_of(lambda: _ENV_SOURCE)}
_CONTAINER: dict[str, Check] = {
    **_all("name", "command", "args", "workingDir", "imagePullPolicy", "resources"),
    **_all("livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "volumeMounts"),
    **_all("terminationMessagePath", "terminationMessagePolicy"),
    "image": _image,
    "env": _list_of(lambda: _ENV),
    "envFrom": _list_of(lambda: _all("configMapRef", "prefix")),
    "ports": _list_of(lambda: _all("name", "containerPort", "protocol")),
    "securityContext": _object_of(lambda: _SECURITY),
}
_POD: dict[str, Check] = {
    **_all("restartPolicy", "terminationGracePeriodSeconds", "nodeSelector", "affinity"),
    **_all("tolerations", "topologySpreadConstraints", "imagePullSecrets", "enableServiceLinks"),
    "containers": _list_of(lambda: _CONTAINER),
    "initContainers": _list_of(lambda: {**_CONTAINER, "restartPolicy": _any}),
    "volumes": _list_of(lambda: _all("name", "emptyDir", "configMap")),
    "securityContext": _object_of(lambda: _SECURITY),
    "serviceAccountName": _in("", "default"),
    "serviceAccount": _in("", "default"),
    "automountServiceAccountToken": _in(False),
    "dnsPolicy": _in("ClusterFirst"),
    "schedulerName": _in("default-scheduler"),
}
_TEMPLATE: dict[str, Check] = {
    "metadata": _object_of(lambda: _METADATA),
    "spec": _object_of(lambda: _POD),
}
_DEPLOYMENT_SPEC: dict[str, Check] = {
    **_all("replicas", "selector", "strategy", "minReadySeconds", "revisionHistoryLimit"),
    **_all("progressDeadlineSeconds", "paused"),
    "template": _object_of(lambda: _TEMPLATE),
}
_SERVICE_SPEC: dict[str, Check] = {
    **_all("selector", "ports", "clusterIP", "sessionAffinity", "publishNotReadyAddresses"),
    "type": _in("ClusterIP", "NodePort", "LoadBalancer"),
}
_HEAD: dict[str, Check] = {
    **_all("apiVersion", "kind"),
    "metadata": _object_of(lambda: _METADATA),
}
_PATCH: dict[str, Check] = {
    "metadata": _object_of(lambda: _METADATA),
    "spec": _object_of(lambda: _DEPLOYMENT_SPEC),
}
_KINDS: Mapping[tuple[str, str], Mapping[str, Check]] = {
    ("apps/v1", "Deployment"): {
        **_HEAD,
        "spec": _object_of(lambda: _DEPLOYMENT_SPEC),
        "status": _any,
    },
    ("v1", "Service"): {**_HEAD, "spec": _object_of(lambda: _SERVICE_SPEC), "status": _any},
    ("v1", "ConfigMap"): {**_HEAD, **_all("data", "binaryData", "immutable")},
}
