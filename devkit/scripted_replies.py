"""What a scripted model can answer, and how vLLM 0.32 would send it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

# Characters of text or arguments in one chunk; small, so that streams arrive in pieces.
_PIECE = 12


@dataclass(frozen=True)
class Execute:
    """A call of `execute`."""

    code: str
    language: str = "shell"


@dataclass(frozen=True)
class Finish:
    """A call of `finish`."""

    summary: str
    done: bool = True


@dataclass(frozen=True)
class Cut:
    """A call of `execute` that reaches the length limit before its arguments end."""

    code: str
    language: str = "shell"


@dataclass(frozen=True)
class Text:
    """Plain text instead of a call."""

    content: str


@dataclass(frozen=True)
class Failure:
    """An HTTP error; `retry_after` is that header, if not empty."""

    status: int
    message: str
    retry_after: str = ""


@dataclass(frozen=True)
class Disconnect:
    """A call of `execute` whose connection breaks in the middle.

    `properly`: the response ends as if it were whole, as a router's may when its server died.
    """

    code: str = "echo never"
    properly: bool = False


@dataclass(frozen=True)
class Silence:
    """Headers, then nothing until the client goes away or the server stops."""


@dataclass(frozen=True)
class Endless:
    """A call of `execute` that goes on until the client goes away or the server stops."""


Reply = Execute | Finish | Cut | Text | Failure | Disconnect | Silence | Endless
_KINDS: Mapping[str, type[Any]] = {
    kind.__name__.lower(): kind for kind in (Execute, Finish, Cut, Text, Failure, Disconnect)
} | {"silence": Silence, "endless": Endless}


def from_json(item: Mapping[str, Any]) -> Reply:
    """Read a reply such as `{"execute": {"code": "true"}}`.

    Raises:
        ValueError: there is no such reply.
    """
    if len(item) != 1 or next(iter(item)) not in _KINDS:
        raise ValueError(f"{item!r} is none of {', '.join(_KINDS)}")
    ((name, fields),) = item.items()
    reply: Reply = _KINDS[name](**(fields or {}))
    return reply


def to_json(reply: Reply) -> dict[str, Any]:
    """The reverse of `from_json`."""
    return {type(reply).__name__.lower(): asdict(reply)}


def message(reply: Reply) -> dict[str, Any]:
    """The reply as the message of an answer that is not streamed."""
    name, arguments = _call(reply)
    if not name:
        return {"role": "assistant", "content": arguments, "tool_calls": []}
    function = {"name": name, "arguments": arguments}
    call = {"id": "chatcmpl-tool-0", "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def finish_reason(reply: Reply) -> str:
    """Why the model stopped."""
    if isinstance(reply, Cut):
        return "length"
    return "stop" if isinstance(reply, Text) else "tool_calls"


def deltas(reply: Reply) -> Iterator[dict[str, Any]]:
    """The reply as the deltas of a stream."""
    yield {"role": "assistant", "content": ""}
    name, text = _call(reply)
    pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    if not name:
        yield from ({"content": piece} for piece in pieces)
        return
    head = {"id": "chatcmpl-tool-0", "type": "function", "index": 0}
    yield {"tool_calls": [{**head, "function": {"name": name, "arguments": ""}}]}
    for piece in pieces:
        yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}


def _call(reply: Reply) -> tuple[str, str]:
    """Function name and raw arguments; without a name, plain text."""
    match reply:
        case Execute(code, language):
            return "execute", _json({"language": language, "code": code})
        case Cut(code, language):
            return "execute", _json({"language": language, "code": code})[:-2]
        case Finish(summary, done):
            return "finish", _json({"done": done, "summary": summary})
        case Disconnect(code):
            return "execute", _json({"language": "shell", "code": code})
        case Endless():
            return "execute", '{"language": "shell", "code": "'
        case Text(content):
            return "", content
    return "", ""


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
