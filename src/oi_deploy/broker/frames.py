"""The protocol between shim and broker: one request per connection, both ways in JSON lines.

Request: `{"tool": "docker", "argv": [...], "cwd": "/...", "stdin": 12}` and a newline, then that
many bytes. Answer: `{"o": base64}` for standard output, `{"e": base64}` for standard error, as
they come, and `{"exit": 0}` as the last line.
"""

import base64
import json
from typing import IO, Literal

from oi_deploy.broker.request import Request

MAX_HEADER = 256 * 1024
MAX_STDIN = 4 * 1024 * 1024
MAX_WORDS = 1000


class BadFrame(Exception):  # noqa: N818 - what is wrong with the request, for its sender
    """The bytes are no request."""


class NothingAsked(BadFrame):
    """There are no bytes: somebody has only looked whether the broker is there."""


def read_request(stream: IO[bytes]) -> Request:
    """Read one request.

    Raises:
        BadFrame: when it is none, or too large.
        OSError: when the client is gone or too slow.
    """
    line = stream.readline(MAX_HEADER + 1)
    if not line:
        raise NothingAsked("the request is not a line of JSON")
    if len(line) > MAX_HEADER:
        raise BadFrame(f"the command line is longer than {MAX_HEADER // 1024} KiB")
    try:
        header = json.loads(line)
    except (ValueError, RecursionError):
        raise BadFrame("the request is not a line of JSON") from None
    if not isinstance(header, dict) or set(header) != {"tool", "argv", "cwd", "stdin"}:
        raise BadFrame("the request must have tool, argv, cwd and stdin")
    tool, argv, cwd, size = (header[key] for key in ("tool", "argv", "cwd", "stdin"))
    if tool not in ("docker", "kubectl"):
        raise BadFrame("the tool must be docker or kubectl")
    if not isinstance(argv, list) or not all(isinstance(word, str) for word in argv):
        raise BadFrame("argv must be a list of strings")
    if len(argv) > MAX_WORDS:
        raise BadFrame(f"the command line has more than {MAX_WORDS} words")
    if not isinstance(cwd, str):
        raise BadFrame("cwd must be a string")
    if not all(_is_unicode(word) for word in (*argv, cwd)):
        raise BadFrame("the command line is not UTF-8")
    if type(size) is not int or not 0 <= size <= MAX_STDIN:
        raise BadFrame(f"standard input is larger than {MAX_STDIN // 1024 // 1024} MiB")
    stdin = stream.read(size)
    if len(stdin) != size:
        raise BadFrame("the request ends too early")
    return Request(tool, tuple(argv), cwd, stdin)


def _is_unicode(text: str) -> bool:
    """Whether the text can be encoded: JSON lets half of a surrogate pair through."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def output(stream: Literal["o", "e"], data: bytes) -> bytes:
    """A piece of the command's output."""
    return json.dumps({stream: base64.b64encode(data).decode()}).encode() + b"\n"


def end(exit_code: int) -> bytes:
    """The last line of an answer."""
    return json.dumps({"exit": exit_code}).encode() + b"\n"
