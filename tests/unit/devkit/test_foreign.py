"""Which kubeconfigs and registries the tests can use that are not the devkit's."""

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from devkit import foreign
from devkit.shell import DevkitError


def written(folder: Path, *, user: Any, cluster: Any) -> Path:
    """A kubeconfig of two clusters; the second is the current one."""
    file = folder / "kubeconfig"
    other = {"server": "https://other"}
    document = {
        "clusters": [{"name": "a", "cluster": other}, {"name": "b", "cluster": cluster}],
        "users": [{"name": "a", "user": {"token": "other"}}, {"name": "b", "user": user}],
        "contexts": [
            {"name": "one", "context": {"cluster": "a", "user": "a"}},
            {"name": "two", "context": {"cluster": "b", "user": "b"}},
        ],
        "current-context": "two",
    }
    file.write_text(yaml.safe_dump(document))
    return file


def cluster(**ca: str) -> Any:
    return {"server": "https://k8s.example.com", **ca}


DATA = {"certificate-authority-data": base64.b64encode(b"the CA").decode()}
WANTED = foreign.Access("https://k8s.example.com", b"the CA", "secret")


def test_the_current_context_counts(tmp_path: Path) -> None:
    file = written(tmp_path, user={"token": "secret"}, cluster=cluster(**DATA))
    assert foreign.access(file) == WANTED


def test_token_and_ca_may_be_in_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    (tmp_path / "ca.crt").write_text("the CA")
    named = cluster(**{"certificate-authority": "ca.crt"})
    file = written(tmp_path, user={"tokenFile": str(tmp_path / "token")}, cluster=named)
    assert foreign.access(file) == WANTED


@pytest.mark.parametrize(
    ("user", "ca", "why"),
    [
        ({"client-certificate-data": "x", "client-key-data": "x"}, DATA, "has no bearer token"),
        ({"exec": {"command": "login"}}, DATA, "has no bearer token"),
        ({"token": "secret"}, {"insecure-skip-tls-verify": "true"}, "certificate-authority-data"),
        ({"token": "secret"}, {"certificate-authority": "gone.crt"}, "gone.crt"),
    ],
)
def test_what_the_proxies_cannot_pass_on_is_said(
    tmp_path: Path, user: Any, ca: dict[str, str], why: str
) -> None:
    file = written(tmp_path, user=user, cluster=cluster(**ca))
    with pytest.raises(DevkitError, match=why) as refused:
        foreign.access(file)
    assert str(file) in str(refused.value)


@pytest.mark.parametrize("text", ["", "- a", "{", "current-context: nobody\ncontexts: []"])
def test_what_is_no_kubeconfig_is_said(tmp_path: Path, text: str) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    with pytest.raises(DevkitError, match="cannot be used as a kubeconfig"):
        foreign.access(file)


def test_a_registry_comes_with_its_login_and_its_ca(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REGISTRY", "REGISTRY_USERNAME", "REGISTRY_PASSWORD", "REGISTRY_CA"):
        monkeypatch.delenv(name, raising=False)
    assert foreign.registry() is None
    monkeypatch.setenv("REGISTRY", "harbor.example.com")
    monkeypatch.setenv("REGISTRY_USERNAME", "robot")
    with pytest.raises(DevkitError, match="REGISTRY_PASSWORD, REGISTRY_CA is not"):
        foreign.registry()
