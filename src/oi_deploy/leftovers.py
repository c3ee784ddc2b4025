"""What an earlier run on this runner left because it was killed: found, told, and taken away.

A killed run cannot clean up. What it was doing stands in its folder on the runner's disk, which the
kernel's lock tells from that of a run that still goes on; what it started carries our labels.
"""

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import DockerException

from oi_deploy.ownership import SHIELDED
from oi_deploy.sandbox import FIXED_ID

_PREFIX = "oi-deploy-run-"
_LOCK = "lock"
LOG = "deploy.log"
_ENGINE_S = 10
_RUN = "oi-deploy.run"


@dataclass(frozen=True)
class Leftover:
    """One thing that was found.

    Attributes:
        sentence: what it was, and what became of it.
        log: a killed run's log; empty for everything else.
    """

    sentence: str
    log: str = ""


def private_folder(env: Mapping[str, str]) -> Path:
    """A new folder that only root can enter, locked as long as this process lives.

    In the runner's temporary folder, so that a container that is killed does not take the log with
    it. Where no folder can be made (a full disk), it is one that does not exist.
    """
    for place in (env.get("RUNNER_TEMP") or None, None):
        with suppress(OSError):
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))  # 0700
            _lock(folder, os.O_CREAT)
            return folder
    return Path("/nonexistent")


def _lock(folder: Path, more: int = 0) -> int:
    """Take a folder's lock; it goes when the handle is closed, or with the process.

    Raises:
        BlockingIOError: another process has it.
        OSError: there is no such file.
    """
    handle = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | more, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


def take_away(
    env: Mapping[str, str], shielded: list[Path], workspace: Path, own: Path
) -> Iterator[Leftover]:
    """Everything that is left of runs that were killed.

    Args:
        env: the runner's variables.
        shielded: the folders that a run makes root's as long as the model's code may run.
        workspace: its owner is whom those folders belong to.
        own: this run's folder.
    """
    yield from given_back(shielded, workspace)
    yield from killed_runs(env, own)
    yield from _containers()


def given_back(shielded: list[Path], workspace: Path) -> Iterator[Leftover]:
    """The runner's folders that are still shielded; see `take_away`."""
    owner = workspace.stat()
    if owner.st_uid in (0, FIXED_ID):
        return  # a runner that is root; its folders are root's at all times
    for path in shielded:
        found = path.stat()
        if found.st_uid == 0 and stat.S_IMODE(found.st_mode) == SHIELDED:
            os.chown(path, owner.st_uid, owner.st_gid)
            path.chmod(0o755)
            yield Leftover(f"the runner's folder {path} was root's, and is given back")


def killed_runs(env: Mapping[str, str], own: Path) -> Iterator[Leftover]:
    """The folders of runs that were killed; see `take_away`."""
    place = Path(env.get("RUNNER_TEMP") or tempfile.gettempdir())
    for folder in sorted(place.glob(f"{_PREFIX}*")):
        if folder.name != own.name:
            yield from _killed_run(folder)


def _killed_run(folder: Path) -> Iterator[Leftover]:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        return
    with suppress(OSError):  # locked: that run still goes on
        handle = _lock(folder)
        try:
            log = (folder / LOG).read_text(encoding="utf-8", errors="replace")
        except OSError:
            log = ""
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)
        last = log.splitlines()[-1] if log else "none"
        yield Leftover(f"a run on this runner was killed; its last event was: {last}", log)


def _containers() -> Iterator[Leftover]:
    """Containers whose label names a run's container that is gone.

    The model server's container is none of them: it ends by itself.
    """
    with suppress(DockerException, OSError):
        # The lists themselves: the library's objects cost one more request for each container.
        api = docker.from_env(timeout=_ENGINE_S).api
        running = {item["Id"] for item in api.containers()}
        for item in api.containers(all=True, filters={"label": _RUN}):
            if item["Labels"][_RUN] in running:
                continue
            api.remove_container(item["Id"], force=True, v=True)
            name = item["Names"][0].removeprefix("/")
            yield Leftover(f"the container {name} of a run that was killed is removed")
