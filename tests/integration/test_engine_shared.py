"""A server outlives its run: who uses it next, who waits for it, and how it is replaced."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any

import docker
import httpx
import pytest

from oi_deploy.engine import choice, host, sibling
from oi_deploy.errors import RunError, Status
from tests.integration.engine_world import Job as Elsewhere
from tests.integration.engine_world import Opened, Pool, answers, settings

pytestmark = pytest.mark.docker

WARM = 86399.0


Job = Callable[..., Opened]


@pytest.fixture
def job(pool: Pool, standin_image: str) -> Iterator[Job]:
    """Makes runs of the same settings, with changes."""
    with ExitStack() as stack:

        def make(user: str = "acme/shop, run 7", **changes: Any) -> Opened:
            values = {"vllm_image": standin_image, "keep_warm_s": WARM, "user": user, **changes}
            it = Opened(settings("sibling", **values))
            stack.callback(it.engine.stop)
            return it

        yield make


@pytest.fixture
def elsewhere(pool: Pool, standin_image: str) -> Iterator[Callable[..., Elsewhere]]:
    """Makes runs in processes of their own."""
    started = []

    def start(before: str = "", **changes: Any) -> Elsewhere:
        values = {"vllm_image": standin_image, "keep_warm_s": WARM, "user": "killed", **changes}
        started.append(Elsewhere(pool, before, **values))
        return started[-1]

    yield start
    for it in started:
        it.process.kill()
        it.process.communicate()


def parents(container: Any) -> dict[int, int]:
    """A container's processes and their parents, as the host numbers them."""
    found = container.top()
    pid, parent = (found["Titles"].index(name) for name in ("PID", "PPID"))
    return {int(row[pid]): int(row[parent]) for row in found["Processes"]}


def server_processes(container: Any) -> set[int]:
    """All but the supervisor and relays."""
    found = parents(container)
    server = {pid for pid in found if found[pid] == container.attrs["State"]["Pid"]}
    return server | {pid for pid in found if found[pid] in server}


def relays(container: Any) -> set[int]:
    """What runs for our connections."""
    return {*parents(container)} - server_processes(container) - {container.attrs["State"]["Pid"]}


def hears(it: Opened, words: str) -> None:
    """Wait until a run has said this."""
    while not any(words in line for line in it.said):
        time.sleep(0.05)


def warm(job: Job, pool: Pool) -> Any:
    """A server that nobody uses."""
    first = job()
    first.start()
    first.engine.stop()
    return pool.server()


def test_the_next_run_uses_it_at_once(job: Job, pool: Pool) -> None:
    assert not job().start().warm
    container = pool.server()
    endpoint = (later := job("acme/shop, run 8")).start()
    assert endpoint.warm
    assert answers(endpoint)
    assert pool.server().id == container.id
    assert not any("starting vLLM" in line or "waiting for" in line for line in later.said)


def test_it_is_used_when_nobody_has_used_it_for_a_while(job: Job, pool: Pool) -> None:
    container = warm(job, pool)
    assert job(keep_warm_s=0.0).start().warm
    assert pool.server().id == container.id


def test_nobody_reaches_it_from_another_container_or_the_host(job: Job, pool: Pool) -> None:
    first = job()
    endpoint = first.start()
    first.engine.stop()
    container = pool.server()
    address = container.attrs["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{address}:8000/health", trust_env=False)
    assert not container.attrs["NetworkSettings"]["Ports"]
    # What Docker tells about it holds no key.
    assert endpoint.api_key not in json.dumps(container.attrs)


def test_an_idle_server_ends_itself(job: Job, pool: Pool) -> None:
    first = job(keep_warm_s=1.0)
    first.start()
    first.engine.stop()
    pool.wait_until_gone()


def test_a_start_that_failed_is_kept_for_nobody(job: Job, pool: Pool) -> None:
    with pytest.raises(RunError):
        job(vllm_args=("--standin", "die")).start()
    pool.wait_until_gone()


def test_runs_that_start_at_once_share_one_server(job: Job, pool: Pool) -> None:
    jobs = [job(f"acme/shop, run {number}") for number in range(4)]
    with ThreadPoolExecutor(len(jobs)) as threads:
        endpoints = list(threads.map(lambda it: it.start(), jobs))
    assert all(answers(endpoint) for endpoint in endpoints)
    assert sum(any("starting vLLM" in line for line in it.said) for it in jobs) == 1
    for it in jobs[1:]:
        it.engine.stop()
    assert answers(endpoints[0])
    assert pool.most_at_once() == 1


def test_the_lease_of_a_killed_run_ends_with_it(
    elsewhere: Callable[..., Elsewhere], pool: Pool
) -> None:
    killed = elsewhere(keep_warm_s=0.0)
    killed.until("ready:")
    assert len(pool.containers()) == 1
    killed.kill()
    pool.wait_until_gone()


def test_a_killed_run_s_server_is_used_by_the_next(
    elsewhere: Callable[..., Elsewhere], job: Job, pool: Pool
) -> None:
    killed = elsewhere()
    killed.until("ready:")
    container = pool.server()
    killed.kill()
    other = job(max_model_len=1024)
    other.start()
    # It had not to wait for the killed run's lease.
    assert pool.server().id != container.id


def test_another_configuration_waits_for_the_users_and_replaces_it(job: Job, pool: Pool) -> None:
    users = [job("acme/shop, run 7"), job("acme/shop, run 8")]
    endpoints = [it.start() for it in users]
    container = pool.server()
    other = job("acme/blog, run 1", max_model_len=1024)
    with ThreadPoolExecutor(1) as threads:
        result = threads.submit(other.start)
        hears(other, "which is used by acme/shop, run 7 and acme/shop, run 8")
        users[0].engine.stop()
        hears(other, "which is used by acme/shop, run 8")
        assert answers(endpoints[1])
        assert pool.server().id == container.id
        users[1].engine.stop()
        endpoint = result.result()
    assert endpoint.max_model_len == 1024
    assert pool.server().id != container.id


@pytest.mark.parametrize("change", [{"owner": "other"}, {"vllm_args": ("--seed", "1")}])
def test_what_matters_makes_another_server(job: Job, pool: Pool, change: dict[str, Any]) -> None:
    container = warm(job, pool)
    assert not job(**change).start().warm
    assert pool.server().id != container.id


@pytest.mark.parametrize(
    "changes",
    [
        [{"max_model_len": size} for size in (1024, 2048, 1024, 4096)],
        # Their containers have different names.
        [{"gpus": gpus} for gpus in ("all", "0", "0,1", "0,2")],
    ],
    ids=["configurations", "gpus"],
)
def test_runs_that_race_for_the_same_gpus_all_get_their_turn(
    job: Job, pool: Pool, changes: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sibling, "device_requests", lambda gpus, info: [])

    def use(it: Opened) -> bool:
        good = answers(it.start())
        it.engine.stop()
        return good

    jobs = [job(f"run {number}", **change) for number, change in enumerate(changes)]
    with ThreadPoolExecutor(len(jobs)) as threads:
        assert all(threads.map(use, jobs))
    assert pool.most_at_once() == 1


def test_a_run_in_line_can_be_cancelled_and_has_an_end(job: Job, pool: Pool) -> None:
    user = job("acme/shop, run 7")
    endpoint = user.start()
    other = job(max_model_len=1024)
    other.cancel_when_it_says("waiting for")
    with pytest.raises(RunError) as caught:
        other.start()
    assert caught.value.status is Status.CANCELLED
    with pytest.raises(RunError) as caught:
        job(max_model_len=1024, timeout_s=1.0).start()
    assert caught.value.status is Status.TIMED_OUT
    assert "acme/shop, run 7" in caught.value.why
    assert "`engine-timeout: 60m`" in caught.value.remedy
    assert answers(endpoint)
    # Nobody is in line any more.
    assert job().start().warm


def test_a_server_that_answers_nothing_is_replaced(
    job: Job, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sibling, "STUCK_S", 5.0)
    container = warm(job, pool)
    for pid in server_processes(container):
        os.kill(pid, signal.SIGSTOP)
    # None of them is kept waiting by the others, who wait too.
    jobs = [job(f"acme/shop, run {number}") for number in range(3)]
    with ThreadPoolExecutor(len(jobs)) as threads:
        endpoints = list(threads.map(lambda it: it.start(), jobs))
    assert all(answers(endpoint) for endpoint in endpoints)
    assert pool.server().id != container.id
    # Whoever is the first to replace it says so; to the others it has gone.
    said = [line for it in jobs for line in it.said]
    assert any("stuck: the model does not answer" in line for line in said)
    assert pool.most_at_once() == 1


def test_a_server_whose_supervisor_stands_still_is_replaced(
    job: Job, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sibling, "STUCK_S", 5.0)
    container = warm(job, pool)
    os.kill(container.attrs["State"]["Pid"], signal.SIGSTOP)
    assert answers(job().start())
    assert pool.server().id != container.id


def test_a_server_that_somebody_has_paused_is_replaced(job: Job, pool: Pool) -> None:
    container = warm(job, pool)
    container.pause()
    assert answers(job().start())
    assert pool.server().id != container.id


def test_a_server_that_was_killed_is_replaced(job: Job, pool: Pool) -> None:
    container = warm(job, pool)
    container.kill()
    assert answers(job().start())


def test_a_server_that_dies_as_it_is_taken_over_is_replaced(job: Job, pool: Pool) -> None:
    container = warm(job, pool)
    for pid in server_processes(container):
        os.kill(pid, signal.SIGSTOP)
    later = job()
    with ThreadPoolExecutor(1) as threads:
        result = threads.submit(later.start)
        hears(later, "is up already")
        container.kill()
        assert answers(result.result())


def test_a_connection_that_is_lost_is_told(job: Job, pool: Pool) -> None:
    server = warm(job, pool)  # it stays, whatever happens to its users
    it = job()
    it.start()
    for pid in relays(server):
        with suppress(ProcessLookupError):  # that of a request which is over
            os.kill(pid, signal.SIGKILL)
    while (why := it.engine.diagnose()) is None:
        time.sleep(0.05)
    assert "connection to the model server was lost" in why
    assert server.id == pool.server().id


def test_a_server_that_dies_a_little_after_a_request_has_failed_is_diagnosed(
    job: Job, pool: Pool
) -> None:
    it = job()
    it.start()
    assert it.engine.diagnose() is None
    container = pool.server()
    for pid in server_processes(container):
        os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as threads:
        why = threads.submit(it.engine.diagnose)
        time.sleep(0.5)
        container.kill()
        assert "killed or removed from outside" in (why.result() or "")


def test_a_container_that_was_never_started_is_removed(
    job: Job, pool: Pool, standin_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "_STARTED_WITHIN_S", 2.0)
    left = docker.from_env().containers.create(
        standin_image,
        name=pool.name,
        labels={pool.label: "another digest", "oi-deploy.engine.gpus": "none"},
    )
    later = job()
    assert answers(later.start())
    assert pool.server().id != left.id
    assert any("which is created" in line for line in later.said)


def test_a_run_that_was_taken_for_dead_before_it_started_its_container_goes_on(
    job: Job, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    contested, removed = choice.contested, list[str]()

    def slow(found: list[choice.Server], own_id: str, gpus: str) -> bool:
        if not removed:
            removed.append(own_id)
            docker.from_env().api.remove_container(own_id)
        return contested(found, own_id=own_id, gpus=gpus)

    monkeypatch.setattr(choice, "contested", slow)
    assert answers(job().start())
    assert pool.server().id not in removed


def test_a_container_that_is_stopped_from_outside_is_not_blamed_on_memory(
    job: Job, pool: Pool
) -> None:
    for name, how in (("stop", {}), ("remove", {"force": True})):
        it = job()
        it.start()
        getattr(pool.server(), name)(**how)
        while (why := it.engine.diagnose()) is None:
            time.sleep(0.05)
        assert "killed or removed from outside" in why
        pool.wait_until_gone()


def test_a_name_that_is_taken_is_told_with_the_way_out(
    job: Job, pool: Pool, standin_image: str
) -> None:
    stranger = docker.from_env().containers.create(standin_image, name=pool.name)
    try:
        with pytest.raises(RunError) as caught:
            job().start()
    finally:
        stranger.remove()
    assert f"`docker rm --force {pool.name}`" in caught.value.remedy


def test_an_engine_that_goes_away_is_told(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(client: docker.DockerClient, label: str) -> list[choice.Server]:
        raise ConnectionError("Connection refused")

    monkeypatch.setattr(host, "look", gone)
    with pytest.raises(RunError) as caught:
        job().start()
    assert "Connection refused" in caught.value.why
