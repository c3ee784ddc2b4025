"""What a run does when a model server is busy, breaks off or is gone; scripted servers."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from devkit.scripted_model import MODEL, ScriptedModel
from devkit.scripted_replies import Disconnect, Execute, Failure, Finish, Reply, Silence
from oi_deploy.agent.completions import Completions
from oi_deploy.agent.servers import Again
from oi_deploy.agent.session import Session
from oi_deploy.engine.interface import Endpoint
from oi_deploy.errors import RunError, Status
from oi_deploy.limits import Stop
from oi_deploy.sandbox import Result

CODE = "docker build -t r/app:1 . && docker push r/app:1"


class Run:
    """One run's talk with its servers: what it ran, what people saw, when it asked again."""

    def __init__(self, *urls: str, stop: Stop, key: str = "") -> None:
        self.ran: list[str] = []
        self.shown: list[str] = []
        self.again: list[Again] = []
        self.completions = Completions(
            Endpoint(urls[0], MODEL, key, 16384, others=urls[1:]),
            stop=stop,
            max_tokens=512,
            show=self._show,
            on_again=self.again.append,
        )
        self._session = Session(
            self.completions, run=self._run, stop=stop, system_message="Deploy.", model=MODEL
        )

    def turn(self) -> str:
        """The kind of the reply to one question."""
        return self._session.turn("go").reply.kind

    @contextlib.contextmanager
    def _show(self) -> Iterator["Run"]:
        self.shown.append("")
        yield self

    def write(self, text: str) -> None:
        self.shown[-1] += text

    def _run(self, argv: tuple[str, ...]) -> Result:
        self.ran.append(argv[-1])
        return Result(0, False, 0.1, "")


@contextlib.contextmanager
def servers(*scripts: list[Reply], key: str = "") -> Iterator[list[ScriptedModel]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(ScriptedModel(script, api_key=key)) for script in scripts]


@pytest.fixture
def nobody() -> Iterator[str]:
    """A URL at which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/v1"


def test_all_questions_of_a_run_and_of_no_other_have_the_same_session() -> None:
    with servers([Execute("a"), Failure(503, ""), Execute("b"), Finish("ok")]) as (one,):
        first, second = Run(one.base_url, stop=Stop()), Run(one.base_url, stop=Stop())
        first.turn(), first.turn(), second.turn()
    sessions = [headers["x-session-id"] for headers in lowered(one)]
    assert len(set(sessions[:3])) == 1
    assert len(set(sessions)) == 2


def lowered(model: ScriptedModel) -> list[dict[str, str]]:
    return [{name.lower(): value for name, value in item.items()} for item in model.headers]


@pytest.mark.parametrize("properly", [False, True], ids=["reset", "ended as if it were whole"])
def test_an_answer_that_breaks_off_is_thrown_away_and_asked_for_again(properly: bool) -> None:
    with servers([Disconnect("echo half; rm -rf /", properly), Execute(CODE)]) as (one,):
        run = Run(one.base_url, stop=Stop())
        assert run.turn() == "execute"
    assert run.ran == [CODE]
    assert "echo half; rm -rf /".startswith(run.shown[0]) and run.shown[1:] == [CODE]
    assert one.requests[0] == one.requests[1]
    (again,) = run.again
    assert again.broke_off and "the answer broke off" in again.sentence
    # The half was counted by nobody; what counts is what arrived.
    assert run.completions.completion_tokens == count_of(Execute(CODE))


def count_of(reply: Reply) -> int:
    with servers([reply]) as (one,):
        run = Run(one.base_url, stop=Stop())
        run.turn()
    return run.completions.completion_tokens


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_asked_later_and_not_before_it_said(status: int) -> None:
    with servers([Failure(status, "busy", "1"), Failure(status, "busy"), Execute(CODE)]) as (one,):
        run = Run(one.base_url, stop=Stop())
        assert run.turn() == "execute"
    assert [f"HTTP {status}" in item.why for item in run.again] == [True, True]
    assert run.again[0].wait_s == 1.0
    assert 0 < run.again[1].wait_s < 30
    assert not run.again[0].broke_off


def test_waiting_for_a_busy_server_is_no_stall_but_takes_from_the_run_s_time() -> None:
    stop = Stop(60, stall_s=0.5)
    with stop.watching(), servers([Failure(503, "busy", "1"), Execute(CODE)]) as (one,):
        assert Run(one.base_url, stop=stop).turn() == "execute"
    stop = Stop(0.5)
    busy = servers([Failure(503, "busy", "600")])
    with stop.watching(), busy as (one,), pytest.raises(RunError) as caught:
        Run(one.base_url, stop=stop).turn()
    assert caught.value.status is Status.TIMED_OUT
    assert "`timeout`" in caught.value.why


@pytest.mark.parametrize("header", ["inf", "1e300"])
def test_no_header_makes_a_run_wait_past_its_time(header: str) -> None:
    stop, busy = Stop(0.5), servers([Failure(503, "busy", header)])
    with stop.watching(), busy as (one,), pytest.raises(RunError) as caught:
        Run(one.base_url, stop=stop).turn()
    assert caught.value.status is Status.TIMED_OUT


@pytest.mark.parametrize("header", ["-1", "nan", "Wed, 21 Oct 2026 07:28:00 GMT", "soon"])
def test_a_header_without_seconds_is_as_none(header: str) -> None:
    with servers([Failure(503, "busy", header), Execute(CODE)]) as (one,):
        run = Run(one.base_url, stop=Stop())
        assert run.turn() == "execute"
    assert 0 < run.again[0].wait_s <= 0.5


def test_a_server_that_hangs_is_a_stall() -> None:
    stop = Stop(60, stall_s=0.5)
    with stop.watching(), servers([Silence()]) as (one,), pytest.raises(RunError) as caught:
        Run(one.base_url, stop=stop).turn()
    assert "`stall-timeout`" in caught.value.why


@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_what_would_be_refused_again_is_not_asked_again(status: int) -> None:
    with servers([Failure(status, "no")], [Execute(CODE)]) as (one, two):
        run = Run(one.base_url, two.base_url, stop=Stop())
        with pytest.raises(RunError, match=f"HTTP {status}"):
            run.turn()
    assert (len(one.requests), len(two.requests), run.again) == (1, 0, [])


def test_the_next_server_takes_over_and_keeps_the_run(nobody: str) -> None:
    with servers([Execute("a"), Execute("b")]) as (two,):
        run = Run(nobody, two.base_url, stop=Stop(), key="")
        run.turn(), run.turn()
    assert run.ran == ["a", "b"]
    (again,) = run.again
    assert (again.server, again.next_server, again.wait_s) == (nobody, two.base_url, 0)


@pytest.mark.parametrize(
    "failure", [Disconnect(), Failure(500, "EngineDeadError"), Failure(503, "draining", "600")]
)
def test_the_next_server_answers_at_once_what_the_first_did_not(failure: Reply) -> None:
    with servers([Execute("a"), failure], [Execute("b"), Execute("c")]) as (one, two):
        run = Run(one.base_url, two.base_url, stop=Stop())
        run.turn(), run.turn(), run.turn()
    assert run.ran == ["a", "b", "c"]
    assert [item.wait_s for item in run.again] == [0]


def test_where_all_are_gone_all_are_named(nobody: str) -> None:
    with servers([]) as (gone,):
        pass
    run = Run(nobody, gone.base_url, stop=Stop())
    with pytest.raises(RunError) as caught:
        run.turn()
    assert "All model servers" in caught.value.what
    assert nobody in caught.value.why and gone.base_url in caught.value.why
    assert "Connection refused" in caught.value.why
    assert run.ran == []


def test_the_key_goes_to_every_server_and_into_no_line() -> None:
    with servers([Failure(500, "dead")], [Execute(CODE)], key="k-secret") as (one, two):
        run = Run(one.base_url, two.base_url, stop=Stop(), key="k-secret")
        assert run.turn() == "execute"
    assert "k-secret" not in str(run.again)
    assert all("k-secret" not in item["x-session-id"] for item in (*lowered(one), *lowered(two)))
