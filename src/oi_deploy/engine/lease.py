"""Our place among the users of a server, or among those who wait for its end.

The lease is a connection to the supervisor in the server's container. Whatever ends us closes it:
GitHub's runner abandons a cancelled step after 10 seconds (actions/runner, ProcessInvoker.cs), act
removes its container at once, and no lease outlives that.
"""

import json
import threading
import time
from contextlib import suppress
from typing import Any

from oi_deploy.engine.connection import Connection
from oi_deploy.engine.serverlog import ServerLog


class Lease:
    """One connection to a supervisor; `inside/supervisor.py` has the protocol.

    Attributes:
        server: the id of its container.
        log: what the server writes, and its last lines from before we came.
        answered: set when the supervisor has said anything, or the connection has ended.
        ended: set when the connection has ended.
        key: the server's API key; empty as long as we may not use it.
        was_ready: whether the model had answered somebody before we came.
        users: who uses the server.
        held: whether one of them stays for good.
        exit_code: the server's, when it has ended by itself; 128 + N for signal N.
    """

    def __init__(
        self,
        connection: Connection,
        server: str,
        *,
        name: str,
        use: bool,
        keep_s: float = 0.0,
        stays: bool = False,
    ) -> None:
        """Say who we are, and what for.

        Args:
            connection: to the supervisor.
            server: the id of its container.
            name: who we are, as others read it that wait for us.
            use: to use the server; else to be told when its users are gone and it has ended.
            keep_s: how long an idle server stays after us, in seconds.
            stays: whether we use it for good.
        """
        self.server = server
        self.log = ServerLog()
        self.answered = threading.Event()
        self.ended = threading.Event()
        self.key = ""
        self.was_ready = False
        self.users: tuple[str, ...] = ()
        self.held = False
        self.exit_code: int | None = None
        self._unanswered_since: float | None = None
        self._connection = connection
        threading.Thread(target=self._read, name="engine-lease", daemon=True).start()
        self._say(name=name, use=use, keep_s=keep_s, stays=stays)

    @property
    def unanswered_s(self) -> float:
        """For how many seconds none of the server's users has had an answer of the model."""
        since = self._unanswered_since
        return time.monotonic() - since if since is not None else 0.0

    def say_ready(self) -> None:
        """Tell the supervisor that the model has answered: it is worth keeping."""
        self._say(ready=True)

    def end(self, timeout_s: float) -> None:
        """Give it up. If that is the server's end too, wait for that, up to `timeout_s` seconds."""
        self._connection.finish()
        self.ended.wait(timeout_s)
        self._connection.close()

    def _say(self, **line: Any) -> None:
        # An end is seen by the thread that reads.
        with suppress(OSError):
            self._connection.send(json.dumps(line).encode() + b"\n")

    def _read(self) -> None:
        rest = b""
        # The Docker engine's own words, where it could not start the relay, are no JSON.
        with suppress(ValueError):
            for data in self._connection.received():
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._take(json.loads(line))
                    self.answered.set()
        self.log.close()
        self.ended.set()
        self.answered.set()

    def _take(self, event: dict[str, Any]) -> None:
        if "users" in event:
            self.users, self.held = tuple(event["users"]), bool(event.get("stays"))
            if event["answered"]:
                self._unanswered_since = None
            elif self._unanswered_since is None:
                self._unanswered_since = time.monotonic()
        if "log" in event:
            self.log.feed(str(event["log"]).encode("latin-1"))
        if "exit" in event:
            self.exit_code = int(event["exit"])
        if "key" in event:  # last: who sees the key takes the rest for known
            self.was_ready = bool(event["ready"])
            self.key = str(event["key"])
