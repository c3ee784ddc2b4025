"""`kubectl logs`: a container's output from the engine."""

from __future__ import annotations

from aiohttp import web

from devkit.cluster import clock, errors
from devkit.cluster.engine import EngineError
from devkit.cluster.kubelet import Kubelet
from devkit.cluster.request import Target, flag
from devkit.cluster.resources import PODS
from devkit.cluster.store import Object, Store


async def stream(
    request: web.Request, store: Store, kubelet: Kubelet, where: Target
) -> web.StreamResponse:
    """Answer a log request; raise ApiError 400 when there is no such container or no log yet."""
    pod = store.get(PODS, where.namespace, where.name)
    name = _container(pod, request.query.get("container", ""))
    previous = flag(request, "previous")
    worker = kubelet.worker(pod["metadata"]["uid"])
    container = worker.container_id(name, previous=previous) if worker else ""
    if not container:
        raise errors.bad_request(_no_log(pod, name, previous))
    follow = flag(request, "follow") and not previous
    params = {"follow": "true" if follow else "false"}
    if "tailLines" in request.query:
        params["tail"] = request.query["tailLines"]
    if flag(request, "timestamps"):
        params["timestamps"] = "true"
    if "sinceSeconds" in request.query:
        params["since"] = str(int(clock.now().timestamp()) - int(request.query["sinceSeconds"]))
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    left = int(request.query.get("limitBytes") or 2**62)
    try:
        async for chunk in kubelet.engine.logs(container, params):
            if not response.prepared:
                await response.prepare(request)
            await response.write(chunk[:left])
            left -= len(chunk[:left])
            if left <= 0:
                break
    except EngineError as error:
        raise errors.ApiError(500, "InternalError", f"Internal error occurred: {error}") from error
    if not response.prepared:
        await response.prepare(request)
    await response.write_eof()
    return response


def _container(pod: Object, wanted: str) -> str:
    """Return the container meant; with several, the client has to name one."""
    spec = pod["spec"]
    names = [item["name"] for item in spec["containers"]]
    init = [item["name"] for item in spec.get("initContainers") or []]
    pod_name = pod["metadata"]["name"]
    if wanted:
        if wanted not in names + init:
            raise errors.bad_request(f"container {wanted} is not valid for pod {pod_name}")
        return wanted
    if len(names) > 1:
        choices = f"[{' '.join(names)}]"
        raise errors.bad_request(
            f"a container name must be specified for pod {pod_name}, choose one of: {choices}"
        )
    return str(names[0])


def _no_log(pod: Object, name: str, previous: bool) -> str:
    pod_name = pod["metadata"]["name"]
    if previous:
        return f'previous terminated container "{name}" in pod "{pod_name}" not found'
    for status in (pod.get("status") or {}).get("containerStatuses") or []:
        reason = status["state"].get("waiting", {}).get("reason")
        if status["name"] == name and reason:
            why = {
                "ErrImagePull": "image can't be pulled",
                "ImagePullBackOff": "trying and failing to pull image",
            }.get(reason, reason)
            return f'container "{name}" in pod "{pod_name}" is waiting to start: {why}'
    return f'container "{name}" in pod "{pod_name}" is waiting to start: ContainerCreating'
