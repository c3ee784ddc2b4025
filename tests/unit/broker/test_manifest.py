"""What a manifest or a patch may contain."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from oi_deploy.broker.document import Document, Rule
from oi_deploy.broker.manifest import Scope, check_patch, checked
from oi_deploy.broker.request import Known, Policy, Refused

REG = "harbor.example.com/library"
DOCUMENT = Document(
    version=1,
    namespaces={
        "production": (
            Rule(kinds=("deployment", "service", "configmap"), verbs=("apply",)),
            Rule(kinds=("deployment",), verbs=("patch",)),
        )
    },
)
SCOPE = Scope(Policy.of(Path("/ws"), REG, "production", DOCUMENT), Known(), "apply")

DEPLOYMENT = f"""
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
  namespace: production
  labels: {{app: app}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: app}}}}
  template:
    metadata: {{labels: {{app: app}}}}
    spec:
      serviceAccountName: default
      imagePullSecrets: [{{name: regcred}}]
      securityContext: {{runAsNonRoot: true, seccompProfile: {{type: RuntimeDefault}}}}
      initContainers:
      - {{name: init, image: "{REG}/init:1"}}
      containers:
      - name: app
        image: {REG}/app:1
        ports: [{{containerPort: 8080}}]
        env:
        - {{name: MODE, value: "on"}}
        - {{name: POD, valueFrom: {{fieldRef: {{fieldPath: metadata.name}}}}}}
        envFrom: [{{configMapRef: {{name: c}}}}]
        readinessProbe: {{httpGet: {{path: /, port: 8080}}}}
        resources: {{limits: {{memory: 64Mi}}}}
        securityContext: {{allowPrivilegeEscalation: false, capabilities: {{drop: [ALL]}}}}
        volumeMounts: [{{name: c, mountPath: /c}}]
      volumes:
      - {{name: c, configMap: {{name: c}}}}
      - {{name: e, emptyDir: {{}}}}
"""
SERVICE = (
    "apiVersion: v1\nkind: Service\nmetadata: {name: app}\n"
    "spec: {selector: {app: app}, ports: [{port: 80}], type: NodePort}\n"
)


def put(document: dict[str, Any], path: str, value: object) -> None:
    *parts, last = path.split(".")
    target: Any = document
    for part in parts:
        target = target[int(part)] if isinstance(target, list) else target.setdefault(part, {})
    if isinstance(target, list):
        target.append(value)
    else:
        target[last] = value


def test_a_usual_manifest_passes_and_keeps_its_meaning() -> None:
    content, names = checked(SCOPE, f"{DEPLOYMENT}---\n{SERVICE}---\n".encode())
    assert names == ("deployment/app", "service/app")
    assert json.loads(content)["items"] == [yaml.safe_load(DEPLOYMENT), yaml.safe_load(SERVICE)]


POD = "spec.template.spec"
BOX = f"{POD}.containers.0"
HOSTILE = [
    ("metadata.namespace", "kube-system"),
    ("metadata.ownerReferences", []),
    ("metadata.finalizers", ["x"]),
    ("metadata.name", "../x"),
    (f"{POD}.hostNetwork", True),
    (f"{POD}.hostPID", True),
    (f"{POD}.hostIPC", True),
    (f"{POD}.hostAliases", []),
    (f"{POD}.nodeName", "master"),
    (f"{POD}.runtimeClassName", "x"),
    (f"{POD}.priorityClassName", "system-node-critical"),
    (f"{POD}.ephemeralContainers", []),
    (f"{BOX}.readinessProbe.httpGet.host", "169.254.169.254"),
    (f"{BOX}.livenessProbe", {"tcpSocket": {"port": 1, "host": "10.0.0.1"}}),
    (f"{BOX}.lifecycle", {"postStart": {"httpGet": {"port": 1, "host": "10.0.0.1"}}}),
    (f"{POD}.serviceAccountName", "admin"),
    (f"{POD}.serviceAccount", "admin"),
    (f"{POD}.automountServiceAccountToken", True),
    (f"{POD}.securityContext.sysctls", []),
    (f"{POD}.securityContext.seccompProfile.type", "Unconfined"),
    (f"{POD}.volumes.x", {"name": "h", "hostPath": {"path": "/"}}),
    (f"{POD}.volumes.x", {"name": "s", "secret": {"secretName": "x"}}),
    (f"{POD}.volumes.x", {"name": "p", "projected": {"sources": []}}),
    (f"{POD}.volumes.x", {"name": "c", "csi": {"driver": "x"}}),
    (f"{POD}.volumes.x", {"name": "n", "nfs": {"server": "x", "path": "/"}}),
    (f"{POD}.initContainers.0.image", "evil.example.com/x"),
    (f"{POD}.initContainers.0.securityContext", {"privileged": True}),
    (f"{BOX}.image", "evil.example.com/app:1"),
    (f"{BOX}.image", ["x"]),
    (f"{BOX}.securityContext.privileged", True),
    (f"{BOX}.securityContext.privileged", 1),
    (f"{BOX}.securityContext.allowPrivilegeEscalation", True),
    (f"{BOX}.securityContext.procMount", "Unmasked"),
    (f"{BOX}.securityContext.capabilities", {"add": ["SYS_ADMIN"]}),
    (f"{BOX}.ports.x", {"containerPort": 1, "hostPort": 1}),
    (f"{BOX}.volumeDevices", []),
    (f"{BOX}.envFrom.x", {"secretRef": {"name": "x"}}),
    (f"{BOX}.env.x", {"name": "A", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}}),
    ("kind", "DaemonSet"),
    ("apiVersion", "apps/v1beta1"),
]


@pytest.mark.parametrize(("path", "value"), HOSTILE, ids=[f"{p}={v}" for p, v in HOSTILE])
def test_what_reaches_further_is_refused(path: str, value: object) -> None:
    document = yaml.safe_load(DEPLOYMENT)
    put(document, path, value)
    with pytest.raises(Refused) as refused:
        checked(SCOPE, json.dumps(document).encode())
    assert refused.value.rule.startswith("kubectl.manifest")


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: x}\n",
        SERVICE.replace("NodePort", "ExternalName"),
        SERVICE.replace("type: NodePort", "externalIPs: [1.2.3.4]"),
        f"kind: List\napiVersion: v1\nitems: [{{apiVersion: v1, kind: Secret}}]\n---\n{SERVICE}",
        SERVICE + "kind: Secret\n",
        SERVICE.replace("name: app}", "name: app, labels: &a {b: c}, annotations: *a}"),
        "1: 2\n",
        "!!python/object/apply:os.system [id]",
        "just text",
        "{",
        "",
        "---\n---\n",
        "\xff",
        "[" * 5000,
        SERVICE.replace("port: 80", "port: .nan"),
    ],
)
def test_what_is_no_such_manifest_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        checked(SCOPE, text.encode("latin-1"))


def test_a_list_is_checked_item_by_item() -> None:
    items: list[Any] = [yaml.safe_load(SERVICE)]
    document = {"apiVersion": "v1", "kind": "List", "items": items}
    assert checked(SCOPE, json.dumps(document).encode())[1] == ("service/app",)
    items.append({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}})
    with pytest.raises(Refused):
        checked(SCOPE, json.dumps(document).encode())


def test_dates_and_words_stay_what_they_are() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {day: 2024-01-02}\n"
    assert json.loads(checked(SCOPE, text.encode())[0])["data"] == {"day": "2024-01-02"}


@pytest.mark.parametrize(
    ("patch", "kind"),
    [
        ('{"spec": {"replicas": 3}}', "merge"),
        ("spec: {template: {spec: {containers: [{name: app, image: 'REG/app:2'}]}}}",
         "strategic"),
        ('{"spec":{"template":{"metadata":{"annotations":{"a":"b"}}}}}', "strategic"),
        ('[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"REG/a:2"}]',
         "json"),
        ('[{"op":"replace","path":"/spec/replicas","value":2}]', "json"),
    ],
)  # fmt: skip
def test_patches_that_pass(patch: str, kind: str) -> None:
    check_patch(SCOPE, patch.replace("REG", REG), kind)


@pytest.mark.parametrize(
    ("patch", "kind"),
    [
        ('{"spec":{"template":{"spec":{"containers":[{"name":"a","image":"evil.io/a"}]}}}}',
         "strategic"),
        ('{"spec":{"template":{"spec":{"$patch":"replace","hostPID":true}}}}', "strategic"),
        ('{"spec":{"template":{"spec":{"containers":[{"$patch":"delete","name":"a"}]}}}}',
         "strategic"),
        ('{"kind":"Secret"}', "merge"),
        ('[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"evil.io/a"}]',
         "json"),
        ('[{"op":"add","path":"/spec/template/spec/hostNetwork","value":true}]', "json"),
        ('[{"op":"copy","from":"/a","path":"/spec/replicas"}]', "json"),
        ('[{"op":"replace","path":"/spec/template/spec/containers/0/image"}]', "json"),
        ('{"spec":{}}', "json"),
        ("not: [valid", "merge"),
    ],
)  # fmt: skip
def test_patches_that_are_refused(patch: str, kind: str) -> None:
    with pytest.raises(Refused):
        check_patch(SCOPE, patch, kind)
