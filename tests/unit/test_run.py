"""A run reports whatever happens, as far as the disk takes it."""

import io
import socket
from pathlib import Path

import pytest

from oi_deploy import leftovers, surroundings
from oi_deploy.errors import RunError
from oi_deploy.run import run
from oi_deploy.sandbox import Sandbox


def environment(workspace: Path, outputs: Path) -> dict[str, str]:
    """A run that ends at once: its inputs are wrong."""
    return {
        "GITHUB_WORKSPACE": str(workspace),
        "RUNNER_TEMP": str(workspace),
        "GITHUB_OUTPUT": str(outputs),
        "INPUT_PROMPT": "deploy it",
    }


def test_a_run_that_ends_at_once_writes_its_log_and_leaves_nothing_else(tmp_path: Path) -> None:
    workspace, outputs = tmp_path / "work", tmp_path / "outputs"
    workspace.mkdir()
    assert run(environment(workspace, outputs), io.StringIO()) == 1
    names = {path.name for path in workspace.iterdir()}
    assert names == {"deploy.log", "deploy.transcript.jsonl", "deploy.report.html"}
    assert "status<<" in outputs.read_text()


def test_a_run_without_a_disk_for_its_log_ends_with_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "private_folder", lambda env: Path("/nonexistent"))
    out = io.StringIO()
    assert run(environment(tmp_path, tmp_path / "outputs"), out) == 1
    assert "status<<" in (tmp_path / "outputs").read_text()
    assert "Traceback" not in out.getvalue()


def test_a_disk_that_takes_no_outputs_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    out = io.StringIO()
    assert run(environment(tmp_path, Path("/dev/full")), out) == 1
    assert "::error" in out.getvalue()
    assert "outputs or the summary cannot be written" in out.getvalue()
    assert "status " in out.getvalue()  # the table


def doctor(workspace: Path, **inputs: str) -> dict[str, str]:
    """A doctor that finds an endpoint where nothing listens."""
    given = {"mode": "doctor", "expect": "none", "api-base": "http://127.0.0.1:1/v1", **inputs}
    return {
        "GITHUB_WORKSPACE": str(workspace),
        "RUNNER_TEMP": str(workspace),
        "GITHUB_OUTPUT": str(workspace / "outputs"),
        "GITHUB_STEP_SUMMARY": str(workspace / "summary"),
        "INPUT_API-KEY": "key-canary-1",
        **{f"INPUT_{name.upper()}": value for name, value in given.items()},
    }


def test_a_doctor_s_failure_is_everywhere_a_person_looks(tmp_path: Path) -> None:
    out = io.StringIO()
    assert run(doctor(tmp_path), out) == 1
    assert "::group::Doctor" in out.getvalue()
    assert "::error title=oi-deploy doctor::endpoint: " in out.getvalue()
    assert "doctor.finding check=endpoint state=FAILED" in (tmp_path / "deploy.log").read_text()
    assert "| endpoint | ❌ FAILED |" in (tmp_path / "summary").read_text()
    assert "status=failed" in (tmp_path / "deploy.log").read_text()
    assert "endpoint" in (tmp_path / "deploy.report.html").read_text()
    shown = out.getvalue().replace("::add-mask::key-canary-1", "")
    texts = [path.read_text() for path in tmp_path.iterdir() if path.is_file()]
    assert not [text for text in (shown, *texts) if "key-canary-1" in text]


def test_code_that_cannot_be_contained_ends_the_run_while_the_model_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(sandbox: Sandbox) -> Sandbox:
        raise RunError("the model's code cannot be contained")

    monkeypatch.setattr(Sandbox, "__enter__", refuse)
    monkeypatch.setattr(surroundings, "SOCKET", tmp_path / "run" / "broker.sock")
    out = io.StringIO()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        base = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        env = {
            **environment(tmp_path, tmp_path / "outputs"),
            "INPUT_EXPECT": "none",
            "INPUT_API-BASE": base,
            "INPUT_ENGINE-TIMEOUT": "5s",
        }
        assert run(env, out) == 1
    assert "cannot be contained" in out.getvalue()
    assert "not ready" not in out.getvalue()
