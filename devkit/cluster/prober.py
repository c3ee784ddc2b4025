"""Runs a container's probes at their periods and does what their outcomes ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from devkit.cluster import probes
from devkit.cluster.engine import Engine
from devkit.cluster.pod_status import ContainerState


@dataclass(frozen=True)
class Prober:
    """The probes of one container that runs."""

    engine: Engine
    item: ContainerState
    pod_ip: str
    publish: Callable[[], None]
    """Writes the pod's status after a change."""
    warn: Callable[[str], None]
    """Records why a probe failed."""
    kill: Callable[[str], Awaitable[None]]
    """Stops the container because of a probe (its field's name)."""

    async def run(self) -> None:
        """Run the startup probe until it succeeds, then readiness and liveness side by side."""
        item = self.item
        if "startupProbe" in item.spec:
            await self._loop("startupProbe")
            item.started = True
            item.ready = "readinessProbe" not in item.spec
            self.publish()
        async with asyncio.TaskGroup() as group:
            for kind in ("readinessProbe", "livenessProbe"):
                if kind in item.spec:
                    group.create_task(self._loop(kind))

    async def _loop(self, kind: str) -> None:
        """Run one probe again and again. The startup probe's loop ends with its first success."""
        item = self.item
        probe = item.spec[kind]
        successes = failures = 0
        await asyncio.sleep(probe.get("initialDelaySeconds", 0))
        while True:
            why = await probes.once(self.engine, probe, item.spec, item.id, self.pod_ip)
            successes, failures = (successes + 1, 0) if why is None else (0, failures + 1)
            if why is not None:
                self.warn(f"{kind.removesuffix('Probe').capitalize()} probe failed: {why}")
            if kind == "readinessProbe":
                if successes >= probe["successThreshold"]:
                    self._set_ready(True)
                elif failures >= probe["failureThreshold"]:
                    self._set_ready(False)
            elif kind == "startupProbe" and successes:
                return
            elif failures >= probe["failureThreshold"]:
                await self.kill(kind)
                # The container's end cancels this task.
                await asyncio.Event().wait()
            # A container that is not ready yet is asked more often than the period says, so that
            # a pod becomes ready soon after its program does (the kubelet's prober does the same).
            pending = kind == "readinessProbe" and not item.ready
            period = probe["periodSeconds"]
            await asyncio.sleep(min(period, 1) if pending else period)

    def _set_ready(self, ready: bool) -> None:
        if self.item.ready != ready:
            self.item.ready = ready
            self.publish()
