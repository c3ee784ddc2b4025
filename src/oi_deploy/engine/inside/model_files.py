"""Whether a model's files are whole, as far as one can see without reading the weights.

vLLM would find the same later, and say it in a stack trace.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from oi_deploy.engine.inside.words import Problem

_INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_OTHER_WEIGHTS = (".bin", ".pt", ".pth")
# What huggingface_hub, browsers, wget's and curl's wrappers and aria2 call an unfinished download.
_UNFINISHED = (".incomplete", ".partial", ".part", ".crdownload", ".aria2", ".tmp")
_NUMBERED = re.compile(r"(?P<stem>.+)-(?P<part>\d+)-of-(?P<parts>\d+)\.safetensors")
_LFS = b"version https://git-lfs.github.com/spec/"
_LFS_MOST = 1024
# The format's own limit (safetensors, MAX_HEADER_SIZE).
_HEADER_MOST = 100_000_000


def check_model(folder: Path) -> None:
    """Look whether a model's folder is whole, as far as one can see without reading the weights.

    Raises:
        Problem: it is not.
    """
    if not folder.is_dir():
        raise Problem(f"there is no folder {folder}", "Correct `model`.")
    names = sorted(path.name for path in folder.iterdir())
    if "config.json" in names:
        _json(folder / "config.json")
    elif "params.json" not in names:  # Mistral's own format has that one
        raise Problem(
            f"there is no config.json in {folder}{_unfinished(folder)}",
            "Correct `model`: a folder with config.json, *.safetensors and the tokenizer. "
            + again(folder),
        )
    for name in names:
        _refuse_pointer(folder / name)
    needed = weights(folder, names)
    if not needed:
        raise Problem(f"there are no weights in {folder}{_unfinished(folder)}", again(folder))
    missing = [name for name in needed if not (folder / name).exists()]
    for name in missing:
        if (folder / name).is_symlink():
            raise Problem(
                f"{folder / name} is a link to {(folder / name).readlink()}, which is not there",
                "The server sees only the model's folder. Write the files themselves into it "
                "(`cp -rL`), or a hub name: `model: Qwen/Qwen3-4B-Instruct-2507`",
            )
    if missing:
        raise Problem(
            f"{some(missing)} of the model's {len(needed)} files of weights "
            f"{are(missing)} missing in {folder}{_unfinished(folder)}",
            again(folder),
        )
    for name in needed:
        if wrong := wrong_size(folder / name):
            raise Problem(f"{folder / name} {wrong}{_unfinished(folder)}", again(folder))


def weights(folder: Path, names: Sequence[str]) -> "list[str]":
    """The files of weights that a model with these files needs, whether they are there or not."""
    found = [name for name in names if name.endswith(".safetensors")]
    others = [name for name in names if name.endswith(_OTHER_WEIGHTS)]
    for index, files in zip(_INDEXES, (found, others), strict=True):
        # vLLM takes .safetensors if there is one, whatever else there is.
        if index in names and (files or not (found or others)):
            parts = _json(folder / index).get("weight_map")
            if isinstance(parts, dict) and parts:
                return sorted({str(name) for name in parts.values()})
            raise Problem(f"{folder / index} names no files", again(folder))
    needed = set(found or others)
    for name in found:
        if match := _NUMBERED.fullmatch(name):
            stem, part, parts = match.groups()
            needed |= {
                f"{stem}-{number:0{len(part)}}-of-{parts}.safetensors"
                for number in range(1, int(parts) + 1)
            }
    return sorted(needed)


def wrong_size(path: Path) -> str:
    """What is wrong with the size of a file of weights; empty if nothing is, or nobody can tell."""
    size = path.stat().st_size
    if path.suffix != ".safetensors":
        return "" if size else "is empty"
    with path.open("rb") as file:
        return wrong_safetensors(size, file)


def wrong_safetensors(size: int, file: IO[bytes]) -> str:
    """The same for a .safetensors file, of which only the beginning is read.

    It begins with the length of its header, in 8 bytes; the header says where in the rest each
    tensor ends (github.com/safetensors/safetensors, "Format").
    """
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or (length <= _HEADER_MOST and size < 8 + length):
        return f"is cut off: only {size} bytes are there"
    try:
        if length > _HEADER_MOST:
            raise ValueError
        header = json.loads(file.read(length))
        ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name[:2] != "__"]
        whole = 8 + length + max(ends, default=0)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return "is broken: it does not begin as a .safetensors file does"
    if size < whole:
        return f"is cut off: {size} of its {whole} bytes are there"
    return f"is broken: it has {size} bytes, and its header says {whole}" if size > whole else ""


def _refuse_pointer(path: Path) -> None:
    if path.is_file() and path.stat().st_size < _LFS_MOST and path.read_bytes().startswith(_LFS):
        raise Problem(
            f"{path} is only a pointer of Git LFS; its content was never fetched",
            f"Run `git lfs pull` in {path.parent}, on the machine that has it.",
        )


def _json(path: Path) -> "dict[str, object]":
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Problem(f"{path} cannot be read: {error.strerror}", "Correct its rights.") from error
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Problem(f"{path} is broken: it holds no JSON object", again(path.parent))
    return found


def _unfinished(folder: Path) -> str:
    """Names an unfinished download, which explains what is missing."""
    # `hf download --local-dir` keeps its own in there.
    found = [*folder.glob("*"), *folder.glob(".cache/huggingface/download/**/*")]
    left = sorted(path for path in found if path.name.endswith(_UNFINISHED))
    return f" (an unfinished download is there: {left[0].relative_to(folder)})" if left else ""


def again(folder: Path) -> str:
    """The remedy for files that are not as they should be."""
    return (
        "Copy the model again, or let the download go on, on the machine that has the folder: "
        f"`hf download NAME --local-dir {folder}`"
    )


def some(names: Sequence[str]) -> str:
    """Names as people read them; of many, the first."""
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")


def are(names: Sequence[str]) -> str:
    """The verb after them."""
    return "is" if len(names) == 1 else "are"
