"""The world's place in a cluster that is not the devkit's: made, made again, removed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from devkit import foreign
from devkit.cluster.kubectl import ensure_kubectl
from devkit.cluster.process import ClusterHandle, running_cluster
from devkit.registry import Registry
from devkit.shell import CACHE, DevkitError, call

pytestmark = pytest.mark.docker

STORE = Registry("registry.example.com", "robot", "secret", Path("/nowhere"))


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ClusterHandle]:
    """A cluster with a CA of its own, to which nobody is connected."""
    monkeypatch.setattr(foreign, "_FOLDER", tmp_path / "foreign")
    monkeypatch.delenv(foreign.DEPLOYER, raising=False)
    with running_cluster(tmp_path / "cluster", namespace="place") as running:
        yield running


def kubectl(cluster: ClusterHandle, *words: str) -> str:
    return call(ensure_kubectl(CACHE / "bin"), "--kubeconfig", cluster.kubeconfig, *words)


def namespaces(cluster: ClusterHandle) -> str:
    return kubectl(cluster, "get", "namespaces", "-o", "name")


def test_the_world_makes_its_place_and_removes_it(cluster: ClusterHandle) -> None:
    for _ in range(2):  # the second time as after a run that was killed
        admin, deployer = foreign.connect(cluster.kubeconfig, "place")
        foreign.prepare(admin, "place", STORE)
    assert admin.read_text() == deployer.read_text()
    account = json.loads(kubectl(cluster, "-n", "place", "get", "sa", "default", "-o", "json"))
    (secret,) = account["imagePullSecrets"]
    found = kubectl(cluster, "-n", "place", "get", "secret", secret["name"], "-o", "name")
    assert found.strip() == f"secret/{secret['name']}"
    assert not foreign.running("place", "myapp")
    kubectl(
        cluster, "-n", "place", "create", "deployment", "myapp", "--image=x/y:1", "--replicas=0"
    )
    assert foreign.running("place", "myapp")

    foreign.down("place")

    assert "namespace/place" not in namespaces(cluster)
    assert not admin.parent.exists()
    foreign.down("place")


def test_the_deployer_may_be_another_account(
    cluster: ClusterHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(foreign.DEPLOYER, str(cluster.deploy_kubeconfig))
    admin, deployer = foreign.connect(cluster.kubeconfig, "place")
    assert foreign.access(admin).token == cluster.admin_token
    assert foreign.access(deployer).token == cluster.deploy_token


def test_somebody_s_namespace_is_left_alone(cluster: ClusterHandle) -> None:
    kubectl(cluster, "create", "namespace", "place")
    with pytest.raises(DevkitError, match="namespace place without the label oi-deploy"):
        foreign.connect(cluster.kubeconfig, "place")
    foreign.down("place")
    assert "namespace/place" in namespaces(cluster)
