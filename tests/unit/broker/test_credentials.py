"""Credentials are written for docker and kubectl, for root alone."""

import base64
import json
from pathlib import Path

import pytest
import yaml

from oi_deploy.broker.credentials import Credentials, write
from oi_deploy.errors import RunError

KUBECONFIG = yaml.safe_dump(
    {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "contexts": [{"name": "one"}, {"name": "two"}],
        "users": [{"name": "u", "user": {"token": "canary-token"}}],
    }
)


def test_docker_and_kubectl_find_them(tmp_path: Path) -> None:
    env = write(
        Credentials("harbor.example.com:5443/library", "me", "canary:pass", KUBECONFIG, "two"),
        tmp_path,
    )
    config = json.loads((Path(env["DOCKER_CONFIG"]) / "config.json").read_text())
    login = config["auths"]["harbor.example.com:5443"]["auth"]
    assert base64.b64decode(login) == b"me:canary:pass"
    kube = yaml.safe_load(Path(env["KUBECONFIG"]).read_text())
    assert kube["current-context"] == "two"
    assert kube["users"][0]["user"]["token"] == "canary-token"
    for path in tmp_path.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0
    assert not any("canary" in value for value in env.values())


def test_a_registry_without_login_and_no_cluster(tmp_path: Path) -> None:
    env = write(Credentials("localhost:5000"), tmp_path)
    assert (Path(env["DOCKER_CONFIG"]) / "config.json").read_text() == "{}"
    assert Path(env["KUBECONFIG"]).read_text() == ""


def test_an_unknown_context_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no context 'three': it has one, two"):
        write(Credentials("x", kubeconfig=KUBECONFIG, kube_context="three"), tmp_path)


def test_nothing_of_a_broken_kubeconfig_is_in_the_error(tmp_path: Path) -> None:
    for broken in ("token: [canary", "canary"):
        with pytest.raises(RunError) as error:
            write(Credentials("x", kubeconfig=broken), tmp_path)
        assert "canary" not in str(error.value)
    assert "canary" not in repr(Credentials("x", "u", "canary", "canary"))
