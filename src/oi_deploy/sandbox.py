"""How the model's code runs: another user, no privileges, no network, no credentials, and an end.

The user is the workspace's owner, so that files keep their owner; GitHub's runner must be able to
remove them later (https://github.com/actions/runner/issues/434). A workspace of root's is given to
a fixed user for the time of the run. The group is nobody's.
"""

import base64
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from oi_deploy import git_files, sandbox_probe, supervisor
from oi_deploy.errors import RunError
from oi_deploy.output import Output
from oi_deploy.ownership import owned, shielded
from oi_deploy.seccomp import network_filter

FIXED_ID = 65532
DOCKER_SOCKET = Path("/var/run/docker.sock")

# Counted per user over the whole machine, so other processes of the workspace's owner are in it:
# high enough for them. What one command may have is looked after by the supervisor.
_USER_PROCESSES = 4096
# Where everybody can write, besides the sandbox's own directories.
_OPEN_TO_ALL = ("/tmp", "/var/tmp")  # noqa: S108
# The machine gets into trouble below these.
_DISK_LEFT = 256 * 1024**2
_MEMORY_LEFT = 128 * 1024**2
# Between the signal that says so and the kill.
_CPU_GRACE_S = 5
_STOP_S = 10.0

_WEAKER = (
    "Write: `allow-weaker-sandbox: true`; the model's code then reaches the network, and parts of "
    "the kernel that it does not need."
)


@dataclass(frozen=True)
class Limits:
    """What one command, with everything that it starts, may use.

    Attributes:
        processes: processes and their threads at the same time.
        memory_bytes: memory of all of them together.
        disk_bytes: size of all files that it writes.
        file_bytes: size of one file.
        open_files: open files of one process.
        cpu_seconds: processor time of one process.
    """

    processes: int = 512
    memory_bytes: int = 4 * 1024**3
    disk_bytes: int = 10 * 1024**3
    file_bytes: int = 8 * 1024**3
    open_files: int = 4096
    cpu_seconds: int = 3600


@dataclass(frozen=True)
class Result:
    """How a command ended.

    Attributes:
        exit_code: None when it was killed because of its time or a cancel.
        timed_out: whether it was killed because of its time.
        seconds: how long it took.
        output: what it printed on both streams; of a long output the head and the tail.
    """

    exit_code: int | None
    timed_out: bool
    seconds: float
    output: str


class Sandbox:
    """Runs commands as another user, while its context is open."""

    def __init__(
        self,
        workspace: Path,
        *,
        socket: Path,
        shims: Path,
        shield: Sequence[Path],
        env: Mapping[str, str] | None = None,
        private: Sequence[Path] = (),
        limits: Limits = Limits(),
        open_network: bool = False,
        allow_weaker: bool = False,
    ) -> None:
        """Choose the user; nothing is changed yet.

        Args:
            workspace: the directory that the commands work in.
            socket: the broker's socket.
            shims: directory with `docker` and `kubectl`, first on the PATH.
            shield: directories to take from the user while the sandbox is open (`ownership`).
            env: more environment variables for the commands.
            private: paths that must be out of reach already; checked on entering.
            limits: what each command may use.
            open_network: whether the commands may use the network; and, where the container has
                the host's network, the abstract sockets of the host.
            allow_weaker: go on without the filter of system calls where the kernel or the engine
                does not take it.
        """
        self.workdir = Path(os.path.realpath(workspace))
        self._owner = self.workdir.stat()
        # Never the owner's group: it may be Docker's, and it has rights that its user has not.
        self.user = (self._owner.st_uid or FIXED_ID, FIXED_ID)
        self._socket = socket
        self._shims = shims
        self._shield = shield
        self._private = private
        self._more_env = dict(env or {})
        self._limits = limits
        self._open_network = open_network
        self._allow_weaker = allow_weaker
        self._filter = ""
        # What is missing here, in one sentence; known when the sandbox is open.
        self.weaker = ""
        # git's own files that the commands had changed; known when the sandbox is closed.
        self.put_back: list[str] = []

    def __enter__(self) -> "Sandbox":
        """Give the workspace to the user, shield directories, and prove that the rest holds.

        Raises:
            RunError: when the user can do what it must not, or cannot reach what it needs.
        """
        if os.geteuid() != 0:
            raise RunError("the model's code cannot be contained", why="the action is not root")
        with ExitStack() as stack:
            # The first to come is the last to go: files have their owner again by then.
            self.put_back = stack.enter_context(git_files.kept(self.workdir))
            stack.enter_context(owned(self.workdir, self._owner, self.user))
            for path in self._shield:
                stack.enter_context(shielded(path))
            base = Path(stack.enter_context(_directory()))
            self._home, self._tmp = base / "home", base / "tmp"
            for path in (self._home, self._tmp):
                path.mkdir(mode=0o700)
                os.chown(path, *self.user)
            self._check()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give everything in the workspace back to its owner, and take the shields away."""
        self._stack.close()

    def environment(self) -> dict[str, str]:
        """The whole environment of a command."""
        return {
            "PATH": f"{self._shims}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self._home),
            "TMPDIR": str(self._tmp),
            "LANG": "C.UTF-8",
            "OI_DEPLOY_BROKER": str(self._socket),
            "GIT_TERMINAL_PROMPT": "0",
            # Parts of the workspace may belong to another user than the one git runs as.
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            **self._more_env,
        }

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        on_output: Callable[[str], None],
        cancelled: threading.Event,
        cwd: Path | None = None,
    ) -> Result:
        """Run a command to its end; nothing that it started is left afterwards.

        Args:
            argv: program and arguments.
            timeout_s: seconds after which it is killed.
            on_output: takes each piece of output as it comes.
            cancelled: kills the command as soon as it is set.
            cwd: working directory; the workspace when it is None.
        """
        started = time.monotonic()
        job = {
            "argv": list(argv),
            "env": self.environment(),
            "cwd": str(cwd or self.workdir),
            "uid": self.user[0],
            "gid": self.user[1],
            "filter": self._filter,
            **self._limits_of_a_command(),
        }
        process = subprocess.Popen(  # noqa: S603 - no shell
            (sys.executable, "-IS", supervisor.__file__),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={},
            # A Ctrl-C on a terminal is for us alone.
            start_new_session=True,
            bufsize=0,
        )
        assert process.stdin and process.stdout  # noqa: S101 - asked for above
        output = Output(on_output)
        timed_out = stopped = False
        try:
            with process.stdout, process.stdin:
                process.stdin.write(json.dumps(job).encode() + b"\n")
                for data in _pieces(process.stdout.fileno()):
                    if data:
                        output.add(data)
                    timed_out = time.monotonic() - started > timeout_s
                    if timed_out or cancelled.is_set():
                        stopped = True
                        break
                # Closed input tells the supervisor to kill what is left.
                process.stdin.close()
                _drain(process.stdout.fileno(), output)
        finally:
            # Also when `on_output` has failed: the supervisor needs a moment to kill what is left,
            # and nobody else does.
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        output.add(b"", final=True)
        seconds = time.monotonic() - started
        code = None if stopped else process.returncode
        return Result(code, timed_out, seconds, output.text())

    def _limits_of_a_command(self) -> dict[str, object]:
        """The part of the supervisor's job that bounds the command."""
        limits = self._limits
        soft_and_hard = {
            "RLIMIT_CORE": (0, 0),
            "RLIMIT_NOFILE": (limits.open_files, limits.open_files),
            "RLIMIT_FSIZE": (limits.file_bytes, limits.file_bytes),
            "RLIMIT_CPU": (limits.cpu_seconds, limits.cpu_seconds + _CPU_GRACE_S),
            # Not the address space: node reserves far more than it uses.
            "RLIMIT_DATA": (limits.memory_bytes, limits.memory_bytes),
            "RLIMIT_NPROC": (_USER_PROCESSES, _USER_PROCESSES),
        }
        together = {
            "processes": limits.processes,
            "memory": limits.memory_bytes,
            "memory_left": _MEMORY_LEFT,
            "disk": limits.disk_bytes,
            "disk_left": _DISK_LEFT,
            "paths": [str(self.workdir), str(self._home), str(self._tmp), *_OPEN_TO_ALL],
            "signals": {
                int(signal.SIGXCPU): f"more than {limits.cpu_seconds} s of processor time",
                int(signal.SIGXFSZ): f"a file of more than {supervisor.size(limits.file_bytes)}",
            },
        }
        return {"rlimits": soft_and_hard, "limits": together}

    def _check(self) -> None:
        """Prove what the sandbox promises.

        Raises:
            RunError: it is not so.
        """
        self.weaker = ""
        try:
            self._filter = self._make_filter()
            found = self._probe()
            if not found["filtered"] or (found["network"] and not self._open_network):
                raise _NoFilterError("the kernel does not obey the filter of system calls")
        except _NoFilterError as error:
            if not self._allow_weaker:
                raise RunError(sandbox_probe.UNCONTAINED, why=str(error), remedy=_WEAKER) from None
            self.weaker, self._filter = str(error), ""
            found = self._probe()
        sandbox_probe.judge(found, self.user[0], self._socket)

    def _make_filter(self) -> str:
        """The filter of system calls, as the supervisor takes it.

        Raises:
            _NoFilterError: libseccomp is missing, or too old.
        """
        # The length of `struct sockaddr_un` as Python passes it: the family and a closing zero.
        length = 2 + len(os.fsencode(self._socket)) + 1
        try:
            return base64.b64encode(network_filter(self._open_network, length)).decode()
        except (OSError, RuntimeError) as error:
            raise _NoFilterError(f"libseccomp makes no filter of system calls: {error}") from error

    def _probe(self) -> dict[str, Any]:
        """What the sandbox's user finds.

        Raises:
            _NoFilterError: the filter cannot be installed.
            RunError: the probe itself failed.
        """
        ours = Path(f"/proc/{os.getpid()}/environ")
        forbidden = [*self._shield, *self._private, DOCKER_SOCKET, ours]
        needed = [(str(self.workdir), os.R_OK | os.W_OK | os.X_OK), (str(self._tmp), os.W_OK)]
        needed += [(str(self._shims / tool), os.X_OK) for tool in ("docker", "kubectl")]
        broker = str(self._socket) if self._socket.exists() else ""
        question = json.dumps([[str(path) for path in forbidden], needed, broker])
        result = self.run(
            (sys.executable, "-IS", "-c", sandbox_probe.PROGRAM, question),
            timeout_s=60,
            on_output=lambda text: None,
            cancelled=threading.Event(),
        )
        if result.exit_code == supervisor.NOT_STARTED and supervisor.NO_FILTER in result.output:
            raise _NoFilterError(result.output.strip())
        try:
            found: dict[str, Any] = json.loads(result.output)
        except ValueError:
            raise RunError(
                sandbox_probe.UNCONTAINED,
                why=f"its first process failed: {result.output}",
            ) from None
        return found


class _NoFilterError(Exception):
    """The kernel, or the engine's own filter, refuses ours."""


def _pieces(file: int) -> Iterator[bytes]:
    """What comes from a file, with an empty piece now and then while nothing comes."""
    with selectors.DefaultSelector() as selector:
        selector.register(file, selectors.EVENT_READ)
        while True:
            if not selector.select(0.05):
                yield b""
                continue
            data = os.read(file, 65536)
            if not data:
                return
            yield data


def _drain(file: int, output: Output) -> None:
    """The rest of the output; the supervisor kills the writers, so it ends soon."""
    deadline = time.monotonic() + _STOP_S
    for data in _pieces(file):
        if data:
            output.add(data)
        if time.monotonic() > deadline:
            return


@contextmanager
def _directory() -> Iterator[str]:
    """A directory that can be passed through but not listed."""
    path = tempfile.mkdtemp(prefix="oi-deploy-sandbox-")
    try:
        Path(path).chmod(0o711)
        yield path
    finally:
        # Not Python's own, which fails in directories that are nested a thousand times.
        subprocess.run(("/bin/rm", "-rf", "--", path), check=True)  # noqa: S603
