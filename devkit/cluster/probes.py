"""Readiness, liveness and startup probes, run against the real container."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from devkit.cluster.engine import Engine, EngineError

Object = dict[str, Any]


async def once(
    engine: Engine, probe: Object, container: Object, container_id: str, pod_ip: str
) -> str | None:
    """Run a probe once; return None when it succeeds, else why not, in the kubelet's words."""
    limit = float(probe["timeoutSeconds"])
    try:
        if "httpGet" in probe:
            return await _http(probe["httpGet"], container, pod_ip, limit)
        if "tcpSocket" in probe:
            port = _port(probe["tcpSocket"]["port"], container)
            host = probe["tcpSocket"].get("host") or pod_ip
            return await _tcp(host, port, limit)
        if "exec" in probe:
            command = probe["exec"]["command"]
            code, output = await engine.run_in(container_id, command, limit)
            return None if code == 0 else output.strip() or f"command exited with {code}"
    except TimeoutError:
        return f"timeout: no answer within {limit:g}s"
    except ValueError:
        return "the probe names a port that the container does not have"
    except EngineError as error:
        return str(error)
    return "the devkit cluster knows httpGet, tcpSocket and exec probes only"


async def _http(action: Object, container: Object, pod_ip: str, limit: float) -> str | None:
    host = action.get("host") or pod_ip
    port = _port(action["port"], container)
    url = f"{action['scheme'].lower()}://{host}:{port}/{action['path'].lstrip('/')}"
    headers = {item["name"]: item["value"] for item in action.get("httpHeaders") or []}
    headers.setdefault("User-Agent", "kube-probe/1.34")
    timeout = aiohttp.ClientTimeout(total=limit)
    try:
        # As the kubelet does: certificates are not checked.
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, headers=headers, ssl=False, allow_redirects=False) as answer,
        ):
            if 200 <= answer.status < 400:
                return None
            return f"HTTP probe failed with statuscode: {answer.status}"
    except aiohttp.ClientConnectorError as error:
        return f'Get "{url}": dial tcp {host}:{port}: connect: {_reason(error)}'
    except aiohttp.ClientError as error:
        return f'Get "{url}": {error}'
    except TimeoutError:
        return f'Get "{url}": context deadline exceeded'


async def _tcp(host: str, port: int, limit: float) -> str | None:
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), limit)
    except TimeoutError:
        return f"dial tcp {host}:{port}: i/o timeout"
    except OSError as error:
        return f"dial tcp {host}:{port}: connect: {(error.strerror or str(error)).lower()}"
    writer.close()
    return None


def _reason(error: aiohttp.ClientConnectorError) -> str:
    text = error.os_error.strerror or str(error.os_error)
    return "connection refused" if "refused" in text.lower() or "Connect call" in text else text


def _port(port: int | str, container: Object) -> int:
    """Return a port's number; a name stands for one of the container's ports."""
    for item in container.get("ports") or []:
        if item.get("name") == port:
            return int(item["containerPort"])
    return int(port)
