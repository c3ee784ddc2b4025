"""vLLM's log, read for people: which phase it is in, and why it died. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """A likely cause of a server's death and what to write into the workflow."""

    why: str
    remedy: str


_PHASES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"Application startup complete|Starting vLLM (API )?server"), "serving"),
    (re.compile(r"Captur\w+ (CUDA|cudagraph|\w*graph)", re.I), "capturing graphs"),
    (re.compile(r"torch\.compile|Dynamo|inductor|[Cc]ompil(e|ing) (a )?graph"), "compiling"),
    (re.compile(r"profil\w+|KV cache size|kv_cache|warm[- ]?up", re.I), "sizing the KV cache"),
    (re.compile(r"Loading (safetensors|weights)|Loading model|Starting to load model", re.I),
     "loading weights"),
    (re.compile(r"Downloading|Fetching \d+ files"), "downloading weights"),
    (re.compile(r"Initializing|Resolved architecture"), "starting"),
)  # fmt: skip

_CAUSES: tuple[tuple[re.Pattern[str], Cause], ...] = (
    (
        re.compile(r"CUDA out of memory|OutOfMemoryError|Free memory on device.*less than"),
        Cause(
            "the GPU has too little free memory",
            "Free the GPU, or write: `vllm-args: --gpu-memory-utilization 0.7`",
        ),
    ),
    (
        re.compile(r"No available memory for the cache blocks|larger than the available KV cache"),
        Cause(
            "the KV cache does not fit beside the weights",
            "Write a smaller context: `max-model-len: 8192`",
        ),
    ),
    (
        re.compile(r"derived max_model_len|greater than the derived", re.I),
        Cause(
            "the model's context is shorter than `max-model-len`",
            "Write a smaller context: `max-model-len: 8192`",
        ),
    ),
    (
        re.compile(r"address already in use", re.I),
        Cause("the port is taken", "Drop `--port` from `vllm-args:`; we choose a free one."),
    ),
    (
        re.compile(
            r"libcuda|No CUDA GPUs are available|Found no NVIDIA driver|"
            r"Failed to infer device type|nvidia-container-cli"
        ),
        Cause("there is no GPU that the server can use", "Write: `gpus: none`"),
    ),
    (
        re.compile(
            r"is not a local folder and is not a valid model identifier|RepositoryNotFound|"
            r"LocalEntryNotFound|couldn't connect to 'https://huggingface|OfflineModeIsEnabled|"
            r"does not appear to have a file named|Can't load the configuration|"
            r"Invalid repository ID or local directory|Repo id must be"
        ),
        Cause(
            "the model was not found",
            "Write the folder on the Docker host: `model: /models/Qwen3-4B-Instruct-2507`",
        ),
    ),
    (
        re.compile(r"unrecognized arguments|invalid choice|error: argument"),
        Cause("the server does not know one of its arguments", "Look at `vllm-args:`."),
    ),
    (
        re.compile(r"\bKilled\b|exit code 137|signal 9|DefaultCPUAllocator: can't allocate"),
        Cause(
            "the machine has too little memory",
            "Use a smaller model, or write: `max-model-len: 8192`",
        ),
    ),
)


def phase_of(line: str) -> str:
    """The phase that a log line announces, or empty."""
    return next((name for pattern, name in _PHASES if pattern.search(line)), "")


def cause_of(lines: Sequence[str]) -> Cause | None:
    """The likely cause of death that the last log lines show, or None."""
    text = "\n".join(lines)
    return next((cause for pattern, cause in _CAUSES if pattern.search(text)), None)
