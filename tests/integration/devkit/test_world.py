"""The world on one machine: what it offers, what it refuses, and that a second start is none."""

import ssl
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from devkit import clean, images, registry, world
from devkit.shell import DevkitError, call, detached_pid, works


@pytest.fixture(scope="module")
def values() -> Iterator[Mapping[str, str]]:
    """A world; one that was up before stays up."""
    was_up = bool(world.read())
    yield world.up(with_model=False)
    if not was_up:
        world.down()


def _kubectl(values: Mapping[str, str], *argv: str, account: str = "KUBECONFIG") -> str:
    return call(values["KUBECTL"], *argv, env={"KUBECONFIG": values[account]})


@pytest.mark.docker
def test_a_second_start_keeps_everything(values: Mapping[str, str]) -> None:
    def running() -> tuple[int | None, str]:
        identity = call("docker", "inspect", "--format", "{{.Id}} {{.State.Pid}}", registry._NAME)
        return detached_pid("cluster"), identity

    before = running()

    assert world.up(with_model=False) == values
    assert running() == before


@pytest.mark.docker
def test_the_file_says_what_was_returned_and_is_private(values: Mapping[str, str]) -> None:
    assert world.read() == values
    assert world.ENV_FILE.stat().st_mode & 0o077 == 0


@pytest.mark.docker
def test_the_registry_wants_a_login_and_its_ca(values: Mapping[str, str]) -> None:
    url = f"https://{values['REGISTRY']}/v2/"
    login = values["REGISTRY_USERNAME"], values["REGISTRY_PASSWORD"]
    trusted = ssl.create_default_context(cafile=values["REGISTRY_CA"])
    with httpx.Client(verify=trusted, trust_env=False) as client:
        assert client.get(url).status_code == 401
        assert client.get(url, auth=(login[0], "wrong")).status_code == 401
        assert client.get(url, auth=login).status_code == 200
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(url, trust_env=False)


@pytest.mark.docker
def test_the_sample_runs_and_answers(values: Mapping[str, str]) -> None:
    path = "jsonpath={.items[*].status.podIP}"
    listed = _kubectl(values, "get", "pods", "-l", f"app={values['DEPLOYMENT']}", "-o", path)

    answers = [httpx.get(f"http://{pod}:8080/", trust_env=False).text for pod in listed.split()]

    assert answers
    assert all(answer.startswith("myapp ") for answer in answers)


@pytest.mark.docker
@pytest.mark.parametrize(
    "argv",
    [
        ["get", "secrets"],
        ["delete", "deployment", "no-such"],
        ["-n", "kube-system", "get", "pods"],
    ],
)
def test_the_pipelines_account_may_deploy_and_no_more(
    values: Mapping[str, str], argv: list[str]
) -> None:
    asked = [values["KUBECTL"], "--kubeconfig", values["KUBECONFIG"], *argv]
    refused = subprocess.run(asked, capture_output=True, text=True)

    assert refused.returncode != 0
    assert "(Forbidden)" in refused.stderr


def test_a_repository_holds_a_new_version_in_one_commit(tmp_path: Path) -> None:
    folder = tmp_path / "repository"

    commit = world.make_repository(folder, "9.8.7", with_dockerfile=False, owner=(1234, 1235))

    owners = {(path.stat().st_uid, path.stat().st_gid) for path in (folder, *folder.rglob("*"))}
    assert owners == {(1234, 1235)}
    git = ["git", "-c", f"safe.directory={folder}", "-C", str(folder)]
    assert call(*git, "log", "--format=%h").split() == [commit]
    assert call(*git, "status", "--porcelain") == ""
    assert (folder / "VERSION").read_text() == "9.8.7\n"
    assert not (folder / "Dockerfile").exists()


@pytest.mark.docker
def test_everything_with_a_label_is_removed_and_nothing_else(
    values: Mapping[str, str], tmp_path: Path
) -> None:
    name = f"oi-deploy-test-{tmp_path.name}-{id(tmp_path)}"
    label = f"{name}=x"
    (tmp_path / "Dockerfile").write_text(f"FROM {images.BASE}\nRUN echo {name} > /name\n")
    for tag, options in ((f"{name}:ours", ["--label", label]), (f"{name}:other", [])):
        images.build(tag, tmp_path, *options)
    call("docker", "network", "create", "--label", label, name)
    call("docker", "volume", "create", "--label", label, name)
    call(
        "docker", "run", "--detach", "--label", label, "--network", name,
        "--volume", f"{name}:/data", f"{name}:ours", "sleep", "600",
    )  # fmt: skip
    try:
        for listing, removal in clean._KINDS:
            clean.remove(listing, removal, f"label={label}")

        for listing, _ in clean._KINDS:
            assert call("docker", *listing, "--quiet", "--filter", f"label={label}") == ""
        assert images.present(f"{name}:other")
    finally:
        works("docker", "image", "rm", "--force", f"{name}:other")


@pytest.mark.docker
def test_another_clones_world_is_left_alone(
    values: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"oi-deploy-test-{tmp_path.name}-{id(tmp_path)}"
    theirs, ours = tmp_path / "theirs" / ".devkit", tmp_path / "ours" / ".devkit"
    (theirs / "registry").mkdir(parents=True)
    (theirs / "world.env").touch()
    monkeypatch.setattr(registry, "STATE", ours)
    monkeypatch.setattr(registry, "_NAME", name)
    site = f"{theirs}/registry:/site:ro"
    identity = call(
        "docker", "run", "--detach", "--name", name, "--volume", site, images.BASE, "sleep", "600"
    ).strip()
    try:
        with pytest.raises(DevkitError, match=f"the world of {theirs.parent} runs"):
            registry.up("127.0.0.1")
        registry.down()

        assert not registry.running()
        assert (
            call("docker", "ps", "--quiet", "--no-trunc", "--filter", f"name={name}").strip()
            == identity
        )
    finally:
        call("docker", "rm", "--force", "--volumes", name)
