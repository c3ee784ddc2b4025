"""The port for clients: what `routes` passes goes to the server, byte by byte, and nothing else."""

import select
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from oi_deploy.engine import Endpoint
from oi_deploy.engine.server import LOOPBACK
from oi_deploy.errors import RunError
from oi_deploy.serve.routes import Passed, Refusal, decide

_ENDED = Refusal(502, "the model server has ended")
# Each is a thread here and a process in the server's container.
MOST_AT_ONCE = 64
# For a client to say what it wants, or to send or take the next piece. The model may take any time.
_CLIENT_S = 30.0
_LINGER_S = 2.0
_CHUNK = 65536
_LINE_END, _CLOSE = b"\r\n", b"Connection: close"


class Front(socketserver.ThreadingTCPServer):
    """Listens from its making on; without a server behind it, it answers 503."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, host: str, port: int, client_key: str) -> None:
        """Listen, and serve in a thread.

        Args:
            host: the address to listen on; one with a colon is of IPv6.
            port: the port; 0 for any.
            client_key: what clients have to know.

        Raises:
            RunError: the address cannot be had.
        """
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.client_key = client_key
        self.endpoint: Endpoint | None = None
        self.free = threading.BoundedSemaphore(MOST_AT_ONCE)
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise RunError(
                f"`--listen {host}:{port}` cannot be had",
                why=str(error),
                remedy="Another program listens there, or the machine has no such address.",
            ) from error
        threading.Thread(target=self.serve_forever, name="serve-front", daemon=True).start()

    @property
    def url(self) -> str:
        """The API, as this machine reaches it."""
        host, port = str(self.server_address[0]), self.server_address[1]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"

    def close(self) -> None:
        """Listen no more. Requests under way end with the server's connections."""
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that broke off."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    """One connection, which is one request."""

    protocol_version = "HTTP/1.1"
    timeout = _CLIENT_S
    server: Front

    def handle(self) -> None:
        """Take the request, if there is room for it."""
        if not self.server.free.acquire(blocking=False):
            self.wfile.write(Refusal(503, "too many requests at once").answer())
            return
        # Whoever has not shown a key could keep the place with a byte now and then.
        self._until_known = threading.Timer(_CLIENT_S, self._break_off)
        self._until_known.daemon = True
        self._until_known.start()
        try:
            self.handle_one_request()
        finally:
            self._until_known.cancel()
            self.server.free.release()

    def do_GET(self) -> None:
        """Pass it on, or refuse it."""
        endpoint = self.server.endpoint
        decision = decide(
            self.command,
            self.path,
            self.request_version,
            self.headers,
            client_key=self.server.client_key,
            server_key=endpoint.api_key if endpoint else "",
        )
        if isinstance(decision, Refusal):
            self._refuse(decision)
        elif endpoint is None:
            self._refuse(Refusal(503, "the model server is not ready"))
        else:
            self._until_known.cancel()
            self._pass_on(decision, urlsplit(endpoint.base_url).port or 0)

    do_POST = do_GET  # noqa: N815 - the name that http.server looks for

    def _pass_on(self, request: Passed, port: int) -> None:
        try:
            server = socket.create_connection((LOOPBACK, port), _CLIENT_S)
        except OSError:
            self._refuse(_ENDED)
            return
        with server:
            with suppress(ConnectionError):  # it has ended, as is seen below
                server.sendall(request.head)
                left = request.length
                while left:
                    data = self.rfile.read1(min(left, _CHUNK))
                    if not data:
                        return  # the client broke off
                    server.sendall(data)
                    left -= len(data)
            self._pass_back(self._answer_of(server))

    def _pass_back(self, answer: Iterator[bytes]) -> None:
        beginning = b""
        for data in answer:
            beginning += data
            if _LINE_END in beginning:
                break
        else:
            self._refuse(_ENDED)
            return
        # Not every server says it, and a client would ask again in this connection.
        self.wfile.write(beginning.replace(_LINE_END, _LINE_END + _CLOSE + _LINE_END, 1))
        for data in answer:
            self.wfile.write(data)

    def _answer_of(self, server: socket.socket) -> Iterator[bytes]:
        """What the server sends, as it comes.

        A client that goes away ends the connection to the server too, which then gives up
        generating: nobody would read it, and others wait.
        """
        while True:
            readable, _, _ = select.select([server, self.connection], [], [])
            if server not in readable:
                if not self.connection.recv(_CHUNK):
                    raise ConnectionAbortedError("the client has gone")
                continue
            data = b""
            with suppress(ConnectionError):  # an end like any other
                data = server.recv(_CHUNK)
            if not data:
                return
            yield data

    def _break_off(self) -> None:
        with suppress(OSError):  # it has ended by itself
            self.connection.shutdown(socket.SHUT_RDWR)

    def _refuse(self, refusal: Refusal) -> None:
        self.wfile.write(refusal.answer())
        self.connection.shutdown(socket.SHUT_WR)
        # A connection that is closed with unread bytes may lose the answer.
        end = time.monotonic() + _LINGER_S
        while (left := end - time.monotonic()) > 0:
            self.connection.settimeout(left)
            if not self.connection.recv(_CHUNK):
                return

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what `http.server` cannot read, in our form."""
        self._refuse(Refusal(int(code), message or "the request cannot be read"))

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing of single requests."""
