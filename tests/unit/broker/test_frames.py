"""Requests are read within bounds; anything else is named as what it is."""

import io
import json

import pytest

from oi_deploy.broker import frames
from oi_deploy.broker.request import Request


def header(**fields: object) -> bytes:
    full: dict[str, object] = {"tool": "docker", "argv": ["version"], "cwd": "/ws", "stdin": 0}
    return json.dumps({**full, **fields}).encode() + b"\n"


def test_a_request_arrives_as_it_was_sent() -> None:
    argv = ["apply", "-f", "-", "a\nb", "部署", ""]
    stream = io.BytesIO(header(tool="kubectl", argv=argv, stdin=4) + b"a\n\0b")
    assert frames.read_request(stream) == Request("kubectl", tuple(argv), "/ws", b"a\n\0b")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"[]\n",
        b"null\n",
        b"{}\n",
        b"\xff\n",
        b"[" * 100_000 + b"\n",
        header(tool="sh"),
        header(tool=["docker"]),
        header(argv="version"),
        header(argv=[1]),
        header(argv=["a"] * 1001),
        header(argv=["\ud800"]),
        header(argv=["a" * frames.MAX_HEADER]),
        header(cwd=None),
        header(stdin=-1),
        header(stdin=True),
        header(stdin=1.5),
        header(stdin=frames.MAX_STDIN + 1) + bytes(frames.MAX_STDIN + 1),
        header(stdin=2) + b"a",
        header(extra=1),
    ],
    ids=lambda data: repr(data[:60]),
)
def test_anything_else_is_a_bad_frame(data: bytes) -> None:
    with pytest.raises(frames.BadFrame):
        frames.read_request(io.BytesIO(data))
