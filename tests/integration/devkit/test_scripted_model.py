"""The scripted server, read by the same client library that talks to vLLM."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from devkit.scripted_model import MODEL, ScriptedModel
from devkit.scripted_replies import (
    Cut,
    Disconnect,
    Execute,
    Failure,
    Finish,
    Reply,
    Text,
    from_json,
    to_json,
)

TOOLS: Any = [{"type": "function", "function": {"name": "execute", "parameters": {}}}]
MESSAGES: Any = [{"role": "user", "content": '构建 `x` "$(y)"\n'}]


def ask(model: ScriptedModel, *, stream: bool = True, tools: Any = TOOLS) -> Any:
    client = openai.OpenAI(
        base_url=model.base_url, api_key=model.api_key or "none", max_retries=0, timeout=10
    )
    return client.chat.completions.create(  # type: ignore[call-overload]
        model=MODEL,
        messages=MESSAGES,
        tools=tools,
        stream=stream,
        **({"stream_options": {"include_usage": True}} if stream else {}),
    )


def read(chunks: Iterator[Any]) -> tuple[str, str, str, int]:
    """Function name, arguments or text, finish reason, completion tokens."""
    name, text, reason, tokens = "", "", "", 0
    for chunk in chunks:
        tokens += chunk.usage.completion_tokens if chunk.usage else 0
        for choice in chunk.choices:
            reason = choice.finish_reason or reason
            text += choice.delta.content or ""
            for call in choice.delta.tool_calls or []:
                name = call.function.name or name
                text += call.function.arguments or ""
    return name, text, reason, tokens


def test_replies_come_in_order_and_requests_are_kept() -> None:
    code = 'docker build -t 名:1 .\necho "done"'
    with ScriptedModel([Execute(code), Finish("好了", done=False), Text("just talk")]) as model:
        name, arguments, reason, tokens = read(ask(model))
        assert (name, reason) == ("execute", "tool_calls")
        assert json.loads(arguments) == {"language": "shell", "code": code}
        assert tokens > 0
        name, arguments, *_ = read(ask(model))
        assert name == "finish"
        assert json.loads(arguments) == {"done": False, "summary": "好了"}
        assert read(ask(model))[:3] == ("", "just talk", "stop")
        assert model.unused == 0
        assert [item["messages"] for item in model.requests] == [MESSAGES] * 3


def test_a_cut_call_ends_with_the_length_reason_and_unfinished_arguments() -> None:
    with ScriptedModel([Cut("rm -rf build")]) as model:
        _, arguments, reason, _ = read(ask(model))
    assert reason == "length"
    with pytest.raises(json.JSONDecodeError):
        json.loads(arguments)


def test_a_probe_without_tools_uses_no_reply_up() -> None:
    with ScriptedModel([Finish("x")]) as model:
        answer = ask(model, stream=False, tools=openai.NOT_GIVEN)
        assert answer.choices[0].message.content == "ok"
        assert model.unused == 1
        answer = ask(model, stream=False)
        assert answer.choices[0].message.tool_calls[0].function.name == "finish"


def test_an_http_error_carries_its_message() -> None:
    with (
        ScriptedModel([Failure(400, "maximum context length is 16384")]) as model,
        pytest.raises(openai.BadRequestError, match="maximum context length"),
    ):
        ask(model)


def test_a_broken_connection_is_an_error_for_the_client() -> None:
    with ScriptedModel([Disconnect("echo a long enough script to be cut")]) as model:
        stream = ask(model)
        with pytest.raises(openai.APIConnectionError):
            read(stream)


def test_the_end_of_the_script_is_an_error_unless_the_last_reply_repeats() -> None:
    with ScriptedModel([Finish("x")]) as model:
        read(ask(model))
        with pytest.raises(openai.InternalServerError, match="only 1 replies"):
            ask(model)
    with ScriptedModel([Finish("x")], repeat_last=True) as model:
        assert [read(ask(model))[0] for _ in range(3)] == ["finish"] * 3


def test_a_key_is_demanded_where_one_is_set() -> None:
    with ScriptedModel([Finish("x")], api_key="k") as model:
        read(ask(model))
        model.api_key = "other"
        client = openai.OpenAI(base_url=model.base_url, api_key="wrong", max_retries=0)
        with pytest.raises(openai.AuthenticationError):
            client.models.list()


@pytest.mark.parametrize("reply", [Execute("x", "python"), Finish("s", False), Failure(500, "m")])
def test_a_script_can_be_written_as_json(reply: Reply) -> None:
    assert from_json(to_json(reply)) == reply


def test_an_unknown_reply_is_refused() -> None:
    with pytest.raises(ValueError, match="none of"):
        from_json({"dance": {}})
