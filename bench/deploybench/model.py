"""The demo's model on a vLLM container that is started once and serves every task."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from devkit import pool

_MAX_MODEL_LEN = 8192


@dataclass(frozen=True)
class Server:
    """An OpenAI-compatible endpoint that containers reach."""

    api_base: str
    model: str
    api_key: str


@contextmanager
def served(values: Mapping[str, str]) -> Iterator[Server]:
    """Start the server, as the action starts its own, and end it.

    Args:
        values: the devkit's, with `VLLM_IMAGE` and `MODEL_PATH`.

    Raises:
        DevkitError: it does not start.
    """
    image, folder = values["VLLM_IMAGE"], Path(values["MODEL_PATH"])
    with pool.servers(image, folder, 1, max_model_len=_MAX_MODEL_LEN) as (one,):
        yield Server(one.api_base, one.model, one.key)


def usage(server: Server) -> tuple[int, int, int]:
    """Requests, prompt tokens and completion tokens that a vLLM server has answered so far.

    For agents that do not count themselves; zeros if the server does not say.
    """
    url = f"{server.api_base.removesuffix('/v1')}/metrics"
    try:
        text = httpx.get(url, trust_env=False, timeout=10).text
    except httpx.HTTPError:
        return 0, 0, 0
    return (
        _sum(text, "vllm:request_success_total"),
        _sum(text, "vllm:prompt_tokens_total"),
        _sum(text, "vllm:generation_tokens_total"),
    )


def _sum(text: str, name: str) -> int:
    """The sum of a counter over its labels."""
    pattern = rf"^{re.escape(name)}(?:\{{.*\}})? ([0-9.e+]+)$"
    return int(sum(float(value) for value in re.findall(pattern, text, re.MULTILINE)))
