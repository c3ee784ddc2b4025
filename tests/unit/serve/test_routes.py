"""What clients may ask, with which key, and in which words the server hears it."""

from email.message import Message

import pytest

from oi_deploy.serve.routes import MOST_BODY, Passed, Refusal, decide

KEY, SERVER_KEY = "client-key-0123456789", "server-key-0123456789"


def ask(
    method: str, target: str, *headers: tuple[str, str], key: str = KEY, version: str = "HTTP/1.1"
) -> Passed | Refusal:
    message = Message()
    if key:
        message["authorization"] = f"Bearer {key}"
    for name, value in headers:
        message.add_header(name, value)
    return decide(method, target, version, message, client_key=KEY, server_key=SERVER_KEY)


def refused(decision: Passed | Refusal) -> int:
    assert isinstance(decision, Refusal)
    return decision.code


def head(decision: Passed | Refusal) -> str:
    assert isinstance(decision, Passed)
    return decision.head.decode()


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/v1/models"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/messages?beta=true"),
        ("POST", "/v1/messages/count_tokens"),
    ],
)
def test_the_api_wants_the_key(method: str, target: str) -> None:
    assert head(ask(method, target)).startswith(f"{method} {target} HTTP/1.1\r\n")
    for wrong in ("", "client-key", KEY + "0", SERVER_KEY, "ключ"):
        assert refused(ask(method, target, key=wrong)) == 401


@pytest.mark.parametrize("target", ["/health", "/metrics"])
def test_health_and_metrics_need_none_and_carry_none(target: str) -> None:
    passed = head(ask("GET", target, key=""))
    assert "authorization" not in passed.lower()
    assert refused(ask("POST", target)) == 404
    assert refused(ask("GET", target + "?x")) == 404
    assert refused(ask("GET", target, ("Content-Length", "1"))) == 413


@pytest.mark.parametrize(
    "target",
    [
        *("/", "/v1", "/v1/", "/tokenize", "/version", "/load", "/docs", "/openapi.json"),
        *("/v1/../tokenize", "/v1/%2e%2e/tokenize", "/v1/models/../../tokenize", "//v1/models"),
        *("http://127.0.0.1/v1/models", "/V1/models", "/metrics/", "/v1\\..\\tokenize"),
    ],
)
def test_nothing_else_is_there_even_with_the_key(target: str) -> None:
    assert refused(ask("GET", target)) == 404
    assert refused(ask("POST", target)) == 404


def test_the_request_is_written_anew() -> None:
    passed = ask(
        "POST",
        "/v1/chat/completions",
        ("Content-Type", "application/json"),
        ("content-length", " 12 "),
        ("X-Request-Id", "a\r\n  Evil: yes"),
        ("X-data-parallel-rank", "7"),
        ("Connection", "keep-alive, Upgrade"),
        ("Cookie", "x"),
    )
    assert head(passed).split("\r\n") == [
        "POST /v1/chat/completions HTTP/1.1",
        "Host: localhost",
        "Connection: close",
        "Content-Type: application/json",
        "Content-Length: 12",
        "X-Request-Id: a Evil: yes",
        f"Authorization: Bearer {SERVER_KEY}",
        "",
        "",
    ]
    assert isinstance(passed, Passed) and passed.length == 12


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ([("Transfer-Encoding", "chunked")], 411),
        ([("Transfer-Encoding", "chunked"), ("Content-Length", "1")], 411),
        ([("Content-Length", "1"), ("Content-Length", "2")], 400),
        ([("Content-Length", "+1")], 400),
        ([("Content-Length", "²")], 400),
        ([("Content-Length", "-1")], 400),
        ([("Content-Length", "1, 1")], 400),
        ([("Content-Length", str(MOST_BODY + 1))], 413),
    ],
)
def test_where_a_request_ends_is_never_in_doubt(headers: list[tuple[str, str]], code: int) -> None:
    assert refused(ask("POST", "/v1/chat/completions", *headers)) == code


def test_other_versions_of_http_are_refused() -> None:
    assert head(ask("GET", "/health", version="HTTP/1.0")).startswith("GET /health HTTP/1.0\r\n")
    for version in ("HTTP/0.9", "HTTP/1.2"):
        assert refused(ask("GET", "/health", version=version)) == 505


def test_a_refusal_is_an_answer_that_clients_can_read() -> None:
    head, _, body = Refusal(401, 'no "key"').answer().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert body == b'{"error": {"message": "no \\"key\\"", "code": 401}}'
