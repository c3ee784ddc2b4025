"""Checks of the runner: the event, the checkout, the sandbox, the disk."""

import os
import shutil
import tempfile
from pathlib import Path

from oi_deploy import surroundings, triggers
from oi_deploy.doctor.context import Context
from oi_deploy.doctor.finding import Finding
from oi_deploy.engine.memory import GIB, gib
from oi_deploy.errors import RunError
from oi_deploy.sandbox import Sandbox

# Below the first, not even a small image can be built; above the second, most can.
_NOTHING_GOES = 1 * GIB
_BUILDS = 4 * GIB
# What the server's image takes when it is unpacked: torch and the CUDA libraries.
_SERVER_IMAGE = 30 * GIB


def trigger(context: Context) -> Finding:
    """Whether the event and its actors may start a run."""
    name, event = "trigger", context.env.get("GITHUB_EVENT_NAME", "")
    if not event and context.env.get("GITHUB_ACTIONS") != "true":
        return Finding(name, "not needed", "no workflow has started this")
    inputs = context.loaded.inputs
    triggers.check(
        context.env,
        allow_untrusted=inputs.allow_untrusted_trigger,
        allowed_actors=inputs.allowed_actors,
    )
    return Finding(name, "ok", f"the event `{event}` may start a run")


def checkout(context: Context) -> Finding:
    """Whether the job's token lies in the workspace."""
    surroundings.refuse_stored_token(context.workspace)
    if context.env.get("GITHUB_ACTIONS") != "true":
        return Finding("checkout", "not needed", "no workflow has started this")
    if not (context.workspace / ".git").exists():
        return Finding(
            "checkout",
            "warning",
            "the workspace is not a git repository",
            "Write a step `uses: actions/checkout@v5` before this one.",
        )
    return Finding("checkout", "ok", "the workspace holds no token of the job")


def sandbox(context: Context) -> Finding:
    """Whether the model's code can be contained: what a run proves at its beginning.

    In a folder of our own, so that neither the workspace nor the runner's folders are touched.
    """
    name = "sandbox"
    if not surroundings.SHIMS.is_dir():
        return Finding(name, "not checked", "only the action's image has what it takes")
    inputs = context.loaded.inputs
    owner = context.workspace.stat()
    with tempfile.TemporaryDirectory(prefix="oi-deploy-doctor-") as folder:
        os.chown(folder, owner.st_uid, owner.st_gid)
        with Sandbox(
            Path(folder),
            socket=surroundings.SOCKET,
            shims=surroundings.SHIMS,
            shield=(),
            private=context.private,
            open_network=context.loaded.policy.document.network == "open",
            allow_weaker=inputs.allow_weaker_sandbox,
        ) as opened:
            if opened.weaker:
                return Finding(name, "warning", opened.weaker)
            return Finding(
                name, "ok", f"the model's code runs as user {opened.user[0]}, without privileges"
            )


def disk(context: Context) -> Finding:
    """Whether there is room for images, and for the model's server if it has to be fetched.

    The root of a container is on the disk of the engine that keeps its images.
    """
    name, needed, what = "disk", _BUILDS, "images that are built"
    if context.settings.kind == "sibling":
        try:
            missing = context.image() is None
        except RunError:
            missing = False  # the engine's own row says so
        if missing:
            needed, what = needed + _SERVER_IMAGE, f"{what} and {context.settings.vllm_image}"
    free = min(shutil.disk_usage(path).free for path in (Path("/"), context.workspace))
    found = f"{gib(free)} are free; {what} need about {gib(needed)}"
    remedy = "Free space on the runner's disk: `docker system df` shows what images take."
    if free < _NOTHING_GOES:
        return Finding(name, "FAILED", found, remedy)
    if free < needed:
        return Finding(name, "warning", found, remedy)
    return Finding(name, "ok", found)
