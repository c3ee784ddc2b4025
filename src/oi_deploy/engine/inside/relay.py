"""Connects standard input and output with a socket of the container: `relay unix PATH | tcp PORT`.

`docker exec` starts one for each connection that an action opens. It writes nothing before it has
read something, since the client library may lose what comes with the answer's headers.
"""

import os
import select
import socket
import sys
import time

_AGAIN_S = 0.1
_LINGER_S = 10.0
_CHUNK = 65536


def connect(family: str, address: str) -> "socket.socket | None":
    """Connect as soon as somebody listens; None if standard input has ended before."""
    while True:
        try:
            if family == "tcp":
                return socket.create_connection(("127.0.0.1", int(address)))
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.connect(address)
            return connection
        except OSError:
            time.sleep(_AGAIN_S)
        # What was sent meanwhile stays in the pipe; only its end matters here.
        poll = select.poll()
        poll.register(0, 0)
        if any(event & select.POLLHUP for _, event in poll.poll(0)):
            return None


def relay(connection: socket.socket) -> None:
    """Carry bytes both ways until the socket ends, or a while after standard input has ended."""
    sources = [0, connection.fileno()]
    limit = None
    while limit is None or time.monotonic() < limit:
        readable, _, _ = select.select(sources, [], [], None if limit is None else 1.0)
        if connection.fileno() in readable:
            data = connection.recv(_CHUNK)
            if not data:
                return
            while data:
                data = data[os.write(1, data) :]
        if 0 in readable:
            data = os.read(0, _CHUNK)
            if data:
                connection.sendall(data)
            else:
                sources.remove(0)
                connection.shutdown(socket.SHUT_WR)
                limit = time.monotonic() + _LINGER_S


def main() -> None:
    """Connect and relay; a connection that breaks is an end like any other."""
    try:
        connection = connect(sys.argv[1], sys.argv[2])
        if connection is not None:
            relay(connection)
    except OSError:
        pass


if __name__ == "__main__":
    main()
