"""When a model counts as ready: healthy, the right name, and one token generated."""

import threading
import time
from collections.abc import Callable
from typing import Any

import httpx

from oi_deploy.engine.interface import Endpoint
from oi_deploy.errors import RunError, Status

_POLL_S = 0.5
_SAY_EVERY_S = 10.0
# The first token on a CPU needs the weights paged in.
_FIRST_TOKEN_S = 120.0


def wait_until_healthy(
    base_url: str,
    *,
    timeout_s: float,
    died: Callable[[], RunError | None],
    phase: Callable[[], str],
    say: Callable[[str], None],
    cancelled: threading.Event,
) -> None:
    """Wait for `/health` of a server that is starting.

    Raises:
        RunError: what `died` returns, the time is up, or the run is cancelled.
    """
    begun = said = time.monotonic()
    shown = ""
    url = base_url.removesuffix("/v1") + "/health"
    while True:
        if cancelled.is_set():
            raise RunError("The run was cancelled", status=Status.CANCELLED)
        error = died()
        if error:
            raise error
        try:
            if httpx.get(url, timeout=5.0, trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
        now = time.monotonic()
        if phase() != shown or now - said >= _SAY_EVERY_S:
            shown, said = phase(), now
            say(f"engine: {shown} ({now - begun:.0f} s)")
        if now - begun > timeout_s:
            raise RunError(
                "The model was not ready in time",
                why=f"`engine-timeout` is {timeout_s:.0f} s; the server was still {phase()}",
                remedy="Write a longer one: `engine-timeout: 30m`",
                status=Status.TIMED_OUT,
            )
        cancelled.wait(_POLL_S)


def probe(base_url: str, *, api_key: str, wanted: str, any_single: bool = False) -> Endpoint:
    """Find the model in `/v1/models` and generate one token with it.

    Args:
        base_url: ends in `/v1`.
        api_key: or empty.
        wanted: the served name to use.
        any_single: take the one model that is served, if `wanted` is not.

    Raises:
        RunError: with what the server said and which input to change.
    """
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    with httpx.Client(headers=headers, timeout=_FIRST_TOKEN_S, trust_env=False) as client:
        served = _request(client, "GET", f"{base_url}/models").get("data") or []
        names = [str(item.get("id")) for item in served]
        name = names[0] if any_single and len(names) == 1 and wanted not in names else wanted
        if name not in names:
            raise RunError(
                f"The endpoint does not serve `{wanted}`",
                why=f"it serves {', '.join(f'`{known}`' for known in names) or 'nothing'}",
                remedy=f"Write: `model: {names[0]}`" if names else "",
            )
        body = {
            "model": name,
            "messages": [{"role": "user", "content": "Hi"}],
            "max_tokens": 1,
            "temperature": 0,
        }
        answer = _request(client, "POST", f"{base_url}/chat/completions", body)
        if not answer.get("choices"):
            raise RunError("The model generates nothing", why=str(answer)[:300])
        length = next(item.get("max_model_len") for item in served if item.get("id") == name)
    return Endpoint(base_url, name, api_key, int(length or 0))


def _request(
    client: httpx.Client, method: str, url: str, body: dict[str, object] | None = None
) -> dict[str, Any]:
    try:
        response = client.request(method, url, json=body)
        response.raise_for_status()
        data = response.json()
    except httpx.HTTPStatusError as error:
        code = error.response.status_code
        denied = code in (401, 403)
        raise RunError(
            "The model endpoint refused a request",
            why=f"HTTP {code} from {url}: {error.response.text[:300]}",
            remedy="Write: `api-key: ${{ secrets.VLLM_API_KEY }}`" if denied else "",
        ) from error
    except httpx.HTTPError as error:
        raise RunError(
            "The model endpoint cannot be reached",
            why=f"{url}: {error}",
            remedy="Check `api-base:`; inside the action's container, localhost is the container.",
        ) from error
    except ValueError as error:
        raise RunError("The model endpoint does not speak JSON", why=url) from error
    return data if isinstance(data, dict) else {}
