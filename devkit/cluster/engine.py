"""The few Docker Engine API calls that pods need, over the engine's Unix socket.

Asynchronous, because a pod's life is waiting (for a pull, an exit, a probe) and must be cancellable
at any moment; the Docker SDK blocks a thread for each of these.
"""

from __future__ import annotations

import base64
import json
import os
import struct
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any

import aiohttp

Object = dict[str, Any]

_API = "http://docker/v1.41"


class EngineError(Exception):
    """The engine refused; `status` is its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the engine's own message."""
        super().__init__(message)
        self.status = status


class Engine:
    """A connection to the engine at DOCKER_HOST (a Unix socket)."""

    def __init__(self) -> None:
        """Prepare the connection; nothing is sent yet."""
        host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        if not host.startswith("unix://"):
            raise ValueError(f"DOCKER_HOST={host}: the devkit cluster needs a unix:// socket")
        connector = aiohttp.UnixConnector(path=host.removeprefix("unix://"), limit=0)
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=None)
        )

    async def __aenter__(self) -> Engine:
        """Enter."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Close the connection."""
        await self._session.close()

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        body: Any = None,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """Call the engine and return its JSON answer (None when empty); raise EngineError."""
        async with self._session.request(
            method, _API + path, params=params, json=body, data=data, headers=headers
        ) as answer:
            raw = await answer.read()
            if answer.status >= 400:
                raise EngineError(answer.status, _message(raw))
            return json.loads(raw) if raw and answer.content_type == "application/json" else None

    async def registry_digest(self, image: str, auth: Object) -> str:
        """Return the manifest digest that the image's registry has for a reference.

        The engine asks the registry, with the engine's own trust in certificates, even when it has
        the image itself. Raises EngineError when the registry does not have it.
        """
        found = await self.call(
            "GET", f"/distribution/{image}/json", headers={"X-Registry-Auth": _encode(auth)}
        )
        return str(found["Descriptor"]["digest"])

    async def pull(self, image: str, auth: Object) -> None:
        """Pull an image by digest; raise EngineError when that fails."""
        name, _, digest = image.rpartition("@")
        async with self._session.post(
            f"{_API}/images/create",
            params={"fromImage": name, "tag": digest},
            headers={"X-Registry-Auth": _encode(auth)},
        ) as answer:
            if answer.status >= 400:
                raise EngineError(answer.status, _message(await answer.read()))
            async for line in answer.content:
                if line.strip() and "error" in (step := json.loads(line)):
                    raise EngineError(500, str(step["error"]))

    async def remove(self, container: str) -> None:
        """Kill and remove a container with its anonymous volumes; gone already is fine."""
        try:
            await self.call(
                "DELETE", f"/containers/{container}", params={"force": "true", "v": "true"}
            )
        except EngineError as error:
            # 409: another removal is in progress.
            if error.status not in (404, 409):
                raise

    async def run_in(self, container: str, command: list[str], limit: float) -> tuple[int, str]:
        """Run a command in a container; return its exit code and output. TimeoutError after it."""
        body = {"AttachStdout": True, "AttachStderr": True, "Cmd": command}
        made = await self.call("POST", f"/containers/{container}/exec", body=body)
        timeout = aiohttp.ClientTimeout(total=limit)
        async with self._session.post(
            f"{_API}/exec/{made['Id']}/start", json={"Detach": False, "Tty": False}, timeout=timeout
        ) as answer:
            output = b"".join([chunk async for chunk in _frames(answer)])
        result = await self.call("GET", f"/exec/{made['Id']}/json")
        return int(result["ExitCode"]), output.decode("utf-8", "replace")

    async def logs(self, container: str, params: dict[str, str]) -> AsyncIterator[bytes]:
        """Yield a container's output, stdout and stderr together."""
        async with self._session.get(
            f"{_API}/containers/{container}/logs",
            params={"stdout": "true", "stderr": "true", **params},
        ) as answer:
            if answer.status >= 400:
                raise EngineError(answer.status, _message(await answer.read()))
            async for chunk in _frames(answer):
                yield chunk


async def _frames(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Take the engine's stream apart: each frame has a header of stream, padding and length."""
    while True:
        try:
            header = await answer.content.readexactly(8)
            (length,) = struct.unpack(">4xI", header)
            yield await answer.content.readexactly(length)
        except EOFError:
            return


def _encode(auth: Object) -> str:
    return base64.urlsafe_b64encode(json.dumps(auth).encode()).decode()


def _message(raw: bytes) -> str:
    try:
        return str(json.loads(raw)["message"])
    except (ValueError, KeyError, TypeError):
        return raw.decode("utf-8", "replace")
