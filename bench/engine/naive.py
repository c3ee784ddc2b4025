"""The start that the seed has: Open Interpreter's own command, as pip installs it."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import docker

from bench.engine.figures import instant
from devkit import engine, images
from devkit.scripted_model import MODEL, ScriptedModel
from devkit.shell import ROOT, DevkitError, call, step, works

_STAGE = "oi-deploy-bench/open-interpreter"
_NAME = "oi-deploy-bench-naive"
_LIMIT_S = 120.0
_POLL_S = 0.01


@contextmanager
def image() -> Iterator[str]:
    """An image with all packages of the action's, none taken out, and their modules compiled."""
    compiled = f"{_STAGE}:compiled"
    with step("building an image with the whole of Open Interpreter"):
        images.build(_STAGE, ROOT, "--target", "all-packages", "--label", "oi-deploy.devkit=bench")
        works("docker", "rm", "--force", _NAME)
        # pip compiles when it installs; the action's build has it leave that out.
        call(
            "docker", "run", "--name", _NAME, "--entrypoint", "/opt/venv/bin/python",
            "--env", "DISABLE_TELEMETRY=true", _STAGE, "-c", "import interpreter",
        )  # fmt: skip
        call("docker", "commit", _NAME, compiled)
        call("docker", "rm", _NAME)
    try:
        yield compiled
    finally:
        works("docker", "image", "rm", compiled)


def first_question(image: str, prompt: str) -> float:
    """Seconds from a container's start to the first request, with a server that is there.

    Raises:
        DevkitError: it does not come.
    """
    client = docker.from_env()
    with ScriptedModel([], host=engine.gateway()) as model:
        process = subprocess.Popen(  # noqa: S603 - our own words
            [
                *("docker", "run", "--rm", "--interactive", "--name", _NAME),
                # Without any key its client refuses to ask.
                *("--env", "DISABLE_TELEMETRY=true", "--env", "OPENAI_API_KEY=none"),
                *("--entrypoint", "/opt/venv/bin/interpreter"),
                *(image, "--api_base", model.base_url, "--model", MODEL, "-y"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdin  # noqa: S101 - asked for above
        process.stdin.write(prompt)
        process.stdin.close()
        limit = time.monotonic() + _LIMIT_S
        try:
            while not model.headers:
                if time.monotonic() > limit or process.poll() is not None:
                    raise DevkitError("Open Interpreter's command has asked nothing")
                time.sleep(_POLL_S)
            asked = time.time()
            stamp = client.api.inspect_container(_NAME)["State"]["StartedAt"]
            return asked - instant(stamp)
        finally:
            works("docker", "rm", "--force", _NAME)
            process.wait()
            client.close()
