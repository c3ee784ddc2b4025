"""The model's answers: our replacement for Open Interpreter's `llm.completions`.

Open Interpreter 0.4.3 sends no temperature when it is zero, executes calls that were cut off, and
ends a turn silently when the model calls anything but `execute` (core/llm/llm.py,
core/llm/run_tool_calling_llm.py). So the request and the reading of the reply are done here: every
reply must be a call of one of two functions, and only a complete, well-formed call goes on.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Protocol

from oi_deploy.agent.interpreter_import import parse_partial_json
from oi_deploy.agent.plain import Plain
from oi_deploy.agent.servers import Again, BrokenOff, Servers
from oi_deploy.engine.interface import Endpoint
from oi_deploy.limits import Stop

LANGUAGES = ("shell", "python", "javascript")

_FINISH = {
    "type": "function",
    "function": {
        "name": "finish",
        "description": "Say that the task is done, or why it cannot be done.",
        "parameters": {
            "type": "object",
            "properties": {
                "done": {"type": "boolean"},
                "summary": {"type": "string", "description": "one or two sentences"},
            },
            "required": ["done", "summary"],
            "additionalProperties": False,
        },
    },
}


def _execute(languages: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": "execute",
            "description": "Run a complete script on this machine. Every call starts a new "
            "process.",
            "parameters": {
                "type": "object",
                "properties": {
                    "language": {"type": "string", "enum": list(languages)},
                    "code": {"type": "string", "description": "the whole script"},
                },
                "required": ["language", "code"],
                "additionalProperties": False,
            },
        },
    }


# The temperature of an answer that has to differ from the last one.
_DRAWN = 0.7
# Tokens of an answer that is to end early: enough for a command, or a short report.
_BRIEF = 384
# How chats go on in the training data of many models. One that has lost its way inside a string
# writes them as plain text, again and again up to the limit of tokens: minutes, on a CPU.
_ASTRAY = ["<|im_start|>", "<|endoftext|>"]


@dataclass(frozen=True)
class Reply:
    """One answer of the model, read to its end.

    Attributes:
        kind: `execute`, `finish`, `cut` (it reached the length limit, or repeats itself without
            end) or `malformed`.
        text: the code for `execute`, the summary for `finish`, else what the model wrote.
        language: of the code.
        done: whether a `finish` says that the task is done.
    """

    kind: str
    text: str
    language: str = ""
    done: bool = False


def read_call(name: str, arguments: str, finish_reason: str) -> Reply:
    """Judge a function call by its name and its raw arguments."""
    if finish_reason == "length":
        return Reply("cut", arguments)
    try:
        values = json.loads(arguments)
    except json.JSONDecodeError:
        return Reply("malformed", arguments)
    if not isinstance(values, dict):
        return Reply("malformed", arguments)
    if name == "execute":
        language, code = values.get("language"), values.get("code")
        if language in LANGUAGES and isinstance(code, str) and code.strip():
            return Reply("execute", code, language=language)
    if name == "finish" and isinstance(values.get("summary"), str):
        return Reply("finish", values["summary"], done=values.get("done") is True)
    return Reply("malformed", arguments)


def _read_plain(plain: Plain, text: str, finish_reason: str) -> Reply:
    """Judge an answer as plain text."""
    if finish_reason == "length":
        return Reply("cut", text)
    language, code = plain.read(text)
    return Reply("execute", code, language=language) if code else Reply("malformed", text)


def goes_round(text: str) -> bool:
    """Whether a text ends in the same at least four times, and at least 400 characters of it.

    A small model that has lost its way goes on so up to the limit of tokens.
    """
    return any(
        text.endswith(text[-size:] * max(4, -(-400 // size)))
        for size in range(1, min(600, len(text) // 4) + 1)
    )


class Writes(Protocol):
    """Takes text in pieces."""

    def write(self, text: str) -> None:
        """Take a piece."""


class Completions:
    """Callable with Open Interpreter's parameters; yields what its tool mode reads.

    Attributes:
        reply: the turn's answer; None before it. Whoever begins a turn sets it to None.
        prompt_tokens: tokens sent so far, as counted by the server for answers that were whole.
        completion_tokens: tokens received so far, likewise.
        variation: 0 for the likeliest answer; another number draws one, always the same.
        languages: those that it may be written in.
        plain: what is asked for as plain text; None where a call is.
        brief: whether an answer is to end early; a small model that has nothing to do makes
            something up, without end.
        may_finish: whether an answer may say that the task is done, or cannot be done.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        stop: Stop,
        max_tokens: int,
        show: Callable[[], AbstractContextManager[Writes]],
        on_again: Callable[[Again], None] = lambda again: None,
        constrained: bool = True,
    ) -> None:
        """Talk to `endpoint`.

        Args:
            endpoint: the model.
            stop: ends every wait.
            max_tokens: of one answer.
            show: opens what code and text of an answer are written to as they arrive.
            on_again: told when an answer broke off or did not come, and is asked for again.
            constrained: whether the server lets the model write nothing but a call.
        """
        self.reply: Reply | None = None
        self.variation = 0
        self.languages: Sequence[str] = LANGUAGES
        self.plain: Plain | None = None
        self.brief = False
        self.may_finish = True
        self._tool_choice = "required" if constrained else "auto"
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self._model = endpoint.model
        self._max_tokens = max_tokens
        self._show = show
        self._servers = Servers(endpoint, stop=stop, on_again=on_again)

    def __call__(self, **params: Any) -> Iterator[dict[str, Any]]:
        """Ask the model for one reply and hand it on, if it can be executed or is an ending.

        Raises:
            RunError: no server answers, one refuses, or the run has to stop.
        """
        if self.reply is not None:
            # Open Interpreter asks again after each execution, for as long as it gets code; it has
            # no limit of its own. Words end its turn, and no request is needed for them.
            yield _words("-")
            return
        name, arguments, text, finish_reason = self._servers.ask(
            {
                "model": self._model,
                **self._asked(params["messages"]),
                "temperature": _DRAWN if self.variation else 0.0,
                "seed": self.variation,
                "max_tokens": min(self._max_tokens, _BRIEF) if self.brief else self._max_tokens,
                "stop": _ASTRAY,
                "stream": True,
                "stream_options": {"include_usage": True},
            },
            self._read,
        )
        if name:
            # A server that knows no functions of this request may find a call in its text.
            self.reply = read_call(name, arguments, finish_reason)
        elif self.plain:
            self.reply = _read_plain(self.plain, text, finish_reason)
            arguments = json.dumps({"language": self.reply.language, "code": self.reply.text})
        else:
            self.reply = Reply("malformed", text)
        if self.reply.kind == "execute":
            call = SimpleNamespace(name="execute", arguments=arguments)
            yield {"choices": [{"delta": {"tool_calls": [SimpleNamespace(function=call)]}}]}
        else:
            # An empty message would leave Open Interpreter looking at the user's message again.
            yield _words(self.reply.text or "-")

    def _asked(self, messages: list[dict[str, Any]]) -> dict[str, Any]:
        """Messages, and what the answer has to be."""
        if self.plain:
            system = {"role": "system", "content": self.plain.system}
            return {"messages": [system, *messages[1:]]}
        return {
            "messages": messages,
            "tools": [_execute(self.languages), *([_FINISH] if self.may_finish else [])],
            "tool_choice": self._tool_choice,
            "parallel_tool_calls": False,
        }

    def _read(self, chunks: Iterator[Any]) -> tuple[str, str, str, str]:
        """Function name, arguments, text and finish reason of one answer, shown as it arrives.

        Raises:
            BrokenOff: it has no end.
        """
        name, arguments, text, finish_reason, shown = "", "", "", "", ""
        with self._show() as stream:
            for chunk in chunks:
                if chunk.usage:
                    self.prompt_tokens += chunk.usage.prompt_tokens
                    self.completion_tokens += chunk.usage.completion_tokens
                for choice in chunk.choices:
                    finish_reason = choice.finish_reason or finish_reason
                    if choice.delta.content:
                        text += choice.delta.content
                        stream.write(choice.delta.content)
                    for call in choice.delta.tool_calls or []:
                        # A second, parallel call is never run; Open Interpreter knows only one.
                        if call.index or not call.function:
                            continue
                        name = call.function.name or name
                        arguments += call.function.arguments or ""
                        now = _visible(arguments)
                        # Between the two characters of an escape, there is nothing to read yet.
                        if len(now) > len(shown):
                            stream.write(now[len(shown) :])
                            shown = now
                if goes_round(shown or text):
                    return name, arguments, text, "length"
        # A router may end its answer properly when the server behind it has died.
        if not finish_reason:
            raise BrokenOff("it has no end")
        return name, arguments, text, finish_reason


def _words(text: str) -> dict[str, Any]:
    return {"choices": [{"delta": {"role": "assistant", "content": text}}]}


def _visible(arguments: str) -> str:
    """The code or summary inside arguments that are still arriving."""
    values = parse_partial_json(arguments)
    if not isinstance(values, dict):
        return ""
    value = values.get("code", values.get("summary", ""))
    return value if isinstance(value, str) else ""
