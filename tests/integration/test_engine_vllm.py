"""The engines with the real vLLM: our arguments are its arguments, its log is what we read."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from devkit import vllm
from oi_deploy.errors import RunError
from tests.integration import tiny_model
from tests.integration.engine_world import Pool, answers, opened, own_pool

pytestmark = [pytest.mark.docker, pytest.mark.model]

ROOT = Path(__file__).parents[2]
# In an image with vLLM in it, as `engine: process` wants one.
PROCESS = """
import threading
from oi_deploy.engine import EngineSettings, open_engine
settings = EngineSettings(
    kind="process", model="/model", model_revision="", api_base=(), api_key="", vllm_image="",
    vllm_args=(), gpus="none", max_model_len=2048, timeout_s=500, keep_warm_s=0,
    owner="acme", user="test",
)
engine = open_engine(settings, say=print, cancelled=threading.Event())
print(engine.start())
engine.stop()
"""


@pytest.fixture(scope="module")
def image() -> str:
    return vllm.up()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.write(tmp_path_factory.mktemp("models") / "tiny")


def test_a_process_gets_ready_and_shows_its_phases(image: str, model: Path) -> None:
    volumes = {
        ROOT / "src": "/repository",
        Path(docker.__file__).parent: "/packages/docker",
        model: "/model",
    }
    done = subprocess.run(
        [
            *("docker", "run", "--rm", "--network", "none", "--label", "oi-deploy.devkit=test"),
            "--shm-size=1g",  # on a CPU, vLLM's queues need 400 MiB of it
            *(f"--volume={source}:{target}:ro" for source, target in volumes.items()),
            *("--env", "PYTHONPATH=/repository:/packages"),
            *("--entrypoint", "python3", image, "-c", PROCESS),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    said = [line.partition(" (")[0] for line in done.stdout.splitlines()]
    order = [
        "engine: reading the model's configuration",
        "engine: starting its workers",
        "engine: warming up",
        "engine: serving",
    ]
    assert [line for line in dict.fromkeys(said) if line in order] == order
    assert "model='model'" in done.stdout
    assert "max_model_len=2048" in done.stdout


@pytest.fixture
def pool() -> Iterator[Pool]:
    with own_pool() as pool:
        yield pool


def test_a_sibling_is_kept_for_the_next_run(pool: Pool, image: str, model: Path) -> None:
    same: dict[str, Any] = {"vllm_image": image, "model": str(model), "timeout_s": 500}
    with opened("sibling", **same, keep_warm_s=600.0) as it:
        assert answers(it.start())
    container = pool.server()
    with opened("sibling", **same) as it:
        endpoint = it.start()
        assert endpoint.warm
        assert answers(endpoint)
        assert pool.server().id == container.id


@pytest.mark.parametrize(
    ("argument", "remedy"),
    [
        ("--no-such-argument", "Remove `--no-such-argument` from `vllm-args`"),
        ("--max-model-len=9999", "`max-model-len: 4096`"),
    ],
)
def test_a_sibling_that_refuses_its_arguments_says_what_to_write(
    pool: Pool, image: str, model: Path, argument: str, remedy: str
) -> None:
    with (
        opened(
            "sibling", vllm_image=image, model=str(model), vllm_args=(argument,), timeout_s=500
        ) as it,
        pytest.raises(RunError) as caught,
    ):
        it.start()
    assert remedy in caught.value.remedy
