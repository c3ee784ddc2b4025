"""GPU memory that another program holds: vLLM would die of it, so it is waited for."""

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

from oi_deploy.engine.inside.words import option, say

_POLL_S = 2.0
_SAY_EVERY_S = 10.0
_QUERY_S = 30.0
_MIB = 1024**2
_GIB = 1024**3
# What vLLM takes of a GPU if it is not told: `--gpu-memory-utilization` of vLLM 0.32
# (config/cache.py).
SHARE = 0.92
# The driver keeps some memory of a GPU that nobody uses; not to be waited for.
_EMPTY = 0.95


@dataclass(frozen=True)
class Gpu:
    """One GPU, as `nvidia-smi` shows it; memory in bytes."""

    index: str
    name: str
    total: int
    free: int


# The commands whose output `read` and `read_holders` take. They need no driver in the image: the
# engine puts it there.
QUERY = (
    "nvidia-smi",
    "--query-gpu=index,name,memory.total,memory.free",
    "--format=csv,noheader,nounits",
)
_HOLDERS = (
    "nvidia-smi",
    "--query-compute-apps=pid,process_name,used_memory",
    "--format=csv,noheader,nounits",
)


def read(output: str) -> "tuple[Gpu, ...]":
    """The GPUs in the output of `QUERY`; without those whose memory it does not tell."""
    found = []
    for line in output.splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) == 4 and parts[2].isdecimal() and parts[3].isdecimal():
            found.append(Gpu(parts[0], parts[1], int(parts[2]) * _MIB, int(parts[3]) * _MIB))
    return tuple(found)


def read_holders(output: str) -> "list[str]":
    """Who holds memory, largest first, as `nvidia-smi` lists them.

    A container may not see the names of others' processes, and often not even the processes.
    """
    found = []
    for line in output.splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) == 3 and parts[0].isdecimal():
            used = int(parts[2]) * _MIB if parts[2].isdecimal() else 0
            name = "a program" if parts[1].startswith("[") else parts[1].rpartition("/")[2]
            size = f", {used / _GIB:.1f} GiB" if used else ""
            found.append((-used, f"{name} (process {parts[0]}{size})"))
    return [text for _, text in sorted(found)]


def short_of_memory(gpus: Sequence[Gpu], command: Sequence[str]) -> "tuple[Gpu, float] | None":
    """The first GPU that has not free what vLLM takes when it starts, and that in bytes.

    vLLM 0.32 ends if less is free than its share of all (v1/worker/utils.py, request_memory).
    """
    count = 1
    for names in (
        ("--tensor-parallel-size", "-tp"),
        ("--pipeline-parallel-size", "-pp"),
        ("--data-parallel-size", "-dp"),
    ):
        count *= int(_number(option(command, *names), 1))
    given = option(command, "--gpu-memory-utilization", "--device-memory-utilization")
    share = min(_number(given, SHARE), _EMPTY)
    for gpu in gpus[:count]:
        if gpu.free < share * gpu.total:
            return gpu, share * gpu.total
    return None


def wait_for_memory(command: Sequence[str]) -> None:
    """Wait as long as another program holds the memory that vLLM will ask for.

    The run's own limit ends a wait that is too long. Where nothing answers, vLLM is left to tell.
    """
    told, again_at = "", 0.0
    while short := short_of_memory(read(_ask(QUERY)), command):
        gpu, wanted = short
        line = (
            f"waiting for GPU memory: GPU {gpu.index} ({gpu.name}): {gpu.free / _GIB:.1f} of "
            f"{gpu.total / _GIB:.1f} GiB are free, vLLM takes {wanted / _GIB:.1f}"
        )
        if holders := read_holders(_ask(_HOLDERS)):
            line += f"; held by {' and '.join(holders)}"
        if line != told and time.monotonic() >= again_at:
            say(line)
            told, again_at = line, time.monotonic() + _SAY_EVERY_S
        time.sleep(_POLL_S)


def _ask(query: Sequence[str]) -> str:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    command = [*query, "--id", visible] if visible else query
    try:
        done = subprocess.run(  # noqa: S603 - an argument vector of ours
            command, capture_output=True, text=True, errors="replace", timeout=_QUERY_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _number(text: "str | None", default: float) -> float:
    try:
        return float(text or default)
    except ValueError:
        return default
