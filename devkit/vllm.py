"""An image with vLLM for the CPU, so that the action starts its server here as on a GPU runner."""

import shutil
import sys
import tempfile
from pathlib import Path

from devkit import images
from devkit.shell import CACHE, ROOT, DevkitError, call, step

IMAGE = "oi-deploy-devkit/vllm-cpu:0.32.0"

_SOURCE = ROOT / "devkit" / "vllm_cpu"
_TORCH = "torch==2.13.0"
_TORCH_INDEX = "https://download.pytorch.org/whl/cpu"


def up() -> str:
    """Have the image; return its name."""
    if not images.present(IMAGE):
        with (
            step(f"building {IMAGE} (about 3 GB are fetched)"),
            tempfile.TemporaryDirectory() as folder,
        ):
            context = Path(folder)
            (context / "torch").mkdir()
            shutil.copy(_torch(), context / "torch")
            for name in ("Dockerfile", "lock.txt"):
                shutil.copy(_SOURCE / name, context)
            images.build(IMAGE, context, "--label", "oi-deploy.devkit=vllm")
    return IMAGE


def _torch() -> Path:
    """The wheel of torch's build for the CPU.

    Raises:
        DevkitError: neither this machine's pip sources nor PyTorch's index have it.
    """
    folder = CACHE / "torch"
    found = list(folder.glob("torch-*+cpu-*.whl"))
    if found:
        return found[0]
    folder.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder)]
    options = ["--only-binary=:all:", "--python-version=3.11"]
    for sources in (["--no-index"], ["--index-url", _TORCH_INDEX]):
        try:
            call(*pip, *options, *sources, _TORCH)
        except DevkitError as error:
            problem = error
        else:
            return next(folder.glob("torch-*+cpu-*.whl"))
    raise problem
