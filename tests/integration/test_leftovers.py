"""Containers of a run that was killed, on a real engine: they go, whoever else is at work."""

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import docker
import pytest
from docker.errors import NotFound
from docker.models.containers import Container

from devkit import images
from oi_deploy import leftovers

pytestmark = pytest.mark.docker


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    images.up()
    found = docker.from_env()
    yield found
    found.close()


def started(client: docker.DockerClient, **labels: str) -> Container:
    named = {f"oi-deploy.{name}": value for name, value in labels.items()}
    return client.containers.run(images.BASE, ["sleep", "60"], detach=True, labels=named)


def test_only_containers_whose_run_is_gone_are_removed(client: docker.DockerClient) -> None:
    made = [started(client)]
    try:
        # The first stands for the container of another run, which goes on.
        made.append(started(client, run=str(made[0].id)))
        made.append(started(client, run="0" * 64))
        with tempfile.TemporaryDirectory() as folder:
            told = leftovers.take_away({"RUNNER_TEMP": folder}, [], Path(folder), Path(folder))
            sentences = [item.sentence for item in told]
        assert any(str(made[2].name) in item for item in sentences)
        assert not any(str(made[1].name) in item for item in sentences)
        alive = {item.id for item in client.containers.list(all=True)}
        assert {made[0].id, made[1].id} <= alive
        assert made[2].id not in alive
    finally:
        for container in made:
            with suppress(NotFound):
                container.remove(force=True)
