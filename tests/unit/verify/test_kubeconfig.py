"""Kubeconfigs that cannot be used here: the error names the input and the way out."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from oi_deploy.errors import RunError
from oi_deploy.verify import kubeconfig

GOOD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "prod",
    "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.1:6443"}}],
    "users": [{"name": "u", "user": {"token": "t0ken"}}],
    "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
}


def refused(document: dict[str, Any] | str, context: str = "") -> RunError:
    content = document if isinstance(document, str) else yaml.safe_dump(document)
    with pytest.raises(RunError) as caught:
        kubeconfig.client(content, context)
    assert "t0ken" not in str(caught.value)
    return caught.value


def changed(section: str, **fields: Any) -> dict[str, Any]:
    document = copy.deepcopy(GOOD)
    document[section][0][section.removesuffix("s")] |= fields
    return document


def test_a_good_one_gives_a_client_for_its_server_and_token() -> None:
    client, folder = kubeconfig.client(yaml.safe_dump(GOOD), "prod")
    assert client.configuration.host == "https://10.0.0.1:6443"
    assert client.configuration.api_key == {"BearerToken": "Bearer t0ken"}
    assert Path(folder.name).stat().st_mode & 0o777 == 0o700
    folder.cleanup()


@pytest.mark.parametrize("key", ["exec", "auth-provider"])
def test_a_login_by_a_program_is_refused(key: str) -> None:
    document = changed("users", **{key: {"command": "aws", "name": "aws", "args": []}})
    error = refused(document)
    assert "`aws`" in error.what
    assert "not in the action's image" in error.why
    assert "kubectl create token" in error.remedy


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("clusters", "certificate-authority"),
        ("users", "client-certificate"),
        ("users", "client-key"),
        ("users", "tokenFile"),
    ],
)
def test_files_that_are_not_here_are_refused(section: str, key: str) -> None:
    error = refused(changed(section, **{key: "/home/me/.minikube/file"}))
    assert key in error.what
    assert "--flatten" in error.remedy


def test_a_relative_path_is_not_looked_up_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ca.crt").write_text("planted by the repository")
    monkeypatch.chdir(tmp_path)
    assert "ca.crt" in refused(changed("clusters", **{"certificate-authority": "ca.crt"})).what


def test_an_unknown_context_lists_the_known_ones() -> None:
    error = refused(GOOD, "staging")
    assert "`staging`" in error.what
    assert "`prod`" in error.why
    assert "`kube-context`" in error.remedy


def test_no_current_context() -> None:
    document = {**GOOD, "current-context": ""}
    assert "kube-context: NAME" in refused(document).remedy


@pytest.mark.parametrize("content", ["", "just text", "a: [t0ken", "clusters: []", "[1, 2]"])
def test_what_is_no_kubeconfig(content: str) -> None:
    assert "`kubeconfig`" in refused(content).what


def test_broken_certificates_are_reported_without_their_content() -> None:
    document = changed("clusters", **{"certificate-authority-data": "not base64!"})
    assert "`kubeconfig`" in refused(document).what
