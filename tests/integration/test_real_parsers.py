"""The real docker and kubectl read command lines as the broker does.

docker runs against a stand-in for the engine that writes down what it is asked for: what the
command line of the model would ask is compared with what the one that really runs asks.
"""

import io
import json
import os
import re
import subprocess
import tarfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from random import Random
from socketserver import ThreadingUnixStreamServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from oi_deploy.broker import docker, kubectl
from oi_deploy.broker.flags import Table
from oi_deploy.broker.policy import Policy
from tests.unit.broker.asking import BUILT_ID, ask, widest, workspace
from tests.unit.broker.commands import DOCKER, Command
from tests.unit.broker.spellings import spell

# `-t, --tag list` and `-A, --all-namespaces=false:`
_DOCKER_FLAG = re.compile(r" +(?:-(\w), +)?--([a-z-]+) ?([a-z]+)?(?:  .*)?")
_KUBECTL_FLAG = re.compile(r" +(?:-(\w), )?--([a-z-]+)=(.*):")
# These take a value only behind `=`; the help does not say so.
_OPTIONAL = ("dry-run", "validate")

Asked = list[tuple[str, str, dict[str, str], Any]]


def run(
    *argv: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, stdin: bytes = b""
) -> str:
    done = subprocess.run(
        argv,
        env={"PATH": os.environ["PATH"], "DOCKER_BUILDKIT": "0", **(env or {})},
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        input=stdin,
        check=False,
        timeout=60,
    )
    return done.stdout.decode()


def archive() -> bytes:
    """What the broker would send as the context of a build."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("Dockerfile"))
    return file.getvalue()


def flags_of(text: str, pattern: re.Pattern[str]) -> dict[str, tuple[str, bool]]:
    """The flags of a help page: letter, and whether it takes a value."""
    found = {}
    for line in text.splitlines():
        if match := pattern.fullmatch(line):
            letter, name, rest = match[1] or "", match[2], match[3]
            takes = bool(rest) if pattern is _DOCKER_FLAG else rest not in ("true", "false")
            found[name] = letter, takes
    return found


def check_table(table: Table, real: Mapping[str, tuple[str, bool]]) -> None:
    for name, flag in table.items():
        if name in real and name not in _OPTIONAL:
            assert real[name] == (flag.short, flag.takes == "value"), name
    letters = {letter: name for name, (letter, _) in real.items() if letter}
    for name, flag in table.items():
        # Never may a letter mean one flag for us and another for them.
        assert not flag.short or letters.get(flag.short, name) == name, name


@pytest.mark.parametrize("verb", [v for v in docker._VERBS if v[0] != "buildx"], ids=" ".join)
def test_docker_has_the_flags_that_we_think(verb: tuple[str, ...], tmp_path: Path) -> None:
    help_page = run("docker", *verb, "--help", env={"HOME": str(tmp_path)})
    real = flags_of(help_page, _DOCKER_FLAG)
    assert real or "Options:" not in help_page
    check_table(docker._VERBS[verb].flags, real)


@pytest.mark.parametrize("verb", kubectl._VERBS, ids=" ".join)
def test_kubectl_has_the_flags_that_we_think(verb: tuple[str, ...]) -> None:
    own = flags_of(run("kubectl", *verb, "--help"), _KUBECTL_FLAG)
    everywhere = flags_of(run("kubectl", "options"), _KUBECTL_FLAG)
    assert "namespace" in everywhere
    real = {**everywhere, **own}
    check_table({**kubectl.GLOBAL, **kubectl._VERBS[verb].flags}, real)
    for name in _OPTIONAL:
        if name in real and name in kubectl._VERBS[verb].flags:
            # Had it taken the next word, there would be no help.
            assert "Usage:" in run("kubectl", *verb, f"--{name}", "--help")


class Engine(ThreadingUnixStreamServer):
    """Answers like an engine that has nothing to do, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        self.asked: Asked = []
        super().__init__(str(path), Handler)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Engine

    def address_string(self) -> str:
        return "docker"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the library
        pass

    def _answer(self) -> None:
        path, query = urlsplit(self.path)[2:4]
        path = re.sub(r"^/v[0-9.]+", "", path)
        body = self._body()
        if path not in ("/_ping", "/info", "/version"):
            kept = {k: v for k, v in parse_qsl(query, keep_blank_values=True) if k != "dockerfile"}
            what = json.loads(body) if path == "/containers/create" else None
            self.server.asked.append((self.command, path, kept, what))
        answer: Any = {"Id": "x", "ApiVersion": "1.47", "Os": "linux", "Config": {}, "Server": {}}
        if path in ("/images/json",) or path.endswith("/history"):
            answer = []
        code = 404 if path.endswith("/attach") else 201 if self.command == "POST" else 200
        text = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Api-Version", "1.47")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = b""
        while size := int(self.rfile.readline().strip() or b"0", 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    do_GET = do_POST = do_HEAD = do_DELETE = _answer  # noqa: N815


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with Engine(tmp_path_factory.mktemp("engine") / "docker.sock") as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return widest(workspace(tmp_path_factory.mktemp("parsers")))


def asked(engine: Engine, policy: Policy, argv: Sequence[str]) -> Asked:
    """What docker asks the engine for, when it gets this command line."""
    engine.asked.clear()
    env = {"DOCKER_HOST": f"unix://{engine.server_address!s}", "HOME": "/nonexistent"}
    stdin = archive() if argv[-1] == "-" else b""
    output = run("docker", *argv, env=env, cwd=policy.workspace, stdin=stdin)
    assert "unknown" not in output and "requires" not in output, output
    return list(engine.asked)


def same_command(line: str) -> bool:
    # buildx is another program; `docker run` is put together anew, which has a test of its own.
    return not line.startswith("buildx") and line.split()[-1] not in ("run", "inspect")


@pytest.mark.parametrize(
    "command",
    [one for one in DOCKER if same_command(one.line.command) and one.stdin == b""],
    ids=lambda one: one.line.command,
)
def test_what_runs_asks_the_engine_for_what_was_meant(
    engine: Engine, policy: Policy, command: Command
) -> None:
    chance = Random(7)
    # The classic builder has no such flags, so that they are dropped.
    options = tuple(o for o in command.line.options if o.long not in ("load", "progress"))
    line = type(command.line)(
        command.line.command, command.line.arguments, options, (), command.line.interspersed
    )
    for _ in range(3):
        words = spell(chance, line)
        decision = ask(policy, "docker", words)
        assert decision.allowed, (words, decision.reason)
        meant = asked(engine, policy, words)
        ran = asked(engine, policy, decision.argv)
        for (_, path, bounded, _), (_, _, query, _) in zip(ran, meant, strict=True):
            if path == "/build":  # what the broker sets, whatever is asked for
                assert bounded["memory"] == bounded["memswap"] == str(4 * 1024**3)
                assert bounded["forcerm"] == "1"
                query.pop("rm", None)
                fixed = ("memory", "memswap", "forcerm", "rm")
                query.update({it: bounded[it] for it in fixed if it in bounded})
        assert meant == ran, words
        assert meant or line.command == "version", words


def test_a_smoke_test_gets_what_the_broker_says(engine: Engine, policy: Policy) -> None:
    words = ("run", "-it", "--rm", "-eA=b", "--name=x", "app:1", "--privileged", "-v", "/:/h")
    decision = ask(policy, "docker", words)
    ((_, _, query, body), *_) = [
        one for one in asked(engine, policy, decision.argv) if one[1] == "/containers/create"
    ]
    assert query == {"name": decision.container}
    assert body["Image"] == BUILT_ID and body["Cmd"] == ["--privileged", "-v", "/:/h"]
    assert body["Env"] == ["A=b"] and not body["Tty"] and not body["OpenStdin"]
    host = body["HostConfig"]
    assert host["NetworkMode"] == "none" and host["CapDrop"] == ["ALL"]
    assert host["AutoRemove"] and host["SecurityOpt"] == ["no-new-privileges"]
    assert host["Memory"] == host["MemorySwap"] == 512 * 1024**2 and host["PidsLimit"] > 0
    for field in ("Privileged", "Binds", "Mounts", "Devices", "PortBindings", "CapAdd", "PidMode"):
        assert not host.get(field), field
