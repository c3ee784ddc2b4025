"""`engine: sibling`: a container beside ours, from a missing image to the last byte it leaves."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest

from oi_deploy.engine import Endpoint
from oi_deploy.errors import RunError, Status
from tests.integration import tiny_model
from tests.integration.engine_world import Pool, answers, opened, own_pool
from tests.integration.private_registry import private_registry

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    connected = docker.from_env()
    yield connected
    connected.close()


@pytest.fixture(autouse=True)
def pool() -> Iterator[Pool]:
    with own_pool() as pool:
        yield pool


def test_it_answers_on_our_loopback_address_and_leaves_nothing(
    pool: Pool, standin_image: str
) -> None:
    with opened("sibling", vllm_image=standin_image) as it:
        endpoint = it.start()
        assert endpoint.base_url.startswith("http://127.0.0.1:")
        assert (endpoint.model, endpoint.max_model_len) == ("tiny", 2048)
        assert answers(endpoint)
        assert not answers(Endpoint(endpoint.base_url, endpoint.model, "guess", 1))
        assert it.engine.diagnose() is None
        assert pool.server().name == pool.name
        it.engine.stop()
        pool.wait_until_gone()
        with pytest.raises(httpx.ConnectError):
            answers(endpoint)
        it.engine.stop()


def test_weights_from_the_hub_are_kept_in_a_volume_and_folders_are_read_only(
    pool: Pool, standin_image: str, tmp_path: Path
) -> None:
    with opened("sibling", vllm_image=standin_image) as it:
        it.start()
        container = pool.server()
        (mount,) = container.attrs["Mounts"]
        assert (mount["Type"], mount["Name"]) == ("volume", "oi-deploy-models")
        assert f"HF_HOME={mount['Destination']}/huggingface" in container.attrs["Config"]["Env"]
    folder = str(tiny_model.write(tmp_path))
    with opened("sibling", vllm_image=standin_image, model=folder) as it:
        it.start()
        container = pool.server()
        (mount,) = container.attrs["Mounts"]
        assert (mount["Type"], mount["Source"], mount["RW"]) == ("bind", folder, False)


def test_its_death_is_told_with_cause_and_last_lines(pool: Pool, standin_image: str) -> None:
    die = ("--standin", "die")
    with (
        opened("sibling", vllm_image=standin_image, vllm_args=die) as it,
        pytest.raises(RunError) as caught,
    ):
        it.start()
    pool.wait_until_gone()
    assert caught.value.why.startswith("there is not enough memory")
    assert "ValueError: No available memory" in caught.value.why


def test_a_port_that_is_taken_in_the_container_is_told(pool: Pool, standin_image: str) -> None:
    taken = ("--standin", "port-taken")
    with (
        opened("sibling", vllm_image=standin_image, vllm_args=taken) as it,
        pytest.raises(RunError) as caught,
    ):
        it.start()
    assert caught.value.why.startswith("another process has taken the server's port")
    assert "`vllm-image`" in caught.value.remedy


def test_its_death_during_the_run_is_diagnosed(pool: Pool, standin_image: str) -> None:
    with opened("sibling", vllm_image=standin_image) as it:
        it.start()
        pool.server().kill()
        while (why := it.engine.diagnose()) is None:
            time.sleep(0.05)
        assert "was killed or removed from outside" in why


def test_a_cancelled_run_leaves_no_container(pool: Pool, standin_image: str) -> None:
    hang = ("--standin", "hang")
    changes: Any = {"vllm_args": hang, "keep_warm_s": 1800.0}
    with opened("sibling", vllm_image=standin_image, **changes) as it:
        it.cancel_when_it_says("loading weights")
        with pytest.raises(RunError) as caught:
            it.start()
        assert caught.value.status is Status.CANCELLED
        pool.wait_until_gone()


def test_a_folder_that_the_docker_host_lacks_is_named(pool: Pool, standin_image: str) -> None:
    with (
        opened("sibling", vllm_image=standin_image, model="/srv/no/model") as it,
        pytest.raises(RunError) as caught,
    ):
        it.start()
    assert "`/srv/no/model` on the Docker host" in caught.value.why
    assert pool.containers() == []


def test_an_image_that_is_nowhere_names_the_input() -> None:
    image = "127.0.0.1:9/nowhere/vllm:1"
    with opened("sibling", vllm_image=image) as it, pytest.raises(RunError) as caught:
        it.start()
    assert image in caught.value.what
    assert "`vllm-image:" in caught.value.remedy
    assert f"engine: pulling {image}" in it.said


def test_an_image_that_only_the_registry_has_is_pulled(
    client: docker.DockerClient,
    standin_image: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with private_registry(tmp_path) as site:
        image = f"{site.host}/mirror/vllm:1"
        client.images.get(standin_image).tag(image)
        site.push(image)
        client.images.remove(image, noprune=True)
        with opened("sibling", vllm_image=image) as it, pytest.raises(RunError) as caught:
            it.start()
        assert "no basic auth credentials" in caught.value.why
        monkeypatch.setenv("DOCKER_CONFIG", str(site.docker_config))
        with opened("sibling", vllm_image=image) as it:
            assert answers(it.start())
            assert f"engine: pulling {image}" in it.said
        client.images.remove(image, noprune=True)


def test_a_cancelled_run_does_not_wait_for_a_pull() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        image = f"127.0.0.1:{silent.getsockname()[1]}/mirror/vllm:1"
        with opened("sibling", vllm_image=image) as it:
            it.cancel_when_it_says("pulling")
            with pytest.raises(RunError) as caught:
                it.start()
    assert caught.value.status is Status.CANCELLED


def test_a_gpu_that_the_engine_cannot_give_is_refused_before_anything_is_pulled(
    client: docker.DockerClient,
) -> None:
    if "nvidia" in client.info()["Runtimes"]:
        pytest.skip("this Docker engine has GPUs to give")
    with (
        opened("sibling", vllm_image="127.0.0.1:9/nowhere/vllm:1", gpus="all") as it,
        pytest.raises(RunError) as caught,
    ):
        it.start()
    assert "`gpus: none`" in caught.value.remedy
    assert it.said == []


def test_without_docker_the_remedy_is_an_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with opened("sibling") as it, pytest.raises(RunError) as caught:
        it.start()
    assert "`api-base:" in caught.value.remedy
