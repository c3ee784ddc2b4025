"""What is looked at before vLLM starts: in a container beside ours, and as a process."""

import json
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import docker
import pytest

from oi_deploy.engine import sibling
from oi_deploy.errors import RunError, Status
from tests.integration import tiny_model
from tests.integration.engine_world import (
    MODULE,
    STANDIN,
    Pool,
    answers,
    built_standin,
    opened,
    processes,
)

TOKEN = "hf_canary0123456789"


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A `vllm` and an `nvidia-smi` for `engine: process`."""
    monkeypatch.setenv("PYTHONPATH", str(STANDIN))
    monkeypatch.setenv("PATH", f"{STANDIN}:{os.environ['PATH']}")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tiny_model.write(tmp_path / "tiny")
    done = subprocess.run(
        ["sha256sum", *sorted(path.name for path in folder.iterdir())],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    (folder / "SHA256SUMS").write_bytes(done.stdout)
    return folder


def cut_off(model: Path) -> None:
    path = model / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.docker
def test_a_model_that_is_what_its_manifest_says_is_served(
    pool: Pool, standin_image: str, model: Path
) -> None:
    with opened("sibling", vllm_image=standin_image, model=str(model)) as it:
        assert answers(it.start())


@pytest.mark.docker
def test_a_model_that_is_not_whole_is_told_instead_of_started(
    pool: Pool, standin_image: str, model: Path
) -> None:
    cut_off(model)
    with (
        opened("sibling", vllm_image=standin_image, model=str(model)) as it,
        pytest.raises(RunError) as caught,
    ):
        it.start()
    assert caught.value.what == "The model server was not started"
    assert f"{model}/model.safetensors is cut off" in caught.value.why
    assert f"hf download NAME --local-dir {model}" in caught.value.remedy
    pool.wait_until_gone()


def test_a_file_that_was_changed_is_told_instead_of_loaded(vllm: None, model: Path) -> None:
    path = model / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with opened("process", model=str(model)) as it, pytest.raises(RunError) as caught:
        it.start()
    assert "model.safetensors is not what SHA256SUMS says" in caught.value.why
    assert not processes(MODULE, str(model))


def test_weights_of_another_kind_are_left_to_vllm(vllm: None, model: Path) -> None:
    cut_off(model)
    (model / "SHA256SUMS").unlink()
    with opened("process", model=str(model), vllm_args=("--load-format", "dummy")) as it:
        assert answers(it.start())


def test_weights_that_are_in_the_cache_need_no_hub(
    vllm: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = "c" * 40
    tiny_model.write(tmp_path / "hub" / "models--acme--tiny" / "snapshots" / revision)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with opened("process", model="acme/tiny", model_revision=revision) as it:
        it.start()
        (pid,) = processes(MODULE, revision)
        assert "HF_HUB_OFFLINE=1" in Path(f"/proc/{pid}/environ").read_text().split("\0")


@pytest.mark.docker
def test_an_image_without_vllm_is_told(pool: Pool) -> None:
    # Its entry point is taken for what starts vLLM.
    with (
        built_standin(entrypoint=("vllm-is-not-here",)) as image,
        opened("sibling", vllm_image=image) as it,
        pytest.raises(RunError) as caught,
    ):
        it.start()
    assert "vllm-is-not-here: No such file" in caught.value.why
    assert "`vllm-image`" in caught.value.remedy


@pytest.mark.docker
def test_the_hub_s_token_reaches_the_server_and_nothing_that_docker_tells(
    pool: Pool, standin_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with opened("sibling", vllm_image=standin_image, keep_warm_s=600.0) as it:
        it.start()
        container = pool.server()
        environments = container.exec_run(["sh", "-c", "cat /proc/[0-9]*/environ"]).output
        assert f"HF_TOKEN={TOKEN}".encode() in environments.split(b"\0")
        assert TOKEN not in json.dumps(container.attrs)
        assert not any("token" in change["Path"] for change in container.diff() or [])
    with opened("sibling", vllm_image=standin_image) as it:
        assert it.start().warm
        assert pool.server().id == container.id


@pytest.mark.docker
def test_gpu_memory_that_another_container_holds_is_waited_for(
    pool: Pool, standin_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sibling, "device_requests", lambda gpus, info: [])
    monkeypatch.setenv("VLLM_STANDIN_GPU", "/tmp/gpu-is-free")
    name = f"{pool.prefix}-trainer"
    holder = docker.from_env().containers.run(
        standin_image,
        entrypoint=["sleep", "86399"],
        name=name,
        devices=["/dev/null:/dev/nvidia0"],
        detach=True,
    )
    try:
        with (
            opened("sibling", vllm_image=standin_image, gpus="all") as it,
            ThreadPoolExecutor(1) as threads,
        ):
            result = threads.submit(it.start)
            line = waits(it, result.done)
            assert "4.0 of 20.0 GiB are free, vLLM takes 18.4" in line
            assert "held by python3 (process 71, 14.0 GiB)" in line
            assert name in line.partition("other containers with GPUs: ")[2]
            pool.server().exec_run(["touch", "/tmp/gpu-is-free"])
            assert answers(result.result())
    finally:
        holder.remove(force=True)


def test_gpu_memory_that_does_not_get_free_is_told_with_its_holder(
    vllm: None, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLLM_STANDIN_GPU", "/nowhere")
    with (
        opened("process", model=str(model), gpus="all", timeout_s=3.0) as it,
        pytest.raises(RunError) as caught,
    ):
        it.start()
    assert caught.value.status is Status.TIMED_OUT
    assert "waiting for GPU memory, GPU 0 (NVIDIA L4): 4.0 of 20.0 GiB" in caught.value.why
    assert "held by python3 (process 71" in caught.value.why
    assert "`vllm-args: --gpu-memory-utilization 0.17`" in caught.value.remedy


def waits(it: Any, over: Any) -> str:
    """The line that says that it waits for memory."""
    while not over():
        for line in list(it.said):
            if "waiting for GPU memory" in line:
                return str(line)
        time.sleep(0.05)
    raise AssertionError(it.said)
