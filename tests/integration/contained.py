"""An open broker and sandbox around a workspace, for the tests of both."""

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from devkit import shims
from oi_deploy.broker.credentials import Credentials
from oi_deploy.broker.journal import Entry, Journal
from oi_deploy.broker.policy import Policy
from oi_deploy.broker.server import Broker
from oi_deploy.redact import Redactor
from oi_deploy.sandbox import Result, Sandbox
from tests.policies import widest

REGISTRY = "harbor.example.com/library"
PASSWORD = "canary-password-f2b1"
TOKEN = "canary-token-77aa"
KUBECONFIG = f"apiVersion: v1\nkind: Config\nusers: [{{name: u, user: {{token: {TOKEN}}}}}]\n"


# What a test lets sleep is found again by its number of seconds; no other test run has the same.
NAP = f"31415.{os.getpid()}"

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="changing the user of a process needs root, as in the action"
)


@dataclass
class Contained:
    """What a test can look at."""

    workspace: Path
    sandbox: Sandbox
    broker: Broker
    journal: Journal
    socket: Path
    seen: list[Entry] = field(default_factory=list)

    def run(
        self, *argv: str, timeout_s: float = 60, cancelled: threading.Event | None = None
    ) -> Result:
        """Run a command in the sandbox; one word alone is a shell script."""
        command = argv if len(argv) > 1 else ("bash", "-c", *argv)
        return self.sandbox.run(
            command,
            timeout_s=timeout_s,
            on_output=lambda text: None,
            cancelled=cancelled or threading.Event(),
        )


@contextmanager
def open_directory() -> Iterator[Path]:
    """A directory that every user can pass through, unlike pytest's own."""
    path = Path(tempfile.mkdtemp(prefix="oi-deploy-test-", dir="/var/tmp"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def program(path: Path, body: str) -> Path:
    """A small real program that stands for docker or kubectl."""
    path.write_text(f"#!/bin/bash\n{body}\n")
    path.chmod(0o755)
    return path


@contextmanager
def contained(
    base: Path,
    *,
    docker: Path,
    kubectl: Path,
    owner: int = 0,
    command_timeout_s: float = 30,
    policy: Policy | None = None,
    credentials: Credentials | None = None,
    shield: tuple[Path, ...] = (),
) -> Iterator[Contained]:
    """Open both around `base/ws`."""
    workspace = policy.workspace if policy else base / "ws"
    workspace.mkdir(exist_ok=True)
    os.chown(workspace, owner, owner)
    shims.install(base / "shims")
    socket = base / "run" / "broker.sock"
    journal = Journal()
    seen: list[Entry] = []
    sandbox = Sandbox(workspace, socket=socket, shims=base / "shims", shield=shield)
    broker = Broker(
        policy or Policy.of(workspace, REGISTRY, "production", widest("production")),
        credentials=credentials or Credentials(REGISTRY, "me", PASSWORD, KUBECONFIG),
        journal=journal,
        socket=socket,
        sandbox_user=sandbox.user,
        redactor=Redactor([PASSWORD, TOKEN]),
        on_entry=seen.append,
        command_timeout_s=command_timeout_s,
        docker=docker,
        kubectl=kubectl,
    )
    with broker, sandbox:
        yield Contained(workspace, sandbox, broker, journal, socket, seen)


def alive(marker: str) -> list[int]:
    """Processes with this word in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if entry.name.isdecimal() and marker.encode() in words:
            found.append(int(entry.name))
    return found


def gone(*markers: str) -> bool:
    """Whether none of these is alive any more; a killed process may take a moment."""
    deadline = time.monotonic() + 10
    while any(alive(marker) for marker in markers):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
