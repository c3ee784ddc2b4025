"""vLLM as a child process: for an image that has vLLM in it.

On a CPU, or with several GPUs, vLLM's processes need 400 MiB in /dev/shm. A container action gets
Docker's default of 64 MB from GitHub's runner; `engine: sibling` has no such limit.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import IO

from oi_deploy.engine import remarks
from oi_deploy.engine.flags import Machine, arguments, environment
from oi_deploy.engine.interface import Endpoint, EngineSettings, Say
from oi_deploy.engine.server import LOOPBACK, MODULE, death, free_port, new_key, prepared, wait_for
from oi_deploy.engine.serverlog import ServerLog
from oi_deploy.errors import RunError

_TERMINATION_S = 2.0
_KILL_S = 2.0
_DRAIN_S = 2.0

# What a server needs to run at all. The job's inputs and tokens are not for it.
_KEPT = re.compile(
    r"PATH|HOME|USER|LANG|LC_\w+|TZ|TMPDIR|LD_\w+|PYTHONPATH|VIRTUAL_ENV|OMP_\w+|KMP_\w+"
    r"|NVIDIA_\w+|HF_HOME|HF_HUB_CACHE|XDG_CACHE_HOME|SSL_CERT_\w+|REQUESTS_CA_BUNDLE"
)


class Process:
    """`python -m vllm.entrypoints.openai.api_server` in a process group of its own."""

    def __init__(self, settings: EngineSettings, *, say: Say, cancelled: threading.Event) -> None:
        """See `open_engine`."""
        self._settings = settings
        self._say = say
        self._cancelled = cancelled
        self._log = ServerLog()
        self._child: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None

    def start(self) -> Endpoint:
        """Start the child and wait for it. See `Engine`."""
        settings = self._settings
        port, api_key = free_port(), new_key()
        python = _python()
        server = [python, "-m", MODULE, *arguments(settings, host=LOOPBACK, port=port)]
        command = [python, *prepared(settings, server)[1:]]
        self._say(f"engine: starting vLLM with `{settings.model}` as a process")
        for line in remarks.at_start(settings):
            self._say(line)
        try:
            self._launch(command, _environment(settings, api_key))
            endpoint = wait_for(
                settings,
                doing=lambda: str(self._log.progress),
                log=self._log,
                port=port,
                api_key=api_key,
                died=self._died,
                say=self._say,
                cancelled=self._cancelled,
            )
        except BaseException:
            self.stop()
            raise
        for line in remarks.when_ready(self._log.lines()):
            self._say(line)
        return endpoint

    def diagnose(self) -> str | None:
        """See `Engine`."""
        error = self._died()
        return str(error) if error else None

    def stop(self) -> None:
        """Kill the process group: vLLM's workers are children of its children. See `Engine`."""
        child = self._child
        if child is None:
            return
        for number, seconds in ((signal.SIGTERM, _TERMINATION_S), (signal.SIGKILL, _KILL_S)):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, number)
            with suppress(subprocess.TimeoutExpired):
                child.wait(seconds)
        self._child = None

    def _launch(self, command: list[str], env: dict[str, str]) -> None:
        self._child = subprocess.Popen(  # noqa: S603 - an argument vector of ours
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self._child.stdout is not None  # noqa: S101 - PIPE was asked for
        self._reader = threading.Thread(
            target=_drain, args=(self._child.stdout, self._log), name="engine-log", daemon=True
        )
        self._reader.start()

    def _died(self) -> RunError | None:
        code = self._child.poll() if self._child else None
        if code is None:
            return None
        if self._reader:
            self._reader.join(_DRAIN_S)
        return death(self._settings, self._log, code)


def _drain(stream: IO[bytes], log: ServerLog) -> None:
    """Read until the last writer is gone; a full pipe would stop the server."""
    while data := os.read(stream.fileno(), 65536):
        log.feed(data)
    log.close()


def _python() -> str:
    """An interpreter that has vLLM: ours, or the one on the PATH.

    Raises:
        RunError: none has.
    """
    for candidate in (sys.executable, shutil.which("python3"), shutil.which("python")):
        if candidate and _has_vllm(candidate):
            return candidate
    raise RunError(
        "`engine: process` needs vLLM in the action's own image",
        why="no python3 here has the package `vllm`",
        remedy="Write: `engine: sibling`, or use an image of this action with vLLM in it.",
    )


def _has_vllm(python: str) -> bool:
    script = "import importlib.util as u, sys; sys.exit(u.find_spec('vllm') is None)"
    return subprocess.run([python, "-c", script], check=False).returncode == 0  # noqa: S603


def _environment(settings: EngineSettings, api_key: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)}
    if settings.gpu_ids:
        kept["CUDA_VISIBLE_DEVICES"] = ",".join(settings.gpu_ids)
    env: Mapping[str, str] = os.environ
    return kept | environment(settings, _machine(), job=env) | {"VLLM_API_KEY": api_key}


def _machine() -> Machine:
    return Machine(
        cpus=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    )
