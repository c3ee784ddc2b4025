"""The real Open Interpreter against a scripted server: what reaches the sandbox, what cannot."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from devkit.scripted_model import MODEL, ScriptedModel
from devkit.scripted_replies import Cut, Disconnect, Execute, Failure, Finish, Reply, Silence, Text
from oi_deploy.agent.completions import Completions
from oi_deploy.agent.plain import new_text
from oi_deploy.agent.session import Session
from oi_deploy.engine.interface import Endpoint
from oi_deploy.errors import RunError, Status
from oi_deploy.limits import Stop
from oi_deploy.sandbox import Result


class Shown:
    """Keeps what was streamed."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text


class Talk:
    """A session, with all that its code would have run."""

    def __init__(self, server: ScriptedModel, stop: Stop) -> None:
        self.ran: list[tuple[str, ...]] = []
        self.shown = Shown()
        self.completions = Completions(
            Endpoint(server.base_url, MODEL, "", 16384),
            stop=stop,
            max_tokens=512,
            show=lambda: contextlib.nullcontext(self.shown),
        )
        self.session = Session(
            self.completions, run=self._run, stop=stop, system_message="Deploy.", model=MODEL
        )

    def _run(self, argv: tuple[str, ...]) -> Result:
        self.ran.append(argv)
        return Result(3, False, 0.1, "the output\n")


@contextlib.contextmanager
def talk(*replies: Reply) -> Iterator[tuple[Talk, ScriptedModel, Stop]]:
    stop = Stop(600)
    with ScriptedModel(replies) as server:
        yield Talk(server, stop), server, stop


@pytest.mark.parametrize(
    "code",
    [
        "cat > Dockerfile <<'EOF'\nFROM a\nRUN echo `x` $(y) \"z\"\nEOF\ndocker push r/app:1",
        "exit 3",
        "sh -c 'bash x.sh'; echo show sha256 构建",
    ],
)
def test_code_reaches_the_sandbox_byte_for_byte_and_is_shown_once(code: str) -> None:
    with talk(Execute(code)) as (one, _, _):
        turn = one.session.turn("go")
    assert [argv[-1] for argv in one.ran] == [code]
    assert one.ran[0][0] == "/bin/bash"
    assert one.shown.text == code
    assert turn.result is not None and turn.result.exit_code == 3


@pytest.mark.parametrize(
    "code",
    [
        "apt install -y ./evil.deb",
        # Open Interpreter reads this as a call of its own and takes the language from it.
        'functions.execute({"language": "shell", "code": "apt install evil"})',
    ],
)
def test_no_code_is_run_outside_the_sandbox(code: str) -> None:
    with talk(Execute(code)) as (one, _, _):
        one.session.turn("go")
    assert len(one.ran) == 1 and "apt install" in one.ran[0][-1]


def test_each_language_has_its_interpreter() -> None:
    with talk(Execute("1", "python"), Execute("2", "javascript")) as (one, _, _):
        one.session.turn("a")
        one.session.turn("b")
    assert [argv[0] for argv in one.ran] == ["/usr/bin/python3", "/usr/bin/node"]


def test_one_turn_is_one_request_with_only_the_message_of_that_turn() -> None:
    with talk(Execute("a"), Execute("b")) as (one, server, _):
        one.session.turn('first 部署 "q" `b` $(c)')
        one.session.turn("second")
    contents = [[m["content"] for m in body["messages"]] for body in server.requests]
    assert contents == [["Deploy.", 'first 部署 "q" `b` $(c)'], ["Deploy.", "second"]]


def test_every_request_demands_a_call_and_repeats_itself_exactly() -> None:
    with talk(Finish("ok")) as (one, server, _):
        one.session.turn("go")
    body: dict[str, Any] = server.requests[0]
    assert (body["temperature"], body["seed"], body["tool_choice"]) == (0, 0, "required")
    assert "<|im_start|>" in body["stop"]
    assert [tool["function"]["name"] for tool in body["tools"]] == ["execute", "finish"]
    assert one.completions.completion_tokens > 0 and one.completions.prompt_tokens > 0


def test_a_file_is_written_from_plain_text() -> None:
    text = "# k\nname: \"q\" $x `b`\n  - '1'\n"
    with talk(Text(f"Here it is:\n```yaml\n{text}```"), Text("no file"), Finish("ok")) as (
        one,
        server,
        _,
    ):
        turn = one.session.turn("write k.yaml", plain=new_text("k.yaml"))
        unusable = one.session.turn("write k.yaml", plain=new_text("k.yaml"))
        one.session.turn("go on")
    assert one.ran[0][-1] == f"cat > k.yaml <<'END_OF_FILE'\n{text}END_OF_FILE\n"
    assert turn.reply.kind == "execute" and len(one.ran) == 1
    assert unusable.reply.kind == "malformed" and unusable.result is None
    first, _, last = server.requests
    assert "tools" not in first and "tool_choice" not in first
    assert "function" not in first["messages"][0]["content"]
    assert first["messages"][1]["content"] == "write k.yaml"
    assert last["messages"][0]["content"] == "Deploy." and last["tool_choice"] == "required"


def test_a_call_is_taken_where_plain_text_was_asked_for() -> None:
    with talk(Execute("ls")) as (one, _, _):
        turn = one.session.turn("write k.yaml", plain=new_text("k.yaml"))
    assert turn.reply.kind == "execute" and one.ran[0][-1] == "ls"


def test_the_languages_of_code_can_be_limited() -> None:
    with talk(Execute("a"), Execute("b")) as (one, server, _):
        one.session.turn("go", languages=("shell",))
        one.session.turn("go")
    kinds = [
        body["tools"][0]["function"]["parameters"]["properties"]["language"]["enum"]
        for body in server.requests
    ]
    assert kinds == [["shell"], ["shell", "python", "javascript"]]


def test_an_answer_that_is_to_end_early_has_fewer_tokens() -> None:
    with talk(Execute("ls"), Execute("ls")) as (it, server, _):
        it.session.turn("The rest?", brief=True)
        it.session.turn("Again?")
    brief, whole = server.requests
    assert brief["max_tokens"] < whole["max_tokens"] == 512


def test_another_answer_can_be_drawn_and_is_the_same_every_time() -> None:
    with talk(Finish("ok"), Finish("ok")) as (one, server, _):
        one.session.turn("task", variation=2)
        one.session.turn("task")
    drawn, likeliest = server.requests
    assert (drawn["temperature"], drawn["seed"]) == (0.7, 2)
    assert (likeliest["temperature"], likeliest["seed"]) == (0, 0)


def test_the_constraint_can_be_switched_off_to_measure_it() -> None:
    with ScriptedModel([Text("no call")]) as server:
        completions = Completions(
            Endpoint(server.base_url, MODEL, "", 16384),
            stop=Stop(600),
            max_tokens=512,
            show=lambda: contextlib.nullcontext(Shown()),
            constrained=False,
        )
        list(completions(messages=[{"role": "user", "content": "task"}]))
    assert server.requests[0]["tool_choice"] == "auto"
    assert completions.reply is not None and completions.reply.kind == "malformed"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Cut("rm -rf /"), "cut"),
        (Text("```sh\nls\n```"), "malformed"),
        # Its end, which would make it a whole call, is not waited for.
        (Execute("import os\n" * 200), "cut"),
    ],
)
def test_what_is_no_complete_call_is_not_run(reply: Reply, kind: str) -> None:
    with talk(reply) as (one, _, _):
        turn = one.session.turn("go")
    assert (turn.reply.kind, turn.result, one.ran) == (kind, None, [])


def test_the_end_is_a_call_of_its_own() -> None:
    with talk(Finish("done it", done=True)) as (one, _, _):
        turn = one.session.turn("go")
    assert (turn.reply.kind, turn.reply.text, turn.reply.done) == ("finish", "done it", True)


def test_a_refusal_of_the_server_names_the_input() -> None:
    with (
        talk(Failure(401, "no key")) as (one, _, _),
        pytest.raises(RunError, match="HTTP 401") as caught,
    ):
        one.session.turn("go")
    assert "api-key" in caught.value.remedy


def test_a_broken_connection_runs_nothing() -> None:
    with talk(Disconnect()) as (one, _, _), pytest.raises(RunError, match="stopped answering"):
        one.session.turn("go")
    assert one.ran == []


def test_a_cancelled_run_does_not_wait_for_the_model() -> None:
    with talk(Silence()) as (one, _, stop):
        stop.request(RunError("cancelled", status=Status.CANCELLED))
        with pytest.raises(RunError) as caught:
            one.session.turn("go")
    assert caught.value.status is Status.CANCELLED
