"""One pod's life: network, init containers, containers with restarts and probes, the end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from devkit.cluster import clock, lifecycle, pause, pod_config, pod_status
from devkit.cluster.engine import EngineError
from devkit.cluster.errors import ApiError
from devkit.cluster.pod_status import ContainerState
from devkit.cluster.prober import Prober
from devkit.cluster.resources import PODS
from devkit.cluster.store import Object

if TYPE_CHECKING:
    from devkit.cluster.kubelet import Kubelet

_LOG = logging.getLogger("devkit.cluster.pod")
_FIRST_BACKOFF, _LONGEST_BACKOFF = 10.0, 300.0
# A container that ran this long starts again without delay.
_BACKOFF_RESET = 600.0
_CONFIG_RETRY = 3.0
_HOST_IP = "127.0.0.1"


class ImageError(Exception):
    """No image: `reason` is the waiting reason, the text its message."""

    def __init__(self, reason: str, message: str) -> None:
        """Keep both."""
        super().__init__(message)
        self.reason = reason


class PodWorker:
    """Runs one pod. `run` is a task of the kubelet; `end` asks it to stop."""

    def __init__(self, kubelet: Kubelet, pod: Object) -> None:
        """Prepare; nothing runs before `run`."""
        self._kubelet = kubelet
        self._pod = pod
        self._sandbox = ""
        self._pod_ip = ""
        spec = pod["spec"]
        self._init = [ContainerState(item) for item in spec.get("initContainers") or []]
        self._containers = [ContainerState(item) for item in spec["containers"]]
        if self._init:
            for item in self._containers:
                item.waiting("PodInitializing")
        self._grace: int | None = None
        self._ending = asyncio.Event()

    def end(self, grace: int) -> None:
        """Ask the pod to end; its containers get `grace` seconds."""
        self._grace = grace
        self._ending.set()

    def container_id(self, name: str, *, previous: bool) -> str | None:
        """Return the engine's id of a container; "" when it has none yet, None when unknown."""
        for item in [*self._containers, *self._init]:
            if item.name == name:
                return item.previous_id if previous else item.id
        return None

    async def run(self) -> None:
        """Run the pod until it is deleted, then remove everything of it."""
        life = asyncio.create_task(self._live())
        try:
            await self._ending.wait()
        finally:
            life.cancel()
            await asyncio.gather(life, return_exceptions=True)
        await self._stop()

    async def _live(self) -> None:
        try:
            await self._sandbox_or_retry()
            self._publish()
            for item in self._init:
                await self._run_container(item, init=True)
            for item in self._containers:
                if item.state.get("waiting", {}).get("reason") == "PodInitializing":
                    item.waiting("ContainerCreating")
            self._publish()
            async with asyncio.TaskGroup() as group:
                for item in self._containers:
                    group.create_task(self._run_container(item, init=False))
        except Exception:
            # The task's result is not read before the pod is deleted: say it now.
            _LOG.exception("pod %s", self._pod["metadata"]["name"])
            raise

    async def _sandbox_or_retry(self) -> None:
        while True:
            try:
                return await self._start_sandbox()
            except EngineError as error:
                text = f"Failed to create pod sandbox: {error}"
                store = self._kubelet.store
                lifecycle.record_event(
                    store, self._pod, "FailedCreatePodSandBox", text, kind="Warning"
                )
                await self._remove_all()
                await asyncio.sleep(_CONFIG_RETRY)

    async def _start_sandbox(self) -> None:
        metadata = self._pod["metadata"]
        engine = self._kubelet.engine
        labels = self._kubelet.labels()
        for name in pod_config.empty_dirs(self._pod):
            body = {"Name": pod_config.volume_name(self._pod, name), "Labels": labels}
            await engine.call("POST", "/volumes/create", body=body)
        made = await engine.call(
            "POST",
            "/containers/create",
            params={"name": self._container_name("pause", 0)},
            body={
                "Image": pause.reference(),
                "Hostname": metadata["name"][:63],
                "Labels": labels,
                "HostConfig": {"IpcMode": "shareable"},
            },
        )
        self._sandbox = made["Id"]
        await engine.call("POST", f"/containers/{self._sandbox}/start")
        found = await engine.call("GET", f"/containers/{self._sandbox}/json")
        self._pod_ip = found["NetworkSettings"]["IPAddress"]

    def _container_name(self, name: str, attempt: int) -> str:
        metadata = self._pod["metadata"]
        return f"k8s_{name}_{metadata['name']}_{metadata['namespace']}_{metadata['uid']}_{attempt}"

    async def _run_container(self, item: ContainerState, *, init: bool) -> None:
        """Start a container again and again, as the restart policy says, with growing delays."""
        policy = self._pod["spec"]["restartPolicy"]
        policy = "OnFailure" if init and policy == "Always" else policy
        delay = 0.0
        while True:
            image = await self._pull(item)
            began = time.monotonic()
            code = await self._attempt(item, image)
            if init and code == 0:
                item.ready = True
            self._publish()
            if policy == "Never" or (policy == "OnFailure" and code == 0):
                if init and code != 0:
                    await asyncio.Event().wait()
                return
            if time.monotonic() - began > _BACKOFF_RESET:
                delay = 0.0
            if delay:
                await self._back_off(item, delay)
            delay = min(delay * 2, _LONGEST_BACKOFF) if delay else _FIRST_BACKOFF
            item.last_state = item.state
            item.restarts += 1

    async def _back_off(self, item: ContainerState, delay: float) -> None:
        metadata = self._pod["metadata"]
        who = f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        item.last_state = item.state
        text = f"back-off {_go_duration(delay)} restarting failed container={item.name} pod={who}"
        ended = item.state
        item.waiting("CrashLoopBackOff", text)
        self._publish()
        message = f"Back-off restarting failed container {item.name} in pod {who}"
        self._event("BackOff", message, item, kind="Warning")
        await asyncio.sleep(delay)
        item.state = ended

    async def _pull(self, item: ContainerState) -> str:
        """Return the image by digest; try again, with growing delays, until the registry has it."""
        delay = _FIRST_BACKOFF
        image = item.spec["image"]
        while True:
            try:
                pinned, text = await self._kubelet.ensure_image(self._pod, item.spec)
            except ImageError as error:
                shown = str(error)
                if error.reason == "ErrImagePull":
                    event = f'Failed to pull image "{image}": {shown}'
                    self._event("Failed", event, item, kind="Warning")
                    self._event("Failed", "Error: ErrImagePull", item, kind="Warning")
                else:
                    self._event(error.reason, shown, item, kind="Warning")
                item.waiting(error.reason, shown)
                self._publish()
                await asyncio.sleep(2)
                if error.reason == "ErrImagePull":
                    text = f'Back-off pulling image "{image}"'
                    item.waiting("ImagePullBackOff", f"{text}: ErrImagePull: {shown}")
                    self._event("BackOff", text, item)
                    self._event("Failed", "Error: ImagePullBackOff", item, kind="Warning")
                    self._publish()
                await asyncio.sleep(delay - 2)
                delay = min(delay * 2, _LONGEST_BACKOFF)
            else:
                item.image_id = pinned
                self._event("Pulled", text, item)
                return pinned

    async def _attempt(self, item: ContainerState, image: str) -> int:
        """Create and start a container once, wait for its end, and return its exit code."""
        engine = self._kubelet.engine
        previous = item.previous_id
        container = await self._create(item, image)
        item.previous_id, item.id = item.id, container
        if previous:
            await engine.remove(previous)
        self._event("Created", f"Created container: {item.name}", item)
        try:
            await engine.call("POST", f"/containers/{container}/start")
        except EngineError as error:
            self._event("Failed", f"Error: {error}", item, kind="Warning")
            self._terminated(item, 128, "StartError", clock.timestamp(), str(error))
            return 128
        item.state = {"running": {"startedAt": clock.timestamp()}}
        item.started = "startupProbe" not in item.spec
        item.ready = item.started and "readinessProbe" not in item.spec
        self._event("Started", f"Started container {item.name}", item)
        self._publish()
        watching = asyncio.create_task(self._prober(item).run())
        try:
            with contextlib.suppress(EngineError):
                await engine.call("POST", f"/containers/{container}/wait")
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        code, reason = await self._exit(container)
        began = str(item.state.get("running", {}).get("startedAt", clock.timestamp()))
        self._terminated(item, code, reason, began)
        return code

    def _prober(self, item: ContainerState) -> Prober:
        return Prober(
            engine=self._kubelet.engine,
            item=item,
            pod_ip=self._pod_ip,
            publish=self._publish,
            warn=lambda text: self._event("Unhealthy", text, item, kind="Warning"),
            kill=lambda kind: self._kill_unhealthy(item, kind),
        )

    async def _exit(self, container: str) -> tuple[int, str]:
        """Return the exit code of an ended container, and its name in the status."""
        try:
            found = await self._kubelet.engine.call("GET", f"/containers/{container}/json")
        except EngineError as error:
            if error.status != 404:
                raise
            # Removed behind our back; the kubelet then knows as little.
            return 137, "ContainerStatusUnknown"
        code = int(found["State"]["ExitCode"])
        if found["State"]["OOMKilled"]:
            return code, "OOMKilled"
        return code, "Completed" if code == 0 else "Error"

    def _terminated(
        self, item: ContainerState, code: int, reason: str, began: str, message: str = ""
    ) -> None:
        item.ready = item.started = False
        item.state = {
            "terminated": {
                "exitCode": code,
                "reason": reason,
                "startedAt": began,
                "finishedAt": clock.timestamp(),
                "containerID": f"docker://{item.id}",
                **({"message": message} if message else {}),
            }
        }

    async def _create(self, item: ContainerState, image: str) -> str:
        """Create a container; try again while its configuration or image makes that impossible."""
        namespace = self._pod["metadata"]["namespace"]
        engine = self._kubelet.engine
        pod = {**self._pod, "status": {"podIP": self._pod_ip, "hostIP": _HOST_IP}}

        def lookup(kind: str, name: str) -> Object | None:
            return self._kubelet.lookup(namespace, kind, name)

        while True:
            try:
                body = pod_config.container_body(
                    pod, item.spec, image, self._sandbox, self._kubelet.labels(), lookup
                )
                files = pod_config.files(pod, item.spec, lookup)
                name = self._container_name(item.name, item.restarts)
                made = await engine.call(
                    "POST", "/containers/create", params={"name": name}, body=body
                )
                if files is not None:
                    await engine.call(
                        "PUT",
                        f"/containers/{made['Id']}/archive",
                        params={"path": "/"},
                        data=files,
                        headers={"Content-Type": "application/x-tar"},
                    )
                return str(made["Id"])
            except (pod_config.ConfigError, ValueError) as error:
                self._cannot_create(item, "CreateContainerConfigError", str(error))
            except EngineError as error:
                self._cannot_create(item, "CreateContainerError", str(error))
                if error.status == 404:
                    # Somebody removed the image from the engine: the node no longer has it.
                    self._kubelet.forget_image(item.spec["image"])
                    image = await self._pull(item)
            await asyncio.sleep(_CONFIG_RETRY)

    def _cannot_create(self, item: ContainerState, reason: str, message: str) -> None:
        item.waiting(reason, message)
        self._event("Failed", f"Error: {message}", item, kind="Warning")
        self._publish()

    async def _kill_unhealthy(self, item: ContainerState, kind: str) -> None:
        label = kind.removesuffix("Probe")
        text = f"Container {item.name} failed {label} probe, will be restarted"
        self._event("Killing", text, item)
        await self._stop_container(item.id, self._max_grace())

    def _max_grace(self) -> int:
        asked = int(self._pod["spec"]["terminationGracePeriodSeconds"])
        return min(asked, self._kubelet.config.max_grace)

    async def _stop(self) -> None:
        """Stop the containers, remove everything, and let the pod object go."""
        grace = self._grace or 0
        running = [item for item in [*self._containers, *self._init] if "running" in item.state]
        for item in running:
            self._event("Killing", f"Stopping container {item.name}", item)
        await asyncio.gather(*(self._stop_container(item.id, grace) for item in running))
        await self._remove_all()
        metadata = self._pod["metadata"]
        with contextlib.suppress(ApiError):
            self._kubelet.store.delete(PODS, metadata["namespace"], metadata["name"])
        self._kubelet.forget(metadata["uid"])

    async def _stop_container(self, container: str, grace: int) -> None:
        with contextlib.suppress(EngineError):
            await self._kubelet.engine.call(
                "POST", f"/containers/{container}/stop", params={"t": str(grace)}
            )

    async def _remove_all(self) -> None:
        engine = self._kubelet.engine
        # By name as well as by id: a create call may have been cancelled on its way.
        uid = self._pod["metadata"]["uid"]
        found = await engine.call(
            "GET",
            "/containers/json",
            params={"all": "true", "filters": f'{{"name": ["{uid}"]}}'},
        )
        for container in found:
            await engine.remove(container["Id"])
        for name in pod_config.empty_dirs(self._pod):
            with contextlib.suppress(EngineError):
                await engine.call("DELETE", f"/volumes/{pod_config.volume_name(self._pod, name)}")

    def _event(
        self, reason: str, message: str, item: ContainerState, *, kind: str = "Normal"
    ) -> None:
        where = "initContainers" if item in self._init else "containers"
        lifecycle.record_event(
            self._kubelet.store,
            self._pod,
            reason,
            message,
            kind=kind,
            field_path=f"spec.{where}{{{item.name}}}",
        )

    def _publish(self) -> None:
        """Write the status into the store."""
        store, metadata = self._kubelet.store, self._pod["metadata"]
        current = store.find(PODS, metadata["namespace"], metadata["name"])
        if current is None or current["metadata"]["uid"] != metadata["uid"]:
            return
        current["status"] = pod_status.compute(
            current, self._containers, self._init, self._pod_ip, _HOST_IP, clock.now()
        )
        store.update(PODS, current)


def _go_duration(seconds: float) -> str:
    """Write a delay as Go does: 10s, 1m20s, 5m0s."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
