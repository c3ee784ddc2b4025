"""examples/serve starts what the action starts, and says what the programs understand."""

import argparse
import shlex
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from oi_deploy import cli
from tests import serve_compose

EXAMPLES = Path(__file__).parents[2] / "examples" / "serve"
COMPOSE: dict[str, Any] = yaml.safe_load(serve_compose.FILE.read_text(encoding="utf-8"))
VLLM = COMPOSE["services"]["vllm"]


def unit() -> dict[str, str]:
    """The unit's section [Service]; of a key that is there twice, the last."""
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    text = (EXAMPLES / "oi-deploy-serve.service").read_text(encoding="utf-8")
    parser.read_string(text.replace("\\\n", " "))
    return dict(parser["Service"])


def test_compose_starts_vllm_as_the_action_does() -> None:
    wanted = serve_compose.of_the_action()
    # `python -m tests.serve_compose` writes them anew.
    assert {name: VLLM[name] for name in wanted} == wanted
    assert serve_compose.FILE.read_text(encoding="utf-8") == serve_compose.written()


def test_compose_keeps_the_key_out_of_what_docker_shows() -> None:
    assert COMPOSE["secrets"]["api-key"]["file"] == "./api-key"
    assert VLLM["secrets"] == ["api-key"]
    assert not any("KEY" in name for name in VLLM["environment"])
    assert "--api-key" not in VLLM["command"]


def test_compose_keeps_what_the_action_keeps_and_publishes_for_this_machine_only() -> None:
    name, _, folder = VLLM["volumes"][0].partition(":")
    assert COMPOSE["volumes"][name]["name"] == "oi-deploy-models"
    assert VLLM["environment"]["HF_HOME"].startswith(f"{folder}/")
    assert VLLM["ports"] == ["127.0.0.1:8000:8000"]


def test_the_unit_starts_a_command_that_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    program, *words = shlex.split(unit()["ExecStart"])
    taken: list[argparse.Namespace] = []
    monkeypatch.setattr(cli, "_serve", taken.append)
    assert program.endswith("/oi-deploy")
    cli.main(words)
    assert taken[0].listen == ("127.0.0.1", 8000)
    assert taken[0].api_key_file.parent == Path("/var/lib") / unit()["StateDirectory"]


def test_the_unit_waits_for_the_model_and_not_for_what_cannot_work() -> None:
    assert unit()["Type"] == "notify"
    assert unit()["TimeoutStartSec"] == "infinity"
    assert unit()["RestartPreventExitStatus"] == "2"


def test_prometheus_asks_what_is_served() -> None:
    text = (EXAMPLES / "prometheus.yml").read_text(encoding="utf-8")
    (job,) = yaml.safe_load(text)["scrape_configs"]
    assert job["metrics_path"] == "/metrics"
    assert job["static_configs"][0]["targets"][0].endswith(":8000")
