"""What the API server fills in when an object is written, and what it refuses."""

from __future__ import annotations

import re
from typing import Any

from devkit.cluster import errors, selectors
from devkit.cluster.errors import Cause
from devkit.cluster.resources import Resource

Object = dict[str, Any]

_LABEL = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
_SUBDOMAIN = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def apply(resource: Resource, item: Object) -> None:
    """Fill in the defaults of a resource type, in place."""
    match resource.kind:
        case "Deployment":
            _deployment(item.setdefault("spec", {}))
        case "ReplicaSet":
            spec = item.setdefault("spec", {})
            spec.setdefault("replicas", 1)
            _pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))
        case "Pod":
            spec = item.setdefault("spec", {})
            _pod_spec(spec)
            spec.setdefault("serviceAccountName", "default")
        case "Service":
            _service(item.setdefault("spec", {}))
        case "Secret":
            item.setdefault("type", "Opaque")
        case "Namespace":
            item.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
            # A typed client sends an empty status.
            item["status"] = item.get("status") or {"phase": "Active"}
            labels = item["metadata"].setdefault("labels", {})
            labels.setdefault("kubernetes.io/metadata.name", item["metadata"]["name"])


def _deployment(spec: Object) -> None:
    if spec.get("replicas") is None:
        spec["replicas"] = 1
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = spec.setdefault("strategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.get("rollingUpdate") or {}
        strategy["rollingUpdate"] = rolling
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    template = spec.setdefault("template", {})
    template.setdefault("metadata", {}).setdefault("creationTimestamp", None)
    _pod_spec(template.setdefault("spec", {}))


def _pod_spec(spec: Object) -> None:
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("securityContext", {})
    for container in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]:
        if isinstance(container, dict):
            _container(container)
    for volume in spec.get("volumes") or []:
        for kind in ("configMap", "secret"):
            if isinstance(volume.get(kind), dict):
                volume[kind].setdefault("defaultMode", 0o644)


def _container(container: Object) -> None:
    container.setdefault("resources", {})
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    if "imagePullPolicy" not in container:
        latest = _tag(str(container.get("image", ""))) == "latest"
        container["imagePullPolicy"] = "Always" if latest else "IfNotPresent"
    for port in container.get("ports") or []:
        port.setdefault("protocol", "TCP")
    for env in container.get("env") or []:
        field = (env.get("valueFrom") or {}).get("fieldRef")
        if field is not None:
            field.setdefault("apiVersion", "v1")
    for name in ("readinessProbe", "livenessProbe", "startupProbe"):
        probe = container.get(name)
        if not isinstance(probe, dict):
            continue
        defaults = {"timeoutSeconds": 1, "periodSeconds": 10}
        for key, value in {**defaults, "successThreshold": 1, "failureThreshold": 3}.items():
            probe.setdefault(key, value)
        if isinstance(probe.get("httpGet"), dict):
            probe["httpGet"].setdefault("path", "/")
            probe["httpGet"].setdefault("scheme", "HTTP")


def _tag(image: str) -> str:
    if "@" in image:
        return ""
    last = image.rsplit("/", 1)[-1]
    return last.partition(":")[2] or "latest"


def _service(spec: Object) -> None:
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("internalTrafficPolicy", "Cluster")
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    for port in spec.get("ports") or []:
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))


def check(resource: Resource, item: Object, before: Object | None) -> None:
    """Raise ApiError 422 with every field of `item` that the API would refuse.

    `before` is the stored object on an update: some fields must not change.
    """
    name = item["metadata"].get("name", "")
    causes = _name_causes(resource, name)
    spec = item.get("spec") or {}
    if resource.kind in ("Deployment", "ReplicaSet"):
        causes += _workload_causes(resource, spec, before)
    if resource.kind == "Pod":
        causes += _pod_causes(spec, "spec")
        if before is not None:
            causes += _pod_update_causes(spec, before.get("spec") or {})
    if resource.kind == "ResourceQuota":
        causes += _quota_causes(spec)
    if resource.kind == "Service" and not spec.get("ports"):
        causes.append(Cause("spec.ports", "Required value", "FieldValueRequired"))
    if causes:
        raise errors.invalid(resource, name, causes)


def _quota_causes(spec: Object) -> list[Cause]:
    """ValidateResourceQuotaSpec, for the only resource that is enforced here."""
    value = str((spec.get("hard") or {}).get("pods", 0))
    if re.fullmatch(r"[0-9]+", value):
        return []
    why = "must be greater than or equal to 0" if value.startswith("-") else "must be an integer"
    return [Cause("spec.hard[pods]", f'Invalid value: "{value}": {why}')]


def _name_causes(resource: Resource, name: str) -> list[Cause]:
    if not name:
        return [
            Cause(
                "metadata.name",
                "Required value: name or generateName is required",
                "FieldValueRequired",
            )
        ]
    pattern = _LABEL if resource.kind in ("Namespace", "Service") else _SUBDOMAIN
    if len(name) <= 253 and pattern.match(name):
        return []
    return [Cause("metadata.name", f'Invalid value: "{name}": {_SUBDOMAIN_TEXT}')]


def _workload_causes(resource: Resource, spec: Object, before: Object | None) -> list[Cause]:
    causes = []
    if (spec.get("replicas") or 0) < 0:
        causes.append(
            Cause(
                "spec.replicas",
                f"Invalid value: {spec['replicas']}: must be greater than or equal to 0",
            )
        )
    selector = spec.get("selector") or {}
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    if not selector:
        causes.append(Cause("spec.selector", "Required value", "FieldValueRequired"))
    elif not selectors.object_selector(selector)({"metadata": {"labels": labels}}):
        shown = "{" + ",".join(f'"{key}":"{value}"' for key, value in labels.items()) + "}"
        causes.append(
            Cause(
                "spec.template.metadata.labels",
                f"Invalid value: {shown}: `selector` does not match template `labels`",
            )
        )
    if before is not None and selector != before["spec"].get("selector"):
        causes.append(Cause("spec.selector", f"Invalid value: {selector}: field is immutable"))
    causes += _pod_causes(template.get("spec") or {}, "spec.template.spec")
    if (template.get("spec") or {}).get("restartPolicy", "Always") != "Always":
        policy = template["spec"]["restartPolicy"]
        causes.append(
            Cause(
                "spec.template.spec.restartPolicy",
                f'Unsupported value: "{policy}": supported values: "Always"',
                "FieldValueNotSupported",
            )
        )
    if resource.kind == "Deployment":
        causes += _strategy_causes(spec)
    return causes


def _strategy_causes(spec: Object) -> list[Cause]:
    kind = spec["strategy"]["type"]
    if kind not in ("RollingUpdate", "Recreate"):
        text = f'Unsupported value: "{kind}": supported values: "Recreate", "RollingUpdate"'
        return [Cause("spec.strategy.type", text, "FieldValueNotSupported")]
    if kind == "Recreate" and spec["strategy"].get("rollingUpdate"):
        text = "Forbidden: may not be specified when strategy `type` is 'Recreate'"
        return [Cause("spec.strategy.rollingUpdate", text, "FieldValueForbidden")]
    rolling = spec["strategy"].get("rollingUpdate") or {}
    if kind == "RollingUpdate" and all(
        str(rolling[key]).rstrip("%") == "0" for key in ("maxSurge", "maxUnavailable")
    ):
        text = "Invalid value: 0: may not be 0 when `maxSurge` is 0"
        return [Cause("spec.strategy.rollingUpdate.maxUnavailable", text)]
    return []


def _pod_causes(spec: Object, path: str) -> list[Cause]:
    containers = spec.get("containers") or []
    if not containers:
        return [Cause(f"{path}.containers", "Required value", "FieldValueRequired")]
    causes = []
    seen = set()
    for index, container in enumerate(containers):
        where = f"{path}.containers[{index}]"
        name = container.get("name", "")
        if not name:
            causes.append(Cause(f"{where}.name", "Required value", "FieldValueRequired"))
        elif not _LABEL.match(name):
            causes.append(Cause(f"{where}.name", f'Invalid value: "{name}": {_SUBDOMAIN_TEXT}'))
        elif name in seen:
            text = f'Duplicate value: "{name}"'
            causes.append(Cause(f"{where}.name", text, "FieldValueDuplicate"))
        seen.add(name)
        image = container.get("image") or ""
        if not image:
            causes.append(Cause(f"{where}.image", "Required value", "FieldValueRequired"))
        elif image != image.strip():
            text = f'Invalid value: "{image}": must not have leading or trailing whitespace'
            causes.append(Cause(f"{where}.image", text))
        policy = container["imagePullPolicy"]
        if policy not in ("Always", "IfNotPresent", "Never"):
            supported = '"Always", "IfNotPresent", "Never"'
            text = f'Unsupported value: "{policy}": supported values: {supported}'
            causes.append(Cause(f"{where}.imagePullPolicy", text, "FieldValueNotSupported"))
    return causes


def _pod_update_causes(spec: Object, before: Object) -> list[Cause]:
    def fixed(pod: Object) -> Object:
        kept = {key: value for key, value in pod.items() if key not in _MUTABLE_POD_FIELDS}
        kept["containers"] = [
            {key: value for key, value in container.items() if key != "image"}
            for container in pod.get("containers") or []
        ]
        return kept

    if fixed(spec) == fixed(before):
        return []
    text = (
        "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
        "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
        "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be "
        "set to 1 if it was previously negative)"
    )
    return [Cause("spec", text, "FieldValueForbidden")]


_MUTABLE_POD_FIELDS = {"activeDeadlineSeconds", "tolerations", "nodeName", "containers"}
