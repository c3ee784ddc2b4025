"""A connection to a socket inside a container, through the Docker engine.

It needs no network between us and the container, whatever networks the two have, and nobody who has
not the engine's socket can open one.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import docker

from oi_deploy.engine.inside import program, relay

_STDOUT = 1
_HEADER = 8


class Connection:
    """Bytes to and from one socket in a container."""

    def __init__(self, client: docker.DockerClient, container_id: str, *address: str) -> None:
        """Start a relay in the container.

        Args:
            client: the Docker engine.
            container_id: of a running container that has `python3`.
            address: `unix` and a path, or `tcp` and a port of its loopback address.

        Raises:
            APIError: it does not run.
        """
        started = client.api.exec_create(container_id, program(relay, *address), stdin=True)
        given: Any = client.api.exec_start(started["Id"], socket=True)
        self._given = given
        # What the client library returns is a file on the connection, which the library holds
        # too, with a time limit.
        self._socket = socket.socket(fileno=os.dup(given.fileno()))
        self._socket.setblocking(True)

    def send(self, data: bytes) -> None:
        """Send all of it.

        Raises:
            OSError: the other side is gone.
        """
        self._socket.sendall(data)

    def received(self) -> Iterator[bytes]:
        """What arrives, until either side ends the connection. To be read by one thread."""
        try:
            with suppress(OSError):
                while len(header := self._exactly(_HEADER)) == _HEADER:
                    data = self._exactly(int.from_bytes(header[4:], "big"))
                    if header[0] == _STDOUT:
                        yield data
        finally:
            # Not in `close`: a descriptor that is freed while it is read can be another file's.
            self._socket.close()
            self._given.close()

    def finish(self) -> None:
        """Send nothing any more; what arrives can still be read."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End the connection for whoever reads or writes. May be called more than once."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _exactly(self, size: int) -> bytes:
        """This many bytes; fewer at the connection's end."""
        data = b""
        while len(data) < size and (more := self._socket.recv(size - len(data))):
            data += more
        return data
