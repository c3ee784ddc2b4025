"""Choosing the model and waiting for it, without a server."""

import threading
from collections.abc import Callable

import pytest

from oi_deploy.engine.readiness import NotReadyYet, Served, Unreachable, choose, wait
from oi_deploy.errors import RunError, Status

MODEL = Served("qwen", 4096)


def test_the_wanted_model_is_chosen() -> None:
    assert choose([Served("a", None), MODEL], "qwen", any_single=False) is MODEL


def test_a_server_with_one_model_may_serve_it_under_another_name() -> None:
    assert choose([MODEL], "Qwen/Qwen3", any_single=True) is MODEL


def test_among_several_none_is_guessed() -> None:
    with pytest.raises(RunError) as caught:
        choose([Served("a", None), Served("b", None)], "qwen", any_single=True)
    assert "`a`, `b`" in caught.value.why
    assert caught.value.remedy == "Write: `model: a`"


def wait_for(
    attempt: Callable[[], Served],
    *,
    timeout_s: float = 60,
    patience_s: float = 60,
    died: Callable[[], RunError | None] = lambda: None,
    doing: Callable[[], str] = lambda: "loading weights",
    cancelled: threading.Event | None = None,
) -> tuple[Served, list[str]]:
    said: list[str] = []
    model = wait(
        attempt,
        timeout_s=timeout_s,
        patience_s=patience_s,
        died=died,
        doing=doing,
        say=said.append,
        cancelled=cancelled or threading.Event(),
    )
    return model, said


def starting(times: int) -> Callable[[], Served]:
    left = iter(range(times))

    def attempt() -> Served:
        if next(left, None) is None:
            return MODEL
        raise NotReadyYet("503")

    return attempt


def never() -> Served:
    raise NotReadyYet("503")


def hang() -> Served:
    threading.Event().wait()
    raise AssertionError


def test_it_asks_again_until_the_model_answers_and_says_every_phase_once() -> None:
    phases = iter(["starting", "loading weights"])
    model, said = wait_for(starting(2), doing=lambda: next(phases, "loading weights"))
    assert model is MODEL
    assert said == ["engine: starting (0 s)", "engine: loading weights (0 s)"]


def test_a_cancelled_run_ends_the_wait_even_if_the_server_hangs() -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(RunError) as caught:
        wait_for(hang, cancelled=cancelled)
    assert caught.value.status is Status.CANCELLED


def test_a_dead_server_ends_the_wait_even_if_a_request_hangs() -> None:
    with pytest.raises(RunError, match="out of memory"):
        wait_for(hang, died=lambda: RunError("out of memory"))


def test_too_much_time_names_the_phase_and_the_input() -> None:
    with pytest.raises(RunError) as caught:
        wait_for(never, timeout_s=0.1)
    assert caught.value.status is Status.TIMED_OUT
    assert "loading weights" in caught.value.why
    assert "`engine-timeout:" in caught.value.remedy


def test_an_address_where_nothing_listens_is_given_up_sooner() -> None:
    def refused() -> Served:
        raise Unreachable("connection refused")

    with pytest.raises(RunError) as caught:
        wait_for(refused, patience_s=0.1)
    assert "connection refused" in caught.value.why
    assert "`api-base`" in caught.value.remedy


def test_what_waiting_does_not_help_is_raised_at_once() -> None:
    def denied() -> Served:
        raise RunError("401")

    with pytest.raises(RunError, match="401"):
        wait_for(denied)
