"""A model server that answers from a script: for tests of our own logic, never of a model.

It speaks as vLLM's OpenAI-compatible server does: `/health`, `/v1/models`, streamed and whole chat
completions with tools, usage in the last chunk, errors as JSON. Requests without tools (readiness
probes) get one token and use nothing up.
"""

import argparse
import contextlib
import json
import sys
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from devkit.scripted_replies import (
    Disconnect,
    Endless,
    Failure,
    Reply,
    Silence,
    Text,
    deltas,
    finish_reason,
    from_json,
    message,
)

MODEL = "scripted"
# Between the pieces of an answer without an end.
_DRIP_S = 0.1


class ScriptedModel:
    """The server, as a context manager.

    Attributes:
        requests: the bodies of all requests that used up a reply, in order.
        probes: the bodies of the others, which offer no functions and want no stream.
        headers: the headers of every request of either kind, in order.
    """

    def __init__(
        self,
        replies: Sequence[Reply],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        api_key: str = "",
        max_model_len: int = 16384,
        repeat_last: bool = False,
        on_request: Callable[[dict[str, Any]], None] = lambda body: None,
    ) -> None:
        """Prepare to answer; the address must be reachable from where the action runs.

        Args:
            replies: one for each request with tools.
            host: address to bind; a container reaches the Docker bridge's gateway.
            port: 0 takes a free one.
            api_key: what `/v1` demands; nothing if empty.
            max_model_len: what `/v1/models` says.
            repeat_last: answer with the last reply for ever, instead of failing at the end.
            on_request: told each body that uses up a reply.
        """
        self.requests: list[dict[str, Any]] = []
        self.probes: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.api_key = api_key
        self.max_model_len = max_model_len
        self.stopping = threading.Event()
        self._replies = list(replies)
        self._repeat_last = repeat_last
        self._on_request = on_request
        self._lock = threading.Lock()
        self._server = _Server((host, port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def base_url(self) -> str:
        """What goes into `api-base`."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/v1"

    @property
    def unused(self) -> int:
        """Replies that nobody asked for."""
        return max(len(self._replies) - len(self.requests), 0)

    def __enter__(self) -> "ScriptedModel":
        """Start to answer."""
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop, whatever is under way."""
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def next_reply(self, body: dict[str, Any], headers: dict[str, str]) -> Reply:
        """Record a request and choose what it gets."""
        with self._lock:
            self.headers.append(headers)
            if not body.get("tools") and not body.get("stream"):
                self.probes.append(body)
                return Text("ok")
            self.requests.append(body)
            number = len(self.requests) - 1
            self._on_request(body)
            if number < len(self._replies):
                return self._replies[number]
            if self._repeat_last and self._replies:
                return self._replies[-1]
            return Failure(500, f"the script has only {len(self._replies)} replies")


def _handler(model: ScriptedModel) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        script = model

    return Handler


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what went wrong, unless a client has only gone away."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: ScriptedModel

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Stay quiet."""

    def do_GET(self) -> None:
        """Answer what a server says about itself."""
        if self.script.stopping.is_set():
            self.close_connection = True  # a server that is gone answers nobody
        elif self.path == "/health":
            self._send(200, b"")
        elif not self._allowed():
            self._error(401, "Unauthorized")
        elif self.path == "/v1/models":
            entry = {"id": MODEL, "object": "model", "max_model_len": self.script.max_model_len}
            self._json(200, {"object": "list", "data": [entry]})
        else:
            self._error(404, "Not Found")

    def do_POST(self) -> None:
        """Answer with the next reply."""
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        if not self._allowed():
            self._error(401, "Unauthorized")
        elif self.path != "/v1/chat/completions":
            self._error(404, "Not Found")
        elif body.get("model") != MODEL:
            self._error(404, f"The model `{body.get('model')}` does not exist.")
        else:
            reply = self.script.next_reply(body, dict(self.headers.items()))
            try:
                self._answer(reply, body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client was cancelled; that is its right

    def _allowed(self) -> bool:
        key = self.script.api_key
        return not key or self.headers.get("Authorization") == f"Bearer {key}"

    def _answer(self, reply: Reply, body: dict[str, Any]) -> None:
        if isinstance(reply, Failure):
            self._error(reply.status, reply.message, retry_after=reply.retry_after)
        elif body.get("stream"):
            self._stream(reply, body)
        else:
            choice = {"index": 0, "message": message(reply), "finish_reason": finish_reason(reply)}
            usage = _usage(reply, body)
            self._json(200, {**_HEAD, "object": _WHOLE, "choices": [choice], "usage": usage})

    def _stream(self, reply: Reply, body: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if isinstance(reply, Silence):
            self.script.stopping.wait()
            self.close_connection = True
            return
        parts = list(deltas(reply))
        if isinstance(reply, Disconnect):
            parts = parts[: len(parts) // 2 + 1]
        for delta in parts:
            self._event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        while isinstance(reply, Endless) and not self.script.stopping.wait(_DRIP_S):
            piece = {"index": 0, "function": {"arguments": "true; "}}
            delta = {"tool_calls": [piece]}
            self._event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        if isinstance(reply, Disconnect | Endless):
            if isinstance(reply, Disconnect) and reply.properly:
                self.wfile.write(b"0\r\n\r\n")
            self.close_connection = True
            return
        last = {"index": 0, "delta": {}, "finish_reason": finish_reason(reply)}
        self._event({"choices": [last]})
        if (body.get("stream_options") or {}).get("include_usage"):
            self._event({"choices": [], "usage": _usage(reply, body)})
        self._chunk(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, value: dict[str, Any]) -> None:
        document = {**_HEAD, "object": "chat.completion.chunk", **value}
        self._chunk(f"data: {json.dumps(document, ensure_ascii=False)}\n\n".encode())

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _json(self, status: int, value: object) -> None:
        self._send(status, json.dumps(value, ensure_ascii=False).encode())

    def _error(self, status: int, text: str, *, retry_after: str = "") -> None:
        error = {"message": text, "type": "BadRequestError", "param": None, "code": status}
        headers = {"Retry-After": retry_after} if retry_after else {}
        self._send(status, json.dumps({"error": error}).encode(), **headers)

    def _send(self, status: int, data: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


_HEAD = {"id": "chatcmpl-scripted", "created": 0, "model": MODEL}
_WHOLE = "chat.completion"


def _usage(reply: Reply, body: dict[str, Any]) -> dict[str, int]:
    """Counts that grow with the text, so that sums can be checked; no tokenizer is at work."""
    prompt = sum(len(str(item.get("content") or "")) for item in body["messages"]) // 4
    completion = sum(1 for _ in deltas(reply))
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Serve a script from a JSON file until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m devkit.scripted_model", description=__doc__)
    parser.add_argument("script", type=Path, help='such as [{"execute": {"code": "true"}}]')
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--api-key", default="")
    parser.add_argument("--repeat-last", action="store_true", help="never run out of replies")
    parser.add_argument("--record", type=Path, help="append each request's body as a JSON line")
    arguments = parser.parse_args(argv)

    def record(body: dict[str, Any]) -> None:
        if arguments.record:
            with arguments.record.open("a", encoding="utf-8") as file:
                file.write(json.dumps(body, ensure_ascii=False) + "\n")

    replies = [from_json(item) for item in json.loads(arguments.script.read_text("utf-8"))]
    model = ScriptedModel(
        replies,
        host=arguments.host,
        port=arguments.port,
        api_key=arguments.api_key,
        repeat_last=arguments.repeat_last,
        on_request=record,
    )
    with model:
        print(f"api-base: {model.base_url}  model: {MODEL}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
