"""A model's folder that is not whole, and what a person is told."""

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from oi_deploy.engine.inside.model_files import check_model, weights
from oi_deploy.engine.inside.words import Problem
from tests.integration import tiny_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny_model.write(tmp_path / "model")


def problem(folder: Path) -> str:
    with pytest.raises(Problem) as caught:
        check_model(folder)
    return str(caught.value)


def sharded(folder: Path, *present: int) -> None:
    """Make it a model of three files, of which some are there."""
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").unlink()
    for number in present:
        (folder / f"model-0000{number}-of-00003.safetensors").write_bytes(whole)


def test_a_whole_model_is_one(model: Path) -> None:
    check_model(model)
    sharded(model, 1, 2, 3)
    check_model(model)


def test_there_is_no_such_folder(tmp_path: Path) -> None:
    assert f"there is no folder {tmp_path}/none" in problem(tmp_path / "none")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_what_is_missing_is_named_with_the_download_that_broke_off(model: Path, name: str) -> None:
    (model / name).rename(model / f"{name}.incomplete")
    said = problem(model)
    assert f"unfinished download is there: {name}.incomplete" in said
    assert f"hf download NAME --local-dir {model}" in said


def test_the_unfinished_downloads_of_the_hub_s_own_program_are_found(model: Path) -> None:
    downloads = model / ".cache/huggingface/download"
    downloads.mkdir(parents=True)
    (model / "model.safetensors").rename(downloads / "model.safetensors.abc.incomplete")
    assert "model.safetensors.abc.incomplete" in problem(model)


def test_an_old_leftover_beside_a_whole_model_does_no_harm(model: Path) -> None:
    (model / "model.safetensors.partial").touch()
    check_model(model)


def test_parts_that_the_index_lists_and_nobody_has_fetched(model: Path) -> None:
    sharded(model, 1, 3)
    names = [f"model-0000{number}-of-00003.safetensors" for number in (1, 2, 3)]
    (model / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {f"layer.{name}": name for name in names}})
    )
    said = problem(model)
    assert "model-00002-of-00003.safetensors" in said
    assert "3 files of weights is missing" in said


def test_without_an_index_the_names_tell_how_many_parts_there_are(model: Path) -> None:
    sharded(model, 1)
    said = problem(model)
    assert "model-00002-of-00003.safetensors, model-00003-of-00003.safetensors" in said


def test_an_index_that_broke_off_is_named(model: Path) -> None:
    (model / "model.safetensors.index.json").write_text('{"weight_map": {"a": "mod')
    assert "model.safetensors.index.json is broken" in problem(model)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data[:-1], "is cut off: "),
        (lambda data: data[:100], "is cut off: only 100 bytes"),
        (lambda data: b"", "is cut off: only 0 bytes"),
        (lambda data: data + b"x", "is broken: it has"),
        (lambda data: b"<!DOCTYPE html><html>" + data, "is broken: it does not begin as"),
        (lambda data: struct.pack("<Q", 4) + b"null", "is broken: it does not begin as"),
    ],
)
def test_weights_of_another_length_than_their_header_says(
    model: Path, change: Callable[[bytes], bytes], said: str
) -> None:
    path = model / "model.safetensors"
    path.write_bytes(change(path.read_bytes()))
    assert f"{path} {said}" in problem(model)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_pointer_of_git_lfs_is_no_file(model: Path, name: str) -> None:
    (model / name).write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 3963750816\n"
    )
    said = problem(model)
    assert f"{model / name} is only a pointer of Git LFS" in said
    assert f"`git lfs pull` in {model}" in said


def test_a_link_that_leads_out_of_what_the_server_sees(model: Path) -> None:
    path = model / "model.safetensors"
    path.unlink()
    path.symlink_to("../../blobs/4d7a")
    said = problem(model)
    assert f"{path} is a link to ../../blobs/4d7a" in said
    assert "`cp -rL`" in said


def test_a_model_in_an_older_format_is_one(model: Path) -> None:
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    check_model(model)
    (model / "pytorch_model.bin").write_bytes(b"")
    assert "pytorch_model.bin is empty" in problem(model)


def test_vllm_reads_safetensors_where_there_are_both(model: Path) -> None:
    (model / "pytorch_model.bin").touch()
    names = sorted(path.name for path in model.iterdir())
    assert weights(model, names) == ["model.safetensors"]
