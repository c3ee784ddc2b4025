"""What the cluster tests share: a registry with a test program, a cluster, kubectl.

With KUBECONFIG_E2E the tests use that cluster; its nodes must then be able to pull from the
registry in REGISTRY, with REGISTRY_USERNAME and REGISTRY_PASSWORD, to which the local engine can
push.
"""

import json
import os
import subprocess
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devkit import images
from devkit.cluster.kubectl import ensure_kubectl
from devkit.cluster.process import ClusterHandle, running_cluster
from devkit.shell import CACHE

from .private_registry import PASSWORD, USERNAME, docker, private_registry

NAMESPACE = "oi-deploy-cluster"
_PROGRAM = """\
import http.server, os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
version = os.environ["VERSION"]
print("this is", version, flush=True)
if "crash" in version:
    sys.exit(3)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if "unready" in version and self.path == "/ready" else 200)
        self.end_headers()
        self.wfile.write(version.encode())
    def log_message(self, *_):
        print("asked for", self.path, flush=True)
http.server.HTTPServer(("", 8080), Handler).serve_forever()
"""


@dataclass(frozen=True)
class World:
    """A cluster with an empty namespace, and a registry host whose images it can pull."""

    host: str
    kubeconfig: Path
    folder: Path
    docker_config: Path
    standin: ClusterHandle | None
    """None when the cluster is not the devkit's."""
    digests: dict[str, str] = field(default_factory=dict)

    def run(
        self, *argv: str, stdin: str = "", kubeconfig: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl to its end."""
        config = kubeconfig or self.kubeconfig
        kubectl = [str(ensure_kubectl(CACHE / "bin")), "--kubeconfig", str(config)]
        return subprocess.run(
            [*kubectl, "-n", NAMESPACE, *argv],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def kubectl(self, *argv: str, stdin: str = "") -> str:
        """Run kubectl; it must succeed."""
        done = self.run(*argv, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(argv)}: {done.stderr}{done.stdout}"
        return done.stdout

    def get(self, *argv: str) -> Any:
        """Run `kubectl get -o json`."""
        return json.loads(self.kubectl("get", *argv, "-o", "json"))

    def image(self, version: str) -> str:
        """Return the test program's image of a version, pushed; its name decides what it does."""
        reference = f"{self.host}/library/cluster-test:{version}"
        if version not in self.digests:
            context = self.folder / "context"
            context.mkdir(exist_ok=True)
            (context / "app.py").write_text(_PROGRAM)
            lines = f"FROM {images.PYTHON}\nENV VERSION={version}\nCOPY app.py /\n"
            lines += 'CMD ["python3", "/app.py"]\n'
            (context / "Dockerfile").write_text(lines)
            images.build(reference, context)
            pushed = docker("push", reference, config=self.docker_config).splitlines()
            self.digests[version] = pushed[-1].split("digest: ")[1].split(" ")[0]
        return reference

    def manifest(self, name: str, image: str, *, replicas: int = 1, **spec: Any) -> dict[str, Any]:
        """Return a Deployment of the test program; `container` in `spec` adds to its container."""
        container = {"name": "app", "image": image, **spec.pop("container", {})}
        pod = {
            "imagePullSecrets": [{"name": "pull"}],
            "terminationGracePeriodSeconds": 2,
            "containers": [container, *spec.pop("containers", [])],
            **spec.pop("pod", {}),
        }
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": name}},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": name}},
                "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
                **spec,
            },
        }

    def apply(self, *documents: dict[str, Any]) -> str:
        """Apply documents."""
        text = "\n---\n".join(json.dumps(document) for document in documents)
        return self.kubectl("apply", "-f", "-", stdin=text)

    def pods(self, name: str) -> list[dict[str, Any]]:
        """Return the pods of a Deployment that are not on their way out."""
        found = self.get("pods", "-l", f"app={name}")["items"]
        return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]

    def waiting_reason(self, name: str) -> str:
        """Return why the first waiting container of a Deployment's pods waits."""
        for pod in self.pods(name):
            for status in pod["status"].get("containerStatuses", []):
                if "waiting" in status["state"]:
                    return str(status["state"]["waiting"]["reason"])
        return ""


def wait_for(what: Callable[[], Any], *, seconds: float = 60) -> Any:
    """Return the first true value of `what`."""
    limit = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.3)
    return value


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """Yield a cluster with an empty namespace and a pull secret."""
    given = os.environ.get("KUBECONFIG_E2E")
    if given:
        host = os.environ["REGISTRY"]
        user, password = os.environ["REGISTRY_USERNAME"], os.environ["REGISTRY_PASSWORD"]
        login = b64encode(f"{user}:{password}".encode()).decode()
        (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": login}}}))
        found = World(host, Path(given), folder, folder, None)
        try:
            yield from _with_namespace(found, user, password)
        finally:
            _remove_images(host)
        return
    images.up()
    with private_registry(folder) as site:
        try:
            config = site.docker_config / "config.json"
            with running_cluster(
                folder / "cluster", namespace=NAMESPACE, docker_config=config
            ) as cluster:
                found = World(site.host, cluster.kubeconfig, folder, site.docker_config, cluster)
                yield from _with_namespace(found, USERNAME, PASSWORD)
        finally:
            _remove_images(site.host)


def _with_namespace(found: World, user: str, password: str) -> Iterator[World]:
    found.kubectl("create", "namespace", NAMESPACE)
    try:
        found.kubectl(
            "create", "secret", "docker-registry", "pull", f"--docker-server={found.host}",
            f"--docker-username={user}", f"--docker-password={password}",
        )  # fmt: skip
        yield found
    finally:
        found.run("delete", "namespace", NAMESPACE, "--wait=false")


def _remove_images(host: str) -> None:
    """Remove the test's images, and those that the node pulled of them."""
    listed = docker("images", "--quiet", f"{host}/library/cluster-test")
    if listed:
        docker("rmi", "--force", *dict.fromkeys(listed.splitlines()))
