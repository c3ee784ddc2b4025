"""Other agents on the same tasks."""

from pathlib import Path

import httpx
import pytest

from bench.deploybench import model, others
from bench.deploybench.__main__ import main
from bench.deploybench.agents import Ours, Run
from bench.deploybench.model import Server
from bench.deploybench.results import judge
from bench.deploybench.task import folders, load

SERVER = Server("http://gpu:8000/v1", "small", "")
(TASK,) = (load(folder) for folder in folders("plain_seed_zh"))


def test_only_what_an_agent_without_a_status_left_counts() -> None:
    run = Run(has_status=False)
    assert judge(TASK, 1, run, (), agent="other", model="small").passed
    assert not judge(TASK, 1, run, ("no image",), agent="other", model="small").passed
    assert not judge(TASK, 1, Run(), (), agent="ours", model="small").passed


@pytest.mark.parametrize("name", others.RECIPES)
def test_what_is_installed_is_pinned_with_hashes(name: str) -> None:
    text = others.RECIPES[name].requirements.read_text(encoding="utf-8")
    assert f"{name}==" in text and "--hash=sha256:" in text


def test_the_task_goes_to_each_in_its_own_way() -> None:
    seed = others.RECIPES["open-interpreter"].command(SERVER, "the task")
    assert seed[:3] == ("interpreter", "--api_base", SERVER.api_base) and "the task" not in seed
    assert "the task" in others.RECIPES["mini-swe-agent"].command(SERVER, "the task")


def test_tokens_are_counted_by_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "# HELP vllm:prompt_tokens_total Number of tokens.\n"
        'vllm:prompt_tokens_total{engine="0",model_name="small"} 120.0\n'
        'vllm:generation_tokens_total{engine="0"} 3.4e+01\n'
        'vllm:request_success_total{finished_reason="stop"} 2.0\n'
        'vllm:request_success_total{finished_reason="length"} 1.0\n'
    )
    asked: list[str] = []

    def get(url: str, **options: object) -> httpx.Response:
        asked.append(url)
        return httpx.Response(200, text=text)

    monkeypatch.setattr(httpx, "get", get)
    assert model.usage(SERVER) == (3, 120, 34)
    assert asked == ["http://gpu:8000/metrics"]


def test_a_server_that_does_not_count_is_no_error() -> None:
    assert model.usage(Server("http://127.0.0.1:9/v1", "x", "")) == (0, 0, 0)


def test_what_is_switched_off_is_in_the_name() -> None:
    def name(*without: str) -> str:
        return Ours("image", api_base="", model="m", without=without).name

    assert name() == "ours"
    assert name("hints", "facts") == "ours-without-facts-without-hints"


def test_only_our_own_agent_has_parts(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["run", "--without", "verification"])
    command = ["run", "--agent", "mini-swe-agent", "--without", "facts", "--tasks", "plain_seed_zh"]
    assert main(command) == 1
    assert "our own agent" in "".join(capsys.readouterr())
