"""What containment and the broker cost for each command: `make bench-broker`.

Each command runs bare and contained in turns, on the same machine in the same run, so that a busy
moment hits both. Contained means all of it: the sandbox starts the shim as another user, the shim
asks the broker, the policy decides, the real program runs, the journal gets its entry, and what
came out goes back. The parts are measured alone, too.

Needs root, as the sandbox does, and docker and kubectl; an engine or a cluster need not answer.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from devkit import shims
from oi_deploy import supervisor
from oi_deploy.broker.credentials import Credentials
from oi_deploy.broker.journal import Journal
from oi_deploy.broker.policy import Policy, Request, Tool, decide
from oi_deploy.broker.server import Broker
from oi_deploy.redact import Redactor
from oi_deploy.sandbox import Sandbox

LIMIT_MS = 50.0
REGISTRY = "registry.example.com/team"
RESULT = Path(__file__).resolve().parents[1] / ".devkit" / "bench-broker.json"

COMMANDS = (
    ("docker", "version"),
    ("docker", "images"),
    ("docker", "build", "--help"),
    ("kubectl", "version", "--client"),
)
DECISIONS: Sequence[tuple[Tool, str]] = (
    ("docker", "images"),
    ("docker", f"build -t {REGISTRY}/app:1 --build-arg A=b ."),
    ("docker", f"push {REGISTRY}/app:1"),
    ("docker", "push evil.example.com/app:1"),
    ("kubectl", f"set image deployment/app app={REGISTRY}/app:1"),
    ("kubectl", "get pods -o json"),
    ("kubectl", "get secrets -A"),
)

# A client that has no start-up of its own in the figures: it asks again and again, and prints the
# seconds of each round trip.
_CLIENT = """
import json, os, socket, sys, time
path, rounds, argv = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
header = {"tool": argv[0], "argv": argv[1:], "cwd": "/", "stdin": 0}
line, seconds = json.dumps(header).encode() + b"\\n", []
for _ in range(rounds):
    started = time.perf_counter()
    with socket.socket(socket.AF_UNIX) as broker:
        broker.connect(path)
        broker.sendall(line)
        answer = b"".join(iter(lambda: broker.recv(65536), b""))
    seconds.append(time.perf_counter() - started)
    assert b'"exit"' in answer
print(json.dumps(seconds))
"""


@dataclass(frozen=True)
class Spread:
    """Milliseconds: the median, and the quartiles around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, milliseconds: Sequence[float]) -> "Spread":
        """The spread of some measurements."""
        low, median, high = statistics.quantiles(milliseconds, n=4)
        return cls(median, low, high)

    def __str__(self) -> str:
        """The median with its quartiles, in columns."""
        return f"{self.median:8.1f} ({self.low:6.1f} … {self.high:6.1f})"


@dataclass(frozen=True)
class Row:
    """One command, bare and contained; `cost` is the difference of each pair."""

    name: str
    bare: Spread
    contained: Spread
    cost: Spread


@dataclass(frozen=True)
class World:
    """What is open while something is measured."""

    sandbox: Sandbox
    socket: Path
    shims: Path
    workspace: Path
    env: Mapping[str, str]


@contextmanager
def opened(programs: Mapping[str, Path]) -> Iterator[World]:
    """A broker and a sandbox around an empty workspace."""
    # Not pytest's or the user's own directory: the sandbox's user must get there.
    base = Path(tempfile.mkdtemp(prefix="oi-deploy-bench-", dir="/var/tmp"))
    try:
        base.chmod(0o755)
        workspace, tools, home = base / "ws", base / "shims", base / "home"
        socket = base / "run" / "broker.sock"
        workspace.mkdir()
        home.mkdir()
        shims.install(tools)
        sandbox = Sandbox(workspace, socket=socket, shims=tools, shield=())
        broker = Broker(
            Policy.of(workspace, REGISTRY, "default"),
            credentials=Credentials(REGISTRY, "robot", "password-of-the-benchmark"),
            journal=Journal(),
            socket=socket,
            sandbox_user=sandbox.user,
            redactor=Redactor(["password-of-the-benchmark"]),
            on_entry=lambda entry: None,
            command_timeout_s=60,
            docker=programs["docker"],
            kubectl=programs["kubectl"],
        )
        env = {"PATH": os.environ["PATH"], "HOME": str(home), "DOCKER_BUILDKIT": "0"}
        with broker, sandbox:
            yield World(sandbox, socket, tools, workspace, env)
    finally:
        shutil.rmtree(base)


def timed(call: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def bare(world: World, argv: Sequence[str]) -> None:
    """Run a command as anybody would."""
    subprocess.run(  # noqa: S603 - our own words
        argv, env=world.env, cwd=world.workspace, capture_output=True, check=False
    )


def contained(world: World, argv: Sequence[str]) -> None:
    """Run a command as the model's code does."""
    world.sandbox.run(argv, timeout_s=60, on_output=lambda text: None, cancelled=threading.Event())


def rows(world: World, programs: Mapping[str, Path], rounds: int) -> list[Row]:
    """Every command, bare and contained in turns."""
    times: dict[str, tuple[list[float], list[float]]] = {}
    trivial = ("true",)
    for number in range(rounds + 1):
        for argv in (trivial, *COMMANDS):
            real = (str(programs.get(argv[0], "/bin/true")), *argv[1:])
            # Whoever comes second finds warm caches, so they take turns in that as well.
            calls = [partial(bare, world, real), partial(contained, world, argv)]
            order = (0, 1) if number % 2 else (1, 0)
            found = {which: timed(calls[which]) for which in order}
            if number:  # the first round is for the caches
                both = times.setdefault(" ".join(argv), ([], []))
                both[0].append(found[0])
                both[1].append(found[1])
    return [
        Row(
            name,
            Spread.of(without),
            Spread.of(with_),
            Spread.of([b - a for a, b in zip(without, with_, strict=True)]),
        )
        for name, (without, with_) in times.items()
    ]


def parts(world: World, rounds: int) -> dict[str, Spread]:
    """What the cost is made of."""
    nowhere = {**world.env, "OI_DEPLOY_BROKER": "/nowhere"}
    shim = (str(world.shims / "docker"), "version")
    first_line = (world.shims / "docker").read_text().split("\n", 1)[0]
    python = first_line.removeprefix("#!").split()[0]

    def run(argv: Sequence[str]) -> None:
        subprocess.run(  # noqa: S603 - our own words
            argv, env=nowhere, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )

    calls: dict[str, Callable[[], object]] = {
        "a bare process": lambda: run(("/bin/true",)),
        "a sandboxed process: start, user, filter, limits, end": lambda: contained(
            world, ("/bin/true",)
        ),
        "  of it the supervisor's interpreter and imports": lambda: run(
            (sys.executable, "-IS", supervisor.__file__)
        ),
        "the shim: its interpreter and imports": lambda: run(shim),
        "  of it the interpreter alone": lambda: run((python, "-IS", "-c", "")),
    }
    measured: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            spent = timed(call)
            if number:
                measured[name].append(spent)
    uid, gid = world.sandbox.user
    asked = subprocess.run(  # noqa: S603 - our own words
        (python, "-IS", "-c", _CLIENT, str(world.socket), str(rounds), "docker", "login"),
        user=uid,
        group=gid,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    answers = {
        "the broker: connection, request, policy, journal, answer": [
            seconds * 1000 for seconds in json.loads(asked)
        ]
    }
    return {name: Spread.of(values) for name, values in {**measured, **answers}.items()}


def decisions(world: World) -> dict[str, float]:
    """Microseconds of the policy alone, for each command."""
    policy = Policy.of(world.workspace, REGISTRY, "default")
    found = {}
    for tool, line in DECISIONS:
        request = Request(tool, tuple(line.split()), str(world.workspace))
        calls = partial(repeat, decide, policy, request)
        found[f"{tool} {line}"] = statistics.median(timed(calls) for _ in range(20)) * 1000 / 50
    return found


def repeat(call: Callable[..., object], *arguments: object) -> None:
    """Call 50 times, for what is too short to be timed alone."""
    for _ in range(50):
        call(*arguments)


def main() -> int:
    """Measure, print a table, and write it as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.broker", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="repetitions of everything")
    parser.add_argument("--json", type=Path, default=RESULT, help="where the figures go")
    options = parser.parse_args()
    programs = {name: Path(shutil.which(name) or "") for name in ("docker", "kubectl")}
    if os.geteuid() != 0 or "." in map(str, programs.values()):
        print("the benchmark needs root, docker and kubectl", file=sys.stderr)  # noqa: T201
        return 1
    with opened(programs) as world:
        table = rows(world, programs, options.rounds)
        pieces = parts(world, options.rounds)
        policy = decisions(world)
    report(table, pieces, policy, options.rounds)
    figures = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.release()}",
        "load": os.getloadavg()[0],
        "rounds": options.rounds,
        "commands_ms": [asdict(row) for row in table],
        "parts_ms": {name: asdict(spread) for name, spread in pieces.items()},
        "decisions_us": policy,
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


def report(
    table: Sequence[Row],
    pieces: Mapping[str, Spread],
    policy: Mapping[str, float],
    rounds: int,
) -> None:
    """Print what was measured."""
    lines = [
        f"{rounds} rounds; medians in ms (quartiles); load {os.getloadavg()[0]:.1f}",
        "",
        f"{'command':26}{'bare':>26}{'contained':>26}{'cost':>26}",
        *(f"{row.name:26}{row.bare!s:>26}{row.contained!s:>26}{row.cost!s:>26}" for row in table),
        "",
        *(f"{name:58}{spread!s:>26}" for name, spread in pieces.items()),
        "",
        "the policy alone, in µs:",
        *(f"  {name:72}{micro:8.0f}" for name, micro in policy.items()),
        "",
    ]
    over = [row.name for row in table if row.cost.median >= LIMIT_MS]
    lines.append(
        f"over {LIMIT_MS:g} ms: {', '.join(over)}" if over else f"each costs under {LIMIT_MS:g} ms"
    )
    print("\n".join(lines))  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
