"""What the tests of the three engines share: settings, a stand-in for vLLM, and its image."""

import json
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import docker
import httpx

from devkit import images
from oi_deploy.engine import Endpoint, Engine, EngineSettings, open_engine, sibling
from oi_deploy.engine.server import free_port

STANDIN = Path(__file__).parent / "standin"
MODULE = "vllm.entrypoints.openai.api_server"


def settings(kind: str, **changes: Any) -> EngineSettings:
    """Settings of a small server on a CPU."""
    values: dict[str, Any] = {
        "kind": kind,
        "model": "acme/tiny",
        "model_revision": "",
        "api_base": (),
        "api_key": "",
        "vllm_image": "",
        "vllm_args": (),
        "gpus": "none",
        "max_model_len": 2048,
        "timeout_s": 60.0,
        "keep_warm_s": 0.0,
        "owner": "acme",
        "user": "acme/shop, run 7",
    }
    return EngineSettings(**{**values, **changes})


class Opened:
    """An engine, what it said, and the switch that cancels its run."""

    def __init__(
        self, wanted: EngineSettings, hear: Callable[[str], None] = lambda line: None
    ) -> None:
        """Open it without starting it; `hear` is told what it says."""
        self.settings = wanted
        self._hear = hear
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
        self._hear(line)
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


class Pool:
    """Servers that only this test's runs share: container names and a label of their own."""

    def __init__(self) -> None:
        """Choose them."""
        mark = secrets.token_hex(4)
        self.prefix = f"oi-deploy-test-{mark}"
        self.name = f"{self.prefix}-none"
        self.label = f"oi-deploy.test.{mark}"
        self._client = docker.from_env()
        self._began = int(time.time())

    def use(self) -> None:
        """Have the engines of this process use them."""
        sibling.NAME, sibling.LABEL = self.prefix, self.label

    def containers(self) -> list[Any]:
        """The servers that are there, in whatever state."""
        found = self._client.containers
        return found.list(all=True, filters={"label": self.label}, ignore_removed=True)

    def most_at_once(self) -> int:
        """How many servers have run at the same time, at most, as the Docker engine tells it."""
        events = self._client.events(
            since=self._began,
            until=int(time.time()) + 1,
            filters={"label": self.label, "event": ["start", "die"]},
            decode=True,
        )
        now = most = 0
        for event in events:
            now += 1 if event["status"] == "start" else -1
            most = max(most, now)
        return most

    def server(self) -> Any:
        """The one server that is there."""
        (found,) = self.containers()
        return found

    def wait_until_gone(self) -> None:
        """Wait until no server is there."""
        while self.containers():
            time.sleep(0.05)


@contextmanager
def own_pool() -> Iterator[Pool]:
    """A pool, whose servers are gone in the end."""
    pool, before = Pool(), (sibling.NAME, sibling.LABEL)
    pool.use()
    try:
        yield pool
    finally:
        sibling.NAME, sibling.LABEL = before
        for left in pool.containers():
            with suppress(docker.errors.APIError):  # it ends by itself just now
                left.remove(force=True, v=True)


_JOB = """
import os, signal, sys
from oi_deploy.engine import choice, container, sibling
from oi_deploy.errors import RunError
from tests.integration.engine_world import Opened, answers, settings
sibling.NAME, sibling.LABEL = sys.argv[1:3]
exec(sys.argv[3])
it = Opened(settings("sibling", **eval(sys.argv[4])), hear=lambda line: print(line, flush=True))
try:
    endpoint = it.start()
except RunError as error:
    sys.exit(f"{error.what}. {error.why} {error.remedy}")
print("ready:" if answers(endpoint) else "silent:", "warm" * endpoint.warm, flush=True)
sys.stdin.read()
it.engine.stop()
"""


class Job:
    """A run in a process of its own."""

    def __init__(self, pool: Pool, before: str = "", **changes: Any) -> None:
        """Start it; `before` is a program for it that may change what it does."""
        self.process = subprocess.Popen(
            [sys.executable, "-c", _JOB, pool.prefix, pool.label, before, repr(changes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def until(self, words: str) -> str:
        """Wait until it has said this; return the line.

        Raises:
            EOFError: it never does; with its last words.
        """
        assert self.process.stdout and self.process.stderr
        for line in self.process.stdout:
            if words in line:
                return str(line)
        raise EOFError(self.process.stderr.read())

    def kill(self) -> None:
        """Kill it, as a runner does that has no patience any more."""
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Let it end by itself."""
        self.process.communicate("")


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
def built_standin(entrypoint: Sequence[str] = ("python3", "-m", MODULE)) -> Iterator[str]:
    """An image that starts the stand-in as vLLM's image starts vLLM."""
    images.up()
    # Not the name of another clone's tests in the same engine, which remove theirs.
    name = f"oi-deploy-test/vllm-standin:{secrets.token_hex(4)}"
    dockerfile = (
        f"FROM {images.PYTHON}\nCOPY vllm /standin/vllm\nENV PYTHONPATH=/standin\n"
        "COPY nvidia-smi /usr/local/bin/nvidia-smi\n"
        f"ENTRYPOINT {json.dumps(entrypoint)}\n"
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
