"""examples/serve in the hands of those who read it: systemd, and a shell in a container."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml

from tests.integration.engine_world import built_standin

EXAMPLES = Path(__file__).parents[2] / "examples" / "serve"
VLLM = yaml.safe_load((EXAMPLES / "compose.yaml").read_text(encoding="utf-8"))["services"]["vllm"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="this machine has no systemd")
def test_systemd_understands_the_whole_unit(tmp_path: Path) -> None:
    unit = (EXAMPLES / "oi-deploy-serve.service").read_text(encoding="utf-8")
    path = tmp_path / "oi-deploy-serve.service"
    # The program has to be there.
    path.write_text(unit.replace("/opt/oi-deploy/bin/oi-deploy", sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def start(image: str, key: Path) -> Any:
    """The service's container, with the stand-in for vLLM in it; Compose reads `$$` as `$`."""
    return docker.from_env().containers.run(
        image,
        [word.replace("$$", "$") for word in VLLM["command"]],
        entrypoint=[word.replace("$$", "$") for word in VLLM["entrypoint"]],
        environment=VLLM["environment"],
        volumes={str(key): {"bind": "/run/secrets/api-key", "mode": "ro"}},
        labels={"oi-deploy.devkit": "test"},
        detach=True,
    )


@pytest.mark.docker
def test_the_service_wants_the_key_of_its_file_and_hides_it(tmp_path: Path) -> None:
    key = tmp_path / "api-key"
    with built_standin() as image:
        key.write_text("key-canary-0123456789\n")
        container = start(image, key)
        try:
            for line in container.logs(stream=True):
                if b"Starting vLLM server" in line:
                    break
            ask = (
                "import urllib.request as u, sys; print(u.urlopen(u.Request("
                "'http://127.0.0.1:8000/v1/models', headers={'authorization': 'Bearer ' + "
                "sys.argv[1]})).read())"
            )
            code, output = container.exec_run(["python3", "-c", ask, "key-canary-0123456789"])
            assert code == 0 and b"Qwen3-4B-Instruct-2507" in output
            code, output = container.exec_run(["python3", "-c", ask, "wrong"])
            assert code == 1 and b"401" in output
            assert container.exec_run(VLLM["healthcheck"]["test"][1:])[0] == 0
            container.reload()
            assert "key-canary" not in str(container.attrs)
        finally:
            container.remove(force=True, v=True)


@pytest.mark.docker
def test_the_service_does_not_start_without_a_key(tmp_path: Path) -> None:
    (tmp_path / "api-key").touch()
    with built_standin() as image:
        container = start(image, tmp_path / "api-key")
        try:
            assert container.wait()["StatusCode"] != 0
            assert b"Starting vLLM server" not in container.logs()
        finally:
            container.remove(force=True, v=True)
