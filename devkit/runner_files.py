"""The folders and file commands of a self-hosted runner, as a container action finds them.

Follows actions/runner v2.336.0: `FileCommandManager.cs`, `ContainerActionHandler.cs`.
"""

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_COMMANDS = {
    "GITHUB_OUTPUT": "set_output_",
    "GITHUB_ENV": "set_env_",
    "GITHUB_PATH": "add_path_",
    "GITHUB_STATE": "save_state_",
    "GITHUB_STEP_SUMMARY": "step_summary_",
}
_SUMMARY_LIMIT = 1024 * 1024


@dataclass(frozen=True)
class Folders:
    """`_work` of one runner with one repository checked out (or about to be).

    Attributes:
        root: the runner's own folder, the parent of `_work`.
        repository: owner and name.
        uid: the runner's user; everything below `root` belongs to it before a step starts.
        gid: its group.
    """

    root: Path
    repository: str = "acme/myapp"
    uid: int = 1001
    gid: int = 1001

    @property
    def _name(self) -> str:
        return self.repository.rpartition("/")[2]

    @property
    def temp(self) -> Path:
        """RUNNER_TEMP on the host."""
        return self.root / "_work/_temp"

    @property
    def runner_workspace(self) -> Path:
        """RUNNER_WORKSPACE, the workspace's parent."""
        return self.root / "_work" / self._name

    @property
    def workspace(self) -> Path:
        """GITHUB_WORKSPACE on the host: where a checkout puts the repository."""
        return self.runner_workspace / self._name

    @property
    def home(self) -> Path:
        """What a container action gets as its HOME."""
        return self.temp / "_github_home"

    @property
    def workflow(self) -> Path:
        """Where the event's JSON lies."""
        return self.temp / "_github_workflow"

    @property
    def file_commands(self) -> Path:
        """Where the files behind GITHUB_OUTPUT and its siblings lie."""
        return self.temp / "_runner_file_commands"

    def mounts(self) -> tuple[tuple[str, str], ...]:
        """Host path and container path of every mount, the most specific host path first."""
        return (
            (str(self.home), "/github/home"),
            (str(self.workflow), "/github/workflow"),
            (str(self.file_commands), "/github/file_commands"),
            (str(self.workspace), "/github/workspace"),
            (str(self.temp), "/github/runner_temp"),
        )

    def translate(self, value: str) -> str:
        """Rewrite a value that is, or begins with, a mounted host path."""
        for host, inside in self.mounts():
            if value == host or value.startswith(f"{host}/"):
                return inside + value[len(host) :]
        return value

    def create(self) -> None:
        """Make every folder."""
        self.workspace.mkdir(parents=True, exist_ok=True)
        (self.root / "_work/_tool").mkdir(exist_ok=True)
        for host, _ in self.mounts():
            Path(host).mkdir(parents=True, exist_ok=True)

    def write_event(self, event: dict[str, object]) -> Path:
        """Write what GITHUB_EVENT_PATH names."""
        path = self.workflow / "event.json"
        path.write_text(json.dumps(event), encoding="utf-8")
        return path

    def new_file_commands(self) -> dict[str, Path]:
        """One empty file for each file command, under a name that is new for each step."""
        step = uuid.uuid4()
        files = {name: self.file_commands / f"{start}{step}" for name, start in _COMMANDS.items()}
        for path in files.values():
            path.touch()
        return files

    def give_to_user(self) -> None:
        """Give everything below the root to the runner's user, as if it had made it."""
        for path in (self.root, *self.root.rglob("*")):
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def foreign_files(self) -> tuple[Path, ...]:
        """Files that the runner's user could not remove: they belong to somebody else."""
        return tuple(
            path for path in sorted(self.root.rglob("*")) if path.lstat().st_uid != self.uid
        )


def parse_values(text: str) -> dict[str, str]:
    """Read `name=value` and `name<<delimiter` entries, as for GITHUB_OUTPUT.

    Raises:
        ValueError: GitHub would fail the step for such a file.
    """
    values: dict[str, str] = {}
    lines = iter(line.removesuffix("\r") for line in text.split("\n"))
    for line in lines:
        if not line:
            continue
        name, equals, value = line.partition("=")
        key, heredoc, delimiter = line.partition("<<")
        if heredoc and len(key) < len(name):
            if not key or not delimiter:
                raise ValueError(f"invalid format {line!r}")
            values[key] = _until(lines, delimiter)
        elif equals and name:
            values[name] = value
        else:
            raise ValueError(f"invalid format {line!r}")
    return values


def _until(lines: Iterator[str], delimiter: str) -> str:
    found: list[str] = []
    for line in lines:
        if line == delimiter:
            return "\n".join(found)
        found.append(line)
    raise ValueError(f"matching delimiter not found {delimiter!r}")


def read_summary(path: Path) -> str:
    """The job summary that a step wrote; GitHub drops one that is larger than 1 MiB.

    Raises:
        ValueError: it is too large.
    """
    if path.stat().st_size > _SUMMARY_LIMIT:
        raise ValueError("the job summary is larger than 1024k")
    return path.read_text(encoding="utf-8")
