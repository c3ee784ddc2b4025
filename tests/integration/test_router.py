"""A run on two real vLLM servers, of which one dies: behind vllm-router, and without a router."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from devkit import pool, vllm
from devkit.pool import Server
from oi_deploy.agent import completions
from oi_deploy.agent.completions import Completions
from oi_deploy.agent.servers import Again
from oi_deploy.agent.session import Session
from oi_deploy.engine.interface import Endpoint
from oi_deploy.limits import Stop
from oi_deploy.sandbox import Result
from tests.integration import tiny_model
from tests.integration.engine_world import opened

pytestmark = [pytest.mark.docker, pytest.mark.engine]


class Watched(Stop):
    """Does something once when the next piece of an answer arrives."""

    def __init__(self) -> None:
        super().__init__(600, 120)
        self.then: list[Callable[[], None]] = []

    def alive(self) -> None:
        super().alive()
        while self.then:
            self.then.pop()()


class Run:
    """A run's talk with the model, whose answers are nonsense and go on to the limit."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.again: list[Again] = []
        self._stop = Watched()
        self._completions = Completions(
            endpoint,
            stop=self._stop,
            max_tokens=1500,
            show=lambda: contextlib.nullcontext(self),
            on_again=self.again.append,
        )
        self._session = Session(
            self._completions,
            run=lambda argv: Result(0, False, 0.1, ""),
            stop=self._stop,
            system_message="Deploy.",
            model=endpoint.model,
        )

    def turn(self, *, then: Callable[[], None] = lambda: None) -> None:
        """One question and its whole answer; `then` is done when that begins to arrive."""
        self._stop.then.append(then)
        before = self._completions.completion_tokens
        self._session.turn("Build, push and roll out.")
        assert self._completions.completion_tokens > before

    def write(self, text: str) -> None:
        """Nobody reads it."""


@pytest.fixture(autouse=True)
def on_and_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the nonsense go on: it is one letter, and would be cut as an answer that goes round."""
    monkeypatch.setattr(completions, "goes_round", lambda text: False)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    image = vllm.up()
    model = tiny_model.write(tmp_path_factory.mktemp("models") / "tiny", likes="a")
    with pool.servers(image, model, 2, max_model_len=4096) as started:
        yield started


@pytest.fixture(scope="module")
def router(both: list[Server]) -> Iterator[str]:
    with pool.router(both) as url:
        yield url


@contextlib.contextmanager
def endpoint(both: list[Server], *urls: str) -> Iterator[Endpoint]:
    """As `engine: external` finds it."""
    one = both[0]
    with opened("external", model=one.model, api_base=urls, api_key=one.key) as it:
        yield it.start()


def run_at(server: Server, found: Endpoint) -> Run:
    """A run whose questions the router gives to this server."""
    while True:
        run, before = Run(found), server.answered()
        run.turn()
        if server.answered() > before:
            return run


@pytest.mark.parametrize("dies", [0, 1])
def test_behind_a_router_a_run_survives_the_death_of_either(
    both: list[Server], router: str, dies: int
) -> None:
    with endpoint(both, router) as found:
        run, dying, living = run_at(both[dies], found), both[dies], both[1 - dies]
        before = living.answered()
        run.turn()
        # It stays where its prompt is in the cache.
        assert living.answered() == before
        try:
            run.turn(then=dying.killer())
            assert run.again and run.again[0].broke_off
            run.turn()
            # Runs that start now do without it.
            with endpoint(both, router) as later:
                for _ in range(4):
                    Run(later).turn()
        finally:
            dying.restart()
            # Until the router knows it again: then, runs of the other one move to it.
            run_at(dying, found)


@pytest.mark.parametrize("dies", [0, 1])
def test_without_a_router_the_next_endpoint_takes_over(both: list[Server], dies: int) -> None:
    dying, living = both[dies], both[1 - dies]
    with endpoint(both, dying.api_base, living.api_base) as found:
        assert (found.base_url, found.others) == (dying.api_base, (living.api_base,))
        run = Run(found)
        try:
            run.turn(then=dying.killer())
            assert [(item.server, item.broke_off) for item in run.again] == [(dying.api_base, True)]
            before = living.answered()
            run.turn()
            assert len(run.again) == 1 and living.answered() > before
            # A run that starts now begins with the one that lives.
            with endpoint(both, dying.api_base, living.api_base) as later:
                assert later.base_url == living.api_base
        finally:
            dying.restart()
