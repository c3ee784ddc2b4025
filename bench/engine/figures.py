"""From what was seen to figures: phases, medians, ratios, the memory's limit, one table. Pure."""

import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from oi_deploy.engine.phases import Phase, progress_of

# Bytes a second that a GPU reads from its memory (NVIDIA's data sheets), by a part of the name that
# nvidia-smi gives it; the longer name comes first.
BANDWIDTH: Mapping[str, float] = {
    "H200": 4.80e12,
    "H100 NVL": 3.94e12,
    "H100 PCIe": 2.04e12,
    "H100": 3.35e12,
    "A100-SXM4-80GB": 2.04e12,
    "A100": 1.56e12,
    "L40S": 0.86e12,
    "L4": 0.30e12,
    "A10": 0.60e12,
    "T4": 0.32e12,
    "RTX 4090": 1.01e12,
    "RTX 3090": 0.94e12,
}

Line = tuple[float, str]


@dataclass(frozen=True)
class Load:
    """What a server does under load.

    Attributes:
        decode: tokens a second of all runs together, by how many there are at once.
        prefill: tokens a second of a long prompt that no cache knows.
        memory: gigabytes; the GPU's if it has one, else the container's.
    """

    decode: Mapping[int, float]
    prefill: float
    memory: float


@dataclass(frozen=True)
class Server:
    """A server's start, in seconds by phase, and what it does under load."""

    phases: Mapping[str, float]
    load: Load

    @property
    def start(self) -> float:
        """Seconds from the container's start to the first token."""
        return sum(self.phases.values())


@dataclass(frozen=True)
class Figures:
    """All that `make bench-engine` measures; times are in seconds.

    Attributes:
        machine: what it ran on.
        model: name or path.
        first_job: a cold start: from the start of the action's container to the first token.
        second_job: the same with the server that the first job has left.
        bare: the first token of the second job's own question, asked without the action.
        gone: how long the server stayed after its last user, with `keep_warm`.
        keep_warm: what that user had asked for.
        starts: from the start of the action's container to its first question, server warm.
        naive: the same of Open Interpreter's own command.
        ours: the server as the action starts it.
        plain: `vllm serve` with the flags that people copy; None if it was left out.
        limit: tokens a second of one run that the GPU's memory allows; None without a GPU.
    """

    machine: str
    model: str
    first_job: float
    second_job: float
    bare: float
    gone: float
    keep_warm: float
    starts: Sequence[float]
    naive: Sequence[float]
    ours: Server
    plain: Server | None
    limit: float | None = None


@dataclass(frozen=True)
class Jobs:
    """Deployments one after the other, and all at once; times are in seconds.

    Attributes:
        machine: what it ran on.
        model: name or path.
        row: how long each took, one after the other.
        at_once: how long each took, when all began at the same time.
        total: from the first one's start to the last one's end, of those at once.
        servers: model servers that were started.
        statuses: how they ended, both series.
    """

    machine: str
    model: str
    row: Sequence[float]
    at_once: Sequence[float]
    total: float
    servers: int
    statuses: Sequence[str] = field(default_factory=tuple)

    @property
    def good(self) -> bool:
        """Whether the figures mean anything: all ended deployed, by one server."""
        return self.servers == 1 and all(status == "deployed" for status in self.statuses)

    @property
    def ratio(self) -> float:
        """The time of all at once, of the time in a row."""
        return self.total / sum(self.row)


def timed(text: str) -> list[Line]:
    """The lines of `docker logs --timestamps`, with their time in seconds since the epoch."""
    lines = []
    # A bar of progress has carriage returns within its line.
    for line in filter(None, text.split("\n")):
        stamp, _, rest = line.partition(" ")
        lines.append((instant(stamp), rest))
    return lines


def instant(stamp: str) -> float:
    """Seconds since the epoch of a time as Docker writes it, with nanoseconds."""
    seconds, _, fraction = stamp.removesuffix("Z").partition(".")
    whole = datetime.fromisoformat(f"{seconds}+00:00").timestamp()
    return whole + float(f"0.{fraction or 0}")


def phases(started: float, log: Sequence[Line], ready: float) -> dict[str, float]:
    """Seconds of each phase of a server's start, as its log announces them, in their order.

    Args:
        started: when the container was started.
        log: vLLM's.
        ready: when the first token was there.
    """
    found: dict[str, float] = {}
    now, since = Phase.STARTING, started
    for at, line in log:
        progress = progress_of(line)
        if progress is None or progress.phase is now or at > ready:
            continue
        found[now] = found.get(now, 0.0) + at - since
        now, since = progress.phase, at
    found[now] = found.get(now, 0.0) + ready - since
    return {str(phase): seconds for phase, seconds in found.items()}


def questions(log: Sequence[Line], after: float) -> list[float]:
    """When requests of an agent came in, by the log of `--enable-log-requests`.

    A readiness probe asks for one token and is none.
    """
    pattern = re.compile(r"Received request .*\bmax_tokens=(\d+)")
    return [
        at
        for at, line in log
        if at > after and (match := pattern.search(line)) and int(match.group(1)) > 1
    ]


def weights_bytes(log: Sequence[Line]) -> float | None:
    """The size of the weights in the GPU's memory, as vLLM tells it after loading."""
    for _, line in log:
        if match := re.search(r"Model loading took ([\d.]+) GiB", line):
            return float(match.group(1)) * 1024**3
    return None


def memory_limit(gpu: str, weights: float | None) -> float | None:
    """Tokens a second of one run: for each, all weights are read once. None if unknown."""
    for name, bandwidth in BANDWIDTH.items():
        if name in gpu and weights:
            return bandwidth / weights
    return None


def table(figures: Figures) -> str:
    """The figures for a terminal, and for the documentation."""
    begun, naive = statistics.median(figures.starts), statistics.median(figures.naive)
    beyond = figures.second_job - figures.bare
    rows: list[Row] = [
        ("", "ours", "as the seed has it", "ratio"),
        ("container's start to the first question (median)", _s(begun), _s(naive), begun / naive),
        *_server_rows(figures.ours, figures.plain),
    ]
    lines = [
        f"{figures.model}; {figures.machine}",
        "",
        *_columns(rows),
        "",
        f"first job: {figures.first_job:.1f} s to its first token; second: "
        f"{figures.second_job:.1f} s, of which the model's own {figures.bare:.1f} s; "
        f"beyond that {beyond:.1f} s",
        f"gone {figures.gone:.1f} s after its last user (keep-warm: {figures.keep_warm:g} s)",
    ]
    if figures.limit:
        one = figures.ours.load.decode[1]
        lines.append(
            f"one run: {one:.1f} tokens/s, {one / figures.limit:.0%} of the {figures.limit:.0f} "
            "that the GPU's memory allows"
        )
    return "\n".join(lines)


def jobs_table(jobs: Jobs) -> str:
    """The figures of many jobs for a terminal."""
    good = sum(status == "deployed" for status in jobs.statuses)
    return "\n".join(
        [
            f"{jobs.model}; {jobs.machine}",
            f"{len(jobs.row)} jobs in a row: {sum(jobs.row):.0f} s, one: "
            f"{statistics.median(jobs.row):.0f} s (median)",
            f"{len(jobs.at_once)} jobs at once: {jobs.total:.0f} s, one: "
            f"{statistics.median(jobs.at_once):.0f} s (median)",
            f"ratio {jobs.ratio:.2f}; deployed: {good} of {len(jobs.statuses)}; "
            f"servers started: {jobs.servers}",
        ]
    )


Row = tuple[str, str, str, float | str]


def _server_rows(ours: Server, plain: Server | None) -> list[Row]:
    def row(name: str, value: Callable[[Server], float], show: str) -> Row:
        one, other = value(ours), value(plain) if plain else None
        shown = format(other, show) if other is not None else "-"
        return name, format(one, show), shown, one / other if other else "-"

    both = [*ours.phases, *(plain.phases if plain else ())]
    return [
        row("server's start to the first token", lambda it: it.start, ".1f"),
        *(
            row(f"  {name}", lambda it, name=name: it.phases.get(name, 0.0), ".1f")  # type: ignore[misc]
            for name in dict.fromkeys(both)
        ),
        *(
            row(f"tokens/s, {at_once} at once", lambda it, n=at_once: it.load.decode[n], ".1f")  # type: ignore[misc]
            for at_once in ours.load.decode
        ),
        row("tokens/s of a prompt", lambda it: it.load.prefill, ".0f"),
        row("memory, GB", lambda it: it.load.memory, ".1f"),
    ]


def _columns(rows: Sequence[Row]) -> list[str]:
    return [
        f"{name:50}{one:>10}{other:>20}"
        + (f"{ratio:>8.2f}" if isinstance(ratio, float) else f"{ratio:>8}")
        for name, one, other, ratio in rows
    ]


def _s(seconds: float) -> str:
    return f"{seconds:.2f}"
