"""`oi-deploy serve` from the action's image, which has only what a run needs."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import httpx
import pytest

from tests.integration.engine_world import built_standin, own_pool
from tests.integration.test_serve import SCRIPT

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]
IMAGE = "oi-deploy-action:dev"
LABELS = {"oi-deploy.devkit": "test"}
KEY = "client-key-0123456789"


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    subprocess.run(["make", "image"], cwd=ROOT, check=True, capture_output=True)
    connected = docker.from_env()
    yield connected
    connected.close()


def test_the_image_s_entry_point_knows_it(client: docker.DockerClient) -> None:
    said = client.containers.run(IMAGE, ["serve", "--help"], labels=LABELS, remove=True)
    assert b"--listen HOST:PORT" in said


def test_it_serves_from_a_container_and_ends_with_it(client: docker.DockerClient) -> None:
    with built_standin() as standin, own_pool() as pool:
        container = client.containers.run(
            IMAGE,
            [
                *("/opt/venv/bin/python", "-IBu", "-c", SCRIPT.format(before="")),
                *(pool.prefix, pool.label, "serve", "--listen", "0.0.0.0:8000"),
                *("--with", f"vllm-image={standin}", "--with", "gpus=none"),
            ],
            entrypoint=["/usr/bin/tini", "--"],
            environment={"OI_DEPLOY_API_KEY": KEY},
            volumes={"/var/run/docker.sock": {"bind": "/var/run/docker.sock"}},
            labels=LABELS,
            detach=True,
        )
        try:
            for line in container.logs(stream=True):
                if b"serve: ready" in line:
                    break
            container.reload()
            address = container.attrs["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
            url = f"http://{address}:8000"
            assert httpx.get(f"{url}/health", trust_env=False).status_code == 200
            known = {"Authorization": f"Bearer {KEY}"}
            assert httpx.get(f"{url}/v1/models", headers=known, trust_env=False).is_success
            assert httpx.get(f"{url}/v1/models", trust_env=False).status_code == 401
            assert len(pool.containers()) == 1
            container.stop()
            assert container.wait()["StatusCode"] == 0
            assert KEY.encode() not in container.logs()
            pool.wait_until_gone()
        finally:
            container.remove(force=True, v=True)
