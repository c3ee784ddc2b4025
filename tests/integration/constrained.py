"""A call that has to come out whole, whatever a model's weights are."""

import json
from typing import Any

import httpx
import jsonschema

from oi_deploy.engine import Endpoint

_VERDICT = {
    "type": "object",
    "properties": {
        "verdict": {"type": "string", "enum": ["deployed", "failed"]},
        "sure": {"type": "boolean"},
    },
    "required": ["verdict", "sure"],
    "additionalProperties": False,
}


def check_call(endpoint: Endpoint) -> None:
    """Ask for a call as the agent does, and check it against its schema.

    No string in the schema is free. So its end is reached, within 300 tokens of one byte, if the
    server lets the model write nothing but the schema, and no white space without end.
    """
    body: dict[str, Any] = {
        "model": endpoint.model,
        "messages": [{"role": "user", "content": "Did it work?"}],
        "tools": [{"type": "function", "function": {"name": "judge", "parameters": _VERDICT}}],
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "temperature": 0.0,
        "max_tokens": 300,
    }
    response = httpx.post(
        f"{endpoint.base_url}/chat/completions",
        headers={"Authorization": f"Bearer {endpoint.api_key}"},
        json=body,
        timeout=600,
    )
    (choice,) = response.json()["choices"]
    assert choice["finish_reason"] != "length", choice
    (call,) = choice["message"]["tool_calls"]
    assert call["function"]["name"] == "judge"
    jsonschema.validate(json.loads(call["function"]["arguments"]), _VERDICT)
