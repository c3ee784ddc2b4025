"""The Docker engine is restarted below the servers; with the stand-in, quickly copied to it."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from oi_deploy.errors import RunError
from tests.integration.engine_world import Opened, answers, built_standin, own_pool, settings
from tests.integration.own_engine import OwnEngine, own_engine

pytestmark = [pytest.mark.docker, pytest.mark.engine, pytest.mark.timeout(300)]


@pytest.fixture
def standin_image() -> Iterator[str]:
    with built_standin() as name:
        yield name


@pytest.fixture
def engine(
    standin_image: str,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[OwnEngine]:
    with own_engine(tmp_path_factory.mktemp("engine")) as engine:
        engine.load(standin_image)
        with monkeypatch.context() as patch:
            patch.setenv("DOCKER_HOST", engine.url)
            yield engine


def test_every_job_is_told_and_the_next_one_has_a_server(
    engine: OwnEngine, standin_image: str
) -> None:
    in_line = threading.Event()

    def job(**changes: Any) -> Opened:
        values = {"vllm_image": standin_image, "keep_warm_s": 86399.0, **changes}
        return Opened(settings("sibling", **values), hear=lambda line: in_line.set())

    with own_pool() as pool:
        user = job()
        assert answers(user.start())
        in_line.clear()
        waiting = job(max_model_len=1024)
        with ThreadPoolExecutor(1) as threads:
            result = threads.submit(waiting.start)
            in_line.wait()
            engine.stop()
            waited = result.exception()
        why = user.engine.diagnose()
        print(f"\n{why}\n{waited}")  # noqa: T201 - to be read with `pytest -s`
        assert why
        assert "shut down" in why or "restarted" in why
        with pytest.raises(RunError) as caught:
            job().start()
        for error in (waited, caught.value):
            assert isinstance(error, RunError)
            assert "Docker engine" in error.what
            assert error.why
            assert error.remedy
        engine.start()
        later = job()
        assert answers(later.start())
        assert pool.server()
        for it in (user, waiting, later):
            it.engine.stop()
