"""A disk without room still ends in a report, as far as there is room for one."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from devkit.scripted_replies import Execute, Finish
from tests.e2e.faults import Scene, events
from tests.e2e.site import Site, site_at

pytestmark = pytest.mark.docker


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """A disk of that size; one that a file can fill."""
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def fill(disk: Path, room: int = 0) -> None:
    """Leave only that many bytes of room."""
    with (disk / "of-somebody-else").open("wb", buffering=0) as file:
        with suppress(OSError):
            while True:
                file.write(bytes(4096))
        file.truncate(file.tell() - room)


@pytest.fixture
def tight(values: Mapping[str, str], image: str, tmp_path: Path) -> Iterator[tuple[Site, Path]]:
    """A runner whose whole disk is small."""
    with small_disk(tmp_path / "disk", "24m") as disk:
        yield site_at(values, image, disk), disk


def test_a_disk_that_was_full_before(tight: tuple[Site, Path]) -> None:
    site, disk = tight
    scene = Scene(site)
    site.folders.create()
    # The runner itself needs a page for the event, or no step starts.
    fill(disk, room=2 * 4096)
    result = scene.run()
    assert result.exit_code == 1
    assert "status             failed" in result.log
    assert "No space left on device" in result.log
    assert "Traceback" not in result.log
    (disk / "of-somebody-else").unlink()
    assert not site.leftovers()


def test_a_disk_that_somebody_else_fills_during_the_run(tight: tuple[Site, Path]) -> None:
    site, disk = tight
    scene = Scene(site, [Execute("echo one"), Execute("echo two"), Finish("done")])
    scene.on_request = lambda number: fill(disk) if number == 2 else None
    result = scene.run()
    assert result.exit_code == 1
    assert "status             failed" in result.log
    assert "cannot be written" in result.log
    assert "Traceback" not in result.log
    (disk / "of-somebody-else").unlink()
    assert not site.leftovers()


def test_a_disk_that_the_model_s_code_fills(tight: tuple[Site, Path]) -> None:
    site, _ = tight
    scene = Scene(site, [Execute("while head -c 100000 /dev/zero >> big; do sleep 0.02; done")])
    scene.inputs["max-turns"] = "1"
    result = scene.run()
    assert result.outputs.get("status") == "failed", result.log
    assert "of disk left" in result.log
    assert "status=failed" in events(result, site, "run.ended")[0]
    assert "failed" in result.summary
    assert not site.leftovers()


def test_a_workspace_without_room_for_the_log(
    values: Mapping[str, str], image: str, tmp_path: Path
) -> None:
    workspace = tmp_path / "runner/_work/myapp/myapp"
    with small_disk(workspace, "8m"):
        site = site_at(values, image, tmp_path)
        scene = Scene(site, [Finish("Nothing to do.")], {"expect": "none"})
        scene.on_request = lambda number: fill(workspace)
        result = scene.run()
        # The run itself is not spoiled, and its log is on the console.
        assert result.outputs.get("status") == "completed", result.log
        assert result.exit_code == 0
        assert result.outputs["log-path"] == ""
        assert "run.ended status=completed" in result.log
        assert any("deploy.log cannot be written" in item.message for item in result.annotations)
        (workspace / "of-somebody-else").unlink()
        assert not site.leftovers()
