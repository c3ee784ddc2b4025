"""How much GPU memory a model needs. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oi_deploy.engine.inside.gpu_memory import SHARE
from oi_deploy.engine.interface import EngineSettings
from oi_deploy.engine.vllm_args import given

GIB = 1024**3
# Activations, CUDA graphs and the libraries' own memory: about this much with few sequences.
_BESIDE = 1.5 * GIB
_BYTES = 2  # of a number in bfloat16


@dataclass(frozen=True)
class Need:
    """What a model takes of GPU memory, in bytes; an estimate.

    Attributes:
        weights: of the model; 0 if unknown.
        token: KV cache of one token; 0 if unknown.
    """

    weights: int
    token: int

    def each(self, tokens: int, gpus: int = 1) -> float:
        """What each of so many GPUs needs for one run of so many tokens; 0 if unknown."""
        return (self.weights + self.token * tokens) / gpus + _BESIDE if self.weights else 0.0

    def runs(self, total: float, tokens: int, *, share: float = SHARE, gpus: int = 1) -> int:
        """How many runs have room for so many tokens at once; 0 if unknown, or if none has.

        Args:
            total: the memory of each GPU, in bytes.
            tokens: of each run.
            share: how much of it vLLM takes.
            gpus: that share the model.
        """
        left = (share * total - _BESIDE) * gpus - self.weights
        each = self.token * tokens
        return int(left // each) if self.weights and each and left > 0 else 0

    def said(self, tokens: int, gpus: int = 1) -> str:
        """What each of so many GPUs needs for one run of so many tokens, with its parts."""
        return (
            f"{gib(self.each(tokens, gpus))} of memory ({gib(self.weights / gpus)} for the "
            f"weights, {gib(self.token * tokens / gpus)} for one run's KV cache of {tokens} "
            f"tokens, {gib(_BESIDE)} for the rest)"
        )


def token_bytes(config: Mapping[str, Any]) -> int:
    """The KV cache of one token, at two bytes a number; 0 if unknown.

    A key and a value for each layer and each head that has its own (grouped-query attention).

    Args:
        config: the model's `config.json`.
    """
    try:
        heads = int(config["num_attention_heads"])
        size = int(config.get("head_dim") or config["hidden_size"] // heads)
        own = int(config.get("num_key_value_heads") or heads)
        return 2 * _BYTES * int(config["num_hidden_layers"]) * own * size
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return 0


# Qwen/Qwen3-4B-Instruct-2507, from its config.json: 4 022 468 096 numbers, of which 3 633 315 840
# are in linear layers. FP8 keeps these in one byte; the embedding, which is the output layer too,
# and the norms stay as they are (vllm/model_executor/layers/quantization/online/base.py).
DEFAULT = Need(weights=_BYTES * 4_022_468_096, token=147_456)
DEFAULT_FP8 = Need(weights=DEFAULT.weights - 3_633_315_840, token=DEFAULT.token)
_DEFAULT_NAME = re.compile(r"(.*/)?Qwen3-4B-Instruct-2507/?")


def known(settings: EngineSettings) -> Need | None:
    """The need of a model whose files nobody has to look at: the default one, as it is served."""
    if not _DEFAULT_NAME.fullmatch(settings.model):
        return None
    scheme = quantization(settings)
    return DEFAULT if not scheme else DEFAULT_FP8 if scheme.startswith("fp8") else None


def quantization(settings: EngineSettings) -> str:
    """How vLLM is to shrink the weights while it loads them; empty if it is not."""
    return "".join(given(settings.vllm_args).get("--quantization", [])[:1])


def utilization(settings: EngineSettings) -> float:
    """The share of a GPU's memory that vLLM will take."""
    values = given(settings.vllm_args)
    for name in ("--gpu-memory-utilization", "--device-memory-utilization"):
        try:
            return float(values[name][0])
        except (KeyError, IndexError, ValueError):
            continue
    return SHARE


_HELD = re.compile(
    r"KV cache size: (?P<tokens>[\d,]+) tokens, "
    r"Maximum concurrency for (?P<length>[\d,]+) tokens per request: (?P<times>[\d.]+)x"
)


def held(log: Sequence[str]) -> str:
    """What vLLM has measured itself, from its log, for people; empty if it is not there.

    The line is that of vLLM 0.32 (v1/core/kv_cache_utils.py, `update_kv_cache_capacity`).
    """
    for line in reversed(log):
        if match := _HELD.search(line):
            runs = times(int(float(match["times"])))
            return (
                f"its KV cache holds {match['tokens']} tokens: {runs} of {match['length']} tokens "
                "at once"
            )
    return ""


def times(runs: int) -> str:
    """How many runs, as people read it."""
    return f"{runs} run{'' if runs == 1 else 's'}"


def gib(number: float) -> str:
    """Bytes as people read them."""
    return f"{number / GIB:.1f} GiB"
