"""The example Role gives what the broker's commands need, the policy lets only images change."""

import copy
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import celpy
import pytest
import yaml
from celpy.adapter import json_to_cel
from celpy.evaluation import CELEvalError

from devkit.world import _DEPLOYER_RULES
from oi_deploy.broker.policy import Policy, Request, decide

EXAMPLES = Path(__file__).parents[2] / "examples" / "kubernetes"
REGISTRY = "harbor.example.com/library"
NAMESPACE = "production"
ACCOUNT = "system:serviceaccount:production:oi-deploy"


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((EXAMPLES / name).read_text(encoding="utf-8")))


ROLE, BINDING, SERVICE_ACCOUNT = (
    documents(name)[0] for name in ("role.yaml", "rolebinding.yaml", "serviceaccount.yaml")
)
ADMISSION, ADMISSION_BINDING = documents("admission-policy.yaml")


# The files fit together.


def test_the_role_is_bound_to_the_account_that_the_policy_watches() -> None:
    assert BINDING["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": ROLE["kind"],
        "name": ROLE["metadata"]["name"],
    }
    assert BINDING["subjects"] == [{"kind": "ServiceAccount", **_named(SERVICE_ACCOUNT)}]
    account = "system:serviceaccount:{namespace}:{name}".format(**_named(SERVICE_ACCOUNT))
    assert account == ACCOUNT
    (condition,) = ADMISSION["spec"]["matchConditions"]
    assert condition["expression"] == f"request.userInfo.username == '{ACCOUNT}'"
    assert SERVICE_ACCOUNT["automountServiceAccountToken"] is False


def _named(document: dict[str, Any]) -> dict[str, str]:
    return {key: document["metadata"][key] for key in ("name", "namespace")}


def test_the_policy_is_bound_and_denies_in_the_namespace() -> None:
    assert ADMISSION_BINDING["spec"]["policyName"] == ADMISSION["metadata"]["name"]
    assert "Deny" in ADMISSION_BINDING["spec"]["validationActions"]
    selector = ADMISSION_BINDING["spec"]["matchResources"]["namespaceSelector"]
    assert selector == {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}}
    assert ADMISSION["spec"]["failurePolicy"] == "Fail"
    (rule,) = ADMISSION["spec"]["matchConstraints"]["resourceRules"]
    assert rule == {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "operations": ["UPDATE"],
        "resources": ["deployments"],
    }
    for document in (ADMISSION, ADMISSION_BINDING):
        assert document["apiVersion"] == "admissionregistration.k8s.io/v1"


# The Role.

Access = tuple[str, str, str]
"""API group, resource (with its subresource), verb."""

_EVERY_LOOK = {
    ("apps", "deployments", "list"),
    ("apps", "replicasets", "list"),
    ("", "pods", "list"),
    ("", "events", "list"),
    ("", "services", "list"),
    ("", "configmaps", "list"),
}
_ROLLOUT = {("apps", "deployments", "get"), ("apps", "deployments", "patch")}
# What kubectl asks the API for, as tests/integration/test_examples_kubernetes.py sees it. What is
# open to every account (discovery, one's own rights) is left out.
ASKS: dict[str, set[Access]] = {
    "get deployments,replicasets,pods,events,services,configmaps": _EVERY_LOOK,
    "get deployment/myapp": {("apps", "deployments", "get")},
    "get rs/myapp-1": {("apps", "replicasets", "get")},
    "get pod/myapp-1": {("", "pods", "get")},
    "get service/myapp": {("", "services", "get")},
    "get configmap/myapp": {("", "configmaps", "get")},
    "get event/myapp.1": {("", "events", "get")},
    "describe deployment myapp": {
        ("apps", "deployments", "get"),
        ("apps", "replicasets", "list"),
        ("", "events", "list"),
    },
    "describe pods": {("", "pods", "list"), ("", "pods", "get"), ("", "events", "list")},
    "events": {("", "events", "list")},
    "logs deployment/myapp": {
        ("apps", "deployments", "get"),
        ("", "pods", "list"),
        ("", "pods/log", "get"),
    },
    "rollout status deployment/myapp": {
        ("apps", "deployments", "get"),
        ("apps", "deployments", "list"),
        ("apps", "deployments", "watch"),
    },
    "wait --for=condition=Other --timeout=1s deployment/myapp": {
        ("apps", "deployments", "get"),
        ("apps", "deployments", "list"),
        ("apps", "deployments", "watch"),
    },
    **{
        f"wait --for=jsonpath={{.metadata.name}}=other --timeout=1s {kind} --all": {
            (group, f"{kind}s", "list"),
            (group, f"{kind}s", "watch"),
        }
        for group, kind in (
            ("apps", "replicaset"),
            ("", "pod"),
            ("", "event"),
            ("", "service"),
            ("", "configmap"),
        )
    },
    "rollout history deployment/myapp": {
        ("apps", "deployments", "get"),
        ("apps", "replicasets", "list"),
    },
    "rollout undo deployment/myapp": {*_ROLLOUT, ("apps", "replicasets", "list")},
    "rollout restart deployment/myapp": _ROLLOUT,
    "rollout pause deployment/myapp": _ROLLOUT,
    "rollout resume deployment/myapp": _ROLLOUT,
    f"set image deployment/myapp app={REGISTRY}/myapp:2": _ROLLOUT,
    "scale deployment/myapp --replicas=2": {
        ("apps", "deployments", "get"),
        ("apps", "deployments/scale", "patch"),
    },
    "scale deployment/myapp --replicas=2 --current-replicas=1": {
        ("apps", "deployments", "get"),
        ("apps", "deployments/scale", "get"),
        ("apps", "deployments/scale", "update"),
    },
}
# What verify/cluster.py asks for, by the library.
_VERIFICATION: set[Access] = {
    ("apps", "deployments", "get"),
    ("apps", "deployments", "list"),
    ("apps", "replicasets", "list"),
    ("", "pods", "list"),
    ("", "events", "list"),
    ("", "pods/log", "get"),
}
_CHANGES = ("create", "update", "patch", "delete", "deletecollection")


def accesses(rules: list[dict[str, Any]], groups: str = "apiGroups") -> set[Access]:
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule[groups]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize("command", ASKS)
def test_the_broker_lets_these_commands_pass_by_default(command: str) -> None:
    policy = Policy.of(Path("/workspace"), REGISTRY, NAMESPACE)
    decision = decide(policy, Request("kubectl", tuple(command.split()), "/workspace"))
    assert decision.allowed, decision.reason


def test_the_role_covers_what_they_ask_for_and_nothing_else() -> None:
    asked = _VERIFICATION.union(*ASKS.values())
    assert accesses(ROLE["rules"]) == asked


def test_only_the_named_deployment_can_be_changed() -> None:
    for rule in ROLE["rules"]:
        if set(rule["verbs"]) & set(_CHANGES):
            assert rule["resourceNames"] == ["myapp"]
            assert set(rule["resources"]) <= {"deployments", "deployments/scale"}


def test_nothing_can_be_made_removed_or_entered_and_no_secret_read() -> None:
    for group, resource, verb in accesses(ROLE["rules"]):
        assert "*" not in (group, resource, verb)
        assert verb in ("get", "list", "watch", "patch", "update")
        assert resource != "secrets" and not resource.startswith("serviceaccounts")
        assert resource.partition("/")[2] in ("", "log", "scale")


def test_the_devkit_s_account_may_do_more_than_the_example_s() -> None:
    """The devkit's tests also let a policy file apply and create; that is the whole difference."""
    devkit = accesses(_DEPLOYER_RULES, "groups")
    example = accesses(ROLE["rules"])
    assert example - devkit == set()
    assert devkit - example == {
        # `kubectl get namespace production`, which nothing in a run depends on.
        *(("", "namespaces", verb) for verb in ("get", "list", "watch")),
        # `kubectl apply` and `create` of Deployment, Service and ConfigMap.
        *(("apps", "deployments", verb) for verb in ("create", "update")),
        *(
            ("", kind, verb)
            for kind in ("services", "configmaps")
            for verb in ("create", "patch", "update")
        ),
        # Written there in one rule with other verbs; kubectl does not use them.
        ("apps", "deployments/scale", "create"),
        *(("", "pods/log", verb) for verb in ("list", "watch")),
    }


# The admission policy.


def deployment() -> dict[str, Any]:
    """A Deployment as the API server holds it, with defaults filled in."""
    container = {
        "name": "app",
        "image": f"{REGISTRY}/myapp:1",
        "imagePullPolicy": "IfNotPresent",
        "env": [{"name": "MODE", "value": "production"}],
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "resources": {"limits": {"cpu": "1", "memory": "256Mi"}},
        "securityContext": {"privileged": False, "allowPrivilegeEscalation": False},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/myapp"}],
        "terminationMessagePath": "/dev/termination-log",
    }
    sidecar = {"name": "proxy", "image": "docker.io/envoyproxy/envoy:v1.31.0"}
    init = {"name": "migrate", "image": f"{REGISTRY}/migrate:1", "command": ["/migrate"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "myapp",
            "namespace": NAMESPACE,
            "uid": "0f4c6a1e",
            "resourceVersion": "1024",
            "generation": 3,
            "creationTimestamp": "2026-11-01T08:00:00Z",
            "labels": {"app": "myapp"},
            "annotations": {"deployment.kubernetes.io/revision": "3"},
            "managedFields": [{"manager": "kubectl", "operation": "Update"}],
        },
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "myapp"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}},
            "progressDeadlineSeconds": 600,
            "template": {
                "metadata": {"creationTimestamp": None, "labels": {"app": "myapp"}},
                "spec": {
                    "containers": [container, sidecar],
                    "initContainers": [init],
                    "volumes": [{"name": "config", "configMap": {"name": "myapp"}}],
                    "serviceAccountName": "myapp",
                    "serviceAccount": "myapp",
                    "restartPolicy": "Always",
                    "securityContext": {},
                },
            },
        },
        "status": {"replicas": 2},
    }


Change = Callable[[dict[str, Any]], object]


def pod(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["spec"]["template"]["spec"]
    return found


def app(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = pod(document)["containers"][0]
    return found


def denials(
    change: Change, *, before: Change = lambda document: None, user: str = ACCOUNT
) -> list[str]:
    """What the API server answers when a user makes this change; empty if it makes it.

    As it does it (https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy):
    the variables in their order, then the validations; an error counts as a denial, as
    `failurePolicy` says.
    """
    old = deployment()
    before(old)
    new = copy.deepcopy(old)
    # A client's change comes with these.
    new["metadata"]["generation"] += 1
    new["metadata"]["managedFields"] = []
    change(new)
    environment = celpy.Environment()
    names: dict[str, Any] = {
        "object": json_to_cel(new),
        "oldObject": json_to_cel(old),
        "request": json_to_cel({"userInfo": {"username": user}}),
    }

    def evaluate(expression: str) -> Any:
        return environment.program(environment.compile(expression)).evaluate(names)

    spec = ADMISSION["spec"]
    if not all(evaluate(item["expression"]) for item in spec["matchConditions"]):
        return []
    variables = celpy.celtypes.MapType()
    names["variables"] = variables
    for item in spec["variables"]:
        variables[celpy.celtypes.StringType(item["name"])] = evaluate(item["expression"])
    found = []
    for item in spec["validations"]:
        try:
            passes = bool(evaluate(item["expression"]))
        except CELEvalError:
            passes = False
        if not passes:
            found.append(item["message"])
    return found


def image(reference: str, *, kind: str = "containers", number: int = 0) -> Change:
    def change(document: dict[str, Any]) -> None:
        pod(document)[kind][number]["image"] = reference

    return change


def annotate(**notes: str) -> Change:
    named = {key.replace("__", "/").replace("_", "."): value for key, value in notes.items()}

    def change(document: dict[str, Any]) -> None:
        document["spec"]["template"]["metadata"]["annotations"] = named

    return change


def without(*path: str | int) -> Change:
    def change(document: dict[str, Any]) -> None:
        node: Any = document
        for key in path[:-1]:
            node = node[key]
        del node[path[-1]]

    return change


def put(value: object, *path: str | int) -> Change:
    def change(document: dict[str, Any]) -> None:
        node: Any = document
        for key in path[:-1]:
            node = node.setdefault(key, {}) if isinstance(node, dict) else node[key]
        node[path[-1]] = value

    return change


_POD = ("spec", "template", "spec")
_APP = (*_POD, "containers", 0)
_RESTARTED = "kubectl.kubernetes.io/restartedAt"
_DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "reference",
    [
        f"{REGISTRY}/myapp:2",
        f"{REGISTRY}/myapp",
        f"{REGISTRY}/team/my-app__x.y:4aa6db3",
        f"{REGISTRY}/myapp@{_DIGEST}",
        f"{REGISTRY}/myapp:2@{_DIGEST}",
    ],
)
def test_an_image_of_the_registry_may_replace_another(reference: str) -> None:
    assert denials(image(reference)) == []
    assert denials(image(reference, kind="initContainers")) == []
    # Also of a sidecar that came from elsewhere.
    assert denials(image(reference, number=1)) == []


@pytest.mark.parametrize(
    "reference",
    [
        "docker.io/library/myapp:2",
        "myapp:2",
        "library/myapp:2",
        "harbor.example.com.evil.io/library/myapp:2",
        "harbor.example.com/library-evil/myapp:2",
        "harbor.example.com/library.evil/myapp:2",
        "harbor.example.com/libraryevil:2",
        "harbor.example.com/other/myapp:2",
        "harbor.example.com/library",
        "harbor.example.com/library:2",
        "harbor.example.com/library/",
        "harbor.example.com/library//myapp:2",
        "harbor.example.com/library/../evil/myapp:2",
        "harbor.example.com/library/./myapp:2",
        "harbor.example.com/library/myapp/..:2",
        "harbor.example.com:8443/library/myapp:2",
        "harbor.example.com@evil.io/library/myapp:2",
        "evil.io/harbor.example.com/library/myapp:2",
        "https://harbor.example.com/library/myapp:2",
        "HARBOR.example.com/library/myapp:2",
        " harbor.example.com/library/myapp:2",
        "harbor.example.com/library/myapp:2 ",
        "harbor.example.com/library/myapp:2\n",
        "harbor.example.com/library/myapp:2\nevil.io/x",
        "harbor.example.com/library/MyApp:2",
        "harbor.example.com/library/myapp:",
        "harbor.example.com/library/myapp@sha256:0123",
        "harbor.example.com/library/myapp%2f..:2",
        "",
    ],
)
@pytest.mark.parametrize(("kind", "number"), [("containers", 0), ("initContainers", 0)])
def test_no_other_image_may(reference: str, kind: str, number: int) -> None:
    found = denials(image(reference, kind=kind, number=number))
    assert found == ["a new image must come from harbor.example.com/library"]


@pytest.mark.parametrize(
    "change",
    [
        put(5, "spec", "replicas"),
        put(0, "spec", "replicas"),
        put(True, "spec", "paused"),
        put("2026-11-24T10:00:00Z", "spec", "template", "metadata", "annotations", _RESTARTED),
        put("set image", "metadata", "annotations", "kubernetes.io/change-cause"),
        put("1025", "metadata", "resourceVersion"),
        without("metadata", "managedFields"),
        lambda document: None,
    ],
    ids=["scale", "scale-to-0", "pause", "restart", "record", "version", "fields", "nothing"],
)
def test_what_a_rollout_needs_may_change(change: Change) -> None:
    assert denials(change) == []


def test_a_rollout_is_taken_up_again_and_undone() -> None:
    restart = put("then", "spec", "template", "metadata", "annotations", _RESTARTED)
    assert denials(without("spec", "paused"), before=put(True, "spec", "paused")) == []
    assert denials(without("spec", "template", "metadata", "annotations"), before=restart) == []
    bare = without(*_POD, "initContainers")
    assert denials(image(f"{REGISTRY}/myapp:2"), before=bare) == []


def _swap(document: dict[str, Any]) -> None:
    pod(document)["containers"].reverse()


def _add(kind: str, reference: str) -> Change:
    extra = {"name": "extra", "image": reference}
    return lambda document: pod(document).setdefault(kind, []).append(extra)


def _move(document: dict[str, Any]) -> None:
    pod(document)["initContainers"].append(pod(document)["containers"].pop())


_SECRET = {"name": "stolen", "secret": {"secretName": "registry"}}
_CONTAINERS = "containers may not be added, removed, renamed or moved"
_FIELDS = "of a container, only the image may change"
_SPEC = "of the pods' spec, only images may change"
_PODS = "of the pods' metadata, only kubectl.kubernetes.io/restartedAt may change"
_DEPLOYMENT = "of the Deployment's spec, only replicas, paused and the pods may change"
_METADATA = "of the Deployment's metadata, only kubernetes.io/change-cause may change"
_DENIED: dict[str, tuple[Change, str]] = {
    "secret volume": (lambda d: pod(d)["volumes"].append(_SECRET), _SPEC),
    "hostPath": (put({"path": "/"}, *_POD, "volumes", 0, "hostPath"), _SPEC),
    "no volumes": (without(*_POD, "volumes"), _SPEC),
    "other config": (put("other", *_POD, "volumes", 0, "configMap", "name"), _SPEC),
    "service account": (put("admin", *_POD, "serviceAccountName"), _SPEC),
    "no service account": (without(*_POD, "serviceAccountName"), _SPEC),
    "token in the pod": (put(True, *_POD, "automountServiceAccountToken"), _SPEC),
    "pull secret": (put([{"name": "registry"}], *_POD, "imagePullSecrets"), _SPEC),
    "hostNetwork": (put(True, *_POD, "hostNetwork"), _SPEC),
    "hostPID": (put(True, *_POD, "hostPID"), _SPEC),
    "hostIPC": (put(True, *_POD, "hostIPC"), _SPEC),
    "node": (put("control-plane", *_POD, "nodeName"), _SPEC),
    "node selector": (put({"role": "master"}, *_POD, "nodeSelector"), _SPEC),
    "tolerations": (put([{"operator": "Exists"}], *_POD, "tolerations"), _SPEC),
    "runtime class": (put("host", *_POD, "runtimeClassName"), _SPEC),
    "priority": (put("system-node-critical", *_POD, "priorityClassName"), _SPEC),
    "pod user": (put(0, *_POD, "securityContext", "runAsUser"), _SPEC),
    "host aliases": (put([{"ip": "203.0.113.1"}], *_POD, "hostAliases"), _SPEC),
    "ephemeral container": (_add("ephemeralContainers", f"{REGISTRY}/tool:1"), _SPEC),
    "foreign ephemeral container": (_add("ephemeralContainers", "evil.io/x:1"), _SPEC),
    "container": (_add("containers", f"{REGISTRY}/tool:1"), _CONTAINERS),
    "foreign container": (_add("containers", "evil.io/x:1"), _CONTAINERS),
    "init container": (_add("initContainers", f"{REGISTRY}/tool:1"), _CONTAINERS),
    "foreign init container": (_add("initContainers", "evil.io/x:1"), _CONTAINERS),
    "container removed": (without(*_POD, "containers", 1), _CONTAINERS),
    "init containers removed": (without(*_POD, "initContainers"), _CONTAINERS),
    "renamed": (put("other", *_APP, "name"), _CONTAINERS),
    "reordered": (_swap, _CONTAINERS),
    "moved": (_move, _CONTAINERS),
    "privileged": (put(True, *_APP, "securityContext", "privileged"), _FIELDS),
    "no security context": (without(*_APP, "securityContext"), _FIELDS),
    "capabilities": (
        put({"add": ["SYS_ADMIN"]}, *_APP, "securityContext", "capabilities"),
        _FIELDS,
    ),
    "init privileged": (
        put({"privileged": True}, *_POD, "initContainers", 0, "securityContext"),
        _FIELDS,
    ),
    "sidecar privileged": (
        put({"privileged": True}, *_POD, "containers", 1, "securityContext"),
        _FIELDS,
    ),
    "command": (put(["sh", "-c", "env"], *_APP, "command"), _FIELDS),
    "init command": (put(["env"], *_POD, "initContainers", 0, "command"), _FIELDS),
    "arguments": (put(["--debug"], *_APP, "args"), _FIELDS),
    "environment": (put("debug", *_APP, "env", 0, "value"), _FIELDS),
    "environment from a Secret": (
        put([{"secretRef": {"name": "registry"}}], *_APP, "envFrom"),
        _FIELDS,
    ),
    "environment gone": (without(*_APP, "env"), _FIELDS),
    "mount": (put("/", *_APP, "volumeMounts", 0, "mountPath"), _FIELDS),
    "host port": (put(80, *_APP, "ports", 0, "hostPort"), _FIELDS),
    "port of another type": (put("8080", *_APP, "ports", 0, "containerPort"), _FIELDS),
    "limits": (without(*_APP, "resources", "limits"), _FIELDS),
    "pull policy": (put("Never", *_APP, "imagePullPolicy"), _FIELDS),
    "lifecycle": (
        put({"postStart": {"exec": {"command": ["env"]}}}, *_APP, "lifecycle"),
        _FIELDS,
    ),
    "pod annotation": (annotate(vault_hashicorp_com__inject="true"), _PODS),
    "restart and another": (annotate(kubectl_kubernetes_io__restartedAt="x", a="b"), _PODS),
    "pod label": (put("web", "spec", "template", "metadata", "labels", "tier"), _PODS),
    "no pod labels": (without("spec", "template", "metadata", "labels"), _PODS),
    "selector": (put("other", "spec", "selector", "matchLabels", "app"), _DEPLOYMENT),
    "strategy": (put({"type": "Recreate"}, "spec", "strategy"), _DEPLOYMENT),
    "history": (put(0, "spec", "revisionHistoryLimit"), _DEPLOYMENT),
    "no deadline": (without("spec", "progressDeadlineSeconds"), _DEPLOYMENT),
    "no replicas": (without("spec", "replicas"), _DEPLOYMENT),
    "label": (put("yes", "metadata", "labels", "trusted"), _METADATA),
    "no labels": (without("metadata", "labels"), _METADATA),
    "annotation": (put("disabled", "metadata", "annotations", "flux/reconcile"), _METADATA),
    "no annotations": (without("metadata", "annotations"), _METADATA),
    "finalizer": (put(["x/y"], "metadata", "finalizers"), _METADATA),
    "owner": (put([{"kind": "Node", "name": "n"}], "metadata", "ownerReferences"), _METADATA),
}


@pytest.mark.parametrize("what", _DENIED)
def test_nothing_else_may_change(what: str) -> None:
    change, message = _DENIED[what]
    assert message in denials(change)
    # Nor beside an image that may.
    both: Change = lambda document: (change(document), image(f"{REGISTRY}/myapp:2")(document))  # noqa: E731
    assert message in denials(both)


def test_what_is_there_can_neither_go_nor_change_in_the_pods_annotations() -> None:
    injected = annotate(vault_hashicorp_com__inject="true")
    for change in (
        annotate(vault_hashicorp_com__inject="false"),
        annotate(kubectl_kubernetes_io__restartedAt="x"),
        without("spec", "template", "metadata", "annotations"),
    ):
        assert denials(change, before=injected) == [_PODS]


def test_the_policy_is_for_the_pipeline_alone() -> None:
    change, _ = _DENIED["privileged"]
    assert denials(change, user="system:serviceaccount:production:other") == []
    assert denials(change, user=ACCOUNT) == [_FIELDS]


def test_each_validation_is_needed() -> None:
    """Nothing that only one of them denies would pass for a slip in another."""
    expected = {message for _, message in _DENIED.values()}
    expected.add("a new image must come from harbor.example.com/library")
    assert expected == {item["message"] for item in ADMISSION["spec"]["validations"]}


def test_the_expressions_use_no_variable_before_it_is_there() -> None:
    known: set[str] = set()
    for item in ADMISSION["spec"]["variables"]:
        assert set(re.findall(r"variables\.(\w+)", item["expression"])) <= known
        known.add(item["name"])
    used = set()
    for item in (*ADMISSION["spec"]["variables"], *ADMISSION["spec"]["validations"]):
        used |= set(re.findall(r"variables\.(\w+)", item["expression"]))
    assert used == known


# The kubeconfig.

_KUBECTL = """\
#!/bin/sh
case "$*" in
  'config view --raw --minify --flatten --output jsonpath={.clusters[0].cluster}')
    printf '{"certificate-authority-data":"LS0tLQ==","server":"https://k8s.example.com:6443"}' ;;
  '--namespace production create token oi-deploy --duration 1h') echo header.payload.signature ;;
  '--namespace staging create token bot --duration 20m') echo other ;;
  *) echo "unexpected: $*" >&2; exit 9 ;;
esac
"""


@pytest.fixture
def path(tmp_path: Path) -> Iterator[str]:
    program = tmp_path / "kubectl"
    program.write_text(_KUBECTL)
    program.chmod(0o755)
    yield f"{tmp_path}:/usr/bin:/bin"


def _script(**env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [EXAMPLES / "kubeconfig.sh"], env=env, capture_output=True, text=True, timeout=30
    )


def test_the_script_prints_a_kubeconfig_with_a_short_lived_token(path: str) -> None:
    done = _script(PATH=path)
    assert done.returncode == 0, done.stderr
    config = yaml.safe_load(done.stdout)
    assert config["clusters"][0]["cluster"] == {
        "certificate-authority-data": "LS0tLQ==",
        "server": "https://k8s.example.com:6443",
    }
    assert config["users"][0]["user"] == {"token": "header.payload.signature"}
    (context,) = [i for i in config["contexts"] if i["name"] == config["current-context"]]
    assert context["context"]["namespace"] == NAMESPACE
    other = _script(PATH=path, NAMESPACE="staging", ACCOUNT="bot", DURATION="20m")
    assert yaml.safe_load(other.stdout)["users"] == [{"name": "bot", "user": {"token": "other"}}]


def test_the_script_prints_nothing_when_there_is_no_token(path: str) -> None:
    done = _script(PATH=path, ACCOUNT="nobody")
    assert done.returncode != 0 and done.stdout == ""
