"""Settings as a workflow without further wishes would give them."""

from typing import Any

from oi_deploy.engine.interface import EngineSettings


def settings(**changes: Any) -> EngineSettings:
    values: dict[str, Any] = {
        "kind": "sibling",
        "model": "Qwen/Qwen3-4B-Instruct-2507",
        "model_revision": "cdbee75f17c01a7cc42f958dc650907174af0554",
        "api_base": (),
        "api_key": "",
        "vllm_image": "vllm/vllm-openai:v0.32.0",
        "vllm_args": (),
        "gpus": "all",
        "max_model_len": 16384,
        "timeout_s": 900.0,
        "keep_warm_s": 1800.0,
        "owner": "acme",
        "user": "acme/shop, run 7",
    }
    return EngineSettings(**{**values, **changes})
