"""What can go wrong with a real vLLM: nothing hangs, no two servers, every ending is explained.

`docs/engine.md` has the same table. The model is small, since only the server's life matters here.
"""

import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest

from devkit import model, vllm
from oi_deploy.engine import Endpoint, choice, container, sibling
from oi_deploy.engine.phases import Phase, progress_of
from oi_deploy.errors import RunError, Status
from tests.integration.engine_world import Job as Elsewhere
from tests.integration.engine_world import Opened, Pool, answers, own_pool, settings
from tests.integration.model_hub import model_hub

pytestmark = [pytest.mark.docker, pytest.mark.engine, pytest.mark.timeout(600)]

WARM = 86399.0
# vLLM's processes, by what their command line begins with or holds.
API, CORE, WORKER = "vllm.entrypoints.openai.api_server", "VLLM::EngineCore", "VLLM::Worker"
CONTAINER = "the container"


@pytest.fixture(scope="module")
def small() -> dict[str, Any]:
    """What all servers of this file have in common."""
    image = vllm.up()
    folder = str(model.up(image, model.SMALL))
    return {"vllm_image": image, "model": folder, "timeout_s": 300.0, "keep_warm_s": WARM}


@pytest.fixture
def pool() -> Iterator[Pool]:
    """Servers of this test; in the end it has left nothing, and there were never two at once."""
    with own_pool() as pool:
        yield pool
        most = pool.most_at_once()
    pool.wait_until_gone()
    assert most <= 1
    while any(thread.name.startswith("engine-") for thread in threading.enumerate()):
        time.sleep(0.05)


@pytest.fixture
def job(pool: Pool, small: dict[str, Any]) -> Iterator[Callable[..., Opened]]:
    """Makes runs of the same settings, with changes."""
    with ExitStack() as stack:

        def make(user: str = "acme/shop, run 7", **changes: Any) -> Opened:
            it = Opened(settings("sibling", **{**small, "user": user, **changes}))
            stack.callback(it.engine.stop)
            return it

        yield make


@pytest.fixture
def elsewhere(pool: Pool, small: dict[str, Any]) -> Iterator[Callable[..., Elsewhere]]:
    """Makes runs in processes of their own."""
    started: list[Elsewhere] = []

    def make(before: str = "", **changes: Any) -> Elsewhere:
        started.append(Elsewhere(pool, before, **{**small, **changes}))
        return started[-1]

    yield make
    for it in started:
        it.process.kill()
        it.process.communicate()


Job = Callable[..., Opened]
Jobs = Callable[..., Elsewhere]


def pids(server: Any, who: str) -> list[int]:
    """The host's numbers of some of a container's processes."""
    found = server.top()
    pid, command = (found["Titles"].index(name) for name in ("PID", "CMD"))
    return [
        int(row[pid])
        for row in found["Processes"]
        if who in row[command] and "supervisor" not in row[command]
    ]


def send(server: Any, number: signal.Signals, *whom: str) -> None:
    """Send a signal to some of vLLM's processes, as soon as they are there."""
    for who in whom:
        while not (found := pids(server, who)):
            time.sleep(0.01)
        for pid in found:
            os.kill(pid, number)


def kill(server: Any, who: str) -> None:
    if who == CONTAINER:
        server.kill()
    else:
        send(server, signal.SIGKILL, who)


def when(pool: Pool, phase: Phase) -> Any:
    """Wait for the server and until it has reached a phase; return it."""
    while not (found := [it for it in pool.containers() if it.status == "running"]):
        time.sleep(0.01)
    if phase is not Phase.STARTING:
        for line in found[0].logs(stream=True, follow=True):
            progress = progress_of(line.decode(errors="replace"))
            if progress and progress.phase is phase:
                break
    return found[0]


@contextmanager
def beginning(*jobs: Opened) -> Iterator[list[Future[Endpoint]]]:
    """Runs that start at once."""
    with ThreadPoolExecutor(len(jobs)) as threads:
        yield [threads.submit(it.start) for it in jobs]


def explained(error: BaseException | None) -> RunError:
    """A failure, with what, why and a remedy."""
    assert isinstance(error, RunError)
    print(f"\n{error}")  # noqa: T201 - to be read with `pytest -s`
    assert error.what
    assert error.why
    assert error.remedy
    assert "exit code is" not in error.why
    return error


def failure(start: Callable[[], object]) -> RunError:
    """How this start fails."""
    with pytest.raises(RunError) as caught:
        start()
    return explained(caught.value)


def warm(job: Job, pool: Pool) -> Any:
    """A server that nobody uses."""
    it = job()
    it.start()
    it.engine.stop()
    return pool.server()


@pytest.mark.parametrize(
    ("phase", "who"),
    [
        (Phase.STARTING, API),
        (Phase.CHECKING, CONTAINER),
        (Phase.LAUNCHING, CORE),
        (Phase.LOADING, WORKER),
        (Phase.WARMING, API),
    ],
)
def test_a_server_that_is_killed_in_its_start_fails_every_job_that_waits_for_it(
    job: Job, pool: Pool, phase: Phase, who: str
) -> None:
    jobs = [job("run 7"), job("run 8")]
    with beginning(*jobs) as starts:
        for it in jobs:
            while not any(line.startswith("engine: starting (") for line in it.said):
                time.sleep(0.05)
        kill(when(pool, phase), who)
        for start in starts:
            error = explained(start.exception())
            assert "killed" in error.why
    pool.wait_until_gone()


def test_a_server_that_is_killed_later_ends_what_uses_it_and_the_next_job_has_another(
    job: Job, pool: Pool
) -> None:
    # An idle one: its core is gone, and the rest takes a moment to notice.
    first = warm(job, pool)
    kill(first, CORE)
    for who in (WORKER, CORE, API, CONTAINER):
        it = job()
        endpoint = it.start()
        assert pool.server().id != first.id
        assert answers(endpoint)
        with ThreadPoolExecutor(1) as threads:
            asked = threads.submit(long_request, endpoint, begun := threading.Event())
            begun.wait()
            kill(pool.server(), who)
            with pytest.raises((httpx.HTTPError, ValueError)):
                asked.result()
        # As run.py asks, as soon as a request has failed.
        begun_at = time.monotonic()
        why = it.engine.diagnose()
        print(f"\nduring a request, {who}: {why} ({time.monotonic() - begun_at:.1f} s)")  # noqa: T201
        assert why
        assert "killed" in why
        it.engine.stop()


def long_request(endpoint: Endpoint, begun: threading.Event) -> None:
    """Ask for far more than the test waits for.

    Raises:
        HTTPError: the connection broke off, or the answer is an error.
        ValueError: the answer breaks off with an error.
    """
    with httpx.stream(
        "POST",
        f"{endpoint.base_url}/chat/completions",
        headers={"Authorization": f"Bearer {endpoint.api_key}"},
        json={
            "model": endpoint.model,
            "messages": [{"role": "user", "content": "Count to a million."}],
            "max_tokens": 1900,
            "ignore_eos": True,
            "stream": True,
        },
        timeout=120,
    ) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            begun.set()
            if line.startswith('data: {"error"'):
                raise ValueError(line)


def test_jobs_that_are_killed_leave_no_trace(
    job: Job, elsewhere: Jobs, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "_STARTED_WITHIN_S", 1.0)
    # Killed with the lock in its hand: the container is made and not started.
    dies = "os.kill(os.getpid(), signal.SIGKILL)"
    elsewhere(f"choice.contested = lambda *a, **k: {dies}").process.wait()
    (left,) = pool.containers()
    assert left.status == "created"
    # Killed between the start and its lease; it has taken the lock from the first.
    before = "choice._STARTED_WITHIN_S = 1.0; sibling.Sibling._join = lambda *a, **k: "
    elsewhere(before + dies).process.wait()
    (started,) = pool.containers()
    assert (started.status, started.id != left.id) == ("running", True)
    # The server is as good as another, and the next job comes in time.
    first = job("first")
    assert answers(first.start())
    assert pool.server().id == started.id
    # Killed while it waits in line: others of the first configuration are let in again.
    waiting = elsewhere(max_model_len=1024)
    waiting.until("which is used by first")
    waiting.kill()
    user = elsewhere()
    assert "warm" in user.until("ready:")
    # Killed with a lease: the server stays for the next.
    user.kill()
    first.engine.stop()
    assert job("later", keep_warm_s=0.0).start().warm
    assert pool.server().id == started.id


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.LOADING])
def test_a_job_that_is_killed_while_its_server_starts_takes_it_along(
    elsewhere: Jobs, pool: Pool, phase: Phase
) -> None:
    it = elsewhere()
    it.until("engine: starting (")  # it has its lease
    when(pool, phase)
    it.kill()
    pool.wait_until_gone()


def test_a_server_whose_only_job_never_came_ends(elsewhere: Jobs, pool: Pool) -> None:
    dies = "lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)"
    elsewhere(f"container._GRACE_S = 5.0; sibling.Sibling._join = {dies}").process.wait()
    assert pool.containers()
    pool.wait_until_gone()


def test_jobs_that_race_all_get_their_turn(elsewhere: Jobs, pool: Pool) -> None:
    jobs = [
        elsewhere(user=f"run {number}", max_model_len=length)
        for number, length in enumerate((2048, 1024, 2048, 1024))
    ]

    def use(it: Elsewhere) -> None:
        it.until("ready:")
        it.end()

    with ThreadPoolExecutor(len(jobs)) as threads:
        list(threads.map(use, jobs))


def test_a_server_that_hangs_while_it_starts_has_an_end(job: Job, pool: Pool) -> None:
    it = job(timeout_s=15.0)
    with beginning(it) as (start,):
        send(when(pool, Phase.STARTING), signal.SIGSTOP, API)
        error = explained(start.exception())
    assert error.status is Status.TIMED_OUT
    pool.wait_until_gone()


def test_a_stuck_server_is_replaced(job: Job, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sibling, "STUCK_S", 8.0)
    ways: dict[str, Callable[[Any], None]] = {
        "healthy, but silent": lambda server: send(server, signal.SIGSTOP, CORE, WORKER),
        "silent": lambda server: send(server, signal.SIGSTOP, API, CORE, WORKER),
        "supervisor": lambda server: os.kill(server.attrs["State"]["Pid"], signal.SIGSTOP),
        "paused": lambda server: server.pause(),
    }
    warm(job, pool)
    for way, stop in ways.items():
        server = pool.server()
        stop(server)
        jobs = [job("run 8"), job("run 9")]
        begun = time.monotonic()
        with beginning(*jobs) as starts:
            assert all(answers(start.result()) for start in starts)
        print(f"\n{way}: {time.monotonic() - begun:.1f} s", jobs[0].said)  # noqa: T201
        assert pool.server().id != server.id
        for it in jobs:
            it.engine.stop()


def test_memory_that_is_not_there_is_told(
    job: Job, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A limit that the kernel keeps.
    it = job()
    with beginning(it) as (start,):
        when(pool, Phase.STARTING).update(mem_limit="700m", memswap_limit="700m")
        assert "memory" in explained(start.exception()).why
    pool.wait_until_gone()
    # A cache that vLLM refuses itself.
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "9999")
    error = failure(job().start)
    assert "not enough memory" in error.why
    assert "VLLM_CPU_KVCACHE_SPACE" in error.remedy
    pool.wait_until_gone()


def test_half_a_model_is_told(job: Job, pool: Pool, tmp_path: Path) -> None:
    half = tmp_path / "half"
    shutil.copytree(model.SMALL.folder, half)
    with (half / "model.safetensors").open("r+b") as file:
        file.truncate(100_000_000)
    failure(job(model=str(half)).start)
    pool.wait_until_gone()


@pytest.fixture
def volume(monkeypatch: pytest.MonkeyPatch, pool: Pool) -> Iterator[Callable[..., None]]:
    """Makes a volume of this test for weights; with a size, of memory, and gone when unused."""
    client = docker.from_env()
    made = []

    def make(size: str = "") -> None:
        name = f"{pool.prefix}-models{size}"
        options = {"type": "tmpfs", "device": "tmpfs", "o": f"size={size}"} if size else {}
        made.append(client.volumes.create(name, driver="local", driver_opts=options))
        monkeypatch.setattr(container, "CACHE_VOLUME", name)

    yield make
    pool.wait_until_gone()
    for it in made:
        it.remove()


def test_a_download_that_cannot_end_is_told_and_the_next_one_fetches_the_rest(
    job: Job, pool: Pool, volume: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with model_hub(model.SMALL.folder) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("NO_PROXY", re.sub(r"^http://|:\d+$", "", hub.url))
        named: dict[str, Any] = {"model": "acme/small", "keep_warm_s": 0.0}
        volume("50m")
        assert "the disk is full" in failure(job(**named).start).why
        pool.wait_until_gone()
        volume()
        hub.breaks_after = 100_000_000
        failure(job(**named).start)
        pool.wait_until_gone()
        hub.breaks_after = None
        hub.fetched.clear()
        it = job(**named)
        assert answers(it.start())
        assert set(hub.fetched) == {"model.safetensors"}
        it.engine.stop()
        pool.wait_until_gone()


def test_a_port_that_is_taken_in_the_container_is_told(job: Job, pool: Pool) -> None:
    it = job()
    with beginning(it) as (start,):
        takes = (
            "import socket, time; s = socket.create_server(('127.0.0.1', 8000)); time.sleep(600)"
        )
        when(pool, Phase.STARTING).exec_run(["python3", "-S", "-c", takes], detach=True)
        error = explained(start.exception())
    assert "port" in error.why
    assert "`vllm-image`" in error.remedy
    pool.wait_until_gone()
