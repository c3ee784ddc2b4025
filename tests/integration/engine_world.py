"""What the tests of the three engines share: settings, a stand-in for vLLM, and its image."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from devkit import images
from oi_deploy.engine import Endpoint, Engine, EngineSettings, open_engine
from oi_deploy.engine.server import free_port

STANDIN = Path(__file__).parent / "standin"
MODULE = "vllm.entrypoints.openai.api_server"


def settings(kind: str, **changes: Any) -> EngineSettings:
    """Settings of a small server on a CPU."""
    values: dict[str, Any] = {
        "kind": kind,
        "model": "acme/tiny",
        "model_revision": "",
        "api_base": "",
        "api_key": "",
        "vllm_image": "",
        "vllm_args": (),
        "gpus": "none",
        "max_model_len": 2048,
        "timeout_s": 60.0,
        "run_id": f"test-{free_port()}",
    }
    return EngineSettings(**{**values, **changes})


class Opened:
    """An engine, what it said, and the switch that cancels its run."""

    def __init__(self, wanted: EngineSettings) -> None:
        """Open it without starting it."""
        self.settings = wanted
        self.said: list[str] = []
        self.cancelled = threading.Event()
        self.engine: Engine = open_engine(wanted, say=self._say, cancelled=self.cancelled)
        self._cancel_at = ""

    def start(self) -> Endpoint:
        """Start it."""
        return self.engine.start()

    def cancel_when_it_says(self, words: str) -> None:
        """Cancel the run as soon as a line of progress holds these words."""
        self._cancel_at = words

    def _say(self, line: str) -> None:
        self.said.append(line)
        if self._cancel_at and self._cancel_at in line:
            self.cancelled.set()


@contextmanager
def opened(kind: str, **changes: Any) -> Iterator[Opened]:
    """An engine that is stopped at the end."""
    it = Opened(settings(kind, **changes))
    try:
        yield it
    finally:
        it.engine.stop()


def answers(endpoint: Endpoint) -> bool:
    """Whether the model there generates text for whoever has the key."""
    response = httpx.post(
        f"{endpoint.base_url}/chat/completions",
        headers={"Authorization": f"Bearer {endpoint.api_key or 'none'}"},
        json={
            "model": endpoint.model,
            "messages": [{"role": "user", "content": "Hi"}],
            "max_tokens": 1,
        },
        timeout=120,
    )
    return response.status_code == 200 and bool(response.json()["choices"])


@contextmanager
def server(*arguments: str, key: str = "") -> Iterator[str]:
    """The stand-in as somebody else's server; yields its URL."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", MODULE, "--port", str(port), *arguments],
        env={"PYTHONPATH": str(STANDIN), "VLLM_API_KEY": key},
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    assert process.stdout
    try:
        while "Starting vLLM server" not in process.stdout.readline():
            assert process.poll() is None
        yield f"http://127.0.0.1:{port}"
    finally:
        subprocess.run(["kill", "-KILL", "--", f"-{process.pid}"], check=True)
        process.wait()
        process.stdout.close()


def processes(*words: str) -> list[int]:
    """The living processes that have all these words in their command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            given = (entry / "cmdline").read_bytes().split(b"\0")
            if all(word.encode() in given for word in words):
                found.append(int(entry.name))
    return found


def group(pgid: int) -> list[int]:
    """The living processes of a process group."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, member_of = status.read_text().rpartition(")")[2].split()[:3]
            if int(member_of) == pgid and state != "Z":
                found.append(int(status.parent.name))
    return found


@contextmanager
def built_standin() -> Iterator[str]:
    """An image that starts the stand-in as vLLM's image starts vLLM."""
    images.up()
    name = "oi-deploy-test/vllm-standin:1"
    dockerfile = (
        f"FROM {images.PYTHON}\nCOPY vllm /standin/vllm\nENV PYTHONPATH=/standin\n"
        f'ENTRYPOINT ["python3", "-m", "{MODULE}"]\n'
    )
    subprocess.run(
        ["docker", "build", "-q", "-t", name, "-f", "-", str(STANDIN)],
        input=dockerfile,
        text=True,
        check=True,
        capture_output=True,
        env={"DOCKER_BUILDKIT": "0", "PATH": "/usr/local/bin:/usr/bin:/bin"},
    )
    yield name
    subprocess.run(["docker", "rmi", "--force", name], check=True, capture_output=True)
