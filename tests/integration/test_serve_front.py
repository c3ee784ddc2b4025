"""The port for clients, in front of a process that answers as vLLM does."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from oi_deploy.engine import Endpoint
from oi_deploy.serve import front as module
from oi_deploy.serve.front import Front
from tests.integration.engine_world import server

KEY, SERVER_KEY = "client-key-0123456789", "server-key-0123456789"
HELLO = {"model": "standin", "max_tokens": 1}


@contextmanager
def fronted(*arguments: str) -> Iterator[tuple[Front, str]]:
    """A front, and the URL of the server behind it."""
    front = Front("127.0.0.1", 0, KEY)
    try:
        with server(*arguments, key=SERVER_KEY) as url:
            front.endpoint = Endpoint(f"{url}/v1", "standin", SERVER_KEY, 2048)
            yield front, url
    finally:
        front.close()


def client(front: Front, key: str = KEY) -> httpx.Client:
    return httpx.Client(
        base_url=front.url.removesuffix("/v1"),
        headers={"Authorization": f"Bearer {key}"},
        trust_env=False,
        timeout=30,
    )


def raw(front: Front, request: bytes) -> bytes:
    """All that a client gets that sends these bytes and waits for the end."""
    with socket.create_connection(("127.0.0.1", int(front.url.split(":")[2].split("/")[0]))) as it:
        it.settimeout(30)
        it.sendall(request)
        return it.makefile("rb").read()


def test_clients_use_a_key_that_is_not_the_server_s() -> None:
    with fronted() as (front, _), client(front) as known, client(front, SERVER_KEY) as stranger:
        assert known.get("/v1/models").json()["data"][0]["id"] == "standin"
        answer = known.post("/v1/chat/completions", json=HELLO)
        assert answer.json()["choices"]
        assert stranger.get("/v1/models").status_code == 401
        assert stranger.post("/v1/chat/completions", json=HELLO).status_code == 401
        assert stranger.get("/health").status_code == 200
        assert "vllm:num_requests_running" in stranger.get("/metrics").text


def test_what_vllm_leaves_open_is_not_there() -> None:
    with fronted() as (front, url), client(front) as known:
        assert httpx.post(f"{url}/tokenize", json={}, trust_env=False).status_code == 200
        assert known.post("/tokenize", json={}).status_code == 404


def test_an_answer_comes_piece_by_piece() -> None:
    with (
        fronted() as (front, _),
        client(front) as known,
        known.stream("POST", "/v1/chat/completions", json={**HELLO, "stream": True}) as answer,
    ):
        pieces = answer.iter_lines()
        # The server sends these until it hears that it was enough.
        assert next(pieces) == "data: {}"
        assert known.post("/v1/enough", json={}).status_code == 200
        assert [line for line in pieces if line][-1] == "data: [DONE]"


def test_a_client_that_goes_away_ends_its_request(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        front = Front("127.0.0.1", 0, KEY)
        port = listener.getsockname()[1]
        front.endpoint = Endpoint(f"http://127.0.0.1:{port}/v1", "x", SERVER_KEY, 1)
        with client(front) as known, ExitStack() as stack:
            request = known.build_request("GET", "/v1/models")
            thread = threading.Thread(target=lambda: _give_up(known, request))
            thread.start()
            connection, _ = listener.accept()
            stack.callback(connection.close)
            connection.settimeout(30)
            while connection.recv(65536):
                pass  # until the front ends it, as its client has gone
            thread.join()
        front.close()
    assert capfd.readouterr().err == ""


def _give_up(known: httpx.Client, request: httpx.Request) -> None:
    with pytest.raises(httpx.ReadTimeout):
        request.extensions["timeout"] = {"connect": 30, "read": 0.5, "write": 30, "pool": 30}
        known.send(request)


def test_without_a_server_it_says_so() -> None:
    with fronted() as (front, _), client(front) as known:
        front.endpoint = None
        for path in ("/health", "/metrics", "/v1/models"):
            assert known.get(path).status_code == 503
        # One that has ended just now.
        with socket.create_server(("127.0.0.1", 0)) as closing:
            port = closing.getsockname()[1]
            front.endpoint = Endpoint(f"http://127.0.0.1:{port}/v1", "x", SERVER_KEY, 1)
            thread = threading.Thread(target=_break_off, args=(closing,))
            thread.start()
            assert known.get("/health").status_code == 502
            thread.join()
        front.endpoint = Endpoint(f"http://127.0.0.1:{port}/v1", "x", SERVER_KEY, 1)
        assert known.get("/health").status_code == 502


def _break_off(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    # A reset, as from a process that is killed.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_a_refusal_reaches_a_client_that_still_sends() -> None:
    body = b"x" * 4_000_000
    head = b"POST /v1/models HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    with fronted() as (front, _):
        assert raw(front, head + body).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    ("request_line", "code"),
    [
        (b"nonsense", b"400"),
        (b"GET /health HTTP/2.0", b"505"),
        (b"DELETE /v1/models HTTP/1.1", b"501"),
        (b"GET " + b"/" * 70000 + b" HTTP/1.1", b"414"),
    ],
)
def test_what_cannot_be_read_is_refused_in_the_same_form(request_line: bytes, code: bytes) -> None:
    with fronted() as (front, _):
        answer = raw(front, request_line + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 " + code)
    assert b'{"error":' in answer


def test_a_second_request_in_the_same_connection_is_not_passed_on() -> None:
    hidden = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    with fronted() as (front, _):
        answer = raw(front, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" + hidden)
    assert answer.count(b"HTTP/1.1 200") == 1
    assert b"vllm:" not in answer


def test_a_client_that_never_says_what_it_wants_is_sent_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_CLIENT_S", 1.0)
    with fronted() as (front, _):
        port = int(front.url.split(":")[2].split("/")[0])
        with socket.create_connection(("127.0.0.1", port)) as slow, pytest.raises(OSError):
            while True:
                slow.sendall(b"G")
                time.sleep(0.1)


def holder_of_a_place(port: int) -> socket.socket:
    """A connection whose request has begun and does not end; until it is let in."""
    while True:
        slow = socket.create_connection(("127.0.0.1", port))
        slow.sendall(b"G")
        slow.settimeout(0.5)
        try:
            slow.recv(1)  # refused: the place is another request's, which is about to end
        except TimeoutError:
            return slow
        slow.close()


def test_there_is_a_bound_to_what_it_does_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_AT_ONCE", 1)
    with fronted() as (front, _), client(front) as known:
        port = int(front.url.split(":")[2].split("/")[0])
        with holder_of_a_place(port):
            assert known.get("/health").status_code == 503
        while known.get("/health").status_code != 200:
            time.sleep(0.01)
