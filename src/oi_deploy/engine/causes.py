"""Why a server died, from the last lines of its log: one table, for people who have to fix it."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from oi_deploy.engine.interface import EngineSettings
from oi_deploy.engine.phases import Phase, Progress


@dataclass(frozen=True)
class Cause:
    """The likely cause of a death.

    Attributes:
        why: what happened, in one sentence.
        remedy: what to change, if possible as the line for the workflow.
        line: the line of the log that says so; empty if none does.
    """

    why: str
    remedy: str
    line: str = ""


_Remedy = Callable[[EngineSettings, re.Match[str]], str]


@dataclass(frozen=True)
class _Known:
    pattern: re.Pattern[str]
    why: str
    remedy: str | _Remedy


def _unknown_argument(settings: EngineSettings, match: re.Match[str]) -> str:
    name = match["args"].split()[0].partition("=")[0]
    if any(argument.partition("=")[0] == name for argument in settings.vllm_args):
        return f"Remove `{name}` from `vllm-args`."
    if settings.kind == "sibling":
        return "The image's vLLM is too old. Write: `vllm-image: vllm/vllm-openai:v0.32.0`"
    return "The installed vLLM is too old; this action is made for 0.32."


def _shorter(settings: EngineSettings, match: re.Match[str]) -> str:
    estimate = match.groupdict().get("estimate")
    # Rounded down to vLLM's block size of 16 tokens.
    fits = int(estimate) // 16 * 16 if estimate else settings.max_model_len // 2
    line = f"Write: `max-model-len: {fits}`"
    if settings.gpus == "none":
        return (
            f"{line}, or give the cache more memory with `env:` "
            f"`VLLM_CPU_KVCACHE_SPACE: {math.ceil(float(match['need']))}` (GiB)."
        )
    return f"{line}, or use a GPU with more memory."


def _shared_gpu(settings: EngineSettings, match: re.Match[str]) -> str:
    share = math.floor((float(match["free"]) / float(match["total"]) - 0.03) * 100) / 100
    other = "Another program holds the rest (look with nvidia-smi)."
    if share < 0.1:
        return f"{other} End it, or choose another GPU: `gpus: 1`"
    return f"{other} Write: `vllm-args: --gpu-memory-utilization {share}`"


def _cpu_memory(settings: EngineSettings, match: re.Match[str]) -> str:
    if settings.gpus != "none":
        return "This vLLM runs on the CPU. Write: `gpus: none`"
    return "Write `env:` `VLLM_CPU_KVCACHE_SPACE: 1` (GiB), or use a smaller `model`."


def _no_device(settings: EngineSettings, match: re.Match[str]) -> str:
    if settings.gpus == "none":
        if settings.kind == "process":
            return "The installed vLLM is built for GPUs; install one for the CPU."
        return (
            f"`{settings.vllm_image}` is built for GPUs; `gpus: none` needs an image of vLLM for "
            "the CPU. Write: `vllm-image: <an image with vLLM for the CPU>`"
        )
    return (
        "Check on the runner's host that `nvidia-smi` and `docker run --rm --gpus all "
        f"--entrypoint nvidia-smi {settings.vllm_image}` show the GPU. Without one, write: "
        "`gpus: none` with a `vllm-image` for the CPU, or `api-base: http://gpu-host:8000/v1`"
    )


def _port_taken(settings: EngineSettings, match: re.Match[str]) -> str:
    if settings.kind == "sibling":
        return "The port is the container's own. Use a `vllm-image` in which nothing else starts."
    return "Run the step again; another free port is chosen each time."


def _bad_parser(settings: EngineSettings, match: re.Match[str]) -> str:
    return "Write one of the names that the line below shows."


def _re(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


# Our own programs, which look before vLLM starts, bring cause and remedy along (engine/inside).
_OURS = _re(r"^oi-deploy: cannot start: (?P<problem>.+) -> (?P<remedy>.+)")
_HELD = _re(r"(?P<free>[\d.]+) of (?P<total>[\d.]+) GiB are free")

# In order of trust: the first that is found in the log is told. The texts are those of vLLM 0.32,
# torch, huggingface_hub and the NVIDIA container toolkit.
_KNOWN: tuple[_Known, ...] = (
    _Known(
        _re(r"error: unrecognized arguments: (?P<args>.+)"),
        "vLLM does not know {args}",
        _unknown_argument,
    ),
    _Known(
        _re(r"error: argument (?P<name>[^:]+): (?P<problem>.+)"),
        "vLLM refuses the value of {name} ({problem})",
        "Correct it in `vllm-args`.",
    ),
    _Known(
        _re(r"invalid (?P<kind>tool call|reasoning) parser: (?P<name>\S+)"),
        "vLLM has no {kind} parser `{name}`",
        _bad_parser,
    ),
    _Known(
        _re(r"Address already in use"),
        "another process has taken the server's port",
        _port_taken,
    ),
    _Known(
        _re(
            r"max_model_len \((?P<given>\d+)\) is greater than the derived max_model_len "
            r"\(\w+=(?P<most>\d+)"
        ),
        "the model was made for {most} tokens, not for {given}",
        "Write: `max-model-len: {most}`",
    ),
    _Known(
        _re(
            r"max seq len \((?P<length>\d+)\), \((?P<need>[\d.]+) GiB KV cache is needed, which is "
            r"larger than the available KV cache memory \((?P<have>[\d.]+) GiB\)"
            r"(?:.*?estimated maximum model length is (?P<estimate>\d+))?"
        ),
        "there is not enough memory: {length} tokens of context need {need} GiB of cache, and "
        "{have} GiB are left beside the weights",
        _shorter,
    ),
    _Known(
        _re(r"No available memory for the cache blocks"),
        "there is not enough memory: the weights leave nothing for the cache",
        "Use a smaller or quantised `model`, or write: `vllm-args: --gpu-memory-utilization 0.95`",
    ),
    _Known(
        _re(
            r"Free memory on device .*?\((?P<free>[\d.]+)/(?P<total>[\d.]+) GiB\) on startup is "
            r"less than desired GPU memory"
        ),
        "there is not enough memory: {free} of the GPU's {total} GiB are free",
        _shared_gpu,
    ),
    _Known(
        _re(
            r"Available memory on node \d+ \((?P<free>[\d.]+)/(?P<total>[\d.]+) GiB\) .*?less than"
        ),
        "there is not enough memory: {free} of {total} GiB are free",
        _cpu_memory,
    ),
    _Known(
        _re(r"OutOfMemoryError|CUDA out of memory|CUDA error: out of memory"),
        "there is not enough memory on the GPU",
        "Use a smaller or quantised `model`, or write a smaller `max-model-len`, such as: "
        "`max-model-len: 8192`",
    ),
    _Known(
        _re(r"DefaultCPUAllocator: can't allocate memory|MemoryError|Cannot allocate memory"),
        "there is not enough memory",
        "Use a smaller `model`, or a machine with more memory.",
    ),
    _Known(
        _re(
            r"driver version is insufficient|forward compatibility was attempted|"
            r"unsatisfied condition: cuda|The NVIDIA driver on your system is too old"
        ),
        "the NVIDIA driver of the host is older than the image's CUDA",
        "Update the driver, or use an older image: `vllm-image: ...`",
    ),
    _Known(
        _re(
            r"Failed to infer device type|No CUDA GPUs are available|Found no NVIDIA driver|"
            r"libcuda\.so\.1: cannot open|no CUDA-capable device|Torch not compiled with CUDA"
        ),
        "there is no GPU that this vLLM can use",
        _no_device,
    ),
    _Known(
        _re(r"Model architectures \[(?P<name>[^\]]*)\] are not supported"),
        "this vLLM does not know the model's architecture {name}",
        "Use another `model`, or a newer `vllm-image`.",
    ),
    _Known(
        _re(r"has model type `(?P<name>[^`]+)` but Transformers does not recognize"),
        "this vLLM does not know the model type `{name}`",
        "Use another `model`, or a newer `vllm-image`.",
    ),
    _Known(
        _re(r"RevisionNotFoundError|Revision Not Found|is not a valid git identifier"),
        "the hub has no revision `{revision}` of `{model}`",
        "Correct `model-revision`, or leave it out.",
    ),
    _Known(
        _re(r"GatedRepoError|Cannot access gated repo|Access to model .* is restricted"),
        "`{model}` is only for accounts that have accepted its terms",
        "Accept them on the hub and write `env:` `HF_TOKEN: ${{{{ secrets.HF_TOKEN }}}}`, or use "
        "another `model`.",
    ),
    _Known(
        _re(r"RepositoryNotFoundError|Repository Not Found|is not a valid model identifier"),
        "model not found: the hub has no `{model}` that it would show without a login",
        "Correct `model`.",
    ),
    _Known(
        _re(
            r"LocalEntryNotFoundError|couldn't connect to 'https?://|outgoing traffic has been "
            r"disabled|OfflineModeIsEnabled|Name or service not known|Temporary failure in name"
        ),
        "model not found: `{model}` is not in the cache and the hub cannot be reached",
        "Put the model into a folder of the runner's host and write: `model: /srv/models/{short}`, "
        "or name a mirror with `env:` `HF_ENDPOINT: https://hub.example.com`",
    ),
    _Known(
        _re(
            r"Cannot find any model weights with|Invalid repository ID or local directory"
            r"|Repo id must be in the form"
        ),
        "model not found: `{model}` holds no model (config.json and weights)",
        "Correct `model`: the absolute path of a folder with config.json, *.safetensors and the "
        "tokenizer, or a hub name.",
    ),
    _Known(
        _re(r"Insufficient space in /dev/shm.*: (?P<need>.+?) required, (?P<have>.+?) free"),
        "there is not enough shared memory: {need} are needed in /dev/shm, and {have} are free",
        "Docker gives 64 MB, and GitHub's runner lets an action ask for no more. Write: "
        '`engine: sibling`, or put `"default-shm-size": "1g"` into the host\'s '
        "/etc/docker/daemon.json.",
    ),
    _Known(
        _re(r"RemoteProtocolError: peer closed connection|IncompleteRead\("),
        "the download of `{model}` broke off",
        "Run the step again; the files that are whole are kept.",
    ),
    _Known(
        _re(r"SafetensorError: .*(?:incomplete|InvalidHeader|not fully covered)"),
        "a file of weights of `{model}` is not whole",
        "Copy or fetch the model again; in a folder, each *.safetensors file has to be complete.",
    ),
    _Known(
        _re(r"No space left on device"),
        "the disk is full",
        "Free some space where Docker keeps its volumes (`docker system df` on the host).",
    ),
)

_KILLED = Cause(
    "it was killed; most often that means that the machine ran out of memory",
    "Use a smaller `model` or `max-model-len`, or a machine with more memory (`dmesg` on the host "
    "shows the kernel's reason).",
)
_WORKER_KILLED = replace(_KILLED, why=f"one of its processes {_KILLED.why.removeprefix('it ')}")
_ILLEGAL = Cause(
    "this vLLM uses instructions that the processor does not have",
    "Use a `vllm-image` that is built for this processor (AVX2 or AVX-512).",
)
_BY_EXIT_CODE = {137: _KILLED, -9: _KILLED, 132: _ILLEGAL, -4: _ILLEGAL}

# What follows such an end in the log are errors of those that have waited for it.
_LOST = _re(r"(?:Worker proc|Engine core proc) \S+ died unexpectedly(?! \(exit code: \d)")
# The last link of vLLM's chain of errors says nothing; the first one does.
_EMPTY_ERRORS = _re(
    r"initialization failed|(?:died|exited) unexpectedly|Worker failed with error|EngineDeadError"
)
_ERROR = _re(r"(?:^|\] )(?P<error>[\w.]*(?:Error|Exception): .+)")


def likely_cause(
    lines: Sequence[str], settings: EngineSettings, exit_code: int | None
) -> Cause | None:
    """The best explanation that the log and the exit code give; None if there is none.

    An exit code is 128 plus the signal for a container, and minus the signal for a process.
    """
    for line in lines:
        if match := _OURS.search(line):
            return Cause(match["problem"], match["remedy"], line)
    for known in _KNOWN:
        for line in lines:
            if match := known.pattern.search(line):
                return _cause(known, match, settings, line)
    if exit_code in _BY_EXIT_CODE:
        return _BY_EXIT_CODE[exit_code]
    for line in lines:
        if _LOST.search(line):
            return replace(_WORKER_KILLED, line=line)
    for line in lines:
        if (match := _ERROR.search(line)) and not _EMPTY_ERRORS.search(line):
            return Cause(f"its log says `{match['error'][:300]}`", "", line)
    # A process of vLLM has ended without a word, and the others only say so.
    return _WORKER_KILLED if any(map(_EMPTY_ERRORS.search, lines)) else None


def late(progress: Progress, settings: EngineSettings) -> str:
    """What to do about a server that was not ready in time; empty: wait longer."""
    if progress.phase is Phase.WAITING and (match := _HELD.search(progress.detail)):
        return _shared_gpu(settings, match)
    return ""


def _cause(known: _Known, match: re.Match[str], settings: EngineSettings, line: str) -> Cause:
    words = {
        **{name: value or "" for name, value in match.groupdict().items()},
        "model": settings.model,
        "short": settings.model.rpartition("/")[2],
        "revision": settings.model_revision or "main",
    }
    remedy = (
        known.remedy.format(**words)
        if isinstance(known.remedy, str)
        else known.remedy(settings, match)
    )
    return Cause(known.why.format(**words), remedy, line)
