"""The world, the action's image and a site for each test."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import docker
import pytest

from devkit import world
from devkit.runner import Action, build
from devkit.shell import ROOT
from tests.e2e.site import Site, site_at


@pytest.fixture(scope="session")
def values() -> Iterator[Mapping[str, str]]:
    """Addresses and logins of a world; one that was up before stays up."""
    was_up = bool(world.read())
    yield world.up(with_model=False)
    if not was_up:
        world.down()


@pytest.fixture(scope="session")
def image(values: Mapping[str, str]) -> Iterator[str]:
    """The action's image, built as GitHub's runner builds it."""
    reference = build(Action.load(ROOT), "e2e")
    yield reference
    client = docker.from_env()
    client.images.remove(reference, noprune=True)
    client.close()


@pytest.fixture(scope="module")
def site(values: Mapping[str, str], image: str, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site with the sample application checked out; shared by a module's tests."""
    return site_at(values, image, tmp_path_factory.mktemp("runner"))


@pytest.fixture
def fresh_site(values: Mapping[str, str], image: str, tmp_path: Path) -> Site:
    """The same, for one test."""
    return site_at(values, image, tmp_path)
