"""An image with vLLM for the CPU, so that the action starts its server here as on a GPU runner."""

import hashlib
import shutil
import sys
import tempfile
from pathlib import Path

from devkit import images
from devkit.shell import CACHE, ROOT, DevkitError, call, step

IMAGE = "oi-deploy-devkit/vllm-cpu:0.32.0"

_SOURCE = ROOT / "devkit" / "vllm_cpu"
_TORCH = "torch==2.13.0+cpu"
# Of torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl in PyTorch's index.
_TORCH_SHA256 = "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"
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
    """The wheel of torch's build for the CPU, as PyTorch publishes it.

    Raises:
        DevkitError: neither this machine's pip sources nor PyTorch's index have it, or it is not
            the one that was published.
    """
    folder = CACHE / "torch"
    pattern = f"{_TORCH.replace('==', '-')}-*.whl"
    if not list(folder.glob(pattern)):
        _fetch_torch(folder)
    wheel = next(folder.glob(pattern))
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != _TORCH_SHA256:
        wheel.unlink()
        raise DevkitError(f"{wheel.name}: the file has sha256 {found}, not {_TORCH_SHA256}")
    return wheel


def _fetch_torch(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder)]
    options = ["--only-binary=:all:", "--python-version=3.11"]
    for sources in (["--no-index"], ["--index-url", _TORCH_INDEX]):
        try:
            call(*pip, *options, *sources, _TORCH)
        except DevkitError as error:
            problem = error
        else:
            return
    raise problem
