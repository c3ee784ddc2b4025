"""vLLM as a child process: for an image with vLLM in it, or a machine without Docker."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable

from oi_deploy.engine.flags import arguments, available_cores, environment
from oi_deploy.engine.interface import Endpoint, EngineSettings
from oi_deploy.engine.log import ServerLog
from oi_deploy.engine.readiness import probe, wait_until_healthy
from oi_deploy.errors import RunError

_HOST = "127.0.0.1"
_GRACE_S = 3.0


def free_port() -> int:
    """A TCP port that nobody listens on now, on this network namespace's loopback."""
    with socket.socket() as probe_socket:
        probe_socket.bind((_HOST, 0))
        return int(probe_socket.getsockname()[1])


class Process:
    """`python -m vllm.entrypoints.openai.api_server` in a process group of its own."""

    def __init__(
        self, settings: EngineSettings, *, say: Callable[[str], None], cancelled: threading.Event
    ) -> None:
        """See `open_engine`."""
        self._settings = settings
        self._say = say
        self._cancelled = cancelled
        self._log = ServerLog()
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> Endpoint:
        """Start the server and wait for it.

        Raises:
            RunError: vLLM is not installed here, the server died, or the time is up.
        """
        port, key = free_port(), secrets.token_urlsafe(24)
        module = "vllm.entrypoints.openai.api_server"
        command = [sys.executable, "-m", module]
        command += arguments(self._settings, host=_HOST, port=port)
        env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        env |= environment(self._settings, api_key=key, cores=available_cores())
        self._say(f"engine: starting vLLM as a process with {self._settings.model}")
        self._child = subprocess.Popen(  # noqa: S603 - an argument vector, no shell
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._log.follow(self._child.stdout or ())
        base_url = f"http://{_HOST}:{port}/v1"
        wait_until_healthy(
            base_url,
            timeout_s=self._settings.timeout_s,
            died=self._died,
            phase=lambda: self._log.phase,
            say=self._say,
            cancelled=self._cancelled,
        )
        return probe(base_url, api_key=key, wanted=self._settings.served_model_name)

    def _died(self) -> RunError | None:
        code = self._child.poll() if self._child else None
        return None if code is None else self._log.death(f"it ended with exit code {code}")

    def diagnose(self) -> str | None:
        """See `Engine`."""
        error = self._died()
        return str(error) if error else None

    def stop(self) -> None:
        """See `Engine`."""
        child, self._child = self._child, None
        if child is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(child.pid, number)
                child.wait(timeout=_GRACE_S)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue


# What a server needs of our environment; the step's inputs and tokens are not for it.
_PASSED_ON = (
    "PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONPATH", "HF_HOME",
    "HF_ENDPOINT", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "VLLM_CACHE_ROOT",
    "CUDA_VISIBLE_DEVICES",
)  # fmt: skip
