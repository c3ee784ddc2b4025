"""Checks of where the model comes from: Docker, GPU, image, weights, or an endpoint."""

import threading
from contextlib import suppress
from typing import Any

import docker
from docker.errors import DockerException, ImageNotFound

from oi_deploy.doctor.context import Context
from oi_deploy.doctor.finding import Finding, of_error
from oi_deploy.engine import memory
from oi_deploy.engine.choice import overlap
from oi_deploy.engine.external import External
from oi_deploy.engine.gpu import device_requests, no_gpu
from oi_deploy.engine.host import GPUS
from oi_deploy.engine.inside.gpu_memory import QUERY, Gpu, read
from oi_deploy.engine.memory import Need, gib, times
from oi_deploy.engine.readiness import Down, NotReadyYet, Served, Unreachable
from oi_deploy.engine.vllm_args import context_length
from oi_deploy.errors import RunError
from oi_deploy.own_container import own_container

_QUERY_S = 8
_NOT_PULLED = "`vllm-image` is not here yet, and nothing is pulled by a check"


def engine(context: Context) -> Finding:
    """Whether the Docker engine answers."""
    name = "docker"
    try:
        found = context.engine()
    except RunError as error:
        needed = context.settings.kind == "sibling" or context.loaded.inputs.expect != "none"
        return of_error(name, error, "FAILED" if needed else "warning")
    return Finding(name, "ok", f"Docker {found.version}")


def gpu(context: Context) -> Finding:
    """Whether the engine can hand out the GPUs that the inputs ask for."""
    name = "gpu"
    if why := _no_gpu_of_ours(context):
        return Finding(name, "not needed", why)
    try:
        info = context.engine().info
    except RunError:
        return _after_docker(name)
    wanted = device_requests(context.settings.gpus, info)
    through = "the NVIDIA runtime" if wanted[0].driver != "cdi" else "its CDI devices"
    return Finding(name, "ok", f"the engine hands out GPUs through {through}")


def gpu_memory(context: Context) -> Finding:
    """Whether the model fits into the GPUs' memory, and whether that is free."""
    name = "gpu memory"
    if why := _no_gpu_of_ours(context):
        return Finding(name, "not needed", why)
    try:
        wanted = device_requests(context.settings.gpus, context.engine().info)
    except RunError:
        return Finding(name, "not checked", "the engine hands out no GPU")
    if context.image() is None:
        return Finding(name, "not checked", _NOT_PULLED)
    exit_code, output = _ask_gpus(context, wanted)
    gpus = read(output)
    if not gpus:
        raise no_gpu(f"`nvidia-smi` ended with exit code {exit_code}: {output.strip()[-500:]}")
    used = len(context.settings.gpu_ids) or 1
    return judge(
        gpus[:used],
        _need(context),
        context_length(context.settings),
        memory.utilization(context.settings),
        own_server=own_server(context.engine().client, context.settings.gpus),
    )


def judge(
    gpus: tuple[Gpu, ...], need: Need, tokens: int, share: float, *, own_server: str
) -> Finding:
    """What to say of the memory of the GPUs that the model will use.

    Args:
        gpus: those GPUs.
        need: of the model.
        tokens: the context length; 0 if vLLM is to find one.
        share: of each GPU's memory that vLLM takes, whatever the model needs.
        own_server: name of a model server of ours that runs on one of them; empty if none does.
    """
    name = "gpu memory"
    for one in gpus:
        may, where = share * one.total, f"GPU {one.index} ({one.name})"
        if need.each(tokens, len(gpus)) > may:
            return Finding(
                name,
                "FAILED",
                f"the model needs about {need.said(tokens, len(gpus))}; vLLM may use {gib(may)} of "
                f"{where}",
                "Write a smaller `max-model-len` or `model`, `vllm-args: --quantization "
                "fp8_per_tensor`, or list more GPUs: `gpus: 0,1`.",
            )
        if one.free < may and own_server:
            return Finding(name, "ok", f"{where} is in use by our own server, {own_server}")
        if one.free < may:
            return Finding(
                name,
                "FAILED",
                f"vLLM takes {gib(may)} of {where}, and only {gib(one.free)} are free",
                "End what holds the memory (`nvidia-smi` on the host names it), or let vLLM take "
                f"less: `vllm-args: --gpu-memory-utilization {one.free / one.total - 0.02:.2f}`",
            )
    least = min(gpus, key=lambda item: item.free)
    fits = "what the model needs is unknown"
    if need.weights:
        fits = f"the model needs about {need.said(tokens, len(gpus))}"
    if runs := need.runs(least.total, tokens, share=share, gpus=len(gpus)):
        fits += f"; room for {times(runs)} of that length at once"
    return Finding(name, "ok", f"{gib(least.free)} are free on each GPU; {fits}")


def own_server(client: docker.DockerClient, gpus: str) -> str:
    """The name of a running server of ours on one of these GPUs; empty if there is none."""
    for one in client.containers.list(filters={"label": "oi-deploy.role=engine"}):
        if overlap(one.labels.get(GPUS, ""), gpus):
            return str(one.name)
    return ""


def _need(context: Context) -> Need:
    """The model's need; of a model that vLLM shrinks while it loads it, the weights are unknown."""
    if known := memory.known(context.settings):
        return known
    found = context.weights()
    size = 0 if memory.quantization(context.settings) else found.size
    return Need(weights=size, token=memory.token_bytes(found.config))


def image(context: Context) -> Finding:
    """Whether the server's image is there."""
    name, wanted = "vllm image", context.settings.vllm_image
    if context.settings.kind != "sibling":
        return Finding(name, "not needed", f"`engine: {context.settings.kind}` starts no container")
    try:
        found = context.image()
    except RunError:
        return _after_docker(name)
    if found is None:
        return Finding(
            name,
            "warning",
            f"{wanted} is not here; the first run pulls it, which takes minutes",
            f"On the runner's host: `docker pull {wanted}`",
        )
    return Finding(name, "ok", f"{wanted} is here, {gib(found.attrs['Size'])}")


def weights(context: Context) -> Finding:
    """Whether the model's files are there, whole."""
    name, settings = "weights", context.settings
    if settings.kind == "external":
        return Finding(name, "not needed", "the endpoint has them")
    if settings.kind == "process":
        return Finding(name, "not checked", "vLLM looks for them when it starts")
    try:
        context.engine()
    except RunError:
        return _after_docker(name)
    try:
        found = context.weights()
    except ImageNotFound:
        return Finding(name, "not checked", _NOT_PULLED)
    if not found.problem:
        return Finding(name, "ok", f"{settings.model} is here, {gib(found.size)}")
    if settings.model_is_path:
        return Finding(
            name,
            "FAILED",
            f"{settings.model} cannot be used: {found.problem}",
            "Correct `model`: the absolute path of a folder on the runner's host, or a hub name.",
        )
    return Finding(
        name,
        "warning",
        f"{settings.model} is not here ({found.problem}); the first run fetches it from the hub",
        "For a host without a way to the hub, write the path of a folder on the host: "
        f"`model: /srv/models/{settings.model.rpartition('/')[2]}`",
    )


def endpoint(context: Context) -> Finding:
    """Whether the endpoint answers and serves the model; of several, whether each does."""
    name, settings = "endpoint", context.settings
    if settings.kind != "external":
        return Finding(name, "not needed", f"`engine: {settings.kind}` has a server of its own")
    external = External(settings, say=lambda line: None, cancelled=threading.Event())
    try:
        answers = external.look()
    finally:
        external.stop()
    another = any(isinstance(answer, Served) for answer in answers.values())
    found = [_one_endpoint(name, *item, another=another) for item in answers.items()]
    states = [item.state for item in found]
    return Finding(
        name,
        "FAILED" if "FAILED" in states else "warning" if "warning" in states else "ok",
        "; ".join(item.found for item in found),
        "\n".join(dict.fromkeys(item.remedy for item in found if item.remedy)),
    )


def _one_endpoint(
    name: str, url: str, answer: Served | NotReadyYet | RunError, *, another: bool
) -> Finding:
    """What to say of one endpoint; `another`: one that can be used instead, if it is down."""
    if isinstance(answer, Served):
        return Finding(name, "ok", f"{url} serves `{answer.name}`")
    if isinstance(answer, Unreachable):
        return Finding(
            name,
            "warning" if another else "FAILED",
            str(answer),
            "Check `api-base`. In the action's container `localhost` is the container itself, not "
            "the runner.",
        )
    if isinstance(answer, NotReadyYet):
        waits = "the others are used" if another else "a run waits until it answers"
        return Finding(name, "warning", f"{url}: {answer}; {waits}")
    return of_error(name, answer, "warning" if another and isinstance(answer, Down) else "FAILED")


def _no_gpu_of_ours(context: Context) -> str:
    """Why no GPU of this machine's engine is needed; empty if one is."""
    settings = context.settings
    if settings.kind == "external":
        return "the model runs at the endpoint"
    if settings.gpus == "none":
        return "`gpus: none`"
    return "vLLM runs in this container" if settings.kind == "process" else ""


def _after_docker(name: str) -> Finding:
    return Finding(name, "not checked", "the Docker engine has to answer first")


def _ask_gpus(context: Context, devices: Any) -> tuple[int, str]:
    """Exit code and output of `nvidia-smi`, in a container that is removed at once."""
    container = context.engine().client.containers.create(
        context.settings.vllm_image,
        entrypoint=list(QUERY),
        command=[],
        network_mode="none",
        device_requests=devices,
        labels={"oi-deploy.run": own_container(), "oi-deploy.role": "doctor"},
    )
    try:
        container.start()
        code = int(container.wait(timeout=_QUERY_S)["StatusCode"])
        return code, container.logs().decode("utf-8", "replace")
    except DockerException as error:
        raise no_gpu(str(getattr(error, "explanation", None) or error)) from error
    finally:
        with suppress(DockerException):
            container.remove(force=True, v=True)
