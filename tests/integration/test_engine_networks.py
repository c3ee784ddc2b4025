"""A sibling is on the action's loopback address, whatever network the action's container has."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import docker
import pytest

from oi_deploy.engine.server import free_port

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]
IMAGE = "oi-deploy-action:dev"
LABELS = {"oi-deploy.devkit": "test"}
PROBE = """
import sys
sys.path[:0] = ["/repository/src", "/repository"]
from tests.integration.engine_world import answers, opened, own_pool
with own_pool(), opened("sibling", vllm_image=sys.argv[1]) as it:
    print(answers(it.start()))
"""


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    subprocess.run(["make", "image"], cwd=ROOT, check=True, capture_output=True)
    connected = docker.from_env()
    yield connected
    connected.close()


def network(client: docker.DockerClient, kind: str, stack: ExitStack) -> str:
    """What a runner gives to `--network`."""
    if kind in ("bridge", "host", "none"):
        return kind
    if kind == "network of the job":
        made = client.networks.create(f"oi-deploy-test-{free_port()}", labels=LABELS)
        stack.callback(made.remove)
        return str(made.name)
    mode = "host" if kind == "job container on the host's network" else "bridge"
    job = client.containers.run(
        IMAGE, ["600"], entrypoint="sleep", network_mode=mode, labels=LABELS, detach=True
    )
    stack.callback(job.remove, force=True)
    return f"container:{job.id}"


@pytest.mark.parametrize(
    "kind",
    [
        "bridge",
        "host",
        "none",
        "network of the job",
        "job container on a bridge",
        "job container on the host's network",  # act
    ],
)
def test_the_server_is_reached_from_the_actions_container(
    client: docker.DockerClient, standin_image: str, kind: str
) -> None:
    with ExitStack() as stack:
        answer = client.containers.run(
            IMAGE,
            ["-c", PROBE, standin_image],
            entrypoint="/opt/venv/bin/python",
            network_mode=network(client, kind, stack),
            labels=LABELS,
            volumes={
                "/var/run/docker.sock": {"bind": "/var/run/docker.sock"},
                str(ROOT): {"bind": "/repository", "mode": "ro"},
            },
            environment={"PYTHONDONTWRITEBYTECODE": "1"},
            remove=True,
        )
    assert answer == b"True\n"
