"""vLLM's log, line by line: which phase of its start has been reached."""

import re
from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """A part of vLLM's start, in the words that people read."""

    STARTING = "starting"
    VERIFYING = "checking the model's files"
    WAITING = "waiting for GPU memory"
    CHECKING = "reading the model's configuration"
    LAUNCHING = "starting its workers"
    LOADING = "loading weights"
    COMPILING = "compiling"
    CAPTURING = "capturing CUDA graphs"
    WARMING = "warming up"
    SERVING = "serving"


@dataclass(frozen=True)
class Progress:
    """A phase and how far it is; `detail` is empty where vLLM does not tell."""

    phase: Phase
    detail: str = ""

    def __str__(self) -> str:
        """The phase as a person reads it."""
        return f"{self.phase}, {self.detail}" if self.detail else str(self.phase)


# Before the server is started, in our own words (engine/inside).
BEFORE_START = (Phase.VERIFYING, Phase.WAITING)

# Our own lines first, then what vLLM 0.32 writes (v1/worker, v1/engine/core.py, compilation,
# model_executor/model_loader, entrypoints/launchers). An unknown line of another version changes
# nothing.
_LINES: tuple[tuple[re.Pattern[str], Phase], ...] = (
    (re.compile(r"^oi-deploy: checking the model's files(?:: (?P<done>.+))?"), Phase.VERIFYING),
    (re.compile(r"^oi-deploy: waiting for GPU memory: (?P<done>.+)"), Phase.WAITING),
    (re.compile(r"^oi-deploy: starting vLLM"), Phase.STARTING),
    (re.compile(r"non-default args: "), Phase.CHECKING),
    (re.compile(r"Initializing a V\d LLM engine"), Phase.LAUNCHING),
    # On a CPU, and from the model runner that 0.32 has for GPUs (v1/worker/gpu/model_runner.py).
    (re.compile(r"Starting to load model|Loading model from scratch"), Phase.LOADING),
    (
        re.compile(r"Loading (?:safetensors|pt|bin)\S* checkpoint shards: +(?P<done>\d+%)"),
        Phase.LOADING,
    ),
    (re.compile(r"Time spent downloading weights|Checkpoint size:"), Phase.LOADING),
    (
        re.compile(
            r"Starting torch\.compile|Using cache directory: .* torch\.compile"
            r"|Dynamo bytecode transform time|Compiling a graph for compile range"
            r"|Directly load the compiled graph|Directly load AOT compilation"
            r"|Warming up model for the compilation|Compile and warming up model"
        ),
        Phase.COMPILING,
    ),
    (re.compile(r"Capturing CUDA graphs?\b.*?: +(?P<done>\d+%)"), Phase.CAPTURING),
    (re.compile(r"Capturing CUDA graphs?\b|Profiling CUDA graph memory"), Phase.CAPTURING),
    (
        re.compile(
            r"Loading weights took|torch\.compile took|Initial profiling/warmup run took"
            r"|KV cache size:|Available KV cache memory|Graph capturing finished|Warming up"
            r"|JIT kernel warmup starting|init engine \(profile"
        ),
        Phase.WARMING,
    ),
    (re.compile(r"Starting vLLM (?:API )?server|Application startup complete"), Phase.SERVING),
)


# vLLM fetches them when it begins to load, and says nothing before it has.
_TO_FETCH = re.compile(r"^oi-deploy: (fetching weights from .+)")


def to_fetch_of(line: str) -> str:
    """What this line of ours says that vLLM will fetch; empty if it says nothing of that."""
    match = _TO_FETCH.search(line)
    return match[1] if match else ""


def progress_of(line: str) -> Progress | None:
    """The phase that this line of vLLM's log announces; None if it announces none."""
    for pattern, phase in _LINES:
        if match := pattern.search(line):
            return Progress(phase, match.groupdict().get("done") or "")
    return None
