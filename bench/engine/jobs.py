"""Jobs of the action, as GitHub's runner starts them, and when they did what."""

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import docker
from docker.errors import DockerException

from bench.engine.figures import Line, instant
from devkit import demo, world
from devkit.runner import Action, Folders, Step, StepResult, start
from devkit.shell import ROOT, DevkitError

_POLL_S = 0.02
_END_S = 60.0
_MOST_S = 1200.0


@dataclass(frozen=True)
class Site:
    """What every job of a benchmark shares.

    Attributes:
        values: what `world.env` says, with the model's image and path.
        image: the action's image.
        inputs: `with:`, beside those of the world.
    """

    values: Mapping[str, str]
    image: str
    inputs: Mapping[str, str] = field(default_factory=dict)


class Job:
    """A job that runs. Made by `running`."""

    def __init__(self, step: Step, folders: Folders, lines: list[Line]) -> None:
        """Look when its container is started."""
        self.step = step
        self.folders = folders
        self.lines = lines
        self.started = _started(step.container)

    def await_line(self, words: str, within_s: float = _MOST_S) -> float:
        """When a line of the log had these words.

        Raises:
            DevkitError: it does not come.
        """
        limit = time.monotonic() + within_s
        while time.monotonic() < limit:
            for at, line in list(self.lines):
                if words in line:
                    return at
                if "##[error]" in line:
                    raise DevkitError(f"the job failed: {line}")
            time.sleep(_POLL_S)
        raise DevkitError(f"the job's log has no line with {words!r}")

    def end(self) -> StepResult:
        """Cancel it as GitHub does."""
        self.step.cancel()
        return self.step.wait(_END_S)


@contextmanager
def running(site: Site, name: str, version: str, **inputs: str) -> Iterator[Job]:
    """Start a job that deploys a new version of the sample application as `name`."""
    folder = Path(tempfile.mkdtemp(prefix="oi-deploy-bench-"))
    folder.chmod(0o755)
    try:
        folders = Folders(folder)
        owner = (folders.uid, folders.gid)
        commit = world.make_repository(folders.workspace, version, owner=owner)
        prompt = demo.PROMPT.replace("{registry}", site.values["REGISTRY"]).replace("myapp", name)
        lines: list[Line] = []
        step = start(
            Action.load(ROOT),
            folders,
            {**demo.inputs_for(dict(site.values), prompt), **site.inputs, **inputs},
            image=site.image,
            sha=commit,
            on_line=lambda line: lines.append((time.time(), line)),
        )
        try:
            yield Job(step, folders, lines)
        finally:
            with suppress(subprocess.TimeoutExpired):
                step.cancel()
                step.wait(_END_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def deploy(site: Site, name: str, version: str) -> StepResult:
    """Do a whole job."""
    with running(site, name, version) as job:
        return job.step.wait(_MOST_S)


def together(calls: list[Callable[[], StepResult]]) -> tuple[list[StepResult], float]:
    """Make all calls at the same time; also the seconds until the last has ended."""
    results: dict[int, StepResult] = {}

    def work(number: int) -> None:
        results[number] = calls[number]()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(calls))]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(results) < len(calls):
        raise DevkitError("a job could not be started, or did not end")
    return [results[number] for number in range(len(calls))], time.monotonic() - begun


def _started(container: str) -> float:
    """When a container was started, in seconds since the epoch."""
    client = docker.from_env()
    limit = time.monotonic() + _END_S
    try:
        while time.monotonic() < limit:
            with suppress(DockerException):
                stamp = client.api.inspect_container(container)["State"]["StartedAt"]
                if not stamp.startswith("0001-"):
                    return instant(stamp)
            time.sleep(_POLL_S)
    finally:
        client.close()
    raise DevkitError(f"{container} was not started")
