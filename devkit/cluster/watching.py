"""Watches: changes of a resource type as a stream of JSON lines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

from aiohttp import web

from devkit.cluster import errors, selectors, table
from devkit.cluster.errors import ApiError
from devkit.cluster.request import Target, flag, wants_table
from devkit.cluster.store import Change, Object, Store

_BOOKMARK_SECONDS = 30.0
_LONGEST_SECONDS = 1800.0


async def serve(request: web.Request, store: Store, where: Target) -> web.StreamResponse:
    """Answer a watch request until its timeout or the client's end."""
    stream = _Stream(request, store, where)
    since, initial = stream.since(), stream.initial()
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    limit = float(request.query.get("timeoutSeconds") or _LONGEST_SECONDS)
    try:
        async with asyncio.timeout(min(limit, _LONGEST_SECONDS)):
            for line in initial:
                await response.write(line)
            async with aclosing(store.watch(where.resource, since)) as changes:
                async for change in _with_pauses(changes):
                    line = stream.bookmark() if change is None else stream.line(change)
                    if line:
                        await response.write(line)
    except TimeoutError:
        pass
    except ApiError as error:
        await response.write(_line("ERROR", error.status()))
    await response.write_eof()
    return response


async def _with_pauses(
    changes: AsyncGenerator[Change, None],
) -> AsyncGenerator[Change | None, None]:
    """Yield the changes, and None whenever there was none for a while."""
    pending = asyncio.ensure_future(anext(changes))
    try:
        while True:
            done, _ = await asyncio.wait({pending}, timeout=_BOOKMARK_SECONDS)
            if not done:
                yield None
                continue
            yield pending.result()
            pending = asyncio.ensure_future(anext(changes))
    finally:
        pending.cancel()
        await asyncio.gather(pending, return_exceptions=True)


class _Stream:
    def __init__(self, request: web.Request, store: Store, where: Target) -> None:
        self._store = store
        self._where = where
        by_label = selectors.labels(request.query.get("labelSelector", ""))
        by_field = selectors.fields(request.query.get("fieldSelector", ""))
        self._selected = (by_label, by_field)
        self._table = wants_table(request)
        self._include = request.query.get("includeObject", "Metadata")
        self._headers_sent = False
        self._bookmarks = flag(request, "allowWatchBookmarks")
        self._send_initial = flag(request, "sendInitialEvents")
        self._version = request.query.get("resourceVersion", "")

    def _keep(self, item: Object) -> bool:
        where, metadata = self._where, item["metadata"]
        return (
            all(selected(item) for selected in self._selected)
            and (not where.namespace or metadata.get("namespace") == where.namespace)
            and (not where.name or metadata["name"] == where.name)
        )

    def since(self) -> int:
        """Return the version after which changes are sent."""
        if self._send_initial or self._version in ("", "0"):
            return self._store.version
        if not self._version.isdigit():
            raise errors.bad_request(f"invalid resource version {self._version!r}")
        return int(self._version)

    def initial(self) -> list[bytes]:
        """Return the state of things as ADDED events, where the client wants that."""
        if not self._send_initial and self._version not in ("", "0"):
            return []
        found = self._store.list(self._where.resource, self._where.namespace)
        lines = [_line("ADDED", self._shown(item)) for item in found if self._keep(item)]
        if self._send_initial and self._bookmarks:
            lines.append(self.bookmark({"k8s.io/initial-events-end": "true"}))
        return lines

    def line(self, change: Change) -> bytes:
        """Return a change as the client's selector sees it: things may come into view and leave."""
        now = change.type != "DELETED" and self._keep(change.object)
        before = change.before is not None and self._keep(change.before)
        if now:
            return _line("MODIFIED" if before else "ADDED", self._shown(change.object))
        return _line("DELETED", self._shown(change.object)) if before else b""

    def bookmark(self, annotations: dict[str, str] | None = None) -> bytes:
        """Return a bookmark with the current version, if the client takes bookmarks."""
        if not self._bookmarks:
            return b""
        metadata: Object = {"resourceVersion": str(self._store.version)}
        if annotations:
            metadata["annotations"] = annotations
        resource = self._where.resource
        item = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
        return _line("BOOKMARK", item)

    def _shown(self, item: Object) -> Object:
        if not self._table:
            return item
        version = item["metadata"]["resourceVersion"]
        rendered = table.render(
            self._where.resource, [item], self._include, version, headers=not self._headers_sent
        )
        self._headers_sent = True
        return rendered


def _line(kind: str, item: Object) -> bytes:
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"
