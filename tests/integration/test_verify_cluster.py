"""Verification against a registry and a cluster whose pods are real containers.

With KUBECONFIG_E2E a cluster of one's own is used instead; its nodes must then be able to pull from
the registry in REGISTRY, with REGISTRY_USERNAME, REGISTRY_PASSWORD and REGISTRY_CA.
"""

import json
import os
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from devkit import images, tls
from devkit.cluster.kubectl import ensure_kubectl
from devkit.cluster.process import running_cluster
from devkit.shell import CACHE
from oi_deploy.errors import RunError
from oi_deploy.verify.check import Verdict, verify
from oi_deploy.verify.cluster import Cluster
from oi_deploy.verify.registry import Registry
from tests.unit.verify.imitations import Claims

from .private_registry import PASSWORD, USERNAME, Site, docker, private_registry

pytestmark = [pytest.mark.docker, pytest.mark.timeout(180)]
NAMESPACE = "oi-deploy-verify"


@dataclass(frozen=True)
class World:
    """A registry, a cluster with an empty namespace, and readers of both."""

    site: Site
    kubeconfig: Path
    registry: Registry
    cluster: Cluster
    folder: Path

    def kubectl(self, *argv: str, stdin: str = "") -> str:
        done = subprocess.run(
            [
                ensure_kubectl(CACHE / "bin"),
                "--kubeconfig",
                self.kubeconfig,
                "-n",
                NAMESPACE,
                *argv,
            ],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def image(self, tag: str, command: str) -> tuple[str, str]:
        """Build and push an image that runs a shell command: its reference and digest."""
        reference = f"{self.site.host}/library/verify:{tag}"
        context = self.folder / "context"
        context.mkdir(exist_ok=True)
        lines = f"FROM {images.BASE}\nENV TAG={tag}\nCMD {json.dumps(['sh', '-c', command])}\n"
        (context / "Dockerfile").write_text(lines)
        docker("build", "--quiet", "--tag", reference, str(context))
        return reference, self.site.push(reference)

    def deployment(self, name: str, image: str, **container: Any) -> None:
        """Create a Deployment with two replicas and wait until it has rolled out."""
        labels = {"app": name}
        spec = {"name": "app", "image": image, **container}
        manifest = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {
                "replicas": 2,
                "progressDeadlineSeconds": 5,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [spec], "terminationGracePeriodSeconds": 0},
                },
            },
        }
        self.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
        self.kubectl("rollout", "status", f"deployment/{name}", "--timeout=60s")

    def set_image(self, name: str, image: str) -> None:
        self.kubectl("set", "image", f"deployment/{name}", f"app={image}")

    def verdict(self, claims: Claims, before: Any, said: list[str] | None = None) -> Verdict:
        return verify(
            claims,
            expect="deploy",
            before=before,
            registry=self.registry,
            cluster=self.cluster,
            rollout_timeout_s=90.0,
            cancelled=threading.Event(),
            say=(said if said is not None else []).append,
        )


RUN = "trap 'exit 0' TERM; while :; do sleep 0.1; done"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    with ExitStack() as stack:
        own = os.environ.get("KUBECONFIG_E2E")
        if own:
            username, password = os.environ["REGISTRY_USERNAME"], os.environ["REGISTRY_PASSWORD"]
            site = _own_registry(folder, os.environ["REGISTRY"], username, password)
            kubeconfig = Path(own)
            stack.callback(_remove_images, site.host)
        else:
            username, password = USERNAME, PASSWORD
            site = stack.enter_context(private_registry(folder))
            stack.callback(_remove_images, site.host)
            handle = stack.enter_context(
                running_cluster(
                    folder / "cluster",
                    (site.host.partition(":")[0], 0),
                    namespace=NAMESPACE,
                    docker_config=site.docker_config / "config.json",
                    label="verify-test",
                )
            )
            kubeconfig = handle.kubeconfig
        reader = Cluster(kubeconfig.read_text(), "", NAMESPACE)
        registry = Registry(site.host, username=username, password=password, ca=site.ca)
        stack.callback(registry.close)
        stack.callback(reader.close)
        made = World(site, kubeconfig, registry, reader, folder)
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        made.kubectl("apply", "-f", "-", stdin=json.dumps(namespace))
        stack.callback(made.kubectl, "delete", "namespace", NAMESPACE, "--wait=false")
        yield made


def _own_registry(folder: Path, host: str, username: str, password: str) -> Site:
    login = b64encode(f"{username}:{password}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": login}}}))
    return Site(host, Path(os.environ["REGISTRY_CA"]), folder)


def _remove_images(host: str) -> None:
    listed = docker("images", "--quiet", f"{host}/library/verify")
    if listed:
        docker("rmi", "--force", *dict.fromkeys(listed.splitlines()))


@pytest.fixture(scope="module")
def good(world: World) -> tuple[str, str]:
    return world.image("good", RUN)


def failing(verdict: Verdict) -> dict[str, str]:
    return {item.check: item.sentence() for item in verdict.findings if not item.ok}


def test_a_rollout_is_followed_to_its_end(world: World, good: tuple[str, str]) -> None:
    world.deployment("follow", good[0])
    before = world.cluster.deployments()
    image, digest = world.image("follow-2", RUN)
    world.set_image("follow", image)
    said: list[str] = []
    verdict = world.verdict(Claims([(image, digest)], changed=("follow",)), before, said)
    assert failing(verdict) == {}
    assert (verdict.image, verdict.digest) == (image, digest)
    assert (verdict.deployment, verdict.namespace) == ("follow", NAMESPACE)
    assert (verdict.previous_image, verdict.revision, verdict.changed) == (good[0], "2", True)
    assert any("of 2 new pods ready" in line or "not begun" in line for line in said)
    ids = {
        item.image_id
        for pod in world.cluster.pods_of(_only(world, "follow"))
        if pod.current
        for item in pod.containers
    }
    assert all(digest in image_id for image_id in ids)

    again = world.verdict(Claims([(image, digest)]), world.cluster.deployments())
    assert again.ok
    assert not again.changed

    world.kubectl("rollout", "undo", "deployment/follow")
    undone = world.verdict(Claims(changed=("follow",)), (_only(world, "follow", image=image),))
    assert failing(undone) == {}
    assert undone.image == good[0]


def test_deployments_of_another_namespace_are_those_of_no_other(world: World) -> None:
    elsewhere = f"{NAMESPACE}-elsewhere"
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": elsewhere}}
    world.kubectl("apply", "-f", "-", stdin=json.dumps(namespace))
    try:
        made = ("deployment", "far", "--image=example.com/far:1", "--replicas=0")
        world.kubectl("--namespace", elsewhere, "create", *made)
        (found,) = world.cluster.deployments(elsewhere)
        assert (found.name, found.containers[0].image) == ("far", "example.com/far:1")
        assert "far" not in {item.name for item in world.cluster.deployments()}
        assert not world.cluster.deployments("../..")
    finally:
        world.kubectl("delete", "namespace", elsewhere, "--wait=false")


def _only(world: World, name: str, image: str = "") -> Any:
    state = world.cluster.deployment(name)
    assert state is not None
    if image:
        return replace(state, containers=(replace(state.containers[0], image=image),))
    return state


def test_an_image_that_was_not_pushed(world: World, good: tuple[str, str]) -> None:
    world.deployment("unpushed", good[0])
    before = world.cluster.deployments()
    image = f"{world.site.host}/library/verify:never"
    world.set_image("unpushed", image)
    verdict = world.verdict(Claims(builds=[image], changed=("unpushed",)), before)
    assert failing(verdict) == {
        "registry.digest": f"The image {image} is not in the registry: run `docker push {image}`"
    }


def test_a_program_that_crashes_is_told_with_what_it_wrote(
    world: World, good: tuple[str, str]
) -> None:
    world.deployment("crash", good[0])
    before = world.cluster.deployments()
    image, digest = world.image("crash-2", "echo 'python: cannot open app.py' >&2; exit 3")
    world.set_image("crash", image)
    verdict = world.verdict(Claims([(image, digest)], changed=("crash",)), before)
    sentence = failing(verdict)["rollout.complete"]
    for part in ("python: cannot open app.py", "exit code 3", "the Deployment crash"):
        assert part in sentence.replace("The Deployment", "the Deployment")


def test_a_program_that_never_gets_ready(world: World, good: tuple[str, str]) -> None:
    probe = {"exec": {"command": ["test", "-e", "/etc/ready"]}, "periodSeconds": 1}
    ready, _ = world.image("ready-1", f"touch /etc/ready; {RUN}")
    world.deployment("unready", ready, readinessProbe=probe)
    before = world.cluster.deployments()
    image, digest = world.image("ready-2", f"echo started; {RUN}")
    world.set_image("unready", image)
    verdict = world.verdict(Claims([(image, digest)], changed=("unready",)), before)
    sentence = failing(verdict)["rollout.complete"]
    assert "ProgressDeadlineExceeded" in sentence
    assert "Readiness probe failed" in sentence
    assert "app wrote: started" in sentence


def test_pods_that_still_run_what_the_tag_was_before(world: World) -> None:
    image, _ = world.image("same", f"echo one; {RUN}")
    world.deployment("same", image)
    before = world.cluster.deployments()
    _, digest = world.image("same", f"echo two; {RUN}")
    verdict = world.verdict(Claims([(image, digest)]), before)
    fix = f"kubectl -n {NAMESPACE} set image deployment/same app={image}@{digest}"
    assert f"run `{fix}`" in failing(verdict)["pods.digest"]

    world.kubectl(*fix.split()[3:])
    fixed = world.verdict(Claims([(image, digest)], changed=("same",)), before)
    assert failing(fixed) == {}
    assert fixed.image == image


def test_replicas_that_were_changed_by_the_way(world: World, good: tuple[str, str]) -> None:
    old, _ = world.image("replicas-1", RUN)
    world.deployment("replicas", old)
    before = world.cluster.deployments()
    world.set_image("replicas", good[0])
    world.kubectl("scale", "deployment/replicas", "--replicas=3")
    verdict = world.verdict(Claims([good], changed=("replicas",)), before)
    assert list(failing(verdict)) == ["deployment.unchanged-fields"]
    assert (
        "scale deployment/replicas --replicas=2" in failing(verdict)["deployment.unchanged-fields"]
    )


def changed(world: World, **parts: dict[str, Any]) -> str:
    """The kubeconfig with other fields in its first `user` or `cluster`."""
    document = yaml.safe_load(world.kubeconfig.read_text())
    for key, fields in parts.items():
        document[f"{key}s"][0][key] |= fields
    return yaml.safe_dump(document)


def test_a_token_that_is_not_valid(world: World) -> None:
    content = changed(world, user={"token": "expired"})
    with pytest.raises(RunError, match="does not accept the login in `kubeconfig`"):
        Cluster(content, "", NAMESPACE).ping()


def test_an_account_that_may_not_read_there(world: World, good: tuple[str, str]) -> None:
    if os.environ.get("KUBECONFIG_E2E"):
        pytest.skip("needs a second account, which only the stand-in has")
    limited = (world.kubeconfig.parent / "deploy.kubeconfig").read_text()
    Cluster(limited, "", NAMESPACE).ping()
    with pytest.raises(RunError, match="may not list deployments in the `namespace` kube-system"):
        Cluster(limited, "", "kube-system").ping()


def test_a_cluster_with_an_unknown_ca(world: World, tmp_path: Path) -> None:
    other, _ = tls.ensure_ca(tmp_path)
    ca = b64encode(other.read_bytes()).decode()
    with pytest.raises(RunError, match="CA that is not known") as caught:
        Cluster(changed(world, cluster={"certificate-authority-data": ca}), "", NAMESPACE).ping()
    assert "certificate-authority-data" in caught.value.remedy


@pytest.mark.parametrize("server", ["https://127.0.0.1:1", "https://localhost:1"])
def test_a_server_on_this_machine_is_the_actions_own_container(world: World, server: str) -> None:
    with pytest.raises(RunError, match="connection refused") as caught:
        Cluster(changed(world, cluster={"server": server}), "", NAMESPACE).ping()
    assert "the action's own container" in caught.value.remedy
