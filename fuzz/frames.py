"""Fuzz the broker's frame parser: any bytes are a request or a bad frame."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import atheris  # type: ignore[import-untyped]

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a program, not with -m
with atheris.instrument_imports(include=["oi_deploy"]):
    from oi_deploy.broker import frames
    from oi_deploy.broker.request import Request

from fuzz.harness import fuzz, require
from tests.unit.broker.asking import as_sent

WORDS = (
    *(
        '{"tool":',
        '"docker"',
        '"kubectl"',
        '"argv":',
        '"cwd":',
        '"stdin":',
        "[]",
        '["',
        '","',
        '"/"',
    ),
    *(
        "\\u0000",
        "\\ud800",
        "\\udc00",
        "null",
        "true",
        "NaN",
        "1e3",
        "-1",
        "4194305",
        "0}\n",
        "}\n",
    ),
    *('","stdin":0}\n', '{"tool":"docker","argv":[', '],"cwd":"/","stdin":', "\n", "[[[[[[[["),
)


def seeds() -> Iterator[bytes]:
    """Requests, and some bytes that are nearly ones."""
    for argv in ((), ("build", "-t", "reg/app:1", "."), ("apply", "-f", "-"), ("é\n\0", "")):
        for stdin in (b"", b"a: b\n", bytes(range(256))):
            for ascii_only in (True, False):
                yield as_sent(Request("docker", argv, "/ws", stdin), ascii_only=ascii_only)
                yield as_sent(Request("kubectl", argv, "/ws", stdin), ascii_only=ascii_only)[:-1]
    yield b"["
    yield b"[" * 20_000 + b"\n"
    yield b'{"a":' * 4_000 + b"\n"
    yield b'{"tool":"docker","argv":["\\ud800"],"cwd":"/","stdin":1e3}\n'
    yield b'{"tool":"docker","argv":[],"cwd":"\\u0000","stdin":' + b"9" * 5000 + b"}\n"


def test_one_input(data: bytes) -> None:
    """Read one request, and hold it against what everything behind the protocol relies on."""
    stream = io.BytesIO(data)
    try:
        request = frames.read_request(stream)
    except frames.BadFrame as bad:
        str(bad).encode()
        return
    words = (*request.argv, request.cwd)
    require(request.tool in ("docker", "kubectl"), "tool")
    require(type(request.argv) is tuple and len(request.argv) <= frames.MAX_WORDS, "argv")
    require(all(type(word) is str and word.encode().decode() == word for word in words), "text")
    require(sum(map(len, words)) <= frames.MAX_HEADER, "length")
    require(type(request.stdin) is bytes and len(request.stdin) <= frames.MAX_STDIN, "stdin")
    require(request.stdin == data[stream.tell() - len(request.stdin) : stream.tell()], "bytes")
    again = as_sent(request, ascii_only=False)
    require(frames.read_request(io.BytesIO(again)) == request, "written again")


if __name__ == "__main__":
    fuzz("frames", test_one_input, seeds=seeds(), words=WORDS, longest=20_001)
