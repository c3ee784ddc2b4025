"""The example Role gives the real kubectl what it asks for, and nothing else."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from devkit.cluster import authz
from tests.integration.cluster_world import World, wait_for, world
from tests.integration.contained import needs_root
from tests.unit.test_examples_kubernetes import ASKS, REGISTRY, ROLE, Access

pytestmark = [needs_root, pytest.mark.docker]

# `-v=6` prints a line for each request.
_REQUEST = re.compile(r'\bverb="([A-Z]+)" url="(https://[^"]+)" status="(\d*)')
_PATH = re.compile(
    r"/(?:api/v1|apis/(?P<group>[^/]+)/[^/]+)/namespaces/[^/]+/(?P<kind>[a-z]+)"
    r"(?:/(?P<name>[^/]+)(?P<sub>/[a-z]+)?)?"
)
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def _account(token: str, namespace: str) -> dict[str, Any]:
    """The example's account in the devkit's cluster."""
    rules = [
        {
            "namespaces": [namespace],
            "groups": rule["apiGroups"],
            "resources": rule["resources"],
            "verbs": rule["verbs"],
            "names": rule.get("resourceNames", []),
        }
        for rule in ROLE["rules"]
    ]
    return {"token": token, "user": f"system:serviceaccount:{namespace}:oi-deploy", "rules": rules}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(authz, "deployer", _account)
        with world(tmp_path_factory.mktemp("world")) as found:
            found.apply(found.manifest("myapp", found.image("role-1")))
            found.kubectl("create", "service", "clusterip", "myapp", "--tcp=80")
            found.kubectl("create", "configmap", "myapp")
            found.kubectl("rollout", "status", "deployment/myapp", "--timeout=60s")
            found.kubectl("set", "image", "deployment/myapp", f"app={found.image('role-2')}")
            found.kubectl("rollout", "status", "deployment/myapp", "--timeout=60s")
            yield found


def asked(log: str) -> set[Access]:
    """What a command has asked for, from its own log."""
    found = set()
    for method, url, status in _REQUEST.findall(log):
        parts = urlsplit(url)
        if re.fullmatch(r"/api/v1/namespaces/[^/]+", parts.path) and method == "GET":
            # When something is not found, kubectl looks whether the namespace is there. It goes on
            # when it may not.
            continue
        match = _PATH.fullmatch(parts.path)
        if match is None:
            assert method == "GET" and "namespaces" not in parts.path, f"{method} {url}"
            continue
        assert status != "403", f"{method} {url}"
        verb = _VERBS.get(method)
        if verb is None:
            watching = parse_qs(parts.query).get("watch", ["false"])[0] in ("true", "1")
            verb = "get" if match["name"] else "watch" if watching else "list"
        found.add((match["group"] or "", match["kind"] + (match["sub"] or ""), verb))
    return found


@pytest.mark.parametrize("command", ASKS)
def test_the_role_is_what_kubectl_asks_for(cluster: World, command: str) -> None:
    wait_for(lambda: cluster.pods("myapp"))
    now = cluster.get("deployment", "myapp")["spec"]
    # kubectl sends nothing when nothing changes.
    current = now["template"]["spec"]["containers"][0]["image"]
    other = "role-1" if current.endswith("role-2") else "role-2"
    line = command.replace(f"{REGISTRY}/myapp:2", f"{cluster.host}/library/cluster-test:{other}")
    line = line.replace("--current-replicas=1", f"--current-replicas={now['replicas']}")
    config = cluster.standin.deploy_kubeconfig if cluster.standin else cluster.kubeconfig
    done = cluster.run(*line.split(), "-v=6", kubeconfig=config)
    assert asked(done.stderr) == ASKS[command]
    if done.returncode:
        said = done.stderr.splitlines()[-1]
        assert "(NotFound)" in said or "timed out" in said


@pytest.mark.parametrize(
    "command",
    [
        "get secrets",
        "get namespaces",
        "get pods --all-namespaces",
        "exec deployment/myapp -- true",
        "delete deployment/myapp",
        "delete pods --all",
        "create configmap other",
        "create serviceaccount other",
        "create deployment other --image=x",
        "patch configmap/myapp -p {}",
        "set image deployment/other app=x",
        "scale deployment/other --replicas=1",
    ],
)
def test_the_role_gives_no_more(cluster: World, command: str) -> None:
    if cluster.standin is None:
        pytest.skip("KUBECONFIG_E2E is given: that cluster has no account with this role")
    cluster.apply(cluster.manifest("other", cluster.image("role-1"), replicas=0))
    done = cluster.run(*command.split(), kubeconfig=cluster.standin.deploy_kubeconfig)
    assert done.returncode != 0
    assert "Forbidden" in done.stderr or "forbidden" in done.stderr, done.stderr
