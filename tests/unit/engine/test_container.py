"""What makes one server another than the next."""

from typing import Any

import pytest
from docker.models.images import Image
from docker.types import DeviceRequest

from oi_deploy.engine.choice import digest_of
from oi_deploy.engine.container import configuration, start_of
from tests.unit.engine.settings import settings

INFO = {"NCPU": 2, "MemTotal": 24 * 1024**3}


def described(
    image: str = "sha256:1",
    arguments: tuple[str, ...] = ("--model", "m"),
    gpu: str = "0",
    job: dict[str, str] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    return configuration(
        settings(**changes),
        arguments,
        Image(attrs={"Id": image, "Config": {"Entrypoint": ["vllm", "serve"]}}),
        [DeviceRequest(device_ids=[gpu], capabilities=[["gpu"]])],
        INFO,
        job=job or {},
    )


@pytest.mark.parametrize(
    "change",
    [
        {"image": "sha256:2"},
        {"arguments": ("--model", "other")},
        {"gpu": "1"},
        {"model": "/srv/models/other"},
        {"job": {"HF_TOKEN": "hf_x"}},
    ],
)
def test_everything_that_matters_changes_the_digest(change: dict[str, Any]) -> None:
    assert digest_of(described()) == digest_of(described())
    assert digest_of(described()) != digest_of(described(**change))


@pytest.mark.parametrize(
    "change",
    [
        {"keep_warm_s": 0.0},
        {"timeout_s": 1.0},
        {"user": "acme/shop, run 8"},
        {"job": {"GITHUB_RUN_ID": "8", "VLLM_API_KEY": "the job's own"}},
    ],
)
def test_what_differs_from_run_to_run_does_not(change: dict[str, Any]) -> None:
    assert digest_of(described()) == digest_of(described(**change))


def test_the_image_s_own_program_is_started_by_the_supervisor() -> None:
    assert described()["entrypoint"][-4:] == ["vllm", "serve", "--model", "m"]


@pytest.mark.parametrize(
    ("entrypoint", "expected"),
    [
        (["vllm", "serve"], ["vllm", "serve"]),
        ([], ["python3", "-m", "vllm.entrypoints.openai.api_server"]),
        (
            ["/usr/bin/tini", "--"],
            ["/usr/bin/tini", "--", "python3", "-m", "vllm.entrypoints.openai.api_server"],
        ),
    ],
)
def test_an_entry_point_that_is_not_vllm_gets_it_as_its_command(
    entrypoint: list[str], expected: list[str]
) -> None:
    assert start_of(entrypoint) == expected
