"""What a server does when it is asked much: many runs at once, long prompts."""

import asyncio
import json
import random
import time
from dataclasses import dataclass

import httpx

from bench.engine.figures import Load
from bench.engine.server import Reached

AT_ONCE = (1, 2, 4, 8)
_DECODED = 32
_LONG = 256
_PREFILLS = 2
_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class Answer:
    """Of one request: seconds to the first token and to the last, and the tokens."""

    first_s: float
    seconds: float
    prompt_tokens: int
    completion_tokens: int


def measure(server: Reached) -> Load:
    """Ask 1, 2, 4 and 8 times at once, then two long prompts, one after the other."""
    return asyncio.run(_measure(server))


async def _measure(server: Reached) -> Load:
    async with httpx.AsyncClient(
        headers=server.headers, timeout=_TIMEOUT_S, trust_env=False
    ) as http:
        await _ask(http, server, _unique(4), 2)
        decode = {number: await _decode(http, server, number) for number in AT_ONCE}
        long = [await _ask(http, server, _unique(_LONG), 1) for _ in range(_PREFILLS)]
    prefill = sum(it.prompt_tokens for it in long) / sum(it.first_s for it in long)
    return Load(decode, prefill, await asyncio.to_thread(server.memory_gb))


async def _decode(http: httpx.AsyncClient, server: Reached, number: int) -> float:
    begun = time.perf_counter()
    asked = [_ask(http, server, _unique(8), _DECODED) for _ in range(number)]
    answers = await asyncio.gather(*asked)
    return sum(it.completion_tokens for it in answers) / (time.perf_counter() - begun)


async def _ask(http: httpx.AsyncClient, server: Reached, prompt: str, most: int) -> Answer:
    """One request that generates exactly `most` tokens, whatever they say."""
    body = {
        "model": server.model,
        "prompt": prompt,
        "max_tokens": most,
        "ignore_eos": True,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    begun = time.perf_counter()
    first, usage = 0.0, {"prompt_tokens": 0, "completion_tokens": 0}
    async with http.stream("POST", f"{server.base_url}/completions", json=body) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if not line.startswith("data: {"):
                continue
            first = first or time.perf_counter() - begun
            usage = json.loads(line.removeprefix("data: ")).get("usage") or usage
    seconds = time.perf_counter() - begun
    return Answer(first, seconds, usage["prompt_tokens"], usage["completion_tokens"])


def _unique(words: int) -> str:
    """A prompt that no cache knows from its first word on."""
    return " ".join(f"{random.randrange(10**6)}" for _ in range(words))  # noqa: S311 - no secret
