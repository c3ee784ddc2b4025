"""Process 1 of a model server's container: the server lives as long as somebody needs it.

Whoever needs it keeps a connection to our Unix socket, and that connection is the lease: when a
run dies, however it dies, its connection closes. Nothing has to be renewed or cleaned up.

    supervisor SOCKET GRACE_S COMMAND...

Both sides send lines of JSON. A run's first line says who it is:

    {"name": "acme/shop, run 7", "use": true, "keep_s": 1800}    it wants to use the server
    {"name": "acme/shop, run 8", "use": false}                   it waits for the server's end
    {"name": "oi-deploy serve", "use": true, "stays": true}      it uses the server for good

A run that waits ends the server as soon as its users are gone, and lets no new ones in; those wait
too. Only if a user stays for good, nobody is kept out: whoever waits is told, and need not wait. A
user's second line, `{"ready": true}`, says that the model has answered it. We send, each when there
is news:

    {"key": "...", "ready": false}   it is a user now; whether the model has answered somebody
    {"users": ["acme/shop, run 7"], "answered": false}
                                     who uses the server, and whether the model has answered one
                                     of them; with `"stays": true` if one of them stays for good
    {"log": "..."}                   what the server writes, from Latin-1, to its users
    {"exit": 1}                      the server has ended by itself; 128 + N for signal N

The first line to a new user has all but the last of these.
"""

import json
import os
import secrets
import selectors
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

_TICK_S = 0.2
_CHUNK = 65536
_KEPT_LOG = 64 * 1024
# Of a run that does not read; it loses lines of the log, nothing else.
_MOST_UNSENT = 1024 * 1024
_LAST_WORDS_S = 2.0


class Client:
    """One run's connection."""

    def __init__(self, connection: socket.socket) -> None:
        """Know nothing of it yet."""
        self.connection = connection
        self.received = b""
        self.unsent = b""
        self.name = ""
        self.uses = False
        self.waits = False
        self.stays = False
        self.answered = False
        self.keep_s = 0.0
        self.gone = False

    def tell(self, **event: object) -> None:
        """Send one line, as far as the other side takes it now."""
        if "log" in event and len(self.unsent) > _MOST_UNSENT:
            return
        self.unsent += json.dumps(event).encode() + b"\n"
        self.flush()

    def flush(self) -> None:
        """Send what is left, as far as the other side takes it now."""
        try:
            while self.unsent:
                self.unsent = self.unsent[self.connection.send(self.unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self.unsent = b""


class Supervisor:
    """The server, who uses it, and who waits for its end."""

    def __init__(self, listener: socket.socket, grace_s: float, command: "list[str]") -> None:
        """Start the server; `grace_s` is how long its first user may take to come."""
        self._key = secrets.token_urlsafe(24)
        self._clients: list[Client] = []
        self._told: dict[str, object] = {}
        self._ready = False
        self._used = False
        self._until = time.monotonic() + grace_s
        self._log = b""
        self._code: int | None = None
        self._server = subprocess.Popen(  # noqa: S603 - the container's own command
            # Through a shell, so that a program that is missing is an ending like any other.
            ["/bin/sh", "-c", 'exec "$@"', "sh", *command],
            env={**os.environ, "VLLM_API_KEY": self._key},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self._server.stdout is not None  # noqa: S101 - PIPE was asked for
        self._output = self._server.stdout.fileno()
        os.set_blocking(self._output, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._output, selectors.EVENT_READ, self._read_log)

    def run(self) -> int:
        """Return our exit code: the server's, or 0 if nobody needed it any more."""
        while True:
            for key, _ in self._selector.select(_TICK_S):
                key.data(key.fileobj)
            self._reap()
            # Of a server that dies at once, the first user is told too, who is yet to come.
            if self._code is not None and self._used:
                self._say_last(self._code)
                return self._code
            self._tell_users()
            if self._over():
                self.kill()
                return 0
            # Only now: whoever waits for this connection's end sees a server that is gone.
            for client in [client for client in self._clients if client.gone]:
                self._clients.remove(client)
                client.connection.close()
            for client in self._clients:
                client.flush()

    def kill(self) -> None:
        """End the server and its workers at once; an idle one has nothing to save."""
        if self._server.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait()

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        connection.setblocking(False)
        client = Client(connection)
        self._clients.append(client)
        self._selector.register(
            connection, selectors.EVENT_READ, lambda _: self._read(client, connection)
        )

    def _read(self, client: Client, connection: socket.socket) -> None:
        try:
            data = connection.recv(_CHUNK)
        except OSError:
            data = b""
        *lines, client.received = (client.received + data).split(b"\n")
        for line in lines:
            try:
                self._take(client, json.loads(line))
            except (ValueError, TypeError, AttributeError):
                data = b""  # none of ours
        if not data:
            self._selector.unregister(connection)
            self._leave(client)

    def _take(self, client: Client, said: "dict[str, object]") -> None:
        if said.get("ready"):
            client.answered = client.uses
            self._ready = self._ready or client.uses
            return
        client.name = str(said.get("name"))
        client.keep_s = float(str(said.get("keep_s", 0)))
        # The first user has made the server for itself, whoever has come before it.
        waited_for = any(other.waits for other in self._clients) and not self._held()
        closed = self._used and waited_for
        client.uses = bool(said.get("use")) and not closed
        client.waits = not client.uses
        client.stays = client.uses and bool(said.get("stays"))
        if client.uses:
            if not self._used:
                self._used, self._until = True, 0.0
            log = self._log.decode("latin-1")
            client.tell(key=self._key, ready=self._ready, log=log, **self._use())
        else:
            client.tell(**self._use())

    def _leave(self, client: Client) -> None:
        # A server that never got ready is kept for nobody.
        if client.uses and self._ready:
            self._until = max(self._until, time.monotonic() + client.keep_s)
        client.uses = client.waits = client.stays = False
        client.gone = True

    def _users(self) -> "list[str]":
        return sorted(client.name for client in self._clients if client.uses)

    def _held(self) -> bool:
        return any(client.stays for client in self._clients)

    def _use(self) -> "dict[str, object]":
        answered = any(client.uses and client.answered for client in self._clients)
        use: dict[str, object] = {"users": self._users(), "answered": answered}
        return use | ({"stays": True} if self._held() else {})

    def _tell_users(self) -> None:
        if self._use() != self._told:
            self._told = self._use()
            for client in self._clients:
                if client.uses or client.waits:
                    client.tell(**self._told)

    def _over(self) -> bool:
        if self._users():
            return False
        awaited = self._used and any(client.waits for client in self._clients)
        return awaited or time.monotonic() >= self._until

    def _read_log(self, output: int) -> None:
        try:
            data = os.read(output, _CHUNK)
        except BlockingIOError:
            return
        if not data:
            self._selector.unregister(output)
            return
        os.write(1, data)
        self._log = (self._log + data)[-_KEPT_LOG:]
        for client in self._clients:
            if client.uses:
                client.tell(log=data.decode("latin-1"))

    def _reap(self) -> None:
        """Note the server's end; process 1 reaps the orphans of its workers too."""
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._server.pid:
                    code = os.waitstatus_to_exitcode(status)
                    self._server.returncode = code
                    self._code = 128 - code if code < 0 else code

    def _say_last(self, code: int) -> None:
        """Tell the users the rest of the log and the exit code."""
        limit = time.monotonic() + _LAST_WORDS_S
        while self._output in self._selector.get_map() and time.monotonic() < limit:
            before = self._log
            self._read_log(self._output)
            if self._log is before:
                break
        for client in self._clients:
            client.tell(exit=code)
        while any(client.unsent for client in self._clients) and time.monotonic() < limit:
            time.sleep(_TICK_S)
            for client in self._clients:
                client.flush()


def main() -> int:
    """Listen before the server is started: its first user may come at once."""
    path, grace_s, *command = sys.argv[1:]
    # `docker stop`, or an engine that is shut down: not the end that we would choose, which is 0.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o077)
    listener.bind(path)
    os.umask(before)
    listener.listen()
    supervisor = Supervisor(listener, float(grace_s), command)
    try:
        return supervisor.run()
    finally:
        supervisor.kill()


if __name__ == "__main__":
    sys.exit(main())
