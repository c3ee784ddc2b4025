from pathlib import Path

import pytest

from devkit.runner_files import Folders, parse_values
from devkit.runner_variables import variables


def test_values_and_heredocs_are_read() -> None:
    text = "a=1\nb<<EOF_x\nline 1\n  line=2\n\nEOF_x\nc=x<<y\r\n\nd<<E\nE\n"
    assert parse_values(text) == {"a": "1", "b": "line 1\n  line=2\n", "c": "x<<y", "d": ""}


@pytest.mark.parametrize("text", ["no separator", "=x", "a<<", "<<E\nE", "a<<E\nnever ends"])
def test_a_file_that_github_refuses_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"invalid format|delimiter not found"):
        parse_values(text)


def test_paths_below_a_mount_are_translated_and_others_stay(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    values = {
        name: folders.translate(value)
        for name, value in variables(
            folders, event=folders.workflow / "event.json", sha="0" * 40
        ).items()
    }

    assert values["GITHUB_WORKSPACE"] == "/github/workspace"
    assert values["GITHUB_EVENT_PATH"] == "/github/workflow/event.json"
    assert values["RUNNER_TEMP"] == "/github/runner_temp"
    assert values["HOME"] == "/github/home"
    assert values["RUNNER_WORKSPACE"] == str(tmp_path / "_work/myapp")
    assert folders.translate(f"{folders.workspace}-other") == f"{folders.workspace}-other"
    assert folders.translate(f"x {folders.workspace}/y") == f"x {folders.workspace}/y"
    assert folders.translate(f"{folders.workspace}/a b.yml") == "/github/workspace/a b.yml"
