"""SHA256SUMS: what it may hold, and a file that is not what it says."""

import hashlib
from pathlib import Path

import pytest

from oi_deploy.engine.inside.manifest import entries, verify
from oi_deploy.engine.inside.words import Problem

A, B = "a" * 64, "b" * 64


@pytest.fixture
def model(tmp_path: Path) -> Path:
    for name in ("config.json", "model.safetensors", r"odd \ name", "zwei\nZeilen"):
        (tmp_path / name).write_text(name)
    (tmp_path / "original").mkdir()
    (tmp_path / "original" / "params.json").write_text("{}")
    return tmp_path


def problem(folder: Path) -> str:
    with pytest.raises(Problem) as caught:
        verify(folder)
    return str(caught.value)


def write_manifest(folder: Path) -> None:
    """As sha256sum (coreutils 9.1) does."""
    lines = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(path.relative_to(folder))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        escaped = name.replace("\\", r"\\").replace("\n", r"\n")
        lines.append(f"{'' if escaped == name else chr(92)}{digest}  {escaped}\n")
    (folder / "SHA256SUMS").write_text("".join(lines))


def test_both_forms_of_sha256sum_are_read() -> None:
    text = f"{A}  config.json\n\n{B.upper()} *sub/model 1.safetensors\r\n"
    assert entries(text) == {"config.json": A, "sub/model 1.safetensors": B}
    assert entries(f"{A}  one\u2028name\n") == {"one\u2028name": A}


@pytest.mark.parametrize("line", ["nonsense", f"{A[1:]}  x", f"SHA256 (x) = {A}", f"{A}  "])
def test_a_line_that_is_none_is_an_error_with_its_number(line: str) -> None:
    with pytest.raises(Problem, match="line 2"):
        entries(f"{A}  x\n{line}\n")


@pytest.mark.parametrize("name", ["/etc/passwd", "../other/config.json"])
def test_it_lists_only_files_of_the_folder(name: str) -> None:
    with pytest.raises(Problem, match="not in the model's folder"):
        entries(f"{A}  {name}\n")


def test_what_sha256sum_has_written_is_verified(
    model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_manifest(model)
    verify(model)
    assert "oi-deploy: checking the model's files: 0.0 of 0.0 GB" in capfd.readouterr().out
    (model / "model.safetensors").write_text("model.safetensorz")
    (model / "zwei\nZeilen").write_text("")
    assert "model.safetensors, zwei\nZeilen are not what SHA256SUMS says" in problem(model)
    (model / "original" / "params.json").unlink()
    assert "original/params.json is listed in SHA256SUMS and missing" in problem(model)


def test_without_a_manifest_nothing_is_read(model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    verify(model)
    assert capfd.readouterr().out == ""
