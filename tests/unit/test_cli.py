"""`oi-deploy policy check`: the decision, the rule and the reason, without running anything."""

from pathlib import Path

import pytest

from oi_deploy.cli import main

REG = "harbor.example.com/library"
SHORT = ("--registry", REG, "--namespace", "production")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "policy.yml").write_text(
        "version: 1\nimages: {push: [harbor.example.com/shop/*]}\n"
    )
    return tmp_path


def check(workspace: Path, *words: str) -> int:
    return main(["policy", "check", "--workspace", str(workspace), *words])


def test_an_allowed_command_shows_what_would_run(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(workspace, *SHORT, "--", "docker", "push", f"{REG}/app:1", "-q") == 0
    lines = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert lines["decision"] == "allowed"
    assert lines["rule"] == "docker.push"
    assert lines["runs"] == f"docker push {REG}/app:1"


def test_a_refused_command_shows_why_and_what_would_pass(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(workspace, *SHORT, "--", "docker", "push", "evil.example.com/app:1") == 1
    out = capsys.readouterr().out
    assert "decision  refused" in out
    assert "rule      docker.push.image" in out
    assert f"instead   docker push {REG}/app:1" in out


def test_the_dockerfile_is_checked_too(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = (*SHORT, "--", "docker", "build", "-t", f"{REG}/app:1", ".")
    assert check(workspace, *line) == 0
    (workspace / "Dockerfile").write_text("FROM scratch\nADD http://127.0.0.1/ /x\n")
    assert check(workspace, *line) == 1
    assert "docker.build.add" in capsys.readouterr().out


def test_a_policy_file_counts(workspace: Path) -> None:
    line = ("--policy-file", "policy.yml", "--registry", REG, "--", "docker", "push")
    assert check(workspace, *line, "harbor.example.com/shop/app:1") == 0
    assert check(workspace, *line, f"{REG}/app:1") == 1


def test_the_short_form_counts(workspace: Path) -> None:
    line = (*SHORT, "--allowed-deployments", "web, api", "--", "kubectl", "scale", "--replicas=2")
    assert check(workspace, *line, "deploy/api") == 0
    assert check(workspace, *line, "deploy/db") == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--policy-file", "missing.yml", "--", "docker", "version"), "missing.yml"),
        (("--policy-file", "Dockerfile", "--", "docker", "version"), "version: 1"),
        (("--", "helm", "upgrade"), "helm"),
    ],
)
def test_what_cannot_be_checked_is_an_error(
    workspace: Path, words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(workspace, *words) == 2
    assert says in capsys.readouterr().err


def test_the_doctor_at_a_terminal_shows_a_table_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INPUT_API-KEY", "key-canary-1")
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    given = ("expect=none", "api-base=http://127.0.0.1:1/v1")
    assert main(["doctor", *(f"--with={item}" for item in given)]) == 1
    out = capsys.readouterr().out
    assert "endpoint     FAILED" in out
    assert "key-canary-1" not in out and "::" not in out
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_says_which_inputs_are_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["doctor", "--with", "max-turn=3"]) == 2
    assert "did you mean `max-turns: 12`" in capsys.readouterr().out
