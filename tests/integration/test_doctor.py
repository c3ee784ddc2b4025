"""The doctor against a real registry, the cluster's stand-in and a Docker engine."""

import io
import json
import os
import ssl
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import docker as docker_sdk
import httpx
import pytest
import yaml
from docker.models.volumes import Volume

from devkit import images
from devkit.cluster import write_kubeconfig
from devkit.cluster.process import running_cluster
from oi_deploy.doctor import CHECKS, Context, Finding, examine, weights
from oi_deploy.doctor import server as gpus
from oi_deploy.engine.server import free_port
from oi_deploy.inputs import parse
from oi_deploy.loaded import load
from tests.integration.engine_world import built_standin, server, settings
from tests.integration.private_registry import PASSWORD, USERNAME, Site, private_registry
from tests.integration.token_service import token_service

pytestmark = pytest.mark.docker
NAMESPACE = "oi-deploy-doctor"
READER, WRITER = "reader", "writer"
_SEES = {
    "namespaces": [NAMESPACE],
    "groups": ["", "apps"],
    "resources": ["deployments", "replicasets", "pods", "pods/log", "events"],
    "verbs": ["get", "list", "watch"],
}
_CHANGES_WEB = {
    "namespaces": [NAMESPACE],
    "groups": ["apps"],
    "resources": ["deployments"],
    "verbs": ["patch"],
    "names": ["web"],
}
_ACCOUNTS = {"looks": [_SEES], "web-only": [_SEES, _CHANGES_WEB]}


@dataclass(frozen=True)
class World:
    """A registry, a cluster with two Deployments, and accounts of both."""

    site: Site
    kubeconfigs: dict[str, Path]
    folder: Path

    def inputs(self, **changes: str) -> dict[str, str]:
        """What a good workflow gives; `_` in a name stands for `-`."""
        given = {
            "mode": "doctor",
            "api-base": "http://127.0.0.1:1/v1",
            "registry": f"{self.site.host}/library",
            "registry-username": USERNAME,
            "registry-password": PASSWORD,
            "registry-ca": self.site.ca.read_text(),
            "kubeconfig": self.kubeconfigs["deploy"].read_text(),
            "namespace": NAMESPACE,
            "allowed-deployments": "web",
        }
        return given | {name.replace("_", "-"): value for name, value in changes.items()}

    def found(self, *names: str, **changes: str) -> dict[str, Finding]:
        """What checks find."""
        return look(self.folder, names or tuple(CHECKS), self.inputs(**changes))

    def login(self, account: str) -> str:
        """A kubeconfig."""
        return self.kubeconfigs[account].read_text()


def look(workspace: Path, names: tuple[str, ...], inputs: dict[str, str]) -> dict[str, Finding]:
    env = {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
    with ExitStack() as stack:
        loaded = load(parse(env), workspace)
        context = Context.of(loaded, env, workspace, stack)
        return {item.name: item for item in examine(context, names, within_s=60)}


def deployment(name: str, image: str) -> dict[str, Any]:
    """A Deployment without pods."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": image}]},
            },
        },
    }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("doctor")
    accounts = [
        {"token": f"token-{name}", "user": name, "rules": rules}
        for name, rules in _ACCOUNTS.items()
    ]
    with (
        private_registry(folder) as site,
        running_cluster(
            folder / "cluster", namespace=NAMESPACE, label="doctor-test", more_accounts=accounts
        ) as cluster,
    ):
        kubeconfigs = {"deploy": cluster.deploy_kubeconfig}
        for name in _ACCOUNTS:
            kubeconfigs[name] = folder / f"{name}.kubeconfig"
            write_kubeconfig(
                kubeconfigs[name], server=cluster.url, ca=cluster.ca_file.read_bytes(),
                token=f"token-{name}", namespace=NAMESPACE,
            )  # fmt: skip
        with httpx.Client(
            base_url=cluster.url,
            verify=ssl.create_default_context(cafile=cluster.ca_file),
            headers={"Authorization": f"Bearer {cluster.admin_token}"},
            trust_env=False,
        ) as client:
            space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
            client.post("/api/v1/namespaces", json=space).raise_for_status()
            for name in ("web", "jobs"):
                client.post(
                    f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments",
                    json=deployment(name, f"{site.host}/library/{name}:1"),
                ).raise_for_status()
        yield World(site, kubeconfigs, folder)


def test_where_all_is_well_only_the_endpoint_is_missing(world: World) -> None:
    found = world.found()
    wrong = {name: item for name, item in found.items() if item.state in ("FAILED", "warning")}
    assert set(wrong) - {"disk", "checkout"} == {"endpoint"}
    assert wrong["endpoint"].state == "FAILED"
    assert f"{world.site.host}/library/web" in found["push"].found


def test_every_failure_has_a_remedy_and_no_finding_a_secret(world: World) -> None:
    found = world.found(
        registry_password="wrong-pw-1", kubeconfig=world.login("looks"), allowed_deployments="gone"
    )
    assert [name for name, item in found.items() if item.state == "FAILED"] == [
        "endpoint", "registry", "deployments", "rights",
    ]  # fmt: skip
    assert all(item.remedy for item in found.values() if item.state == "FAILED")
    assert found["push"].state == "not checked"
    for secret in ("wrong-pw-1", "token-looks"):
        assert secret not in str(found)


def test_the_wrong_password_names_the_input(world: World) -> None:
    found = world.found("registry", registry_password="wrong-pw-1")["registry"]
    assert "does not accept the login of `robot`" in found.found
    assert "`registry-password`" in found.remedy


def test_a_registry_that_is_not_there(world: World) -> None:
    host = world.site.host.partition(":")[0]
    found = world.found("registry", "push", registry=f"{host}:1/library")
    assert "connection refused" in found["registry"].found
    assert found["push"].state == "not checked"


def test_nothing_is_left_in_the_registry(world: World) -> None:
    assert world.found("push")["push"].state == "ok"
    catalog = httpx.get(
        f"https://{world.site.host}/v2/_catalog",
        auth=(USERNAME, PASSWORD),
        verify=ssl.create_default_context(cafile=world.site.ca),
        trust_env=False,
    )
    assert catalog.json() == {"repositories": []}
    client = docker_sdk.from_env()
    (container,) = client.containers.list(
        filters={"label": "oi-deploy.devkit=test-registry", "publish": _port(world.site.host)}
    )
    # Of an upload that was given up, the registry itself keeps the state of its hash.
    find = ["find", "/data", "-name", "startedat"]
    assert bytes(container.exec_run(find).output) == b""  # type: ignore[arg-type]
    client.close()


def _port(host: str) -> str:
    return host.rpartition(":")[2]


def test_an_account_that_may_only_pull(tmp_path: Path) -> None:
    accounts = {
        READER: ("pw-r", frozenset({"pull"})),
        WRITER: ("pw-w", frozenset({"pull", "push", "delete"})),
    }
    with (
        token_service(tmp_path / "ca", accounts) as auth,
        private_registry(tmp_path, auth=auth) as site,
    ):

        def push(user: str, **changes: str) -> Finding:
            given = {
                "mode": "doctor", "expect": "push", "api-base": "http://127.0.0.1:1/v1",
                "registry": f"{site.host}/library", "registry-username": user,
                "registry-password": accounts[user][0], "registry-ca": site.ca.read_text(),
            } | changes  # fmt: skip
            return look(tmp_path, ("registry", "push"), given)["push"]

        app = f"{site.host}/library/app"
        may = push(WRITER, prompt=f"build it and push {app}.")
        assert (may.state, may.found) == ("ok", f"an upload to {app} can begin")
        refused = push(READER, prompt=f"推送到 {app}:1")
        assert refused.state == "FAILED"
        assert "does not let `reader` push to library/app" in refused.found
        assert "right to push" in refused.remedy
        # Nobody has said where to: the account may be bound to a repository of another name.
        assert push(READER).state == "warning"
        assert push(READER, **{"allowed-images": app}).state == "FAILED"


@pytest.mark.parametrize(
    ("account", "allowed", "state", "says"),
    [
        ("deploy", "web", "ok", ""),
        ("deploy", "", "ok", ""),
        ("looks", "web", "FAILED", "patch deployments/web"),
        ("looks", "", "FAILED", "patch deployments/jobs, patch deployments/web"),
        ("web-only", "web", "warning", "patch deployments/scale/web"),
        ("web-only", "jobs", "FAILED", "patch deployments/jobs"),
        ("web-only", "", "warning", "patch deployments/jobs"),
    ],
)
def test_rights(world: World, account: str, allowed: str, state: str, says: str) -> None:
    login = world.login(account)
    found = world.found("rights", kubeconfig=login, allowed_deployments=allowed)["rights"]
    assert (found.state, says in found.found) == (state, True), found


def test_what_fails_a_deployment_only_warns_where_none_is_wanted(world: World) -> None:
    login = world.login("looks")
    found = world.found(kubeconfig=login, expect="push", allowed_deployments="gone")
    assert {found[name].state for name in ("rights", "deployments")} == {"warning"}


def test_a_deployment_that_is_not_there_names_those_that_are(world: World) -> None:
    found = world.found("deployments", allowed_deployments="web, gone")["deployments"]
    assert found.state == "FAILED"
    assert f"there is no Deployment gone in the `namespace` {NAMESPACE}" in found.found
    assert "it has jobs, web" in found.found
    assert "`allowed-deployments`" in found.remedy


def test_a_token_that_is_not_accepted(world: World) -> None:
    document = yaml.safe_load(world.login("deploy"))
    document["users"][0]["user"]["token"] = "expired"
    found = world.found("cluster", "deployments", "rights", kubeconfig=yaml.safe_dump(document))
    assert "does not accept the login" in found["cluster"].found
    assert {found[name].state for name in ("deployments", "rights")} == {"not checked"}


def test_a_cluster_that_is_not_there(world: World) -> None:
    document = yaml.safe_load(world.login("deploy"))
    document["clusters"][0]["cluster"]["server"] = "https://172.17.0.1:1"
    found = world.found("cluster", kubeconfig=yaml.safe_dump(document))["cluster"]
    assert found.state == "FAILED" and "connection refused" in found.found


def endpoint(workspace: Path, url: str, **changes: str) -> Finding:
    given = {"mode": "doctor", "expect": "none", "api-base": url, **changes}
    return look(workspace, ("endpoint",), given)["endpoint"]


def test_an_endpoint(tmp_path: Path) -> None:
    with server("--served-model-name", "a,b", key="k-right") as url:
        key = {"api-key": "k-right"}
        assert endpoint(tmp_path, url, model="b", **key).state == "ok"
        other = endpoint(tmp_path, url, model="c", **key)
        assert (other.state, "`a`, `b`" in other.found) == ("FAILED", True)
        wrong = endpoint(tmp_path, url, model="b", **{"api-key": "k-wrong"})
        assert (wrong.state, "`api-key:" in wrong.remedy) == ("FAILED", True)
    assert endpoint(tmp_path, f"http://127.0.0.1:{free_port()}").state == "FAILED"


def test_of_several_endpoints_each_is_shown(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    with server("--served-model-name", "a") as one, server("--served-model-name", "a,b") as two:
        both = endpoint(tmp_path, f"{one}\n{two}", model="a")
        assert (both.state, both.found.count("serves `a`")) == ("ok", 2)
        lone = endpoint(tmp_path, f"{one}, {nobody}", model="a")
        assert (lone.state, nobody in lone.found, one in lone.found) == ("warning", True, True)
        wrong = endpoint(tmp_path, f"{two} {one}", model="c")
        assert (wrong.state, "`a`, `b`" in wrong.found) == ("FAILED", True)
    none = endpoint(tmp_path, f"{nobody} {one}", model="a")
    assert (none.state, nobody in none.found, one in none.found) == ("FAILED", True, True)


@pytest.fixture(scope="module")
def standin() -> Iterator[str]:
    with built_standin() as name:
        yield name


@pytest.fixture
def volume(monkeypatch: pytest.MonkeyPatch) -> Iterator[Volume]:
    """A cache volume of a test's own."""
    client = docker_sdk.from_env()
    made = client.volumes.create(f"oi-deploy-doctor-test-{free_port()}")
    monkeypatch.setattr(weights, "CACHE_VOLUME", made.name)
    yield made
    made.remove(force=True)
    client.close()


def fill(volume: Volume, files: dict[str, str]) -> None:
    """Put files into a volume; a text that begins with `../` makes a link."""
    client = docker_sdk.from_env()
    container = client.containers.create(
        images.BASE, mounts=[docker_sdk.types.Mount("/v", volume.name)], command=["true"]
    )
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for path, text in files.items():
            info = tarfile.TarInfo(path)
            if text.startswith("../"):
                info.type, info.linkname = tarfile.SYMTYPE, text
            info.size = 0 if info.issym() else len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    container.put_archive("/v", data.getvalue())
    container.remove()
    client.close()


CONFIG = json.dumps(
    {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}
)


def beginning(size: int) -> str:
    """The first 56 bytes of a .safetensors file that has so many."""
    header = json.dumps({"a": {"data_offsets": [0, size - 56]}}).ljust(48)
    return chr(len(header)) + 7 * chr(0) + header


def test_weights_in_the_cache_volume(volume: Volume, standin: str) -> None:
    client = docker_sdk.from_env()
    wanted = settings("sibling", model="acme/tiny", vllm_image=standin)
    assert "never fetched" in weights.find(client, wanted).problem

    home = "huggingface/hub/models--acme--tiny"
    index = json.dumps({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}})
    snapshot = f"{home}/snapshots/abc"
    files = {
        f"{home}/refs/main": "abc",
        f"{home}/blobs/1": CONFIG,
        f"{home}/blobs/2": beginning(100).ljust(100),
        f"{snapshot}/config.json": "../../blobs/1",
        f"{snapshot}/model.safetensors.index.json": index,
        f"{snapshot}/model-1.safetensors": "../../blobs/2",
    }
    fill(volume, files)
    assert weights.find(client, wanted).problem == "1 of 2 files are missing"

    fill(volume, {f"{snapshot}/model-2.safetensors": "../../blobs/2"})
    whole = weights.find(client, wanted)
    assert (whole.problem, whole.size, whole.config["head_dim"]) == ("", 200, 8)
    fill(volume, {f"{home}/blobs/2": beginning(100).ljust(99)})
    assert "model-1.safetensors is cut off: 99 of its 100" in weights.find(client, wanted).problem
    other = replace(wanted, model_revision="def")
    assert "no config.json" in weights.find(client, other).problem
    assert not client.containers.list(all=True, filters={"label": "oi-deploy.role=doctor"})
    client.close()


def test_weights_in_a_folder_of_the_host(tmp_path: Path, standin: str) -> None:
    client = docker_sdk.from_env()
    wanted = settings("sibling", model=str(tmp_path / "model"), vllm_image=standin)
    assert "there is no folder" in weights.find(client, wanted).problem
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text(CONFIG)
    # The header is read of it, not the rest.
    large = 64 * 1024**2
    with (tmp_path / "model" / "model.safetensors").open("wb") as file:
        file.write(beginning(large).encode())
        file.truncate(large)
    assert weights.find(client, wanted) == weights.Weights("", large, json.loads(CONFIG))
    client.close()


def test_a_cpu_server_needs_no_gpu(tmp_path: Path, standin: str) -> None:
    names = ("docker", "gpu", "gpu memory", "vllm image")
    given = {"mode": "doctor", "expect": "none", "vllm-image": standin, "gpus": "none"}
    found = look(tmp_path, names, given)
    assert [found[name].state for name in names] == ["ok", "not needed", "not needed", "ok"]


def test_an_engine_without_gpus_is_told_what_to_install(tmp_path: Path, standin: str) -> None:
    info = docker_sdk.from_env().info()
    if "nvidia" in info["Runtimes"] or info.get("DiscoveredDevices"):
        pytest.skip("this Docker engine has GPUs to give, so nothing is missing here")
    given = {"mode": "doctor", "expect": "none", "vllm-image": standin}
    found = look(tmp_path, ("docker", "gpu", "gpu memory"), given)
    assert found["gpu"].state == "FAILED" and "NVIDIA Container Toolkit" in found["gpu"].remedy
    assert found["gpu memory"].state == "not checked"


@pytest.fixture
def smi(tmp_path: Path) -> Iterator[str]:
    """An image with an `nvidia-smi` that shows one GPU."""
    name = f"oi-deploy-test/smi:{free_port()}"
    (tmp_path / "nvidia-smi").write_text('#!/bin/sh\necho "0, NVIDIA L4, 23034, 22500"\n')
    (tmp_path / "nvidia-smi").chmod(0o755)
    (tmp_path / "Dockerfile").write_text(f"FROM {images.BASE}\nCOPY nvidia-smi /usr/bin/\n")
    images.build(name, tmp_path)
    yield name
    client = docker_sdk.from_env()
    client.images.remove(name, force=True)
    client.close()


def test_gpus_are_asked_in_a_container_that_is_removed(
    tmp_path: Path, smi: str, volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This machine's engine has no GPU to give; the rest is as it is with one.
    monkeypatch.setattr(gpus, "device_requests", lambda wanted, info: [])
    home = "huggingface/hub/models--acme--tiny/snapshots/abc"
    fill(
        volume,
        {f"{home}/config.json": CONFIG, f"{home}/model.safetensors": beginning(100).ljust(100)},
    )
    given = {
        "mode": "doctor", "expect": "none", "vllm-image": smi, "model": "acme/tiny",
        "model-revision": "abc",
    }  # fmt: skip
    found = look(tmp_path, ("gpu memory",), given)["gpu memory"]
    assert (found.state, "22.0 GiB are free" in found.found) == ("ok", True), found
    assert "needs about 1.5 GiB" in found.found
    client = docker_sdk.from_env()
    assert not client.containers.list(all=True, filters={"label": "oi-deploy.role=doctor"})
    client.close()


def test_an_image_that_is_not_here_is_not_pulled(tmp_path: Path) -> None:
    name = "127.0.0.1:1/acme/vllm:none"
    given = {"mode": "doctor", "expect": "none", "gpus": "none", "vllm-image": name}
    found = look(tmp_path, ("vllm image", "disk"), given)
    assert found["vllm image"].state == "warning"
    assert f"docker pull {name}" in found["vllm image"].remedy
    assert name in found["disk"].found


def test_without_an_engine_only_its_own_row_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "DOCKER_HOST", "unix:///nonexistent.sock")
    names = ("docker", "gpu", "vllm image", "weights", "disk")
    found = look(tmp_path, names, {"mode": "doctor", "expect": "none"})
    assert [found[name].state for name in names[:4]] == [
        "FAILED", "not checked", "not checked", "not checked",
    ]  # fmt: skip
