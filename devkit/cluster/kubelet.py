"""The node: makes a worker for every pod, knows registry credentials and pulled images."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from dataclasses import dataclass, field
from typing import Any

from devkit.cluster import images, lifecycle, pause
from devkit.cluster.engine import Engine, EngineError
from devkit.cluster.pod_worker import ImageError, PodWorker
from devkit.cluster.resources import CONFIGMAPS, NODES, PODS, SECRETS
from devkit.cluster.store import Change, Object, Store

_LOG = logging.getLogger("devkit.cluster.kubelet")
NODE = "devkit-node"


@dataclass(frozen=True)
class NodeConfig:
    """How this node differs from others."""

    label: str = "pod"
    """Value of the label `oi-deploy.devkit` on everything that it makes in the engine."""
    owner: str = ""
    """Tells this cluster's containers from another's: its state directory."""
    max_grace: int = 5
    """No container gets more seconds than this to end by itself, whatever the pod says."""
    docker_config: Object = field(default_factory=dict)
    """Registry credentials of the node, in the form of a Docker config file."""


class Kubelet:
    """Runs the pods of the store as containers of the local engine."""

    def __init__(self, store: Store, engine: Engine, config: NodeConfig) -> None:
        """Listen to the store; nothing runs before `run`."""
        self.store = store
        self.engine = engine
        self.config = config
        self._workers: dict[str, PodWorker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._pulled: dict[str, str] = {}
        self._wake = asyncio.Event()
        store.on_change(self._changed)

    def _changed(self, change: Change) -> None:
        if change.resource is not PODS:
            return
        uid = change.object["metadata"]["uid"]
        gone = change.type == "DELETED" or change.object["metadata"].get("deletionTimestamp")
        if gone and uid in self._workers:
            grace = change.object["metadata"].get("deletionGracePeriodSeconds", 0)
            self._workers[uid].end(min(grace, self.config.max_grace))
        self._wake.set()

    def labels(self) -> dict[str, str]:
        """Return the labels of everything that this node makes in the engine."""
        return {
            "oi-deploy.devkit": self.config.label,
            "oi-deploy.devkit.cluster": self.config.owner,
        }

    async def run(self) -> None:
        """Remove what an earlier process left behind, then start a worker for every new pod."""
        await self.sweep()
        await pause.ensure_image(self.engine)
        self.store.create(NODES, _node())
        while True:
            self._wake.clear()
            for pod in self.store.list(PODS):
                uid = pod["metadata"]["uid"]
                if uid not in self._tasks and not pod["metadata"].get("deletionTimestamp"):
                    self._start(pod)
            await self._wake.wait()

    def _start(self, pod: Object) -> None:
        pod["spec"]["nodeName"] = NODE
        pod = self.store.update(PODS, pod)
        name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        lifecycle.record_event(
            self.store,
            pod,
            "Scheduled",
            f"Successfully assigned {name} to {NODE}",
            source="default-scheduler",
        )
        uid = pod["metadata"]["uid"]
        self._workers[uid] = PodWorker(self, pod)
        self._tasks[uid] = asyncio.create_task(self._workers[uid].run(), name=f"pod {name}")

    def worker(self, uid: str) -> PodWorker | None:
        """Return the worker of a pod."""
        return self._workers.get(uid)

    def forget(self, uid: str) -> None:
        """Drop a pod whose containers are gone."""
        self._workers.pop(uid, None)
        self._tasks.pop(uid, None)

    async def close(self) -> None:
        """Stop all workers and remove every container and volume of this node."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self.sweep()

    async def sweep(self) -> None:
        """Remove every container and volume that carries this node's labels."""
        wanted = [f"{key}={value}" for key, value in self.labels().items()]
        filters = _filters(label=wanted)
        for found in await self.engine.call(
            "GET", "/containers/json", params={"all": "true", **filters}
        ):
            await self.engine.remove(found["Id"])
        volumes = await self.engine.call("GET", "/volumes", params=filters)
        for volume in volumes["Volumes"] or []:
            await self.engine.call("DELETE", f"/volumes/{volume['Name']}")

    def lookup(self, namespace: str, kind: str, name: str) -> Object | None:
        """Return a ConfigMap or Secret."""
        resource = CONFIGMAPS if kind == "ConfigMap" else SECRETS
        return self.store.find(resource, namespace, name)

    def forget_image(self, image: str) -> None:
        """Note that the engine no longer has an image."""
        self._pulled.pop(images.with_tag(image), None)

    async def ensure_image(self, pod: Object, container: Object) -> tuple[str, str]:
        """Return (`host/repo@digest` of the image, what happened); raise ImageError.

        The devkit's node shares its engine with the builder, where an image that was built and
        never pushed is "present". A real node does not have it. So an image counts as present only
        when this node pulled it itself, and everything else is resolved at its registry: what the
        registry does not have ends in ErrImagePull. As on a real node, a tag that was pulled once
        is not looked up again unless imagePullPolicy is Always.
        """
        image = str(container["image"])
        policy = container["imagePullPolicy"]
        full = images.with_tag(image)
        known = self._pulled.get(full)
        if known is not None and policy != "Always":
            return known, f'Container image "{image}" already present on machine'
        if policy == "Never":
            raise ImageError(
                "ErrImageNeverPull",
                f'Container image "{image}" is not present with pull policy of Never',
            )
        auth = self._auth(pod, image)
        lifecycle.record_event(
            self.store,
            pod,
            "Pulling",
            f'Pulling image "{image}"',
            field_path=f"spec.containers{{{container['name']}}}",
        )
        began = asyncio.get_running_loop().time()
        try:
            digest = await self.engine.registry_digest(full, auth)
            pinned = f"{images.repository(image)}@{digest}"
            await self.engine.pull(pinned, auth)
        except EngineError as error:
            raise _image_error(image, full, error) from error
        self._pulled[full] = pinned
        seconds = asyncio.get_running_loop().time() - began
        took = f"{seconds:.3f}s ({seconds:.3f}s including waiting)"
        return pinned, f'Successfully pulled image "{image}" in {took}.'

    def _auth(self, pod: Object, image: str) -> Object:
        """Return an image's registry credentials: the pod's pull secrets first, then the node's."""
        host, _ = images.split_host(image)
        namespace = pod["metadata"]["namespace"]
        for reference in pod["spec"].get("imagePullSecrets") or []:
            secret = self.store.find(SECRETS, namespace, reference["name"])
            found = images.credentials(images.pull_secret(secret), host) if secret else None
            if found is not None:
                return found
        return images.credentials(self.config.docker_config, host) or {}


def _image_error(image: str, full: str, error: EngineError) -> ImageError:
    text = str(error)
    if error.status == 400:
        return ImageError(
            "InvalidImageName",
            f'Failed to apply default image tag "{image}": couldn\'t parse image name '
            f'"{image}": invalid reference format',
        )
    missing = re.search(r"manifest unknown|name unknown|not found", text, re.IGNORECASE)
    head = f'failed to pull and unpack image "{full}": failed to resolve reference "{full}"'
    if missing:
        cause = f"rpc error: code = NotFound desc = {head}: {full}: not found"
    else:
        cause = f"rpc error: code = Unknown desc = {head}: {text}"
    return ImageError("ErrImagePull", cause)


def _filters(**filters: list[str]) -> dict[str, str]:
    return {"filters": json.dumps(filters)}


def _node() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE}},
        "status": {
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
            "nodeInfo": {"kubeletVersion": "v1.34.0+devkit"},
        },
    }
