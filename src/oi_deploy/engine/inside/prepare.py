"""Looks whether vLLM can start, waits where waiting helps, and becomes vLLM.

    prepare gpu|cpu COMMAND...

The command is vLLM's; what to look at stands in its arguments. Each line of ours in the log begins
with `oi-deploy: `:

    oi-deploy: checking the model's files: 3.1 of 8.0 GB
    oi-deploy: waiting for GPU memory: GPU 0 (NVIDIA L4): 5.0 of 22.0 GiB are free, ...
    oi-deploy: cannot start: WHY -> REMEDY
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from oi_deploy.engine.inside.gpu_memory import wait_for_memory
from oi_deploy.engine.inside.hub_cache import from_hub
from oi_deploy.engine.inside.manifest import verify
from oi_deploy.engine.inside.model_files import check_model
from oi_deploy.engine.inside.words import Problem, option, say

# Where the hub's token lies that the container was given; read once and removed.
TOKEN = "/tmp/oi-deploy-hub-token"  # noqa: S105, S108


def prepare(command: Sequence[str], *, gpu: bool) -> "dict[str, str]":
    """Look at everything; return the variables of the server.

    Raises:
        Problem: it cannot start.
    """
    variables = dict(os.environ)
    try:
        variables["HF_TOKEN"] = Path(TOKEN).read_text()
        Path(TOKEN).unlink()
    except OSError:
        pass  # none was given, or an image's user that is not root may not remove it
    model, revision = option(command, "--model") or "", option(command, "--revision") or ""
    if not model.startswith("/"):
        variables.update(from_hub(model, revision, command, variables))
    elif not Path(model).is_file():
        # Other formats have other files, and `dummy` has none.
        if option(command, "--load-format") in (None, "auto", "hf", "safetensors"):
            say("checking the model's files")
            check_model(Path(model))
        verify(Path(model))
    if gpu:
        wait_for_memory(command)
    return variables


def main() -> int:
    """Return only if the server cannot start."""
    kind, *command = sys.argv[1:]
    try:
        variables = prepare(command, gpu=kind == "gpu")
    except Problem as problem:
        say(f"cannot start: {problem}")
        return 1
    except OSError as error:
        say(f"cannot start: {error.filename}: {error.strerror} -> Look at this file or its disk.")
        return 1
    say("starting vLLM")
    try:
        os.execvpe(command[0], command, variables)  # noqa: S606 - the container's own command
    except OSError as error:
        say(f"cannot start: {command[0]}: {error.strerror} -> Use a `vllm-image` with vLLM in it.")
        return 127


if __name__ == "__main__":
    sys.exit(main())
