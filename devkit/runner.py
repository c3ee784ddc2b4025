"""Start a container action exactly as GitHub's self-hosted runner starts it.

Follows actions/runner v2.336.0: `ContainerActionHandler.cs` and `DockerCommandManager.cs` (the
`docker run` line), `ProcessInvoker.cs` (cancel), `FileCommandManager.cs`. What GitHub does not give
to a container action is not given here either: no user, no init, no GPU, no terminal, no stdin, no
extra host names.
"""

import hashlib
import os
import queue
import re
import secrets
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import docker
import yaml

from devkit.output_manager import Annotation, OutputManager
from devkit.runner_files import Folders, parse_values, read_summary
from devkit.runner_variables import CANARIES, variables

# Seconds that ProcessInvoker.cs waits after each signal before it goes on to the next.
_AFTER_SIGINT = 7.5
_AFTER_SIGTERM = 2.5

__all__ = ["CANARIES", "Action", "Folders", "Leftovers", "Step", "StepResult", "leftovers", "start"]


@dataclass(frozen=True)
class Action:
    """An action's metadata, as far as the runner uses it.

    Attributes:
        folder: where action.yml lies.
        defaults: every declared input with its default.
        image: `Dockerfile`, or `docker://...`.
        entrypoint: replaces the image's, if not empty.
        args: arguments after the image.
        env: more variables.
    """

    folder: Path
    defaults: Mapping[str, str]
    image: str
    entrypoint: str = ""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> "Action":
        """Read action.yml.

        Raises:
            ValueError: it is not a container action.
        """
        document = yaml.safe_load((folder / "action.yml").read_text(encoding="utf-8"))
        runs = document["runs"]
        if runs.get("using") != "docker":
            raise ValueError(f"{folder}/action.yml is not a container action")
        inputs = document.get("inputs") or {}
        return cls(
            folder=folder.resolve(),
            defaults={name: str(spec.get("default") or "") for name, spec in inputs.items()},
            image=str(runs["image"]),
            entrypoint=str(runs.get("entrypoint", "")),
            args=tuple(str(item) for item in runs.get("args", ())),
            env={name: str(value) for name, value in (runs.get("env") or {}).items()},
        )


@dataclass(frozen=True)
class StepResult:
    """What is left of a step.

    Attributes:
        exit_code: of the docker CLI, which passes on the container's.
        outputs: the step's outputs.
        summary: the job summary, Markdown.
        annotations: errors, warnings and notices.
        log: the masked log.
        exported: variables that the step set for the steps after it.
        failures: reasons why GitHub would fail the step whatever its exit code is.
        abandoned: the container outlived the cancellation, as on GitHub.
        container: the container's name.
        seconds: from start to end.
    """

    exit_code: int
    outputs: Mapping[str, str]
    summary: str
    annotations: tuple[Annotation, ...]
    log: str
    exported: Mapping[str, str]
    failures: tuple[str, ...]
    abandoned: bool
    container: str
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether GitHub shows the step green."""
        return self.exit_code == 0 and not self.failures


def build(action: Action, label: str) -> str:
    """Build the action's image as the runner does at the start of a job; return its reference.

    Raises:
        subprocess.CalledProcessError: the build failed.
    """
    reference = f"{label}:{uuid.uuid4().hex}"
    dockerfile = (action.folder / action.image).resolve()
    argv = ["docker", "build", "-t", reference, "-f", str(dockerfile), str(dockerfile.parent)]
    # The runner leaves the choice of builder to the CLI; a CLI without buildx warns or refuses.
    buildx = subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False)
    env = os.environ | ({} if buildx.returncode == 0 else {"DOCKER_BUILDKIT": "0"})
    subprocess.run(argv, check=True, env=env, stdout=subprocess.DEVNULL)
    return reference


def label_of(folders: Folders) -> str:
    """The label that this runner gives to its containers and images."""
    return hashlib.sha256(str(folders.root).encode()).hexdigest()[:6]


class Step:
    """A container action that runs. Made by `start`."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        *,
        container: str,
        files: Mapping[str, Path],
        output: OutputManager,
        on_line: Callable[[str], None],
    ) -> None:
        """Begin to read the output of a `docker run` that was just started."""
        self.container = container
        self._process = process
        self._files = files
        self._output = output
        self._on_line = on_line
        self._began = time.monotonic()
        self._abandoned = False
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._readers = [
            threading.Thread(target=self._read, args=(pipe,), daemon=True)
            for pipe in (process.stdout, process.stderr)
            if pipe is not None
        ]
        self._printer = threading.Thread(target=self._print, daemon=True)
        for thread in (*self._readers, self._printer):
            thread.start()

    def _read(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            self._lines.put(line.decode("utf-8", "replace").rstrip("\r\n"))

    def _print(self) -> None:
        while (line := self._lines.get()) is not None:
            shown = self._output.feed(line)
            if shown is not None:
                self._on_line(shown)

    def cancel(self) -> None:
        """Cancel as GitHub does: SIGINT, SIGTERM, then leave the container to itself."""
        for number, patience in (
            (signal.SIGINT, _AFTER_SIGINT),
            (signal.SIGTERM, _AFTER_SIGTERM),
        ):
            if self._process.poll() is not None:
                return
            self._process.send_signal(number)
            try:
                self._process.wait(patience)
                return
            except subprocess.TimeoutExpired:
                continue
        self._process.kill()
        self._process.wait()
        self._abandoned = _is_running(self.container)

    def wait(self, timeout_s: float | None = None) -> StepResult:
        """Wait for the end and collect what the step left.

        Raises:
            subprocess.TimeoutExpired: it still runs; nothing was done about it.
        """
        exit_code = self._process.wait(timeout_s)
        for reader in self._readers:
            reader.join()
        self._lines.put(None)
        self._printer.join()
        failures = list(self._output.failures)

        def read(parse: Callable[[], Any], empty: Any) -> Any:
            try:
                return parse()
            except ValueError as error:
                failures.append(str(error))
                return empty

        def values(name: str) -> dict[str, str]:
            text = self._files[name].read_text(encoding="utf-8")
            found: dict[str, str] = read(lambda: parse_values(text), {})
            return found

        outputs = self._output.outputs | values("GITHUB_OUTPUT")
        exported = values("GITHUB_ENV")
        paths = self._files["GITHUB_PATH"].read_text(encoding="utf-8").splitlines()
        summary = read(lambda: read_summary(self._files["GITHUB_STEP_SUMMARY"]), "")
        return StepResult(
            exit_code=exit_code,
            outputs=outputs,
            summary=self._output.masked(summary),
            annotations=tuple(self._output.annotations),
            log="\n".join(self._output.log) + "\n",
            exported=exported | ({"PATH": os.pathsep.join(paths)} if paths else {}),
            failures=tuple(failures),
            abandoned=self._abandoned,
            container=self.container,
            seconds=time.monotonic() - self._began,
        )


def start(
    action: Action,
    folders: Folders,
    inputs: Mapping[str, str],
    *,
    image: str = "",
    env: Mapping[str, str] | None = None,
    masks: tuple[str, ...] = (),
    network: str = "",
    sha: str = "",
    on_line: Callable[[str], None] = lambda line: None,
) -> Step:
    """Start one step.

    Args:
        action: what `uses:` names.
        folders: the runner's folders; the workspace is as the steps before left it.
        inputs: `with:`.
        image: an image that was built before; built as GitHub does if empty.
        env: the job's and the step's `env:`.
        masks: values that came from `${{ secrets }}`; GitHub masks them in the log.
        network: the job's network, which it has if it has services or a job container.
        sha: GITHUB_SHA.
        on_line: gets each line as the log shows it.
    """
    folders.create()
    label = label_of(folders)
    reference = image or build(action, label)
    files = folders.new_file_commands()
    output = OutputManager()
    for value in masks:
        output.mask(value)
    for name in sorted(set(inputs) - set(action.defaults)):
        output.feed(f"::warning::Unexpected input(s) '{name}'")
    event = folders.write_event({"ref": "refs/heads/main", "after": sha})
    folders.give_to_user()
    values = {
        **variables(folders, event=event, sha=sha),
        **{name: str(path) for name, path in files.items()},
        **(env or {}),
        **action.env,
        **{_input_name(name): value for name, value in {**action.defaults, **inputs}.items()},
    }
    values = {name: folders.translate(value) for name, value in values.items()}
    container = re.sub(r"[^A-Za-z0-9_]", "", reference) + "_" + secrets.token_hex(3)
    argv = list(_command_line(action, folders, values, reference, container, label, network))
    process = subprocess.Popen(
        argv,
        env={"PATH": os.environ["PATH"], **values},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C in a terminal reaches us, not the CLI
    )
    return Step(process, container=container, files=files, output=output, on_line=on_line)


def _input_name(name: str) -> str:
    return f"INPUT_{name.replace(' ', '_').upper()}"


def _command_line(
    action: Action,
    folders: Folders,
    values: Mapping[str, str],
    image: str,
    container: str,
    label: str,
    network: str,
) -> Iterator[str]:
    yield from ("docker", "run", "--name", container, "--label", label)
    yield from ("--workdir", "/github/workspace", "--rm")
    for name in values:
        yield from ("-e", name)
    yield from ("-e", "GITHUB_ACTIONS=true", "-e", "CI=true")
    if action.entrypoint:
        yield from ("--entrypoint", action.entrypoint)
    if network:
        yield from ("--network", network)
    yield from ("-v", "/var/run/docker.sock:/var/run/docker.sock")
    for host, inside in folders.mounts():
        yield from ("-v", f"{host}:{inside}")
    yield image
    yield from action.args


def _is_running(container: str) -> bool:
    client = docker.from_env()
    try:
        return bool(client.containers.list(filters={"name": f"^/?{container}$"}))
    finally:
        client.close()


@dataclass(frozen=True)
class Leftovers:
    """What runs left behind: names of Docker objects, files that are not the runner user's."""

    containers: tuple[str, ...]
    networks: tuple[str, ...]
    volumes: tuple[str, ...]
    files: tuple[Path, ...]

    def __bool__(self) -> bool:
        """Whether anything is left."""
        return any((self.containers, self.networks, self.volumes, self.files))

    def without(self, earlier: "Leftovers") -> "Leftovers":
        """What came since `earlier`: other runs may be going on in the same engine."""
        return Leftovers(
            tuple(item for item in self.containers if item not in earlier.containers),
            tuple(item for item in self.networks if item not in earlier.networks),
            tuple(item for item in self.volumes if item not in earlier.volumes),
            self.files,
        )


def leftovers(folders: Folders) -> Leftovers:
    """Look for what the action (label `oi-deploy.run`) or this runner's steps left."""
    labels = ("oi-deploy.run", label_of(folders))
    client = docker.from_env()
    try:
        containers = {
            str(item.name)
            for label in labels
            for item in client.containers.list(all=True, filters={"label": label})
        }
        of_a_run = {"label": "oi-deploy.run"}
        networks = {str(item.name) for item in client.networks.list(filters=of_a_run)}
        volumes = {str(item.name) for item in client.volumes.list(filters=of_a_run)}
    finally:
        client.close()
    return Leftovers(
        tuple(sorted(containers)),
        tuple(sorted(networks)),
        tuple(sorted(volumes)),
        folders.foreign_files(),
    )
