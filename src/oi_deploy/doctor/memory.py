"""How much GPU memory a model needs, and how much there is. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

GIB = 1024**3
MIB = 1024**2
# What vLLM takes of a GPU if `vllm-args` says nothing else (v0.32, `--gpu-memory-utilization`).
UTILIZATION = 0.92
# Activations, CUDA graphs and the libraries' own memory: about this much with few sequences.
_BESIDE = 1.5 * GIB


@dataclass(frozen=True)
class Gpu:
    """One GPU, as `nvidia-smi` shows it; memory in bytes."""

    index: str
    name: str
    total: int
    free: int


# The command whose output `read` takes. It needs no driver in the image: the engine puts it there.
QUERY = (
    "nvidia-smi",
    "--query-gpu=index,name,memory.total,memory.free",
    "--format=csv,noheader,nounits",
)


def read(output: str) -> tuple[Gpu, ...]:
    """The GPUs in the output of `QUERY`; lines that say something else are left out."""
    found = []
    for line in output.splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) == 4 and parts[2].isdecimal() and parts[3].isdecimal():
            found.append(Gpu(parts[0], parts[1], int(parts[2]) * MIB, int(parts[3]) * MIB))
    return tuple(found)


def cache_bytes(config: Mapping[str, Any], tokens: int) -> int:
    """The KV cache of one sequence of so many tokens, at two bytes a number; 0 if unknown.

    A key and a value for each layer and each head that has its own (grouped-query attention).
    """
    try:
        heads = int(config["num_attention_heads"])
        size = int(config.get("head_dim") or config["hidden_size"] // heads)
        own = int(config.get("num_key_value_heads") or heads)
        return 2 * 2 * int(config["num_hidden_layers"]) * own * size * tokens
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return 0


def need(weights: int, config: Mapping[str, Any], tokens: int, gpus: int) -> float:
    """Bytes that each of so many GPUs needs; 0 if the weights' size is unknown."""
    return (weights + cache_bytes(config, tokens)) / gpus + _BESIDE if weights else 0.0


def utilization(arguments: Sequence[str]) -> float:
    """The share of a GPU's memory that vLLM will take, from `vllm-args`."""
    names = ("--gpu-memory-utilization", "--gpu_memory_utilization")
    for position, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name in names:
            text = value if equals else "".join(arguments[position + 1 : position + 2])
            try:
                return float(text)
            except ValueError:
                return UTILIZATION
    return UTILIZATION


def gib(number: float) -> str:
    """Bytes as people read them."""
    return f"{number / GIB:.1f} GiB"
