"""What a manifest or a patch may contain.

Fields are allowed one by one; a field that is not named here is refused. What was checked is
written again as JSON, so that kubectl cannot read a file differently from us.
"""

import fnmatch
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from oi_deploy.broker import images, strict_yaml
from oi_deploy.broker.document import Verb
from oi_deploy.broker.request import Known, Policy, Refused

NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
RULE = "kubectl.manifest"
# The parser reads about a hundred kilobytes a second, and nothing else goes on meanwhile.
MAX_SIZE = 256 * 1024


@dataclass(frozen=True)
class Scope:
    """What a manifest is checked against.

    Attributes:
        policy: what is allowed.
        known: what Deployments had before the run.
        verb: what is done with the manifest.
        deployment: the Deployment that is looked at, for what it had before.
    """

    policy: Policy
    known: Known
    verb: Verb
    deployment: str = ""


Check = Callable[[Scope, Any, str], None]


def load(content: bytes) -> list[Any]:
    """Read YAML or JSON documents; raises Refused when it is neither, or too large."""
    if len(content) > MAX_SIZE:
        raise Refused(RULE, f"the manifest is larger than {MAX_SIZE // 1024} KiB")
    try:
        return strict_yaml.load_all(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise Refused(RULE, "the manifest is not UTF-8 text") from None
    except ValueError as error:
        raise Refused(RULE, f"the manifest cannot be used: {error}") from None


def checked(scope: Scope, content: bytes) -> tuple[bytes, tuple[str, ...]]:
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
        _object(scope, one)
    whole = {"apiVersion": "v1", "kind": "List", "items": objects}
    try:
        text = json.dumps(objects[0] if len(objects) == 1 else whole, allow_nan=False)
    except (TypeError, ValueError):
        raise Refused(RULE, "the manifest has a value that JSON cannot hold") from None
    return text.encode(), tuple(f"{o['kind'].lower()}/{o['metadata']['name']}" for o in objects)


def check_patch(scope: Scope, text: str, kind: str) -> str:
    """Check the patch of the scope's Deployment; `kind` is kubectl's `--type`.

    Returns:
        The patch as JSON: what was checked, written anew.

    Raises:
        Refused: naming the first field that is not allowed.
    """
    documents = load(text.encode())
    if len(documents) != 1:
        raise Refused(RULE, "a patch must be one JSON or YAML document")
    if kind == "json":
        for operation in _list(documents[0], "patch"):
            _operation(scope, operation)
    else:
        _fields(scope, documents[0], _PATCH, "patch")
    try:
        return json.dumps(documents[0], allow_nan=False)
    except (TypeError, ValueError):
        raise Refused(RULE, "the patch has a value that JSON cannot hold") from None


_OPERATION_PATHS = (
    re.compile(r"/spec/replicas"),
    re.compile(r"/spec/template/spec/containers/[0-9]+/image"),
    re.compile(r"/(?:spec/template/)?metadata/(?:annotations|labels)/[^/]+"),
)


def _operation(scope: Scope, operation: Any) -> None:
    fields = _mapping(operation, "patch")
    path = fields.get("path")
    if fields.get("op") not in ("add", "replace", "test", "remove") or not isinstance(path, str):
        raise Refused(RULE, f"the patch operation {fields.get('op')!r} is not allowed")
    if set(fields) - {"op", "path", "value"} or not any(
        known.fullmatch(path) for known in _OPERATION_PATHS
    ):
        raise Refused(RULE, f"the patch path {path} is not allowed")
    if path.endswith("/image"):
        _image(scope, fields.get("value"), path)


def _items(document: Any) -> list[Any]:
    fields = _mapping(document, "manifest")
    if fields.get("kind") != "List":
        return [document]
    return _list(fields.get("items") or [], "items")


def _object(scope: Scope, document: Any) -> None:
    fields = _mapping(document, "manifest")
    known = _KINDS.get((str(fields.get("apiVersion")), str(fields.get("kind"))))
    if known is None:
        raise Refused(
            RULE,
            f"{fields.get('kind')} ({fields.get('apiVersion')}) is not allowed in a manifest: only "
            "Deployment (apps/v1), Service (v1) and ConfigMap (v1) are",
        )
    metadata = _mapping(fields.get("metadata"), "metadata")
    name = metadata.get("name")
    kind = str(fields["kind"])
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise Refused(RULE, f"{kind} needs a metadata.name")
    require(scope.policy, kind.lower(), name, scope.verb, RULE)
    own = replace(scope, deployment=name if kind == "Deployment" else "")
    _fields(own, document, known, kind)


def require(policy: Policy, kind: str, name: str, verb: Verb, rule: str) -> None:
    """Refuse what no rule of the policy allows."""
    if policy.permits(kind, name, verb):
        return
    rules = (policy.document.namespaces or {}).get(policy.namespace, ())
    allowed = [
        known for one in rules if verb in one.verbs and kind in one.kinds for known in one.names
    ]
    if allowed:
        raise Refused(
            f"{rule}.{kind}",
            f"`{verb}` is not allowed for the {kind} {name}; allowed: {', '.join(allowed)}",
            *(
                f"kubectl -n {policy.namespace} get {kind} {one}"
                for one in allowed
                if "*" not in one
            ),
        )
    verbs = dict.fromkeys(
        one for known in rules if {"*", kind} & set(known.kinds) for one in known.verbs
    )
    raise Refused(
        f"{rule}.verb",
        f"the policy does not allow `{verb}` for a {kind} in the namespace {policy.namespace}; "
        f"it allows {', '.join(verbs) or 'nothing'}",
        f"kubectl -n {policy.namespace} get {kind}s",
    )


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Refused(RULE, f"{where} must be a mapping")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise Refused(RULE, f"{where} must be a list")
    return value


def _fields(scope: Scope, value: Any, known: Mapping[str, Check], where: str) -> None:
    for key, inner in _mapping(value, where).items():
        if key not in known:
            raise Refused(RULE, f"the field {where}.{key} is not allowed in a manifest")
        if inner is not None:
            known[key](scope, inner, f"{where}.{key}")


def _any(scope: Scope, value: Any, where: str) -> None:
    """No restriction on what is inside."""


def _in(*values: object) -> Check:
    def check(scope: Scope, value: Any, where: str) -> None:
        if not any(value is one or (type(value) is type(one) and value == one) for one in values):
            allowed = " or ".join(repr(one) for one in values)
            raise Refused(RULE, f"{where} may only be {allowed}")

    return check


def _object_of(known: Callable[[], Mapping[str, Check]]) -> Check:
    return lambda scope, value, where: _fields(scope, value, known(), where)


def _list_of(known: Callable[[], Mapping[str, Check]]) -> Check:
    def check(scope: Scope, value: Any, where: str) -> None:
        for index, item in enumerate(_list(value, where)):
            _fields(scope, item, known(), f"{where}[{index}]")

    return check


def _all(*names: str) -> dict[str, Check]:
    return dict.fromkeys(names, _any)


def _image(scope: Scope, value: Any, where: str) -> None:
    if not isinstance(value, str):
        raise Refused(RULE, f"{where} must be a string")
    images.require_allowed(scope.policy, value, f"{RULE}.image", "image: {image}")


def _own_namespace(scope: Scope, value: Any, where: str) -> None:
    if value != scope.policy.namespace:
        raise Refused(
            RULE, f"the namespace {value} is not allowed", f"namespace: {scope.policy.namespace}"
        )


def _known_only(kind: str) -> Check:
    """A name that the policy gives, or that the Deployment had before the run."""

    def check(scope: Scope, value: Any, where: str) -> None:
        manifests = scope.policy.document.manifests
        allowed = manifests.secrets if kind == "secret" else manifests.service_accounts
        had = scope.known.mounted.get(scope.deployment, frozenset())
        if value in ("", "default") and kind == "serviceaccount":
            return
        if not isinstance(value, str) or not (
            f"{kind}/{value}" in had or any(fnmatch.fnmatchcase(value, one) for one in allowed)
        ):
            raise Refused(
                f"{RULE}.{kind}",
                f"{where}: {value} was not there before, and the policy does not allow it",
            )

    return check


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
_SECRET_KEY: dict[str, Check] = {**_all("key", "optional"), "name": _known_only("secret")}
_ENV_SOURCE: dict[str, Check] = {
    **_all("configMapKeyRef", "fieldRef", "resourceFieldRef"),
    "secretKeyRef": _object_of(lambda: _SECRET_KEY),
}
_ENV_FROM: dict[str, Check] = {
    **_all("configMapRef", "prefix"),
    "secretRef": _object_of(lambda: {"name": _known_only("secret"), **_all("optional")}),
}
_VOLUME_SECRET: dict[str, Check] = {
    **_all("items", "defaultMode", "optional"),
    "secretName": _known_only("secret"),
}
# Without `host`: the node would connect to wherever it says.
_HTTP: dict[str, Check] = _all("path", "port", "scheme", "httpHeaders")
_ACTION: dict[str, Check] = {
    **_all("exec", "sleep", "grpc"),
    "httpGet": _object_of(lambda: _HTTP),
    "tcpSocket": _object_of(lambda: _all("port")),
}
_PROBE: dict[str, Check] = {
    **_ACTION,
    **_all("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold"),
    **_all("failureThreshold", "terminationGracePeriodSeconds"),
}
_LIFECYCLE: dict[str, Check] = {
    "postStart": _object_of(lambda: _ACTION),
    "preStop": _object_of(lambda: _ACTION),
}
_ENV: dict[str, Check] = {**_all("name", "value"), "valueFrom": _object_of(lambda: _ENV_SOURCE)}
_CONTAINER: dict[str, Check] = {
    **_all("name", "command", "args", "workingDir", "imagePullPolicy", "resources"),
    **_all("volumeMounts", "terminationMessagePath", "terminationMessagePolicy"),
    **dict.fromkeys(
        ("livenessProbe", "readinessProbe", "startupProbe"), _object_of(lambda: _PROBE)
    ),
    "lifecycle": _object_of(lambda: _LIFECYCLE),
    "image": _image,
    "env": _list_of(lambda: _ENV),
    "envFrom": _list_of(lambda: _ENV_FROM),
    "ports": _list_of(lambda: _all("name", "containerPort", "protocol")),
    "securityContext": _object_of(lambda: _SECURITY),
}
_POD: dict[str, Check] = {
    **_all("restartPolicy", "terminationGracePeriodSeconds", "nodeSelector", "affinity"),
    **_all("tolerations", "topologySpreadConstraints", "imagePullSecrets", "enableServiceLinks"),
    "containers": _list_of(lambda: _CONTAINER),
    "initContainers": _list_of(lambda: {**_CONTAINER, "restartPolicy": _any}),
    "volumes": _list_of(
        lambda: {
            **_all("name", "emptyDir", "configMap"),
            "secret": _object_of(lambda: _VOLUME_SECRET),
        }
    ),
    "securityContext": _object_of(lambda: _SECURITY),
    "serviceAccountName": _known_only("serviceaccount"),
    "serviceAccount": _known_only("serviceaccount"),
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
