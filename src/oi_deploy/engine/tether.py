"""A container that cannot outlive us: it ends when our connection to its standard input does.

A run may end without a chance to clean up: GitHub's runner abandons a cancelled step after 10
seconds (actions/runner, ProcessInvoker.cs), act removes its container at once. A server that stays
would hold the GPU for ever. Whatever ends us closes our sockets, and that ends the server.
"""

import os
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from docker.models.containers import Container
from docker.utils.socket import frames_iter

from oi_deploy.engine.serverlog import ServerLog

# The shell is process 1, so everything ends with it. The first reader of standard input is the
# server itself unless it gets another one; `3<&0` keeps ours for `cat`, because a shell without
# job control gives its background jobs /dev/null.
_SCRIPT = """exec 3<&0 </dev/null
"$@" 3<&- & server=$!
{ cat <&3 >/dev/null; kill -KILL "$server"; } &
exec 3<&-
wait "$server"
"""


def tethered(command: Sequence[str]) -> list[str]:
    """`command`, ended as soon as standard input is closed; its exit code is kept."""
    return ["/bin/sh", "-c", _SCRIPT, "oi-deploy-engine", *command]


class Tether:
    """The connection to a tethered container; also carries its output into the log."""

    def __init__(self, container: Container, log: ServerLog) -> None:
        """Connect to a container that was created and not yet started."""
        self._socket: Any = container.attach_socket(
            params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        )
        self._log = log
        self._reader = threading.Thread(target=self._read, name="engine-log", daemon=True)
        self._reader.start()

    def drained(self, timeout_s: float) -> None:
        """Wait until the last output has been read."""
        self._reader.join(timeout_s)

    def cut(self) -> None:
        """Close the connection, which ends the container."""
        # What the client library returns is a file on the connection; closing it closes nothing
        # while the library holds the connection too.
        with suppress(OSError), socket.socket(fileno=os.dup(self._socket.fileno())) as connection:
            connection.shutdown(socket.SHUT_RDWR)

    def _read(self) -> None:
        # The engine may go away under us; the log then ends where it ended.
        with suppress(OSError, ValueError):
            frames = frames_iter(self._socket, tty=False)  # type: ignore[no-untyped-call]
            for _, data in frames:
                self._log.feed(data)
        self._log.close()
