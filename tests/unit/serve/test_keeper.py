"""An engine is started again when it has died; only a first start that fails ends it all."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from oi_deploy.engine import Endpoint
from oi_deploy.errors import RunError, Status
from oi_deploy.serve import keeper

ENDPOINT = Endpoint("http://127.0.0.1:1/v1", "tiny", "key", 2048)


class Fake:
    """An engine that starts or not, and then is dead."""

    def __init__(self, start: Callable[[], Endpoint]) -> None:
        self.start, self.stopped = start, False

    def diagnose(self) -> str | None:
        return "it died"

    def stop(self) -> None:
        self.stopped = True


class World:
    """What was told while these engines were kept, one after the other; then the end comes."""

    def __init__(self, *starts: Callable[[], Endpoint]) -> None:
        self.engines = [Fake(start) for start in starts]
        self.left = list(self.engines)
        self.told: list[str] = []
        self.stop = threading.Event()

    def open_one(self) -> Any:
        return self.left.pop(0)

    def ended(self, why: str) -> None:
        self.told.append(why)
        if not self.left:
            self.stop.set()

    def keep(self) -> None:
        keeper.keep(
            self.open_one,
            ready=lambda endpoint: self.told.append("ready"),
            ended=self.ended,
            stop=self.stop,
        )


def works() -> Endpoint:
    return ENDPOINT


def fails() -> Endpoint:
    raise RunError("no memory")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(keeper, "_LOOK_S", 0.001)


def test_it_is_started_again_whatever_became_of_it() -> None:
    world = World(works, fails, works)
    world.keep()
    assert [line.partition("\n")[0] for line in world.told] == [
        "ready", "it died", "no memory", "ready", "it died",
    ]  # fmt: skip
    assert all(engine.stopped for engine in world.engines)


def test_a_first_start_that_fails_ends_it() -> None:
    world = World(fails, works)
    with pytest.raises(RunError, match="no memory"):
        world.keep()
    assert world.engines[0].stopped
    assert world.told == []


@pytest.mark.parametrize(
    ("lasts_s", "starts", "expected"),
    [
        (600.0, [works, works, works, works], [1.0, 2.0, 3.0, 3.0]),
        # Each of them lasted; a start that failed did not, however long it took.
        (0.0, [works, works, fails, fails, works], [1.0, 1.0, 2.0, 3.0, 1.0]),
    ],
)
def test_it_waits_longer_each_time_until_a_server_has_lasted(
    lasts_s: float, starts: Any, expected: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "_FIRST_PAUSE_S", 1.0)
    monkeypatch.setattr(keeper, "_LONGEST_PAUSE_S", 3.0)
    monkeypatch.setattr(keeper, "_LASTS_S", lasts_s)
    world = World(*starts)
    pauses: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            if timeout and timeout >= 1:
                pauses.append(timeout)
            return super().wait(0)

    world.stop = Stop()
    world.keep()
    assert pauses == expected


def test_a_signal_while_it_starts_is_no_failure() -> None:
    world = World(fails)

    def cancelled() -> Endpoint:
        world.stop.set()
        raise RunError("The run was cancelled", status=Status.CANCELLED)

    world.engines[0].start = cancelled
    world.keep()
    assert world.engines[0].stopped
    assert world.told == []


def test_one_that_stands_still_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "_HEALTH_EVERY_S", 0.001)
    monkeypatch.setattr(keeper, "STUCK_S", 0.1)
    monkeypatch.setattr(Fake, "diagnose", lambda self: None)
    world = World(works)
    world.keep()
    assert "has not answered for" in world.told[1]
