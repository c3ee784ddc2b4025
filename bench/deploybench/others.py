"""Other agents on the same tasks: in a container, with plain docker, kubectl and every right.

Nothing stands between them and registry and cluster; the same verifiers look at what they leave.
They have no status of their own, so a task in which a run must fail passes if nothing is wrong
afterwards.
"""

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.deploybench import model
from bench.deploybench.agents import Run
from bench.deploybench.model import Server
from bench.deploybench.task import Task
from bench.deploybench.world import World
from devkit import images
from devkit.shell import ROOT, STATE, step, works

_IMAGES = Path(__file__).parent / "images"
_SOCKET = "/var/run/docker.sock"


@dataclass(frozen=True)
class Recipe:
    """How an agent is installed and called.

    Attributes:
        requirements: what is installed, with hashes.
        command: its command line.
        env: variables that it needs.
    """

    requirements: Path
    command: Callable[[Server, str], Sequence[str]]
    env: Callable[[Server], dict[str, str]]


# The article's call: the prompt comes on standard input. It knows no name of a local model, so
# prices and telemetry are what it would look up elsewhere.
_OPEN_INTERPRETER = Recipe(
    ROOT / "requirements.txt",
    lambda server, task: (
        "interpreter", "--api_base", server.api_base, "--model", server.model,
        "--api_key", server.api_key or "none", "-y",
    ),
    lambda server: {"DISABLE_TELEMETRY": "true", "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
)  # fmt: skip
# Its own configuration for models that write their commands as text; the class that reads them
# does not come with it.
_MINI_SWE_AGENT = Recipe(
    _IMAGES / "mini-swe-agent.txt",
    lambda server, task: (
        "mini", "--config", "mini_textbased.yaml", "--model-class", "litellm_textbased",
        "--model", f"openai/{server.model}",
        "--task", task, "--yolo", "--exit-immediately", "--cost-limit", "0",
    ),
    lambda server: {
        "OPENAI_API_BASE": server.api_base,
        "OPENAI_API_KEY": server.api_key or "none",
        "MSWEA_CONFIGURED": "true",
        "MSWEA_COST_TRACKING": "ignore_errors",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    },
)  # fmt: skip
RECIPES = {"open-interpreter": _OPEN_INTERPRETER, "mini-swe-agent": _MINI_SWE_AGENT}


class Other:
    """One of them."""

    def __init__(self, name: str, server: Server) -> None:
        """Build its image, if that is not there yet.

        Raises:
            DevkitError: it cannot be built.
        """
        self.name, self.model = name, server.model
        self._recipe, self._server = RECIPES[name], server
        self._image = f"oi-deploy-devkit/{name}"
        with step(f"building the image of {name}"), tempfile.TemporaryDirectory() as folder:
            context = Path(folder)
            shutil.copy(_IMAGES / "Dockerfile", context)
            shutil.copy(ROOT / "requirements-build.txt", context)
            shutil.copy(self._recipe.requirements, context / "requirements.txt")
            images.build(self._image, context)

    def run(self, task: Task, world: World) -> Run:
        """See `Agent`."""
        # In the article a shell reads the prompt first.
        prompt = task.text(world.host).replace("$(git rev-parse --short HEAD)", world.commit)
        called = f"oi-deploy-devkit-bench-{secrets.token_hex(4)}"
        env = {
            **self._recipe.env(self._server),
            "KUBECONFIG": "/root/.kube/config",
            "DOCKER_BUILDKIT": "0",
        }
        workspace = world.workspace
        command = (
            "docker", "run", "--rm", "--interactive", "--name", called,
            "--label", "oi-deploy.devkit=bench",
            "--volume", f"{_SOCKET}:{_SOCKET}",
            "--volume", f"{workspace}:{workspace}", "--workdir", str(workspace),
            "--volume", f"{world.cluster.kubeconfig}:/root/.kube/config:ro",
            "--volume", f"{STATE / 'docker'}:/root/.docker:ro",
            *(part for name in env for part in ("--env", name)),
            self._image, *self._recipe.command(self._server, prompt),
        )  # fmt: skip
        before, started = model.usage(self._server), time.monotonic()
        try:
            done = subprocess.run(  # noqa: S603 - our own command line
                command,
                env={**os.environ, **env},
                input=prompt,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                check=False,
                timeout=task.spec.limits.minutes * 60,
            )
            log = f"{done.stdout}\n[exit code {done.returncode}]"
        except subprocess.TimeoutExpired as late:
            log = f"{(late.stdout or b'').decode(errors='replace')}\n[ended after its time]"
        finally:
            works("docker", "rm", "--force", called)
        seconds = time.monotonic() - started
        used = [now - then for now, then in zip(model.usage(self._server), before, strict=True)]
        return Run(
            log=log,
            turns=used[0],
            prompt_tokens=used[1],
            completion_tokens=used[2],
            seconds=seconds,
            has_status=False,
        )
