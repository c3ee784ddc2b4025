"""`oi-deploy serve`, whole, with a stand-in for vLLM in the server's container."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from oi_deploy.engine import Endpoint
from oi_deploy.errors import RunError
from tests.integration.engine_world import Opened, Pool, answers, settings

pytestmark = pytest.mark.docker

WARM = 86399.0
SCRIPT = """
import sys
from oi_deploy.engine import sibling
sibling.NAME, sibling.LABEL = sys.argv[1:3]
from oi_deploy.serve import keeper
{before}
from oi_deploy.cli import main
sys.exit(main(sys.argv[3:]))
"""


class Serving:
    """The program, in a process of its own."""

    def __init__(self, pool: Pool, image: str, folder: Path, *more: str, before: str = "") -> None:
        self.key_file = folder / "api-key"
        self.said: list[str] = []
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._manager.bind(str(folder / "notify"))
        self.notified: list[str] = []
        threading.Thread(target=self._take_notes, daemon=True).start()
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-c", SCRIPT.format(before=before), pool.prefix, pool.label),
                *("serve", "--listen", "127.0.0.1:0", "--owner", "acme"),
                *("--api-key-file", str(self.key_file)),
                *("--with", "model=acme/tiny", "--with", f"vllm-image={image}"),
                *("--with", "gpus=none", "--with", "max-model-len=2048", *more),
            ],
            env={**os.environ, "NOTIFY_SOCKET": str(folder / "notify")},
            stdout=subprocess.PIPE,
            text=True,
        )

    def hear(self, words: str) -> str:
        """Read until a line has these words."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.append(line)
            if words in line:
                return line
        raise AssertionError(f"it never said {words!r}, but:\n{''.join(self.said)}")

    def ready(self) -> Endpoint:
        """Wait until it serves; what a client has to know."""
        found = re.search(r"ready, with `(\S+)` at (\S+)", self.hear("serve: ready"))
        assert found
        return Endpoint(found[2], found[1], self.key_file.read_text().strip(), 2048)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Tell it to end; its exit code."""
        self.process.send_signal(number)
        return self.rest()

    def rest(self) -> int:
        """Read the rest of what it says; its exit code."""
        out, _ = self.process.communicate()
        self.said.append(out)
        return self.process.returncode

    def _take_notes(self) -> None:
        while True:
            self.notified.append(self._manager.recv(65536).decode())

    def notes(self, word: str) -> None:
        """Wait until the service manager has heard this."""
        while word not in self.notified:
            time.sleep(0.01)

    def close(self) -> None:
        """Leave nothing."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()


Serve = Callable[..., Serving]


@pytest.fixture
def serve(pool: Pool, standin_image: str, tmp_path: Path) -> Iterator[Serve]:
    with ExitStack() as stack:

        def make(*more: str, before: str = "") -> Serving:
            it = Serving(pool, standin_image, tmp_path, *more, before=before)
            stack.callback(it.close)
            return it

        yield make


@pytest.fixture
def job(pool: Pool, standin_image: str) -> Iterator[Callable[..., Opened]]:
    """Makes runs on the same machine, with the same settings but for changes."""
    with ExitStack() as stack:

        def make(**changes: object) -> Opened:
            values = {"vllm_image": standin_image, "user": "acme/shop, run 7", **changes}
            it = Opened(settings("sibling", **values))
            stack.callback(it.engine.stop)
            return it

        yield make


def get(endpoint: Endpoint, path: str, key: str = "") -> httpx.Response:
    return httpx.get(
        endpoint.base_url.removesuffix("/v1") + path,
        headers={"Authorization": f"Bearer {key}"} if key else {},
        trust_env=False,
        timeout=30,
    )


def test_it_serves_until_it_is_told_to_end_and_leaves_nothing(serve: Serve, pool: Pool) -> None:
    it = serve()
    endpoint = it.ready()
    assert answers(endpoint)
    assert get(endpoint, "/v1/models").status_code == 401
    assert get(endpoint, "/health").status_code == 200
    assert "vllm:num_requests_running" in get(endpoint, "/metrics").text
    assert get(endpoint, "/version", endpoint.api_key).status_code == 404
    it.notes("READY=1")
    assert it.end() == 0
    pool.wait_until_gone()
    it.notes("STOPPING=1")
    it.notes("STATUS=serve: ended")
    assert it.key_file.stat().st_mode & 0o777 == 0o600
    assert endpoint.api_key not in "".join(it.said)
    with pytest.raises(httpx.ConnectError):
        get(endpoint, "/health")


def test_interrupted_while_the_server_starts_it_leaves_nothing(serve: Serve, pool: Pool) -> None:
    it = serve("--with", "vllm-args=--standin hang")
    it.hear("engine: loading weights")
    assert it.end(signal.SIGINT) == 0
    pool.wait_until_gone()
    it.notes("STOPPING=1")
    assert "READY=1" not in it.notified


def test_a_server_that_dies_is_started_again_behind_the_same_port(serve: Serve, pool: Pool) -> None:
    it = serve()
    endpoint = it.ready()
    container = pool.server()
    container.kill()
    it.hear("serve: The model server ")
    it.hear("started again")
    assert it.ready() == endpoint
    assert answers(endpoint)
    assert pool.server().id != container.id
    assert it.end() == 0


def test_a_server_that_stands_still_is_replaced(serve: Serve, pool: Pool) -> None:
    it = serve(before="keeper._HEALTH_EVERY_S, keeper._HEALTH_S, keeper.STUCK_S = 0.5, 0.5, 2.0")
    endpoint = it.ready()
    container = pool.server()
    first = container.attrs["State"]["Pid"]
    for line in container.top()["Processes"]:
        if int(line[2]) == first:
            os.kill(int(line[1]), signal.SIGSTOP)
    it.hear("has not answered for")
    it.ready()
    assert answers(endpoint)
    assert pool.server().id != container.id


def test_a_first_start_that_fails_ends_it_with_the_cause(serve: Serve, pool: Pool) -> None:
    it = serve("--with", "vllm-args=--standin die")
    assert it.rest() == 1
    assert "No available memory for the cache blocks" in "".join(it.said)
    pool.wait_until_gone()


def test_a_job_on_the_same_machine_shares_the_server(
    serve: Serve, job: Callable[..., Opened], pool: Pool
) -> None:
    it = serve()
    it.ready()
    container = pool.server()
    endpoint = (sharing := job()).start()
    assert endpoint.warm
    assert answers(endpoint)
    assert pool.server().id == container.id
    # It outlives the service, for the job.
    assert it.end() == 0
    assert answers(endpoint)
    sharing.engine.stop()
    pool.wait_until_gone()


def test_it_uses_a_server_that_a_job_has_started(
    serve: Serve, job: Callable[..., Opened], pool: Pool
) -> None:
    first = job(keep_warm_s=WARM)
    first.start()
    first.engine.stop()
    container = pool.server()
    assert answers(serve().ready())
    assert pool.server().id == container.id


@pytest.mark.parametrize("change", [{"owner": "other"}, {"max_model_len": 1024}])
def test_a_job_with_other_settings_is_told_at_once_and_keeps_nobody_out(
    serve: Serve, job: Callable[..., Opened], pool: Pool, change: dict[str, object]
) -> None:
    endpoint = serve().ready()
    container = pool.server()
    with pytest.raises(RunError) as caught:
        job(**change, timeout_s=WARM).start()
    assert f"`oi-deploy serve` at {endpoint.base_url}" in caught.value.why
    assert "`oi-deploy serve --owner`" in caught.value.remedy
    assert "`api-base: " in caught.value.remedy
    assert job().start().warm
    assert pool.server().id == container.id


def test_other_settings_wait_until_the_jobs_on_the_old_server_are_done(
    serve: Serve, job: Callable[..., Opened], pool: Pool
) -> None:
    user = job(max_model_len=1024)
    old = user.start()
    it = serve()
    it.hear("which is used by acme/shop, run 7")
    assert answers(old)
    user.engine.stop()
    assert answers(it.ready())
    assert pool.most_at_once() == 1
