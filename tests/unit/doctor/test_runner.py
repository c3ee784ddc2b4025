"""The event, the checkout, the disk, and where the model runs."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from oi_deploy.doctor import examine
from oi_deploy.doctor.runner import checkout, disk, trigger
from oi_deploy.doctor.server import engine, gpu, gpu_memory, image, weights
from tests.unit.doctor.contexts import context

GIB = 1024**3
NVIDIA: dict[str, Any] = {"Runtimes": {"nvidia": {}}}


def test_an_event_of_strangers_fails(tmp_path: Path) -> None:
    env = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "issue_comment"}
    (found,) = examine(context(tmp_path, env=env), ("trigger",), within_s=10)
    assert found.state == "FAILED" and "allow-untrusted-trigger" in found.remedy


def test_an_event_of_the_repository_s_own_people_passes(tmp_path: Path) -> None:
    env = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push"}
    assert trigger(context(tmp_path, env=env)).state == "ok"
    assert trigger(context(tmp_path)).state == "not needed"


def test_a_checkout_with_a_token_fails_and_none_warns(tmp_path: Path) -> None:
    env = {"GITHUB_ACTIONS": "true"}
    assert checkout(context(tmp_path)).state == "not needed"
    assert checkout(context(tmp_path, env=env)).state == "warning"
    (tmp_path / ".git").mkdir()
    assert checkout(context(tmp_path, env=env)).state == "ok"
    (tmp_path / ".git/config").write_text('[http "x"]\nextraheader = AUTHORIZATION: basic x\n')
    (found,) = examine(context(tmp_path), ("checkout",), within_s=10)
    assert found.state == "FAILED" and "persist-credentials" in found.remedy


@pytest.mark.parametrize(
    ("free", "here", "state"),
    [(0.5, True, "FAILED"), (2, True, "warning"), (10, True, "ok"), (10, False, "warning")],
)
def test_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, here: bool, state: str
) -> None:
    usage = SimpleNamespace(free=int(free * GIB))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    loaded = SimpleNamespace(attrs={"Size": GIB}) if here else None
    given = context(tmp_path, api_base="", info={}, image=loaded)
    assert disk(given).state == state


def test_docker_that_nobody_needs_only_warns(tmp_path: Path) -> None:
    assert engine(context(tmp_path)).state == "FAILED"
    assert engine(context(tmp_path, expect="none")).state == "warning"
    assert engine(context(tmp_path, info={})).state == "ok"


@pytest.mark.parametrize(
    ("inputs", "says"),
    [({}, "at the endpoint"), ({"api_base": "", "gpus": "none"}, "`gpus: none`")],
)
def test_where_no_gpu_is_needed_that_is_said(
    tmp_path: Path, inputs: dict[str, str], says: str
) -> None:
    given = context(tmp_path, given=inputs)
    for check in (gpu, gpu_memory):
        assert (check(given).state, says in check(given).found) == ("not needed", True)


def test_gpus_of_the_engine(tmp_path: Path) -> None:
    assert gpu(context(tmp_path, api_base="", info=NVIDIA)).state == "ok"
    cdi = {"DiscoveredDevices": [{"ID": "nvidia.com/gpu=0"}]}
    assert "CDI" in gpu(context(tmp_path, api_base="", info=cdi)).found
    (none,) = examine(context(tmp_path, api_base="", info={}), ("gpu",), within_s=10)
    assert none.state == "FAILED" and "NVIDIA Container Toolkit" in none.remedy
    # Without the image there is nothing that could ask the GPUs.
    assert gpu_memory(context(tmp_path, api_base="", info=NVIDIA)).state == "not checked"


def test_after_an_engine_that_does_not_answer_nothing_more_fails(tmp_path: Path) -> None:
    given = context(tmp_path, api_base="")
    assert {check(given).state for check in (gpu, weights)} == {"not checked"}


def test_an_external_engine_needs_neither_image_nor_weights(tmp_path: Path) -> None:
    given = context(tmp_path)
    assert {check(given).state for check in (image, weights)} == {"not needed"}
