"""Weights from the hub: whether the cache has them, so that the hub need not be asked."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from oi_deploy.engine.inside.model_files import weights, wrong_size
from oi_deploy.engine.inside.words import Problem, option, say

_TOKENIZERS = re.compile(r"tokenizer\.(json|model)|vocab\.(json|txt)|tekken\.json|.*\.tiktoken")
_COMMIT = re.compile(r"[0-9a-f]{40}")
# With these, vLLM may want files of other repositories too.
_OTHER_REPOSITORIES = (
    "--tokenizer",
    "--hf-config-path",
    "--speculative-config",
    "--lora-modules",
    "--trust-remote-code",
)


def from_hub(
    model: str, revision: str, command: Sequence[str], variables: Mapping[str, str]
) -> "dict[str, str]":
    """The variables that keep vLLM from asking the hub, if the cache has all that it would fetch.

    A branch may have moved, and only the hub knows: without the revision's full name it is asked.
    """
    if variables.get("VLLM_USE_MODELSCOPE", "").lower() in ("1", "true"):
        return {}  # another hub, with a cache of its own
    home = Path(variables.get("HF_HOME") or "~/.cache/huggingface").expanduser()
    cache = Path(variables.get("HF_HUB_CACHE") or home / "hub")
    repository = cache / f"models--{model.replace('/', '--')}"
    pinned = bool(_COMMIT.fullmatch(revision))
    if not pinned:
        reference = repository / "refs" / (revision or "main")
        revision = reference.read_text().strip() if reference.is_file() else "none"
    snapshot = repository / "snapshots" / revision
    if _whole(snapshot):
        alone = all(option(command, name) is None for name in _OTHER_REPOSITORIES)
        if pinned and alone:
            say(f"{model} is in the cache, whole; the hub is not asked")
            return {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
        return {}
    here = 0
    for blob in repository.glob("blobs/*"):
        with suppress(FileNotFoundError):  # another server has just fetched it, and names it anew
            here += blob.stat().st_size
    hub = re.sub("//[^/]*@", "//", variables.get("HF_ENDPOINT") or "https://huggingface.co")
    so_far = f"; {here / 1e9:.1f} GB are here already" if here else ""
    say(f"fetching weights from {hub}{so_far}")
    return {}


def _whole(snapshot: Path) -> bool:
    """Whether a snapshot of the cache has all; what is broken in it is removed, to be fetched."""
    names = sorted(path.name for path in snapshot.glob("*"))
    try:
        needed = [snapshot / name for name in weights(snapshot, names)]
    except Problem:
        return False
    for path in needed:
        # The hub's client takes a file that is there for whole.
        if path.exists() and (wrong := wrong_size(path)):
            say(f"{path.name} in the cache {wrong}; it is fetched again")
            path.resolve().unlink()
            path.unlink(missing_ok=True)
    return (
        bool(needed)
        and "config.json" in names
        and any(_TOKENIZERS.fullmatch(name) for name in names)
        and all(path.exists() for path in needed)
    )
