"""The real kubectl behind the broker, against a cluster: what passes does what it says."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from devkit.cluster.kubectl import ensure_kubectl
from devkit.shell import CACHE
from oi_deploy.broker.credentials import Credentials
from oi_deploy.broker.effects import Changed
from oi_deploy.broker.policy import Policy
from tests.integration.cluster_world import NAMESPACE, World, world
from tests.integration.contained import Contained, contained, needs_root, open_directory
from tests.policies import widest

pytestmark = [needs_root, pytest.mark.docker]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("world")) as found:
        yield found


@pytest.fixture
def brokered(cluster: World) -> Iterator[Contained]:
    with open_directory() as base:
        workspace = base / "ws"
        workspace.mkdir()
        with contained(
            base,
            docker=Path("/nonexistent"),
            kubectl=ensure_kubectl(CACHE / "bin"),
            policy=Policy.of(workspace, f"{cluster.host}/library", NAMESPACE, widest(NAMESPACE)),
            credentials=Credentials(
                f"{cluster.host}/library", kubeconfig=cluster.kubeconfig.read_text()
            ),
        ) as opened:
            yield opened


def changed(name: str, verb: str) -> tuple[Changed, ...]:
    return (Changed(NAMESPACE, "deployment", name, verb),)


def test_a_deployment_is_made_changed_and_rolled_back(cluster: World, brokered: Contained) -> None:
    first, second = cluster.image("broker-1"), cluster.image("broker-2")
    (brokered.workspace / "web.json").write_text(json.dumps(cluster.manifest("web", first)))
    for line, verb in (
        ("apply -f web.json", "created"),
        ("rollout status deployment/web", ""),
        (f"set image deployment/web app={second}", "image updated"),
        ("scale deployment web --replicas 2", "scaled"),
        ('patch deploy web -p \'{"spec":{"replicas":1}}\'', "patched"),
        ("rollout status deploy/web", ""),
        ("rollout restart deploy/web", "restarted"),
        ("rollout undo deployment/web --to-revision=1", "rolled back"),
        ("rollout status deployment web --timeout 60s", ""),
    ):
        result = brokered.run(f"kubectl {line}")
        assert result.exit_code == 0, f"{line}: {result.output}"
        assert brokered.journal.entries[-1].effects == (changed("web", verb) if verb else ())
    assert brokered.journal.changed_deployments() == ("web",)
    found = cluster.get("deployment", "web")
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == first


def test_what_changes_nothing_has_no_effect(cluster: World, brokered: Contained) -> None:
    image = cluster.image("broker-1")
    create = f"kubectl create deployment one --image={image} --replicas=0"
    for line in (f"{create} --dry-run=server", f"{create} --dry-run=client -o yaml"):
        result = brokered.run(line)
        assert result.exit_code == 0, result.output
        assert brokered.journal.entries[-1].effects == ()
    assert "NotFound" in brokered.run("kubectl get deployment one").output
    assert brokered.run(create).exit_code == 0
    assert brokered.journal.entries[-1].effects == changed("one", "created")


@pytest.mark.parametrize(
    "line",
    [
        "get pods -o wide",
        f"-n {NAMESPACE} get deployments,pods,services",
        "get all",
        "get pods -o jsonpath={.items}",
        "get events --sort-by=.metadata.creationTimestamp",
        "describe deployments",
        "auth can-i patch deployments",
        "version",
        "config current-context",
        "explain deployment.spec.replicas",
        "api-resources",
    ],
)
def test_looking_works(brokered: Contained, line: str) -> None:
    result = brokered.run(f"kubectl {line}")
    assert result.exit_code == 0, result.output


def test_the_pull_secret_stays_hidden(cluster: World, brokered: Contained) -> None:
    assert "dockerconfigjson" in cluster.kubectl("get", "secret", "pull", "-o", "yaml")
    for line in ("get secret pull -o yaml", "describe secret/pull", "get all,secrets"):
        result = brokered.run(f"kubectl {line}")
        assert result.exit_code == 126
        assert "dockerconfigjson" not in result.output
