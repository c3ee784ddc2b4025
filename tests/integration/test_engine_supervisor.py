"""The program in the server's container, here without one: who may use the server, and its end."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from oi_deploy.engine.inside import program, relay, supervisor
from tests.integration.engine_world import group

SERVE = "echo $$; echo loading; exec sleep 86399"


class Run:
    """One run's connection to a supervisor."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(30)
        while True:
            try:
                self._socket.connect(str(path))
                break
            except OSError:
                time.sleep(0.01)
        self._lines = self._socket.makefile("r")

    def say(self, **line: Any) -> None:
        self.send(json.dumps(line).encode() + b"\n")

    def event(self, name: str, value: Any = None) -> dict[str, Any]:
        """Read until an event of this name, and this value if one is given."""
        for line in self._lines:
            event: dict[str, Any] = json.loads(line)
            if name in event and value in (None, event[name]):
                return event
        raise EOFError(name)

    def until(self, name: str, value: Any = None) -> Any:
        """The value of such an event."""
        return self.event(name, value)[name]

    def rest(self) -> list[dict[str, Any]]:
        """Read to the end."""
        return [json.loads(line) for line in self._lines]

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def finish(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    def die(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)


class World:
    """A supervisor with a server."""

    def __init__(self, folder: Path, script: str, grace_s: float) -> None:
        self.path = folder / "socket"
        self.runs: list[Run] = []
        _, *arguments = program(supervisor, str(self.path), str(grace_s), "/bin/sh", "-c", script)
        self.process = subprocess.Popen(
            [sys.executable, *arguments], stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def server(self) -> int:
        """The server's process id, which is its group's too; it writes it first."""
        assert self.process.stdout
        return int(self.process.stdout.readline())

    def join(self, name: str, *, use: bool = True, keep_s: float = 0, **more: Any) -> Run:
        run = Run(self.path)
        self.runs.append(run)  # a connection that is collected is closed
        run.say(name=name, use=use, keep_s=keep_s, **more)
        return run

    def used(self, name: str = "first", **how: Any) -> Run:
        """A run that has got the key."""
        run = self.join(name, **how)
        assert len(run.until("key")) > 20
        return run


@contextmanager
def world(folder: Path, script: str = SERVE, grace_s: float = 60) -> Iterator[World]:
    it = World(folder, script, grace_s)
    try:
        yield it
    finally:
        it.process.terminate()
        it.process.wait()
        assert it.process.stdout
        it.process.stdout.close()


def test_a_server_that_nobody_comes_for_ends(tmp_path: Path) -> None:
    with world(tmp_path, grace_s=0.5) as it:
        assert it.process.wait() == 0


def test_a_server_that_never_got_ready_is_kept_for_nobody(tmp_path: Path) -> None:
    with world(tmp_path) as it:
        it.used(keep_s=86399).die()
        assert it.process.wait() == 0


def test_it_ends_with_its_last_user_and_takes_the_server_along(tmp_path: Path) -> None:
    with world(tmp_path) as it:
        one, two = it.used("one"), it.used("two")
        pid = it.server()
        assert group(pid)
        one.die()
        two.until("users", ["two"])
        assert it.process.poll() is None
        two.die()
        assert it.process.wait() == 0
        assert not group(pid)


def test_a_ready_server_stays_as_long_as_its_most_patient_user_wished(tmp_path: Path) -> None:
    with world(tmp_path) as it:
        patient, hasty = it.used("patient", keep_s=86399), it.used("hasty")
        patient.say(ready=True)
        # In this order: the wish of one that leaves earlier still holds.
        patient.die()
        hasty.until("users", ["hasty"])
        hasty.die()
        late = it.join("late")
        late.until("users", ["late"])
        assert it.process.poll() is None


def test_an_idle_server_ends_itself(tmp_path: Path) -> None:
    with world(tmp_path) as it:
        run = it.used(keep_s=1)
        run.say(ready=True)
        run.die()
        assert it.process.wait() == 0


def test_whoever_leaves_last_sees_its_connection_end_when_the_server_has(tmp_path: Path) -> None:
    with world(tmp_path) as it:
        run = it.used()
        pid = it.server()
        run.finish()
        run.rest()
        assert not group(pid)


def test_a_later_user_learns_that_the_model_has_answered_and_what_was_written(
    tmp_path: Path,
) -> None:
    with world(tmp_path) as it:
        one = it.join("one")
        assert one.until("ready") is False
        one.say(ready=True)
        while True:  # both take a moment
            two = it.join("two").event("key")
            if two["ready"] and "loading" in two["log"]:
                break


def test_a_run_that_waits_is_told_who_uses_it_and_ends_it_afterwards(tmp_path: Path) -> None:
    with world(tmp_path) as it:
        user = it.used("user", keep_s=86399)
        user.say(ready=True)
        waiting = it.join("waiting", use=False)
        assert waiting.until("users") == ["user"]
        # One that comes later does not overtake it, and gets no key.
        late = it.join("late", keep_s=86399)
        assert late.until("users") == ["user"]
        user.die()
        assert it.process.wait() == 0
        assert all("key" not in event for event in late.rest() + waiting.rest())


def test_users_are_told_whether_the_model_has_answered_one_of_them(tmp_path: Path) -> None:
    with world(tmp_path) as it:
        one = it.used("one")
        two = it.join("two")
        assert two.event("key")["answered"] is False
        one.say(ready=True)
        assert two.until("answered", True)
        one.die()
        assert two.event("answered", False)["users"] == ["two"]


def test_a_run_that_waits_no_more_lets_others_in(tmp_path: Path) -> None:
    with world(tmp_path) as it:
        it.used("user")
        waiting = it.join("waiting", use=False)
        waiting.until("users", ["user"])
        waiting.die()
        while True:
            late = it.join("late")
            if "key" in late.event("users"):
                break
            late.die()


def test_nobody_waits_for_a_user_that_stays_and_nobody_is_kept_out(tmp_path: Path) -> None:
    with world(tmp_path) as it:
        serve = it.used("serve", stays=True)
        waiting = it.join("waiting", use=False)
        assert waiting.event("users", ["serve"])["stays"]
        other = it.used("other")
        serve.die()
        assert "stays" not in waiting.event("users", ["other"])
        # Whoever waits now waits for something.
        assert "key" not in it.join("late").event("users")
        other.die()
        assert it.process.wait() == 0


def test_a_run_that_waits_leaves_the_first_user_its_time_to_come(tmp_path: Path) -> None:
    with world(tmp_path) as it:
        waiting = it.join("waiting", use=False)
        assert waiting.until("users") == []
        it.used("first").die()
        assert it.process.wait() == 0
        assert ["first"] in [event["users"] for event in waiting.rest()]


@pytest.mark.parametrize(
    ("script", "code"), [("echo why; exit 3", 3), ("echo why; kill -KILL $$", 137)]
)
def test_every_user_is_told_the_exit_code_and_the_last_words(
    tmp_path: Path, script: str, code: int
) -> None:
    with world(tmp_path, f"until [ -e {tmp_path}/go ]; do sleep 0.1; done; {script}") as it:
        runs = [it.used("one"), it.used("two")]
        (tmp_path / "go").touch()
        for run in runs:
            events = run.rest()
            assert "why\n" in "".join(event.get("log", "") for event in events)
            assert events[-1] == {"exit": code}
        assert it.process.wait() == code


def test_a_server_that_dies_at_once_still_tells_its_first_user(tmp_path: Path) -> None:
    with world(tmp_path, "echo $$; echo why; exit 3") as it:
        pid = it.server()
        while group(pid):
            time.sleep(0.01)
        time.sleep(1)  # as long as a run may take to come
        events = it.join("first").rest()
        assert "why\n" in "".join(event.get("log", "") for event in events)
        assert events[-1] == {"exit": 3}
        assert it.process.wait() == 3


def test_a_program_that_is_not_there_is_an_ending_like_any_other(tmp_path: Path) -> None:
    with world(tmp_path, "exec /no/such/program") as it:
        assert it.used().until("exit") == 127


def test_it_hides_the_key_from_its_own_output_and_gives_it_to_the_server(tmp_path: Path) -> None:
    with world(tmp_path, f"echo $VLLM_API_KEY > {tmp_path}/key; exec sleep 86399") as it:
        key = it.join("run").until("key")
        while not (tmp_path / "key").exists() or not (tmp_path / "key").read_text():
            time.sleep(0.01)
        assert (tmp_path / "key").read_text().strip() == key
        assert it.path.stat().st_mode & 0o077 == 0


def test_what_is_no_message_ends_that_connection_only(tmp_path: Path) -> None:
    with world(tmp_path) as it:
        user = it.used("user")
        for nonsense in (b"GET / HTTP/1.1\r\n\r\n", b"[]\n", b'{"keep_s": "long"}\n', b"\xff\n"):
            stranger = Run(it.path)
            stranger.send(nonsense)
            assert stranger.rest() == []
        user.say(ready=True)
        it.used("another")


def test_a_user_that_reads_nothing_does_not_stop_the_others(tmp_path: Path) -> None:
    lines = "while :; do echo 0123456789012345678901234567890123456789; done"
    with world(tmp_path, lines) as it:
        assert it.process.stdout
        drain = threading.Thread(target=it.process.stdout.read, daemon=True)
        drain.start()
        it.join("deaf")
        reader = it.used("reader")
        seen = 0
        while seen < 8 * 1024 * 1024:
            seen += len(reader.until("log"))
        it.process.kill()
        drain.join()


def test_terminated_it_takes_the_server_along(tmp_path: Path) -> None:
    with world(tmp_path) as it:
        it.used()
        pid = it.server()
        it.process.terminate()
        assert it.process.wait() == 128 + signal.SIGTERM
        assert not group(pid)


@contextmanager
def relayed(*address: str) -> Iterator[subprocess.Popen[bytes]]:
    _, *arguments = program(relay, *address)
    process = subprocess.Popen(
        [sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_relay_carries_bytes_both_ways(tmp_path: Path) -> None:
    data = bytes(range(256)) * 4096
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with relayed("tcp", str(port)) as process:
            assert process.stdin and process.stdout
            stdin = process.stdin
            connection, _ = listener.accept()
            with connection:
                sender = threading.Thread(target=stdin.write, args=(data,))
                sender.start()
                received = connection.makefile("rb").read(len(data))
                sender.join()
                assert received == data
                answers = threading.Thread(target=connection.sendall, args=(data,))
                answers.start()
                got = b""
                while len(got) < len(data):
                    got += process.stdout.read(65536)
                answers.join()
                assert got == data
            assert process.wait() == 0


def test_a_relay_waits_for_the_listener_and_not_longer_than_it_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "late"
    with relayed("unix", str(path)) as waited, relayed("unix", str(path)) as given_up:
        assert given_up.stdin
        given_up.stdin.close()
        given_up.stdin = None
        assert given_up.wait() == 0
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            connection, _ = listener.accept()
            connection.close()
        assert waited.wait() == 0
