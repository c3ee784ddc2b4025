"""Any bytes are a request or a bad frame; what was sent arrives as it was."""

import base64
import io
import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from oi_deploy.broker import frames
from oi_deploy.broker.request import Request
from tests.unit.broker.asking import as_sent
from tests.unit.broker.settings import steady

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
REQUESTS = st.builds(
    Request,
    st.sampled_from(("docker", "kubectl")),
    st.lists(TEXT, max_size=6).map(tuple),
    TEXT.map("/".__add__),
    st.binary(max_size=64),
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=6),
        st.sampled_from(
            ["docker", "kubectl", "/ws", "\ud800", "\0", -1, 2**70, frames.MAX_STDIN + 1]
        ),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "tool": st.sampled_from(["docker", "kubectl", "sh"]) | JSON,
        "argv": st.lists(TEXT, max_size=3) | JSON,
        "cwd": st.just("/ws") | JSON,
        "stdin": st.integers(0, 4) | JSON,
        "more": JSON,
    },
)


def is_sane(request: Request) -> bool:
    """What everything behind the protocol relies on, whatever came."""
    words = (*request.argv, request.cwd)
    return (
        request.tool in ("docker", "kubectl")
        and len(request.argv) <= frames.MAX_WORDS
        and all(type(word) is str and word.encode().decode() == word for word in words)
        and sum(len(word) for word in words) <= frames.MAX_HEADER
        and type(request.stdin) is bytes
        and len(request.stdin) <= frames.MAX_STDIN
    )


@steady(200)
@given(REQUESTS, st.booleans(), st.binary(max_size=8))
def test_a_request_arrives_as_it_was_sent(request: Request, ascii_only: bool, after: bytes) -> None:
    stream = io.BytesIO(as_sent(request, ascii_only=ascii_only) + after)
    assert frames.read_request(stream) == request
    # The connection's next bytes are left alone.
    assert stream.read() == after


@steady(500)
@example(b'{"tool":"docker","argv":[],"cwd":"/","stdin":' + b"9" * 5000 + b"}\n")
@example(b'{"tool":"docker","argv":["' + b"\\ud800" + b'"],"cwd":"/","stdin":0}\n')
@example(b'{"tool":"docker","tool":"sh","argv":[],"cwd":"/","stdin":0}\n')
@example(b'{"tool":"docker","argv":[],"cwd":"/","stdin":1e0}\nx')
@example(b'{"tool":"docker","argv":[],"cwd":"/","stdin":NaN}\n')
@example(b"[" * 200_000 + b"\n")
@example(b'{"a":' * 40_000 + b"\n")
@example(b"\xef\xbb\xbf{}\n")
@given(st.one_of(st.binary(max_size=64), HEADERS.map(json.dumps).map(str.encode)))
def test_anything_is_a_request_or_a_bad_frame(data: bytes) -> None:
    for bytes_ in (data, data + b"\n", data + b"\nabcd"):
        try:
            request = frames.read_request(io.BytesIO(bytes_))
        except frames.BadFrame as bad:
            str(bad).encode()
        else:
            assert is_sane(request)


@steady(200)
@given(REQUESTS, st.data())
def test_a_request_that_is_cut_off_is_a_bad_frame(request: Request, data: st.DataObject) -> None:
    whole = as_sent(request)
    cut = data.draw(st.integers(0, len(whole) - 1))
    stream = io.BytesIO(whole[:cut])
    try:
        # Without its newline alone, a header without standard input is still whole.
        assert frames.read_request(stream) == request
        assert cut == len(whole) - 1 and not request.stdin
    except frames.BadFrame:
        pass


@steady(200)
@given(st.sampled_from(("o", "e")), st.binary(max_size=200), st.integers(0, 255))
def test_an_answer_is_read_as_it_was_written(stream: Any, data: bytes, code: int) -> None:
    lines = (frames.output(stream, data) + frames.end(code)).splitlines(keepends=True)
    assert len(lines) == 2 and all(line.endswith(b"\n") for line in lines)
    first, last = map(json.loads, lines)
    assert list(first) == [stream] and base64.b64decode(first[stream], validate=True) == data
    assert last == {"exit": code}
