"""The vLLM server's arguments and environment, each with its reason. Pure."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass

from oi_deploy.engine.interface import EngineSettings


@dataclass(frozen=True)
class Flag:
    """One argument of the server and why it is there; an empty value means a switch."""

    name: str
    value: str
    reason: str


def flags(settings: EngineSettings) -> tuple[Flag, ...]:
    """Our arguments, before the user's."""
    compact = json.dumps({"backend": "xgrammar", "disable_any_whitespace": True})
    chosen = [
        Flag("--model", settings.model, "the input"),
        Flag("--served-model-name", settings.served_model_name, "a path would be the name"),
        Flag("--max-model-len", str(settings.max_model_len), "the native one needs 39 GB of cache"),
        Flag("--max-num-seqs", "4", "one run asks one thing at a time; fewer graphs to capture"),
        Flag("--enable-auto-tool-choice", "", "calls come as calls, not as text"),
        Flag("--tool-call-parser", "hermes", "the form in which Qwen2.5 and Qwen3 write calls"),
        Flag("--generation-config", "vllm", "the model's own would set temperature 0.7"),
        Flag("--structured-outputs-config", compact, "else white space without end, vllm#38696"),
    ]
    if settings.model_revision and not settings.model.startswith("/"):
        chosen.append(Flag("--revision", settings.model_revision, "the pinned weights"))
    if settings.gpus == "none":
        chosen.append(Flag("--enforce-eager", "", "compiling takes minutes on a CPU"))
        chosen.append(Flag("--dtype", "bfloat16", "half the memory of float32"))
    elif "," in settings.gpus:
        count = len(settings.gpus.split(","))
        chosen.append(Flag("--tensor-parallel-size", str(count), "use each GPU that was named"))
    return tuple(chosen)


def arguments(settings: EngineSettings, *, host: str, port: int) -> list[str]:
    """The argument vector; a flag that the user gives too is left to the user."""
    given = {argument.partition("=")[0] for argument in settings.vllm_args}
    ours = [*flags(settings), Flag("--host", host, ""), Flag("--port", str(port), "")]
    vector: list[str] = []
    for flag in ours:
        if flag.name not in given:
            vector += [flag.name, flag.value] if flag.value else [flag.name]
    return [*vector, *settings.vllm_args]


def environment(settings: EngineSettings, *, api_key: str, cores: Sequence[int]) -> dict[str, str]:
    """The server's variables.

    Args:
        settings: what to serve.
        api_key: in a variable, since an argument would be seen by every process.
        cores: CPU numbers that the server may use.
    """
    env = {"VLLM_API_KEY": api_key, "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    if settings.model.startswith("/"):
        env |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    if settings.gpus == "none":
        # vLLM leaves a core idle by itself: 3.8 instead of 5.3 tokens/s on two cores.
        env["VLLM_CPU_OMP_THREADS_BIND"] = ",".join(map(str, cores))
        env["VLLM_CPU_KVCACHE_SPACE"] = "2"
    return env


def available_cores() -> list[int]:
    """The CPU numbers that this process may use."""
    return sorted(os.sched_getaffinity(0))
