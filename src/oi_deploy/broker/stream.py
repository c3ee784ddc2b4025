"""What a command prints, on its way from the real program to the shim."""

import codecs
import socket
from typing import Literal

from oi_deploy.broker import frames
from oi_deploy.redact import Redactor

_OUTPUT_LIMIT = 16 * 1024 * 1024


class Stream:
    """One of a command's streams on its way to the client: redacted, and bounded."""

    def __init__(self, client: socket.socket, name: Literal["o", "e"], redactor: Redactor) -> None:
        """Write frames of this name to `client`."""
        self._client = client
        self._name: Literal["o", "e"] = name
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._redacting = redactor.stream()
        self._sent = 0

    def write(self, data: bytes) -> None:
        """Pass on a piece; a possible beginning of a secret waits for the next one."""
        self._send(self._redacting.feed(self._decode(data)))

    def finish(self) -> None:
        """Pass on what waits."""
        self._send(self._redacting.feed(self._decode(b"", True)) + self._redacting.flush())

    def _send(self, text: str) -> None:
        if not text or self._sent > _OUTPUT_LIMIT:
            return
        self._sent += len(text)
        if self._sent > _OUTPUT_LIMIT:
            note = b"\noi-deploy: more output than 16 MiB; the rest is not shown\n"
            self._client.sendall(frames.output("e", note))
        else:
            self._client.sendall(frames.output(self._name, text.encode()))
