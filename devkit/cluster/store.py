"""The objects of the cluster, in memory: versions, optimistic concurrency, change history.

Not safe for threads: everything runs in one event loop, so each call is a transaction. Objects go
in and come out as copies.
"""

from __future__ import annotations

import asyncio
import copy
import uuid
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from devkit.cluster import errors
from devkit.cluster.clock import timestamp
from devkit.cluster.resources import Resource

Object = dict[str, Any]

_HISTORY = 20_000


@dataclass(frozen=True)
class Change:
    """One change: ADDED, MODIFIED or DELETED, the object after it and the object before it."""

    version: int
    type: str
    resource: Resource
    object: Object
    before: Object | None


class Store:
    """All objects, by resource type, namespace and name."""

    def __init__(self) -> None:
        """Start empty."""
        self.version = 1
        self._objects: dict[str, dict[tuple[str, str], Object]] = {}
        self._history: deque[Change] = deque(maxlen=_HISTORY)
        self._listeners: list[Callable[[Change], None]] = []

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """Return an object; raise ApiError 404 when it does not exist."""
        found = self._table(resource).get((namespace, name))
        if found is None:
            raise errors.not_found(resource, name)
        return copy.deepcopy(found)

    def find(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """Return an object, or None."""
        return copy.deepcopy(self._table(resource).get((namespace, name)))

    def list(self, resource: Resource, namespace: str = "") -> list[Object]:
        """Return the objects of a namespace (of all of them when it is empty), sorted by name."""
        return [
            copy.deepcopy(found)
            for key, found in sorted(self._table(resource).items())
            if not namespace or key[0] == namespace
        ]

    def create(self, resource: Resource, item: Object) -> Object:
        """Add an object; raise ApiError 409 when the name is taken."""
        item = copy.deepcopy(item)
        metadata = item["metadata"]
        key = (metadata.get("namespace", ""), metadata["name"])
        if key in self._table(resource):
            raise errors.already_exists(resource, metadata["name"])
        metadata["uid"] = str(uuid.uuid4())
        metadata["creationTimestamp"] = timestamp()
        metadata.pop("deletionTimestamp", None)
        if "spec" in item and resource.kind != "Namespace":
            metadata["generation"] = 1
        self._commit("ADDED", resource, key, item, None)
        return copy.deepcopy(item)

    def update(self, resource: Resource, item: Object) -> Object:
        """Replace an object; raise ApiError 409 when its resourceVersion is not the current one.

        An object without a resourceVersion is written unconditionally. A write that changes
        nothing is not a change: version and watchers stay as they are.
        """
        item = copy.deepcopy(item)
        metadata = item["metadata"]
        key = (metadata.get("namespace", ""), metadata["name"])
        before = self._table(resource).get(key)
        if before is None:
            raise errors.not_found(resource, metadata["name"])
        wanted = metadata.get("resourceVersion")
        if wanted and wanted != before["metadata"]["resourceVersion"]:
            raise errors.conflict(resource, metadata["name"])
        for fixed in ("uid", "creationTimestamp", "generation", "resourceVersion"):
            if fixed in before["metadata"]:
                metadata[fixed] = before["metadata"][fixed]
        if item.get("spec") != before.get("spec") and "generation" in metadata:
            metadata["generation"] += 1
        if item != before:
            self._commit("MODIFIED", resource, key, item, before)
        return copy.deepcopy(item)

    def delete(self, resource: Resource, namespace: str, name: str) -> Object:
        """Remove an object for good and return its last state; raise ApiError 404."""
        key = (namespace, name)
        before = self._table(resource).get(key)
        if before is None:
            raise errors.not_found(resource, name)
        item = copy.deepcopy(before)
        self._commit("DELETED", resource, key, item, before)
        return copy.deepcopy(item)

    def on_change(self, listener: Callable[[Change], None]) -> None:
        """Call `listener` after each change, for as long as the store lives."""
        self._listeners.append(listener)

    async def watch(self, resource: Resource, since: int) -> AsyncGenerator[Change, None]:
        """Yield the changes of a resource type after version `since`, without end.

        Raise ApiError 410 when some of them are no longer known.
        """
        queue: asyncio.Queue[Change] = asyncio.Queue()
        if since < self.version and self._history and self._history[0].version > since + 1:
            oldest = self._history[0].version
            if len(self._history) == _HISTORY:
                raise errors.gone(f"too old resource version: {since} ({oldest})")
        for change in self._history:
            if change.version > since and change.resource is resource:
                queue.put_nowait(change)
        with self._listening(queue, resource):
            while True:
                yield await queue.get()

    @contextmanager
    def _listening(self, queue: asyncio.Queue[Change], resource: Resource) -> Iterator[None]:
        def listener(change: Change) -> None:
            if change.resource is resource:
                queue.put_nowait(change)

        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def _table(self, resource: Resource) -> dict[tuple[str, str], Object]:
        return self._objects.setdefault(resource.qualified, {})

    def _commit(
        self,
        kind: str,
        resource: Resource,
        key: tuple[str, str],
        item: Object,
        before: Object | None,
    ) -> None:
        self.version += 1
        item["metadata"]["resourceVersion"] = str(self.version)
        table = self._table(resource)
        if kind == "DELETED":
            del table[key]
        else:
            table[key] = item
        change = Change(self.version, kind, resource, copy.deepcopy(item), before)
        self._history.append(change)
        for listener in list(self._listeners):
            listener(change)
