"""What git obeys is as before, whatever the model's code did to it; what git stores may change."""

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from oi_deploy.git_files import kept


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ("git", "-C", str(folder), *words), capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A repository with a commit, a hook, and a submodule's directory."""
    workspace = tmp_path / "ws"
    git(tmp_path, "init", "--quiet", "ws")
    for name, value in (("name", "me"), ("email", "me@example.com")):
        git(workspace, "config", f"user.{name}", value)
    (workspace / "a").write_text("1")
    git(workspace, "add", "a")
    git(workspace, "commit", "--quiet", "--message", "first")
    hook = workspace / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\n")
    hook.chmod(0o755)
    module = workspace / ".git/modules/lib"
    (module / "objects").mkdir(parents=True)
    (module / "config").write_text("[core]\n")
    (workspace / "lib").mkdir()
    (workspace / "lib" / ".git").write_text("gitdir: ../.git/modules/lib\n")
    return workspace


def state(workspace: Path) -> dict[str, tuple[int, bytes]]:
    """Everything that git obeys, as a test sees it."""
    found = {}
    for path in sorted(workspace.rglob("*")):
        name = str(path.relative_to(workspace))
        if ".git" in name and not name.startswith((".git/objects", ".git/logs", ".git/index")):
            is_file = path.is_file() and not path.is_symlink()
            found[name] = (path.lstat().st_mode, path.read_bytes() if is_file else b"")
    return found


def config(ws: Path) -> None:
    git(ws, "config", "core.fsmonitor", "./evil")


def hook(ws: Path) -> None:
    (ws / ".git/hooks/post-checkout").write_text("#!/bin/sh\nevil\n")


def old_hook(ws: Path) -> None:
    (ws / ".git/hooks/pre-commit").write_text("#!/bin/sh\nevil\n")


def hook_s_mode(ws: Path) -> None:
    (ws / ".git/hooks/pre-commit").chmod(0o644)


def hooks_elsewhere(ws: Path) -> None:
    shutil.rmtree(ws / ".git/hooks")
    (ws / "evil").mkdir()
    (ws / ".git/hooks").symlink_to(ws / "evil")


def common_directory(ws: Path) -> None:
    (ws / ".git/commondir").write_text("../evil\n")


def attributes(ws: Path) -> None:
    (ws / ".git/info/attributes").write_text("* filter=x\n")


def config_gone(ws: Path) -> None:
    (ws / ".git/config").unlink()


def config_a_pipe(ws: Path) -> None:
    (ws / ".git/config").unlink()
    os.mkfifo(ws / ".git/config")


def submodule(ws: Path) -> None:
    (ws / ".git/modules/lib/config").write_text("[core]\nfsmonitor = evil\n")


def submodule_elsewhere(ws: Path) -> None:
    (ws / "lib/.git").write_text("gitdir: ../evil\n")


def new_repository(ws: Path) -> None:
    git(ws, "init", "--quiet", "sub")


def new_repository_by_a_file(ws: Path) -> None:
    (ws / "sub").mkdir()
    (ws / "sub/.git").write_text("gitdir: ../evil\n")


def new_repository_by_a_link(ws: Path) -> None:
    (ws / "sub").mkdir()
    (ws / "sub/.git").symlink_to("../evil")


@pytest.mark.parametrize(
    "change",
    [
        config, hook, old_hook, hook_s_mode, hooks_elsewhere, common_directory, attributes,
        config_gone, config_a_pipe, submodule, submodule_elsewhere, new_repository,
        new_repository_by_a_file, new_repository_by_a_link,
    ],
)  # fmt: skip
def test_it_is_as_before_and_named(workspace: Path, change: Callable[[Path], None]) -> None:
    before = state(workspace)
    with kept(workspace) as changed:
        change(workspace)
        assert state(workspace) != before

    assert state(workspace) == before
    assert changed


def test_nothing_is_written_through_a_link(workspace: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "pre-commit").write_text("somebody's")
    with kept(workspace):
        shutil.rmtree(workspace / ".git/hooks")
        (workspace / ".git/hooks").symlink_to(outside)

    assert (outside / "pre-commit").read_text() == "somebody's"
    assert stat.S_ISDIR((workspace / ".git/hooks").lstat().st_mode)


def test_a_repository_in_another_s_place_is_taken_away(workspace: Path) -> None:
    with kept(workspace) as changed:
        (workspace / ".git").rename(workspace / "moved")
        git(workspace, "init", "--quiet")
        config(workspace)

    assert not (workspace / ".git").exists()
    assert changed == [".git"]


def test_what_git_only_stores_may_change(workspace: Path) -> None:
    with kept(workspace) as changed:
        (workspace / "b").write_text("2")
        git(workspace, "add", "b")
        git(workspace, "commit", "--quiet", "--no-verify", "--message", "second")
        git(workspace, "tag", "v1")

    assert git(workspace, "log", "--format=%s") == "second\nfirst\n"
    assert git(workspace, "tag") == "v1\n"
    assert changed == []


def test_a_workspace_without_a_repository_gets_none(tmp_path: Path) -> None:
    with kept(tmp_path) as changed:
        git(tmp_path, "init", "--quiet")

    assert not (tmp_path / ".git").exists()
    assert changed == [".git"]


def test_directories_nested_without_end_break_nothing(workspace: Path) -> None:
    script = "import os\nfor _ in range(3000): os.mkdir('d'); os.chdir('d')\n"
    with kept(workspace) as changed:
        subprocess.run(("python3", "-c", script), cwd=workspace, check=True)

    assert changed == []
    subprocess.run(("rm", "-rf", str(workspace / "d")), check=True)
