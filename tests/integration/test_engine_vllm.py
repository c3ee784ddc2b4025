"""The engines with the real vLLM: our arguments are its arguments, its log is what we read."""

import re
import subprocess
from pathlib import Path
from typing import Any

import docker
import pytest

from devkit import vllm
from oi_deploy.engine.flags import FLAGS, VARIABLES
from oi_deploy.engine.parsers import FAMILIES
from oi_deploy.engine.server import MODULE
from oi_deploy.errors import RunError
from tests.integration import tiny_model
from tests.integration.constrained import check_call
from tests.integration.engine_world import Pool, answers, opened

pytestmark = [pytest.mark.docker, pytest.mark.model]

ROOT = Path(__file__).parents[2]
REVISION = "c" * 40
# In an image with vLLM in it, as `engine: process` wants one.
PROCESS = """
import threading
from oi_deploy.engine import EngineSettings, open_engine
settings = EngineSettings(
    kind="process", model={model!r}, model_revision={revision!r}, api_base=(), api_key="",
    vllm_image="", vllm_args=(), gpus="none", max_model_len=2048, timeout_s=500, keep_warm_s=0,
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


def run_process(image: str, mount: Path, *, model: str, revision: str = "") -> str:
    """Start and stop a server in a container without a network, which sees `mount` as /data."""
    volumes = {
        ROOT / "src": "/repository",
        Path(docker.__file__).parent: "/packages/docker",
        mount: "/data",
    }
    done = subprocess.run(
        [
            *("docker", "run", "--rm", "--network", "none", "--label", "oi-deploy.devkit=test"),
            "--shm-size=1g",  # on a CPU, vLLM's queues need 400 MiB of it
            *(f"--volume={source}:{target}:ro" for source, target in volumes.items()),
            *("--env", "PYTHONPATH=/repository:/packages", "--env", "HF_HOME=/data"),
            *("--entrypoint", "python3", image, "-c"),
            PROCESS.format(model=model, revision=revision),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def test_a_process_gets_ready_and_shows_its_phases(image: str, model: Path) -> None:
    output = run_process(image, model, model="/data")
    said = [line.partition(" (")[0] for line in output.splitlines()]
    order = [
        "engine: reading the model's configuration",
        "engine: starting its workers",
        "engine: warming up",
        "engine: serving",
    ]
    assert [line for line in dict.fromkeys(said) if line in order] == order
    assert "model='data'" in output
    assert "max_model_len=2048" in output


def test_weights_in_the_cache_are_served_without_a_hub(image: str, tmp_path: Path) -> None:
    repository = tmp_path / "hub" / "models--acme--tiny"
    tiny_model.write(repository / "snapshots" / REVISION)
    (repository / "refs").mkdir()
    assert "model='tiny'" in run_process(image, tmp_path, model="acme/tiny", revision=REVISION)


def in_image(image: str, *command: str) -> str:
    """What a command of the image prints."""
    return subprocess.run(
        [
            *("docker", "run", "--rm", "--network", "none", "--label", "oi-deploy.devkit=test"),
            *("--entrypoint", "python3", image, *command),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_it_knows_every_argument_and_parser_that_we_name(image: str) -> None:
    text = in_image(image, "-m", MODULE, "--help=all")
    assert {flag.name for flag in FLAGS} <= set(re.findall(r"--[a-z-]+", text))
    (known,) = re.findall(r"^  --tool-call-parser \{(.*?)\}", text, re.MULTILINE)
    assert {one.parser for one in FAMILIES} <= set(known.split(","))


def test_it_knows_every_variable_that_we_set(image: str) -> None:
    text = in_image(image, "-c", "import vllm.envs; print(*vllm.envs.environment_variables)")
    ours = {one.name for one in VARIABLES if one.name.startswith("VLLM_")}
    assert ours <= set(text.split())


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
        check_call(endpoint)


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


def test_a_model_that_broke_off_is_told_before_vllm_starts(
    pool: Pool, image: str, tmp_path: Path
) -> None:
    weights = tiny_model.write(tmp_path / "tiny") / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with (
        opened("sibling", vllm_image=image, model=str(tmp_path / "tiny"), timeout_s=500) as it,
        pytest.raises(RunError) as caught,
    ):
        it.start()
    assert caught.value.what == "The model server was not started"
    assert f"{weights} is cut off" in caught.value.why
