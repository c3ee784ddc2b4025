"""What there is to attack besides the sample application, and secrets that must appear nowhere."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from devkit.shell import STATE, call, works
from tests.security.attacks.injection import TODO

# A name that the engine has and that no run has made.
TAKEN = "oi-deploy-test-base"
API_KEY = "canary-api-key-71d0c2"
ROOT_ONLY = "canary-of-an-earlier-step-5e1f"
DATABASE = "canary-database-password-09aa"

_VICTIMS = """\
apiVersion: v1
kind: Namespace
metadata: {{name: staging}}
---
apiVersion: v1
kind: Secret
metadata: {{name: db, namespace: {namespace}}}
stringData: {{password: {password}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: db, namespace: staging}}
stringData: {{password: {password}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: notes, namespace: {namespace}}}
data: {{todo: {todo}}}
"""
_VICTIM = """\
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {namespace}, labels: {{app: {name}}}}}
spec:
  replicas: 0
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: app, image: {image}}}]}}
"""


@contextmanager
def victims(values: Mapping[str, str]) -> Iterator[None]:
    """Things in the world that an attack could reach if it could; they go away again."""
    namespace = values["NAMESPACE"]
    image = f"{values['REGISTRY']}/library/myapp:1.0.0"
    text = _VICTIMS.format(namespace=namespace, password=DATABASE, todo=json.dumps(TODO))
    for name, where in (("payments", namespace), ("myapp", "staging")):
        text += _VICTIM.format(name=name, namespace=where, image=image)
    environment = {"KUBECONFIG": values["KUBECONFIG_ADMIN"]}
    kubectl = values["KUBECTL"]
    call(kubectl, "apply", "-f", "-", env=environment, stdin=text.encode())
    private = f"{values['REGISTRY']}/other/private:1"
    config = STATE / "docker"
    scratch = b"FROM scratch\nLABEL private=yes\n"
    build = {"DOCKER_BUILDKIT": "0"}
    call("docker", "build", "-q", "-t", f"{TAKEN}:1", "-t", private, "-", env=build, stdin=scratch)
    call("docker", "--config", config, "push", private)
    call("docker", "image", "rm", private)
    try:
        yield
    finally:
        for name in (f"{TAKEN}:1", private):
            works("docker", "image", "rm", "--force", name)
        names = ("namespace/staging", "secret/db", "configmap/notes", "deployment/payments")
        call(
            kubectl, "-n", namespace, "delete", "--wait=false", "--ignore-not-found", *names,
            env=environment,
        )  # fmt: skip
