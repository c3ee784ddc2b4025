"""Stands for vLLM where only its life matters: it serves, hangs or dies at once.

Standard library only, so that it runs in any Python. What it does is decided by the word after
`--standin`, which a test gives in `vllm-args`.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def option(name: str, default: str = "") -> str:
    """The last value of an argument."""
    values = [
        after for before, after in zip(sys.argv, sys.argv[1:], strict=False) if before == name
    ]
    return values[-1] if values else default


def say(line: str) -> None:
    """Write a line of vLLM's log."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


BEHAVIOUR = option("--standin", "serve")
KEY = os.environ.get("VLLM_API_KEY", "")
STREAMED_ENOUGH = threading.Event()
METRICS = "# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running 0.0\n"


class Handler(BaseHTTPRequestHandler):
    """The three routes that readiness needs, and what else answers in vLLM without a key."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer /health, /metrics and /v1/models."""
        if BEHAVIOUR == "loading" or (BEHAVIOUR == "unhealthy" and self.path == "/health"):
            self.answer(503, {})
        elif self.path == "/health":
            self.answer(200, {})
        elif self.path == "/metrics":
            self.send(200, METRICS.encode())
        elif self.path != "/v1/models":
            self.answer(404, {})
        elif self.allowed():
            names = option("--served-model-name", "standin").split(",")
            length = None if BEHAVIOUR == "no-length" else int(option("--max-model-len", "4096"))
            models = [{"id": name, "max_model_len": length} for name in names]
            self.answer(200, {"object": "list", "data": models})

    def do_POST(self) -> None:
        """Answer /v1/chat/completions, and /tokenize."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/tokenize":
            self.answer(200, {"tokens": []})
        elif self.path == "/v1/enough":
            STREAMED_ENOUGH.set()
            self.answer(200, {})
        elif body.get("stream") and self.allowed():
            self.stream()
        elif BEHAVIOUR == "no-token":
            self.answer(500, {"error": {"message": "EngineCore encountered an issue"}})
        elif self.allowed():
            assert body["max_tokens"] == 1
            self.answer(200, {"choices": [{"message": {"role": "assistant", "content": "Hi"}}]})

    def stream(self) -> None:
        """Send events until /v1/enough is asked for, or the client goes away."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        while not STREAMED_ENOUGH.wait(0.1):
            self.wfile.write(b"data: {}\n\n")
            try:
                if not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                    say("the client has gone")
                    return
            except BlockingIOError:
                pass
        self.wfile.write(b"data: [DONE]\n\n")

    def allowed(self) -> bool:
        """Check the key as vLLM does."""
        if not KEY or self.headers.get("authorization") == f"Bearer {KEY}":
            return True
        self.answer(401, {"error": "Unauthorized"})
        return False

    def answer(self, code: int, body: object) -> None:
        """Send a JSON answer."""
        self.send(code, json.dumps(body).encode())

    def send(self, code: int, data: bytes) -> None:
        """Send an answer."""
        self.send_response(code)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing about requests."""


def main() -> None:
    """Do what the test asked for."""
    say("(APIServer pid=1) INFO [api_utils.py:286] non-default args: {}")
    if BEHAVIOUR == "die":
        say("ValueError: No available memory for the cache blocks. Try increasing")
        sys.exit(1)
    # vLLM's workers are processes of their own too.
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(86399)"])
    say("(Worker pid=2) INFO [cpu_model_runner.py:68] Starting to load model x...")
    if BEHAVIOUR == "hang":
        time.sleep(86399)
    address = (option("--host", "127.0.0.1"), int(option("--port", "8000")))
    taker = socket.create_server(address) if BEHAVIOUR == "port-taken" else None  # noqa: F841
    server = ThreadingHTTPServer(address, Handler)
    say("(APIServer pid=1) INFO [entry.py:140] Starting vLLM server on http://x")
    server.serve_forever()


if __name__ == "__main__":
    main()
