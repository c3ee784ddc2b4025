"""The broker: takes commands from the sandbox, decides, runs them with the credentials."""

import os
import secrets
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Literal

from oi_deploy.broker import context, dockerfile, frames, images, paths, process
from oi_deploy.broker import credentials as creds
from oi_deploy.broker.credentials import Credentials
from oi_deploy.broker.effects import effects
from oi_deploy.broker.journal import Entry, Journal
from oi_deploy.broker.policy import decide
from oi_deploy.broker.request import (
    BuildContext,
    Decision,
    Known,
    NamesNeeded,
    Policy,
    Refused,
    Request,
)
from oi_deploy.broker.rights import rights_of
from oi_deploy.broker.stream import Stream
from oi_deploy.own_container import own_container
from oi_deploy.redact import Redactor

REFUSED = 126
TIMED_OUT = 124
_ANSWER_ONLY = 0
_MAX_CLIENTS = 16
_REQUEST_TIMEOUT_S = 30.0
# In one run; each leaves an entry in the journal.
_MOST_REQUESTS = 2000
_STREAMS: tuple[Literal["o", "e"], ...] = ("o", "e")
_ENTRY_OUTPUT = 16 * 1024
_PACKING_S = 120.0
# For the broker's own questions to the engine.
_OWN_COMMAND_S = 30.0


def refusal(request: Request, decision: Decision) -> str:
    """What the model reads when a command is refused: the reason, then lines that it can copy."""
    lines = [f"refused: {decision.reason}."]
    if decision.alternatives:
        lines += ["Use instead:", *(f"  {line}" for line in decision.alternatives)]
    return f"{request.tool}: " + "\n".join(lines) + "\n"


class Broker:
    """A server on a Unix socket, for as long as the context is open."""

    def __init__(
        self,
        policy: Policy,
        *,
        credentials: Credentials,
        journal: Journal,
        socket: Path,
        sandbox_user: tuple[int, int],
        redactor: Redactor,
        on_entry: Callable[[Entry], None],
        command_timeout_s: float,
        docker: Path,
        kubectl: Path,
        docker_host: str = "",
        mounted: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        """Keep the settings; nothing is opened yet.

        Args:
            policy: what may run.
            credentials: written into a private directory while the broker is open.
            journal: gets one entry per request.
            socket: where to listen; its directory is made, and is reachable for everybody.
            sandbox_user: user and group of the sandbox: the only ones that are answered, and with
                whose rights files are read.
            redactor: takes secrets out of what commands print.
            on_entry: called for each entry, from the thread of its request.
            command_timeout_s: seconds after which a command is killed.
            docker: the real docker.
            kubectl: the real kubectl.
            docker_host: `DOCKER_HOST` of the real docker; empty for its default socket.
            mounted: Secrets and service accounts of the Deployments, as `Known.mounted`.
        """
        self._policy = policy
        self._credentials = credentials
        self._journal = journal
        self._path = socket
        self._user = sandbox_user
        self._redactor = redactor
        self._on_entry = on_entry
        self._timeout_s = command_timeout_s
        self._programs = {"docker": docker, "kubectl": kubectl}
        self._docker_host = docker_host
        self._mounted = mounted or {}
        self._declined: Mapping[str, str] = {}
        self._closed = threading.Event()
        self._free = threading.BoundedSemaphore(_MAX_CLIENTS)
        self._threads: list[threading.Thread] = []

    @property
    def private(self) -> Path:
        """The directory with the credentials, which the sandbox must not be able to read."""
        return self._private

    def decline(self, declined: Mapping[str, str]) -> None:
        """Refuse from now on what these rules (`Decision.rule`) let through, for these reasons.

        Args:
            declined: reasons by rule, or by a rule and an image that it is not to be used for:
                `docker.push HOST/REPOSITORY:TAG`.
        """
        self._declined = declined

    def __enter__(self) -> "Broker":
        """Write the credentials and listen."""
        if os.geteuid() == 0:
            # With them, files of these groups could be read with the sandbox user's rights; see
            # `rights_of`.
            os.setgroups([])
        # mkdtemp makes it for us alone (0700).
        self._private = Path(tempfile.mkdtemp(prefix="oi-deploy-broker-"))
        try:
            self._env = creds.write(self._credentials, self._private)
            if self._docker_host:
                self._env["DOCKER_HOST"] = self._docker_host
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.parent.chmod(0o755)
            self._path.unlink(missing_ok=True)
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(self._path))
            os.chown(self._path, self._user[0], -1)
            self._path.chmod(0o600)
            self._listener.listen(_MAX_CLIENTS)
        except BaseException:
            shutil.rmtree(self._private)
            raise
        self._acceptor = threading.Thread(target=self._accept, name="broker", daemon=True)
        self._acceptor.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening, kill what still runs, remove the credentials."""
        self._closed.set()
        # shutdown wakes the thread in accept; close alone would not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        for thread in self._threads:
            thread.join()
        self._remove_local_names()
        self._path.unlink(missing_ok=True)
        shutil.rmtree(self._private)

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            flooded = len(self._journal.entries) > _MOST_REQUESTS
            stranger = _peer_uid(client) != self._user[0]
            if flooded or stranger or not self._free.acquire(blocking=False):
                client.close()
                continue
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._threads = [one for one in self._threads if one.is_alive()]
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client, client.makefile("rb") as stream:
                client.settimeout(_REQUEST_TIMEOUT_S)
                try:
                    request = frames.read_request(stream)
                except frames.BadFrame as bad:
                    if not isinstance(bad, frames.NothingAsked):
                        self._on_entry(self._not_read(bad))
                    text = f"oi-deploy: bad request: {bad}\n".encode()
                    client.sendall(frames.output("e", text) + frames.end(REFUSED))
                    return
                self._answer(client, request)
        except OSError:
            pass  # the client is gone; the journal has its entry
        finally:
            self._free.release()

    def _not_read(self, bad: frames.BadFrame) -> Entry:
        decision = Decision(False, "broker.frame", str(bad))
        return self._journal.append(tool="request", argv=("unreadable",), cwd="", decision=decision)

    def _answer(self, client: socket.socket, request: Request) -> None:
        started, clock = datetime.now(UTC), time.monotonic()
        with tempfile.TemporaryFile(dir=self._private) as spool:
            decision, stdin = self._decide(client, request, spool)
            ended = self._run(client, request, decision, stdin) if decision.argv else None
        if ended:
            code = ended.exit_code if ended.exit_code is not None else TIMED_OUT
            output = ended.output[-_ENTRY_OUTPUT:]
            done = effects(self._policy, request, decision, ended.exit_code, ended.stdout)
            last = b""
            if ended.ending == "timeout":
                limit = self._limit(decision)
                text = f"{request.tool}: killed after {limit:g} s (the limit of this command)\n"
                last, output = frames.output("e", text.encode()), output + text
        else:
            code = _ANSWER_ONLY if decision.allowed else REFUSED
            output = decision.answer if decision.allowed else refusal(request, decision)
            stream: Literal["o", "e"] = "o" if decision.allowed else "e"
            last, done = frames.output(stream, output.encode()), ()
        # The journal first: when the command has ended for the sandbox, its entry is there.
        entry = self._journal.append(
            tool=request.tool,
            argv=request.argv,
            cwd=request.cwd,
            decision=decision,
            time=started,
            exit_code=ended.exit_code if ended else None,
            seconds=time.monotonic() - clock,
            effects=done,
            output=self._redactor.text(output),
        )
        self._on_entry(entry)
        client.sendall(last + frames.end(code))

    def _judge(self, request: Request, known: Known) -> Decision:
        if len(self._journal.entries) < _MOST_REQUESTS:
            decision = decide(self._policy, request, known)
            rules = (decision.rule, *(f"{decision.rule} {it}" for it in decision.images))
            reason = next((self._declined[it] for it in rules if it in self._declined), "")
            if decision.mutates and reason:
                raise Refused(decision.rule, reason)
            return decision
        raise Refused("broker.requests", f"a run may make {_MOST_REQUESTS} requests, not more")

    def _decide(
        self, client: socket.socket, request: Request, spool: IO[bytes]
    ) -> tuple[Decision, bytes | IO[bytes]]:
        """The decision and what the command reads; a build's files are packed into `spool`."""
        known = self._known()
        try:
            try:
                with rights_of(*self._user):
                    decision = self._judge(request, known)
            except NamesNeeded:
                known = replace(known, taken=self._taken())
                with rights_of(*self._user):
                    decision = self._judge(request, known)
            if decision.context is None:
                return decision, decision.stdin
            self._pack(client, decision.context, spool)
            content = context.dockerfile_in(spool)
            dockerfile.check(self._policy, known, content, decision.context.arguments)
            return decision, spool
        except Refused as no:
            return no.decision, b""
        except Exception as error:  # what we cannot judge does not run, and is in the journal
            reason = f"the command cannot be judged ({type(error).__name__}: {error})"
            return Decision(False, "broker.defect", reason), b""

    def _pack(self, client: socket.socket, wanted: BuildContext, spool: IO[bytes]) -> None:
        """Pack the files of a build, in a process that ends when its time is over.

        Raises:
            Refused: they cannot be packed, or not in time, or the client is gone.
        """
        said = bytearray()

        def take(name: Literal["o", "e"], data: bytes) -> None:
            if name == "o":
                spool.write(data)
            else:
                said.extend(data)

        ended = process.run(
            (sys.executable, "-I", "-m", context.__name__),
            env={},
            cwd=Path("/"),
            stdin=context.job(wanted, self._user),
            timeout_s=min(self._timeout_s, _PACKING_S),
            client=client,
            send=take,
            closed=self._closed.is_set,
        )
        if ended.exit_code == context.REFUSED:
            raise context.refusal(said.decode(errors="replace"))
        if ended.exit_code != 0:
            why = said.decode(errors="replace") if ended.ending == "exit" else ended.ending
            raise Refused("docker.build.context", f"the build context cannot be packed: {why}")

    def _known(self) -> Known:
        """All but the engine's local names, for which it is asked only when they matter."""
        return Known(
            taken=None,
            built=self._journal.images(),
            mounted=self._mounted,
            container=f"oi-deploy-{secrets.token_hex(6)}",
            run=own_container(),
        )

    def _taken(self) -> frozenset[str]:
        """See `Known.taken`.

        Raises:
            Refused: the engine does not say; any name could be another's.
        """
        listed = self._ask("image", "ls", "--format={{.Repository}}:{{.Tag}}")
        if listed is None:
            raise Refused("docker.names", "the engine does not say which names it has; try again")
        found = map(images.read, listed.split())
        names = (image for image in found if image and not image.host)
        return frozenset(images.canonical(image) for image in names) - self._journal.named()

    def _ask(self, *argv: str) -> str | None:
        """What the real docker prints; None if it fails."""
        try:
            done = subprocess.run(  # noqa: S603 - our own words
                (str(self._programs["docker"]), *argv),
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                check=False,
                timeout=_OWN_COMMAND_S,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout if done.returncode == 0 else None

    def _remove_local_names(self) -> None:
        """Take away the names without a registry that this run gave.

        A later `FROM` of the same name, by anybody on this engine, would get our image.
        """
        names = [
            name
            for name in sorted(self._journal.named())
            if (image := images.read(name))
            and not image.host
            and image.path not in self._policy.document.images.local
        ]
        # One by one: a name that was never given must not keep the others.
        for name in names:
            self._ask("image", "rm", "--no-prune", name)

    def _limit(self, decision: Decision) -> float:
        return min(self._timeout_s, decision.seconds or self._timeout_s)

    def _run(
        self,
        client: socket.socket,
        request: Request,
        decision: Decision,
        stdin: bytes | IO[bytes],
    ) -> process.Ended:
        streams = {name: Stream(client, name, self._redactor) for name in _STREAMS}

        def send(name: Literal["o", "e"], data: bytes) -> None:
            streams[name].write(data)

        try:
            ended = process.run(
                (str(self._programs[request.tool]), *decision.argv),
                env=self._env,
                cwd=paths.working_directory(self._policy, request),
                stdin=stdin,
                timeout_s=self._limit(decision),
                client=client,
                send=send,
                closed=self._closed.is_set,
            )
            if ended.ending in ("exit", "timeout"):
                for stream in streams.values():
                    stream.finish()
            return ended
        finally:
            if decision.container:
                # A killed `docker run` leaves its container running.
                self._ask("container", "rm", "--force", "--volumes", decision.container)


def _peer_uid(client: socket.socket) -> int:
    """The user on the other side, as the kernel knows it (`struct ucred`: pid, uid, gid)."""
    answer = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", answer)[1])
