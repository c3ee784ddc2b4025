"""Programs that outlive the devkit's command, and are found again by the next one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from devkit import shell


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(shell, "STATE", tmp_path)
    return tmp_path


def test_a_detached_program_is_found_and_stopped(state: Path) -> None:
    program = "import time; print('here', flush=True); time.sleep(600)"
    shell.start_detached([sys.executable, "-c", program], name="sleeper")
    pid = shell.detached_pid("sleeper")
    assert pid is not None
    assert os.getsid(pid) == pid  # of a session of its own: our end is not its end

    assert shell.stop_detached("sleeper")

    assert shell.detached_pid("sleeper") is None
    assert not shell.stop_detached("sleeper")


def test_another_program_with_a_reused_pid_is_left_alone(state: Path) -> None:
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        (state / "old.pid").write_text(f"{stranger.pid} 1\n")

        assert not shell.stop_detached("old")

        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_failure_says_what_was_run_and_what_it_said() -> None:
    with pytest.raises(shell.DevkitError) as caught:
        shell.call("sh", "-c", "echo no such thing >&2; exit 3")

    assert "sh -c" in str(caught.value)
    assert "(3)" in str(caught.value)
    assert "no such thing" in str(caught.value)
