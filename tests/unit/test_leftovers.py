"""What a killed run left is told and taken away; what still runs is left alone."""

import multiprocessing
import os
from pathlib import Path

import pytest

from oi_deploy import leftovers

OWNER = 1001


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path, dict[str, str]]:
    """The workspace, the runner's temporary folder, the variable that names it."""
    workspace, temp = tmp_path / "work", tmp_path / "temp"
    for path in (workspace, temp):
        path.mkdir()
        os.chown(path, OWNER, OWNER)
    return workspace, temp, {"RUNNER_TEMP": str(temp)}


def killed(env: dict[str, str]) -> list[leftovers.Leftover]:
    return list(leftovers.killed_runs(env, leftovers.private_folder(env)))


def test_folders_that_stayed_root_s_are_given_back(
    places: tuple[Path, Path, dict[str, str]],
) -> None:
    workspace, temp, _ = places
    for path in (temp, workspace.parent):
        os.chown(path, 0, OWNER)
        path.chmod(0o770)
    (item,) = leftovers.given_back([temp], workspace)
    assert str(temp) in item.sentence
    assert (temp.stat().st_uid, temp.stat().st_mode & 0o777) == (OWNER, 0o755)
    # It was not shielded by a run.
    assert workspace.parent.stat().st_uid == 0


def test_the_folders_of_a_runner_that_is_root_stay_as_they_are(
    places: tuple[Path, Path, dict[str, str]],
) -> None:
    workspace, temp, _ = places
    os.chown(workspace, 0, 0)
    os.chown(temp, 0, 0)
    temp.chmod(0o770)
    assert not list(leftovers.given_back([temp], workspace))
    assert temp.stat().st_mode & 0o777 == 0o770


def _die(env: dict[str, str]) -> None:
    folder = leftovers.private_folder(env)
    (folder / leftovers.LOG).write_text("T run.started\nT turn.started turn=2\n")
    os._exit(9)


def test_a_killed_run_is_told_with_its_log_and_removed(
    places: tuple[Path, Path, dict[str, str]],
) -> None:
    _, temp, env = places
    process = multiprocessing.get_context("fork").Process(target=_die, args=(env,))
    process.start()
    process.join()
    (item,) = killed(env)
    assert "turn.started turn=2" in item.sentence
    assert item.log.startswith("T run.started")
    assert len(list(temp.iterdir())) == 1  # our own


def test_a_run_that_still_goes_on_is_left_alone(
    places: tuple[Path, Path, dict[str, str]],
) -> None:
    _, _, env = places
    other = leftovers.private_folder(env)
    assert not killed(env)
    assert other.is_dir()


def test_a_disk_that_takes_no_folder_gives_one_that_does_not_exist(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*arguments: object, **options: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkdtemp", full)
    assert not leftovers.private_folder({}).exists()
