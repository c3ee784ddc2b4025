"""Which parser a model gets, and what is said where none is known."""

import pytest

from oi_deploy.engine import parsers, remarks
from oi_deploy.engine.flags import arguments
from tests.unit.engine.settings import settings


@pytest.mark.parametrize(
    ("model", "parser"),
    [
        ("Qwen/Qwen3-4B-Instruct-2507", "hermes"),
        ("/srv/models/Qwen2.5-Coder-1.5B-Instruct/", "hermes"),
        ("Qwen/Qwen3-Next-80B-A3B-Instruct", "hermes"),
        ("Qwen/Qwen3-Coder-30B-A3B-Instruct", "qwen3_coder"),
        ("Qwen/Qwen3.5-35B-A3B", "qwen3_coder"),
        ("NousResearch/Hermes-3-Llama-3.1-8B", "hermes"),
        ("meta-llama/Llama-3.2-3B-Instruct", "llama3_json"),
        ("meta-llama/Meta-Llama-3.1-8B-Instruct", "llama3_json"),
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", "llama4_pythonic"),
        ("mistralai/Devstral-Small-2507", "mistral"),
        ("microsoft/Phi-4-mini-instruct", "phi4_mini_json"),
        ("ibm-granite/granite-3.1-8b-instruct", "granite"),
        ("ibm-granite/granite-4.0-h-small", "granite4"),
        ("ibm-granite/granite-20b-functioncalling", "granite-20b-fc"),
        ("deepseek-ai/DeepSeek-V3.1", "deepseek_v31"),
        ("deepseek-ai/DeepSeek-V3-0324", "deepseek_v3"),
        ("deepseek-ai/DeepSeek-R1-0528", "deepseek_v3"),
        ("openai/gpt-oss-20b", "openai"),
        ("zai-org/GLM-4.5-Air", "glm45"),
        ("zai-org/GLM-4.7-Flash", "glm47"),
    ],
)
def test_a_model_s_name_says_which_parser_it_wants(model: str, parser: str) -> None:
    found = arguments(settings(model=model), host="127.0.0.1", port=1)
    assert found[found.index(parsers.FLAG) + 1] == parser
    assert parsers.remark(settings(model=model)) == ""


@pytest.mark.parametrize(
    "model", ["acme/helper-7b", "/srv/Qwen/helper", "deepseek-ai/DeepSeek-R1-Distill-Llama-8B"]
)
def test_where_the_name_says_nothing_that_is_said_with_the_line_to_write(model: str) -> None:
    given = settings(model=model)
    assert parsers.chosen(given) == parsers.ASSUMED
    (line,) = remarks.at_start(given)
    assert model in line and "`vllm-args: --tool-call-parser NAME`" in line


def test_the_user_s_parser_wins_and_nothing_was_assumed() -> None:
    given = settings(model="acme/helper-7b", vllm_args=("--tool_call_parser", "pythonic"))
    assert parsers.FLAG not in arguments(given, host="127.0.0.1", port=1)
    assert remarks.at_start(given) == []
