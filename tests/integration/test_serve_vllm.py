"""`oi-deploy serve` with the real vLLM: its metrics, its streams, its open doors."""

import re
from pathlib import Path

import httpx
import pytest

from devkit import vllm
from tests.integration import tiny_model
from tests.integration.engine_world import Pool
from tests.integration.test_serve import Serving

pytestmark = [pytest.mark.docker, pytest.mark.engine]


def test_the_real_server_behind_it(pool: Pool, tmp_path: Path) -> None:
    model = tiny_model.write(tmp_path / "models" / "tiny")
    it = Serving(pool, vllm.up(), tmp_path, "--with", f"model={model}")
    try:
        endpoint = it.ready()
        base = endpoint.base_url.removesuffix("/v1")
        question = {
            "model": endpoint.model,
            "messages": [{"role": "user", "content": "Hi"}],
            "max_tokens": 8,
            "min_tokens": 8,
        }
        key = {"Authorization": f"Bearer {endpoint.api_key}"}
        with httpx.Client(base_url=base, headers=key, trust_env=False, timeout=120) as client:
            # The same client asks again and again: it is told that each connection is for once.
            for _ in range(3):
                answer = client.post("/v1/chat/completions", json=question)
                assert answer.json()["usage"]["completion_tokens"] == 8
            with client.stream(
                "POST", "/v1/chat/completions", json={**question, "stream": True}
            ) as stream:
                events = [line for line in stream.iter_lines() if line.startswith("data: ")]
            assert len(events) > 4 and events[-1] == "data: [DONE]"
            assert client.get("/health").status_code == 200
            assert client.post("/tokenize", json={"prompt": "Hi"}).status_code == 404
            refused = client.post("/v1/chat/completions", json={**question, "model": "other"})
            assert refused.status_code == 404
        with httpx.Client(base_url=base, trust_env=False, timeout=120) as stranger:
            assert stranger.get("/v1/models").status_code == 401
            metrics = stranger.get("/metrics").text
        tokens = re.search(r"^vllm:generation_tokens_total\{.*\} (\S+)$", metrics, re.M)
        assert tokens and float(tokens[1]) >= 32
        for name in ("num_requests_waiting", "kv_cache_usage_perc", "time_to_first_token_seconds"):
            assert f"\nvllm:{name}" in metrics
        assert endpoint.api_key not in metrics
        assert it.end() == 0
        pool.wait_until_gone()
    finally:
        it.close()
