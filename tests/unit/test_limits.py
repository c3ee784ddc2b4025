"""What ends a run from outside is seen by every wait, and says why."""

import threading
import time

import pytest

from oi_deploy.errors import RunError, Status
from oi_deploy.limits import Ahead, Stop, beside, detached


def ended(stop: Stop) -> RunError:
    assert stop.event.wait(10)
    with pytest.raises(RunError) as caught:
        stop.check()
    return caught.value


def test_a_run_that_takes_too_long_ends_with_its_limit() -> None:
    stop = Stop(timeout_s=0.2)
    with stop.watching():
        error = ended(stop)
    assert error.status is Status.TIMED_OUT
    assert "`timeout`" in error.why


def test_a_silence_that_is_too_long_ends_the_run_and_says_who_was_silent() -> None:
    stop = Stop(stall_s=0.2)
    with stop.watching(), stop.expecting("the model wrote nothing"):
        error = ended(stop)
    assert error.status is Status.TIMED_OUT
    assert error.why.startswith("the model wrote nothing")
    assert "stall-timeout" in error.remedy


def test_signs_of_life_and_pauses_between_are_no_silence() -> None:
    stop = Stop(stall_s=0.5)
    with stop.watching():
        with stop.expecting("the script printed nothing"):
            for _ in range(8):
                time.sleep(0.1)
                stop.alive()
        time.sleep(0.8)  # nothing is expected here
        stop.check()


def test_the_first_reason_is_kept() -> None:
    stop = Stop()
    stop.request(RunError("first"))
    stop.request(RunError("second"))
    assert str(ended(stop)) == "first"


def test_a_call_that_hangs_does_not_hold_up_a_run_that_must_end() -> None:
    stop = Stop()
    hang = threading.Event()
    threading.Timer(0.2, stop.request, [RunError("cancelled")]).start()
    with pytest.raises(RunError, match="cancelled"):
        stop.obey(hang.wait)
    hang.set()


def test_a_detached_call_gives_its_value_its_error_or_up() -> None:
    hang = threading.Event()
    assert detached(lambda: 7, within_s=10) == 7
    with pytest.raises(ValueError, match="invalid literal"):
        detached(lambda: int("x"), within_s=10)
    with pytest.raises(TimeoutError):
        detached(hang.wait, within_s=0.1)
    hang.set()


def test_what_was_begun_ahead_has_one_value_for_all() -> None:
    ahead = Ahead(lambda: 7)
    assert [ahead.value(), ahead.value(1)] == [7, 7]


def test_what_was_begun_ahead_and_failed_says_so_when_it_is_asked() -> None:
    ahead = Ahead(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        ahead.value()


def test_several_calls_go_on_beside_each_other_and_keep_their_order() -> None:
    together = threading.Barrier(2)
    assert beside([lambda: together.wait(10) * 0 + 1, lambda: together.wait(10) * 0 + 2]) == [1, 2]
