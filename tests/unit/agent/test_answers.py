"""Which answers of a model are executed, and which are not."""

import json

import pytest

from oi_deploy.agent.completions import Reply, goes_round, read_call


def arguments(**values: object) -> str:
    return json.dumps(values)


def test_a_complete_call_is_executed_byte_for_byte() -> None:
    code = 'cat > f <<"EOF"\n`x` $(y) "z"\nEOF\ndocker push r/app:1; echo 部署'
    reply = read_call("execute", arguments(language="shell", code=code), "tool_calls")
    assert reply == Reply("execute", code, language="shell")


def test_a_call_that_was_cut_off_is_not_executed() -> None:
    whole = arguments(language="shell", code="rm -rf build")
    assert read_call("execute", whole, "length").kind == "cut"
    assert read_call("execute", whole[:-9], "stop").kind == "malformed"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("execute", {"language": "ruby", "code": "x"}),
        ("execute", {"language": "shell", "code": "  "}),
        ("execute", {"language": "shell"}),
        ("run", {"language": "shell", "code": "x"}),
        ("finish", {"done": True}),
    ],
)
def test_anything_else_is_not_executed(name: str, values: dict[str, object]) -> None:
    assert read_call(name, arguments(**values), "tool_calls").kind == "malformed"


def test_only_a_plain_true_means_done() -> None:
    assert read_call("finish", arguments(done=True, summary="s"), "stop").done
    assert not read_call("finish", arguments(done="yes", summary="s"), "stop").done


def test_an_answer_that_repeats_itself_without_end_is_seen() -> None:
    lines = "kubectl get pods -n production -l app=web\nkubectl get events -n production -o wide\n"
    assert goes_round("import os\n" + lines * 6)
    assert goes_round("x" + "ab" * 200)
    for text in ("", lines * 3, "echo " + "=" * 210, "\n".join(f"step {n}" for n in range(99))):
        assert not goes_round(text)
