"""What clients may ask the server, and in which words it is passed on. Pure.

vLLM's own key guards `/v1` and little else: `/tokenize`, `/version`, `/load` and more answer
everybody (vllm/entrypoints/serve). So a request is not relayed but written anew, from what is
known.
"""

import hmac
import json
import re
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus

# No dots and no percent signs: what is matched here is what the server reads.
_WITH_KEY = re.compile(r"/v1/[A-Za-z0-9_/-]+(\?[\x21-\x7e]*)?")
_FOR_ALL = ("/health", "/metrics")
_HEADERS = ("Content-Type", "Content-Length", "Accept", "X-Request-Id")
_BEARER = re.compile(r"Bearer +(?P<key>\S+)", re.IGNORECASE)
MOST_BODY = 16 * 1024 * 1024


@dataclass(frozen=True)
class Refusal:
    """Not passed on: a status code of HTTP, and why."""

    code: int
    why: str

    def answer(self) -> bytes:
        """What the client gets, in the form that OpenAI's clients show."""
        body = json.dumps({"error": {"message": self.why, "code": self.code}}).encode()
        head = (
            f"HTTP/1.1 {self.code} {HTTPStatus(self.code).phrase}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        return head.encode() + body


@dataclass(frozen=True)
class Passed:
    """Passed on.

    Attributes:
        head: the request's first line and headers, as the server gets them.
        length: bytes of the body that follows.
    """

    head: bytes
    length: int


def decide(
    method: str, target: str, version: str, headers: Message, *, client_key: str, server_key: str
) -> Passed | Refusal:
    """What to do with one request.

    Args:
        method: `GET` or `POST`.
        target: the path and query, as it came.
        version: the client's HTTP version; the server's answer has the same form.
        headers: as they came.
        client_key: what clients have to know for `/v1`.
        server_key: what the server wants to hear.
    """
    if version not in ("HTTP/1.0", "HTTP/1.1"):
        return Refusal(505, "HTTP/1.1 is spoken here")
    for_all = method == "GET" and target in _FOR_ALL
    if not for_all and not _WITH_KEY.fullmatch(target):
        return Refusal(404, "only /v1, /health and /metrics are served here")
    if not for_all and not _knows(headers, client_key):
        return Refusal(401, "the API key is missing or wrong")
    if "Transfer-Encoding" in headers:
        return Refusal(411, "the request needs a Content-Length")
    lengths = headers.get_all("Content-Length", ["0"])
    if len(lengths) != 1 or not re.fullmatch(r"[0-9]{1,18}", lengths[0].strip()):
        return Refusal(400, "Content-Length is no number")
    length = int(lengths[0])
    most = 0 if for_all else MOST_BODY
    if length > most:
        return Refusal(413, f"the request has more than {most} bytes")
    lines = [f"{method} {target} {version}", "Host: localhost", "Connection: close"]
    for name in _HEADERS:
        if name in headers:
            # A header that goes on in the next line is one line here.
            lines.append(f"{name}: {' '.join(str(headers[name]).split())}")
    if not for_all:
        lines.append(f"Authorization: Bearer {server_key}")
    return Passed("".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1"), length)


def _knows(headers: Message, key: str) -> bool:
    given = _BEARER.fullmatch(str(headers.get("Authorization", "")).strip())
    return given is not None and hmac.compare_digest(given["key"].encode(), key.encode())
