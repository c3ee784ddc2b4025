"""The production command line on real vLLM: the default model's own configuration, random weights.

It needs 16 GiB of free memory (7.5 for the weights, 4 for the KV cache, the rest for three
processes) and takes minutes: `make test-engine`. What a workflow has to say for it is `gpus: none`,
a folder as `model`, and `vllm-args: --load-format dummy`.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest

from devkit import model, vllm
from oi_deploy.agent.completions import LANGUAGES, Completions
from oi_deploy.agent.interpreter_import import parse_partial_json
from oi_deploy.agent.loop import system_message
from oi_deploy.engine import Endpoint
from oi_deploy.engine.flags import arguments
from oi_deploy.limits import Stop
from tests import qwen3_4b
from tests.engine_table import default_settings
from tests.integration.constrained import check_call
from tests.integration.engine_world import Opened, own_pool

pytestmark = [pytest.mark.docker, pytest.mark.engine]

NEEDED_KB = 16 * 1024**2
OURS = ("--load-format", "dummy")


@dataclass(frozen=True)
class Server:
    """A server that the sibling has started, and what is known of it."""

    endpoint: Endpoint
    words: list[str]
    said: list[str]


class Nowhere:
    """Takes what a person would see of the answer."""

    def write(self, text: str) -> None:
        pass


def free_kb() -> int:
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if free_kb() < NEEDED_KB:
        pytest.skip("this machine has not the 16 GiB of free memory that the model's size needs")
    image = vllm.up()
    folder = qwen3_4b.write(tmp_path_factory.mktemp("models") / qwen3_4b.NAME, model.up(image))
    wanted = default_settings(
        gpus="none",
        model=str(folder),
        vllm_image=image,
        vllm_args=" ".join(OURS),
        engine_timeout="20m",
    )
    with own_pool() as pool:
        opened = Opened(wanted)
        try:
            endpoint = opened.start()
            yield Server(endpoint, pool.server().attrs["Config"]["Entrypoint"], opened.said)
        finally:
            opened.engine.stop()


def test_the_arguments_are_those_of_the_documented_command(server: Server) -> None:
    documented = arguments(default_settings(), host="127.0.0.1", port=8000)
    revision = documented.index("--revision")
    del documented[revision : revision + 2]  # a folder has none
    documented[documented.index("--model") + 1] = server.words[server.words.index("--model") + 1]
    started = [word for word in server.words if word != "--enforce-eager"]  # a CPU's own
    assert started[started.index("--model") :] == [*documented, *OURS]
    assert server.endpoint.model == qwen3_4b.NAME
    assert server.endpoint.max_model_len == 16384


def test_the_memory_is_told(server: Server) -> None:
    said = "\n".join(server.said)
    assert "the model needs about 11.2 GiB" in said
    assert "its KV cache holds" in said


def test_the_agent_s_question_is_answered_with_a_call(server: Server) -> None:
    """The weights are random, and so is the text: it ends at the limit, inside of a call."""
    completions = Completions(
        server.endpoint, stop=Stop(), max_tokens=40, show=lambda: nullcontext(Nowhere())
    )
    messages = [
        {"role": "system", "content": system_message()},
        {"role": "user", "content": "Deploy this repository."},
    ]
    for _ in completions(messages=messages):
        pass
    reply = completions.reply
    assert reply is not None
    assert reply.kind in ("execute", "finish", "cut"), reply
    if reply.kind == "cut":
        begun = parse_partial_json(reply.text)
        assert isinstance(begun, dict), reply
        assert set(begun) <= {"language", "code"} or set(begun) <= {"done", "summary"}, reply
        if "code" in begun:
            assert begun["language"] in LANGUAGES, reply


def test_a_call_whose_values_are_given_is_answered_whole(server: Server) -> None:
    check_call(server.endpoint)
