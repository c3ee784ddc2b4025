"""Run one real command for a client: stream what it prints, and end it when it must end."""

import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

Ending = Literal["exit", "timeout", "gone", "closed"]
Stream = Literal["o", "e"]

KEPT = 256 * 1024
NOT_STARTED = 127
_TERM_GRACE_S = 2.0


class Tail:
    """The last bytes of a stream."""

    def __init__(self, limit: int = KEPT) -> None:
        """Keep at most `limit` bytes."""
        self._limit = limit
        self._bytes = bytearray()

    def add(self, data: bytes) -> None:
        """Append; the oldest bytes go when there are too many."""
        self._bytes += data
        if len(self._bytes) > 2 * self._limit:
            del self._bytes[: -self._limit]

    def text(self) -> str:
        """What is kept, decoded."""
        return bytes(self._bytes[-self._limit :]).decode("utf-8", "replace")


@dataclass(frozen=True)
class Ended:
    """How a command ended; `exit_code` is None when it was killed by us."""

    ending: Ending
    exit_code: int | None
    stdout: str
    output: str


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    stdin: bytes | IO[bytes],
    timeout_s: float,
    client: socket.socket,
    send: Callable[[Stream, bytes], None],
    closed: Callable[[], bool],
) -> Ended:
    """Run a command until it ends, its time is over, its client is gone, or the broker closes.

    Args:
        argv: program and arguments; no shell is involved.
        env: its whole environment.
        cwd: its working directory.
        stdin: all of its standard input: bytes, or an open file.
        timeout_s: seconds after which it is killed with all that it started.
        client: becomes readable only when the client is gone (it sends nothing more).
        send: takes each piece of output; an OSError means that the client is gone.
        closed: whether the broker is closing.
    """
    deadline = time.monotonic() + timeout_s
    try:
        process = subprocess.Popen(  # noqa: S603 - a checked argument vector, no shell
            argv,
            env=dict(env),
            cwd=cwd,
            stdin=_source(stdin),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            bufsize=0,
        )
    except OSError as error:
        text = f"{argv[0]} cannot be started: {error.strerror}\n"
        send("e", text.encode())
        return Ended("exit", NOT_STARTED, "", text)
    stdout, both = Tail(), Tail()
    ending: Ending = "exit"
    try:
        with selectors.DefaultSelector() as selector:
            given = stdin if isinstance(stdin, bytes) else b""
            ending = _pump(process, selector, given, deadline, client, send, closed, stdout, both)
    except OSError:
        ending = "gone"
    finally:
        if ending != "exit":
            _kill(process)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
    code = process.wait() if ending == "exit" else None
    return Ended(ending, 128 - code if code is not None and code < 0 else code, stdout.text(),
                 both.text())  # fmt: skip


def _source(stdin: bytes | IO[bytes]) -> int | IO[bytes]:
    if isinstance(stdin, bytes):
        return subprocess.PIPE if stdin else subprocess.DEVNULL
    return stdin


def _pump(
    process: subprocess.Popen[bytes],
    selector: selectors.BaseSelector,
    stdin: bytes,
    deadline: float,
    client: socket.socket,
    send: Callable[[Stream, bytes], None],
    closed: Callable[[], bool],
    stdout: Tail,
    both: Tail,
) -> Ending:
    assert process.stdout and process.stderr  # noqa: S101 - asked for above
    pipes: dict[IO[bytes], Stream] = {process.stdout: "o", process.stderr: "e"}
    for pipe in pipes:
        selector.register(pipe, selectors.EVENT_READ)
    selector.register(client, selectors.EVENT_READ)
    rest = memoryview(stdin)
    if process.stdin is not None:
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE)
    # A pipe may outlive the program, when something that it started holds it.
    while pipes and not (process.poll() is not None and not selector.select(0)):
        if closed():
            return "closed"
        left = deadline - time.monotonic()
        if left <= 0:
            return "timeout"
        for key, _ in selector.select(min(left, 0.2)):
            source = key.fileobj
            if source is client:
                return "gone"
            if source is process.stdin:
                rest = _feed(process.stdin, rest)
                if not rest:
                    selector.unregister(process.stdin)
                    process.stdin.close()
                continue
            data = os.read(key.fd, 65536)
            if not data:
                selector.unregister(source)
                pipes = {pipe: name for pipe, name in pipes.items() if pipe is not source}
                continue
            name = next(name for pipe, name in pipes.items() if pipe is source)
            both.add(data)
            if name == "o":
                stdout.add(data)
            send(name, data)
    while process.poll() is None:
        if closed():
            return "closed"
        if time.monotonic() > deadline:
            return "timeout"
        time.sleep(0.001)
    return "exit"


def _feed(pipe: IO[bytes], rest: memoryview) -> memoryview:
    """Write what fits; nothing is left when the program does not read any more."""
    try:
        return rest[os.write(pipe.fileno(), rest[:65536]) :]
    except BlockingIOError:
        return rest
    except BrokenPipeError:
        return rest[len(rest) :]


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the whole process group: docker first gets the chance to cancel its build."""
    for number, grace in ((signal.SIGTERM, _TERM_GRACE_S), (signal.SIGKILL, 10.0)):
        try:
            os.killpg(process.pid, number)
            process.wait(grace)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait()
