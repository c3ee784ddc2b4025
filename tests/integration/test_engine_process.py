"""`engine: process`: a child in a group of its own, from its start to its last worker's end."""

import os
import signal
import time
from pathlib import Path

import pytest

from oi_deploy.engine import Endpoint
from oi_deploy.errors import RunError, Status
from tests.integration.engine_world import MODULE, STANDIN, answers, group, opened, processes


@pytest.fixture(autouse=True)
def vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A `vllm` that can be imported; the real one runs in the tests of `sibling`."""
    monkeypatch.setenv("PYTHONPATH", str(STANDIN))


def leader(endpoint: Endpoint) -> int:
    port = endpoint.base_url.removesuffix("/v1").rpartition(":")[2]
    (pid,) = processes(MODULE, "--port", port)
    return pid


def test_it_answers_on_the_loopback_address_to_whoever_has_the_key() -> None:
    with opened("process") as it:
        endpoint = it.start()
        assert endpoint.base_url.startswith("http://127.0.0.1:")
        assert (endpoint.model, endpoint.max_model_len) == ("tiny", 2048)
        assert answers(endpoint)
        assert not answers(Endpoint(endpoint.base_url, endpoint.model, "guess", 1))
        assert it.engine.diagnose() is None


def test_its_workers_end_with_it_and_it_can_be_stopped_twice() -> None:
    with opened("process") as it:
        pid = leader(it.start())
        assert len(group(pid)) == 2
        it.engine.stop()
        assert group(pid) == []
        it.engine.stop()


def test_of_the_jobs_environment_it_sees_nothing_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INPUT_REGISTRY-PASSWORD", "canary-1")
    monkeypatch.setenv("ACTIONS_RUNTIME_TOKEN", "canary-2")
    with opened("process") as it:
        pid = leader(it.start())
        environment = Path(f"/proc/{pid}/environ").read_text()
        arguments = Path(f"/proc/{pid}/cmdline").read_text()
        assert "canary" not in environment
        assert it.engine.diagnose() is None
        assert "VLLM_API_KEY=" in environment
        assert environment.partition("VLLM_API_KEY=")[2].partition("\0")[0] not in arguments


def test_its_death_is_told_with_cause_and_last_lines() -> None:
    with opened("process", vllm_args=("--standin", "die")) as it, pytest.raises(RunError) as caught:
        it.start()
    assert "reading the model's configuration" in caught.value.what
    assert caught.value.why.startswith("there is not enough memory")
    assert "ValueError: No available memory" in caught.value.why
    assert "--gpu-memory-utilization" in caught.value.remedy


def test_its_death_during_the_run_is_diagnosed() -> None:
    with opened("process") as it:
        os.kill(leader(it.start()), signal.SIGKILL)
        while (why := it.engine.diagnose()) is None:
            time.sleep(0.05)
        assert "it was killed" in why


def test_a_cancelled_run_leaves_no_process() -> None:
    marker = "oi-test-cancelled"
    hang = ("--standin", "hang", "--served-model-name", marker)
    with opened("process", vllm_args=hang) as it:
        it.cancel_when_it_says("loading weights")
        with pytest.raises(RunError) as caught:
            it.start()
        assert caught.value.status is Status.CANCELLED
        assert processes(MODULE, marker) == []


def test_too_much_time_leaves_no_process() -> None:
    marker = "oi-test-late"
    hang = ("--standin", "hang", "--served-model-name", marker)
    with opened("process", timeout_s=1.0, vllm_args=hang) as it:
        with pytest.raises(RunError) as caught:
            it.start()
        assert caught.value.status is Status.TIMED_OUT
        assert processes(MODULE, marker) == []


def test_a_folder_that_is_not_there_is_named() -> None:
    with opened("process", model="/srv/no/model") as it, pytest.raises(RunError) as caught:
        it.start()
    assert "there is no folder /srv/no/model" in caught.value.why


def test_an_image_without_vllm_says_what_to_use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PYTHONPATH")
    monkeypatch.setenv("PATH", str(tmp_path))
    with opened("process") as it, pytest.raises(RunError) as caught:
        it.start()
    assert "`engine: sibling`" in caught.value.remedy
