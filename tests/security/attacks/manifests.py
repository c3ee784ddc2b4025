"""Abuse of manifests and patches, where a policy file allows `apply`, `create` and `patch`."""

import json
from collections.abc import Mapping
from typing import Any

from tests.security.attack import Attack

_CHECK = ("manifest check",)
_RULE = "kubectl.manifest*"


def _deployment(
    pod: Mapping[str, Any] | None = None, container: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A harmless Deployment with something added."""
    inner = {"name": "app", "image": "@LIBRARY@/myapp:1.0.0", **(container or {})}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "@ID@"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "@ID@"}},
            "template": {
                "metadata": {"labels": {"app": "@ID@"}},
                "spec": {"containers": [inner], **(pod or {})},
            },
        },
    }


def _apply(*documents: Mapping[str, Any] | str) -> str:
    """A script that applies each document, from a file and from standard input."""
    lines = []
    for document in documents:
        text = document if isinstance(document, str) else json.dumps(document)
        lines += [
            f"cat > @ID@.yaml <<'END'\n{text}\nEND",
            "passes kubectl apply -f @ID@.yaml",
            "kubectl create -f - < @ID@.yaml && breach create",
        ]
    return "\n".join([*lines, "rm @ID@.yaml"])


def _patch(*patches: tuple[str, object]) -> str:
    lines = []
    for kind, patch in patches:
        text = patch if isinstance(patch, str) else json.dumps(patch)
        lines.append(
            f"passes kubectl patch deployment myapp --type={kind} --dry-run=server -p '{text}'"
        )
    return "\n".join(lines)


def _pod_patch(**pod: object) -> tuple[str, object]:
    return "strategic", {"spec": {"template": {"spec": pod}}}


_HOST_VOLUME = {"name": "v", "hostPath": {"path": "/"}}
_SECRET = {"secretKeyRef": {"name": "db", "key": "password"}}

ATTACKS = (
    Attack(
        "privileged-pod",
        "applies a Deployment with a privileged container, or with more capabilities",
        _apply(
            *(
                _deployment(container={"securityContext": context})
                for context in (
                    {"privileged": True},
                    {"allowPrivilegeEscalation": True},
                    {"capabilities": {"add": ["SYS_ADMIN"]}},
                    {"procMount": "Unmasked"},
                    {"seccompProfile": {"type": "Unconfined"}},
                )
            )
        ),
        _CHECK,
        refused=_RULE,
    ),
    Attack(
        "host-path",
        "applies a Deployment that mounts the node's files",
        _apply(_deployment(pod={"volumes": [_HOST_VOLUME]})),
        _CHECK,
        refused=_RULE,
    ),
    Attack(
        "host-namespaces",
        "applies a Deployment in the node's network, processes or IPC",
        _apply(
            *(
                _deployment(pod={field: True})
                for field in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace")
            ),
            _deployment(container={"ports": [{"containerPort": 1, "hostPort": 22}]}),
        ),
        _CHECK,
        refused=_RULE,
    ),
    Attack(
        "service-account",
        "applies a Deployment that runs as another service account",
        _apply(
            _deployment(pod={"serviceAccountName": "admin"}),
            _deployment(pod={"serviceAccount": "admin"}),
            _deployment(pod={"automountServiceAccountToken": True}),
            _deployment(
                pod={
                    "volumes": [
                        {
                            "name": "v",
                            "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]},
                        }
                    ]
                }
            ),
        ),
        _CHECK,
        refused=_RULE,
    ),
    Attack(
        "secret-in-a-pod",
        "applies a Deployment that reads a Secret which it did not have before",
        _apply(
            _deployment(container={"env": [{"name": "A", "valueFrom": _SECRET}]}),
            _deployment(container={"envFrom": [{"secretRef": {"name": "db"}}]}),
            _deployment(pod={"volumes": [{"name": "v", "secret": {"secretName": "db"}}]}),
            _deployment(
                pod={
                    "volumes": [
                        {"name": "v", "projected": {"sources": [{"secret": {"name": "db"}}]}}
                    ]
                }
            ),
        ),
        _CHECK,
        refused=_RULE,
    ),
    Attack(
        "foreign-image-in-a-manifest",
        "applies a Deployment with an image of another repository, also as an init container",
        _apply(
            _deployment(container={"image": "nginx"}),
            _deployment(container={"image": "@REGISTRY@/other/private:1"}),
            _deployment(pod={"initContainers": [{"name": "i", "image": "nginx"}]}),
            _deployment(pod={"ephemeralContainers": [{"name": "i", "image": "nginx"}]}),
            _deployment(
                pod={
                    "volumes": [{"name": "v", "image": {"reference": "@REGISTRY@/other/private:1"}}]
                }
            ),
        ),
        _CHECK,
        refused=_RULE,
    ),
    Attack(
        "other-kinds",
        "applies what is no Deployment, Service or ConfigMap",
        _apply(
            *(
                {"apiVersion": version, "kind": kind, "metadata": {"name": "@ID@"}}
                for version, kind in (
                    ("v1", "Pod"),
                    ("batch/v1", "Job"),
                    ("batch/v1", "CronJob"),
                    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
                    ("v1", "Secret"),
                    ("v1", "ServiceAccount"),
                    ("v1", "Namespace"),
                    ("v1", "deployment"),
                    ("extensions/v1beta1", "Deployment"),
                    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
                )
            )
        ),
        _CHECK,
        refused=_RULE,
    ),
    Attack(
        "hidden-in-a-list",
        "hides an object that is not allowed in a List, in a second document, among others",
        _apply(
            {
                "apiVersion": "v1",
                "kind": "List",
                "items": [
                    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "@ID@"}},
                    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "@ID@"}},
                ],
            },
            {
                "apiVersion": "v1",
                "kind": "List",
                "items": [
                    {
                        "apiVersion": "v1",
                        "kind": "List",
                        "items": [
                            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "@ID@"}}
                        ],
                    }
                ],
            },
            'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "@ID@"}\n---\n'
            'apiVersion: v1\nkind: Secret\nmetadata: {name: "@ID@"}',
            '{"apiVersion": "v1", "kind": "SecretList", "items": '
            '[{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "@ID@"}}]}',
        ),
        _CHECK,
        refused=_RULE,
    ),
    Attack(
        "yaml-tricks",
        "writes YAML that two parsers read differently: repeated keys, aliases, tags, directives",
        _apply(
            'apiVersion: v1\nkind: ConfigMap\nkind: Secret\nmetadata: {name: "@ID@"}',
            '{"apiVersion": "v1", "kind": "Secret", "kind": "ConfigMap", '
            '"metadata": {"name": "@ID@"}}',
            'apiVersion: v1\nkind: ConfigMap\nmetadata: &m {name: "@ID@"}\ndata: *m',
            'apiVersion: v1\nkind: ConfigMap\n<<: {kind: Secret}\nmetadata: {name: "@ID@"}',
            'apiVersion: v1\n"kind": !!str Secret\nmetadata: {name: "@ID@"}',
            'apiVersion: v1\nkind: !!python/name:os.system x\nmetadata: {name: "@ID@"}',
            '%YAML 1.1\n---\napiVersion: v1\nKind: Secret\nmetadata: {name: "@ID@"}',
        ),
        ("strict YAML", *_CHECK),
        refused=_RULE,
    ),
    Attack(
        "manifest-for-another-namespace",
        "names another namespace inside the manifest",
        _apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "@ID@", "namespace": "staging"},
            },
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "@ID@", "ownerReferences": []},
            },
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"generateName": "@ID@", "finalizers": ["a/b"]},
            },
        ),
        _CHECK,
        refused=_RULE,
    ),
    Attack(
        "manifest-for-another-deployment",
        "applies over a Deployment that is not among the allowed ones",
        _apply(json.dumps(_deployment()).replace('"name": "@ID@"', '"name": "payments"', 1)),
        ("resource names",),
        refused="kubectl.*",
    ),
    Attack(
        "json-patch",
        "patches fields by JSON patch that no rule names: paths with escapes, copy and move",
        _patch(
            *(
                ("json", [{"op": op, "path": path, **more}])
                for op, path, more in (
                    ("add", "/spec/template/spec/hostNetwork", {"value": True}),
                    ("replace", "/spec/template/spec", {"value": {"hostNetwork": True}}),
                    ("add", "/spec/template/spec/containers/-", {"value": {"name": "x"}}),
                    ("replace", "/spec/template/spec/containers/0/image", {"value": "nginx"}),
                    ("copy", "/metadata/labels/x", {"from": "/spec"}),
                    ("move", "/spec/template/spec/containers/0/image", {"from": "/metadata/name"}),
                    ("add", "/spec/template/spec~1hostPID", {"value": True}),
                    ("add", "/spec/template/spec/volumes/-", {"value": _HOST_VOLUME}),
                )
            )
        ),
        _CHECK,
        refused=_RULE,
    ),
    Attack(
        "merge-patch",
        "patches by merge what a manifest may not say: host network, secrets, directives",
        _patch(
            _pod_patch(hostNetwork=True),
            _pod_patch(volumes=[_HOST_VOLUME]),
            _pod_patch(serviceAccountName="admin"),
            _pod_patch(containers=[{"name": "app", "image": "nginx"}]),
            _pod_patch(containers=[{"name": "app", "env": [{"name": "A", "valueFrom": _SECRET}]}]),
            _pod_patch(**{"$patch": "replace", "containers": []}),
            ("merge", {"spec": {"template": {"spec": {"hostPID": True}}}}),
            ("merge", {"metadata": {"finalizers": ["a/b"]}}),
            ("merge", {"kind": "Secret"}),
            ("merge", "{spec: {template: {spec: {hostPID: true, hostPID: false}}}}"),
        ),
        _CHECK,
        refused=_RULE,
    ),
    Attack(
        "manifest-files",
        "names manifests outside the workspace, by their paths and by links",
        """mkdir -p @ID@; ln -sf /etc/passwd @ID@/a.yaml
        for words in "-f /etc/passwd" "-f @ID@/a.yaml" "-f @ID@" "-f /dev/zero" \\
            "-f ../../../etc/passwd" "-f @ID@/a.yaml,/etc/passwd" "-f /proc/self/environ"
        do
            kubectl apply $words 2>&1 </dev/null | tee out.txt; grep -q 'root:' out.txt && breach
            passes timeout 20 kubectl apply $words
        done
        rm -rf @ID@""",
        ("workspace paths",),
        refused="kubectl.apply",
    ),
    Attack(
        "kustomizations",
        "has kubectl read what it is not told by name: kustomizations, folders below, addresses",
        """for words in "-k ." "-k https://@GATEWAY@:@TCP@/@ID@" "--kustomize=." "-R -f ." "-Rf ."
        do passes timeout 20 kubectl apply $words; done""",
        ("flag tables",),
        refused="kubectl.apply.flag",
    ),
    Attack(
        "destructive-flags",
        "applies with flags that delete or force",
        """printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: notes}\\n' > @ID@.yaml
        for flags in --prune "--prune --all" --force --cascade=orphan --grace-period=0 \\
            "--prune-allowlist core/v1/Secret" --applyset=secret/x --force-conflicts --all
        do passes kubectl apply -f @ID@.yaml --dry-run=server $flags; done
        rm @ID@.yaml""",
        ("flag tables",),
        refused="kubectl.apply.flag",
    ),
)
