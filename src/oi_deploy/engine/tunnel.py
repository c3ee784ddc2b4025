"""A port on our loopback address that leads to a port of the server's loopback address."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from docker.errors import DockerException

from oi_deploy.engine.connection import Connection
from oi_deploy.engine.server import LOOPBACK

_CHUNK = 65536


class Tunnel:
    """Listens until it is closed.

    Attributes:
        port: where it listens.
    """

    def __init__(self, connect: Callable[[], Connection]) -> None:
        """Listen; `connect` opens one connection to the server."""
        self._connect = connect
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port = int(self._listener.getsockname()[1])
        self._lock = threading.Lock()
        self._open: list[tuple[socket.socket, Connection]] = []
        self._closed = False
        _thread(self._accept)

    def close(self) -> None:
        """Listen no more, and end every connection."""
        with self._lock:
            self._closed = True
            with suppress(OSError):  # it is closed already
                self._listener.shutdown(socket.SHUT_RDWR)  # ends `accept`
            for local, remote in self._open:
                _end(local, remote)

    def _accept(self) -> None:
        with self._listener, suppress(OSError):
            while True:
                local, _ = self._listener.accept()
                _thread(self._serve, local)

    def _serve(self, local: socket.socket) -> None:
        with local:
            try:
                remote = self._connect()
            except (DockerException, OSError):
                return  # the client sees a connection that breaks off, as from a dead server
            pair = (local, remote)
            with self._lock:
                self._open.append(pair)
                if self._closed:
                    _end(*pair)
            upwards = _thread(_upwards, *pair)
            with suppress(OSError):
                for data in remote.received():
                    local.sendall(data)
            _end(*pair)
            upwards.join()
            with self._lock:
                self._open.remove(pair)


def _upwards(local: socket.socket, remote: Connection) -> None:
    with suppress(OSError):
        while data := local.recv(_CHUNK):
            remote.send(data)
    remote.close()


def _end(local: socket.socket, remote: Connection) -> None:
    with suppress(OSError):
        local.shutdown(socket.SHUT_RDWR)
    remote.close()


def _thread(target: Callable[..., None], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=arguments, name="engine-tunnel", daemon=True)
    thread.start()
    return thread
