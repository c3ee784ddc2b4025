"""The arena, and the runs that the collected tests ask about, two at a time."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from devkit import engine
from devkit.runner import Action
from devkit.shell import ROOT
from tests.e2e.conftest import image, values
from tests.security import watch
from tests.security.arena import Arena, Outcome
from tests.security.attack import Attack
from tests.security.mutation import WITHOUT
from tests.security.plans import Plan, plans, plans_without
from tests.security.victims import victims

__all__ = ["image", "values"]


@dataclass
class Outcomes:
    """Runs that are over.

    Attributes:
        futures: the runs by name.
        sentinel: what was seen of processes, containers and images meanwhile.
        before: the cluster's objects before the runs.
        after: the same after them.
    """

    futures: Mapping[str, Future[Outcome]]
    sentinel: watch.Sentinel
    before: dict[str, Any]
    after: dict[str, Any]

    def of(self, name: str) -> Outcome:
        """The run of a plan."""
        return self.futures[name].result()

    def with_attack(self, attack: Attack) -> Outcome:
        """The run that an attack was in."""
        done = (future.result() for future in self.futures.values())
        return next(outcome for outcome in done if attack in outcome.plan.attacks)


@pytest.fixture(scope="session")
def arena(values: Mapping[str, str], image: str) -> Iterator[Arena]:
    """The world with something to attack in it."""
    with (
        victims(values),
        watch.Listeners(engine.gateway()) as listeners,
        tempfile.TemporaryDirectory() as folder,
    ):
        # The runner's user goes to its workspace by the whole path; pytest's folders are root's.
        Path(folder).chmod(0o711)
        yield Arena(values, Action.load(ROOT), image, listeners, Path(folder))
    client = docker.from_env()
    for tag in [tag for one in client.images.list(WITHOUT) for tag in one.tags]:
        client.images.remove(tag, force=True, noprune=True)
    client.close()


def _wanted(request: pytest.FixtureRequest, known: Sequence[Plan]) -> list[Plan]:
    """Those that a collected test names, or whose attacks it names."""
    named: list[object] = []
    for item in request.session.items:
        if request.fixturename in getattr(item, "fixturenames", ()):
            callspec = getattr(item, "callspec", None)
            if callspec is None:  # about all of them
                return list(known)
            named += callspec.params.values()
    return [
        plan for plan in known if plan.name in named or any(one in named for one in plan.attacks)
    ]


@pytest.fixture(scope="session")
def outcomes(arena: Arena, request: pytest.FixtureRequest) -> Outcomes:
    """The classes' runs."""
    return _run(arena, _wanted(request, plans()))


@pytest.fixture(scope="session")
def without(arena: Arena, request: pytest.FixtureRequest) -> Outcomes:
    """The runs in which mechanisms are off."""
    return _run(arena, _wanted(request, plans_without()))


def _run(arena: Arena, wanted: Sequence[Plan]) -> Outcomes:
    before = watch.state_of(arena.admin)
    with (
        watch.Sentinel(arena.needles, uid=arena.uid) as sentinel,
        ThreadPoolExecutor(2) as pool,
    ):
        futures = {plan.name: pool.submit(arena.run, plan) for plan in wanted}
        wait(futures.values())
    return Outcomes(futures, sentinel, before, watch.state_of(arena.admin))
