"""Qwen/Qwen3-4B-Instruct-2507 without its weights.

Its own config.json, generation_config.json and tokenizer_config.json (with the chat template) lie
in `models/`, byte for byte (Apache-2.0). The sums are those under which git copies of the model
name them in their LFS pointers (chenQizhen1025/sentiment-support-model, commit 0fb6ef28).
"""

import json
import shutil
from pathlib import Path
from typing import Any

NAME = "Qwen3-4B-Instruct-2507"
FILES = Path(__file__).parent / "models" / NAME
SHA256 = {
    "config.json": "5beea1a4a34c62782bfb2f911c606741a3bab8f92d80a118fa053c28af12e8ba",
    "generation_config.json": "835fffe355c9438e7a25be099b3fccaa98350b83451f9fd2d99512e74f1ade48",
    "tokenizer_config.json": "a62ff0a2472a0fa1b8eaabcb57c59b58afa42a22831dc141400b6e0cf2b65ce3",
}
CONFIG: dict[str, Any] = json.loads((FILES / "config.json").read_text(encoding="utf-8"))
# What Qwen3 has added to the vocabulary of Qwen2.5.
_ADDED = {
    151665: "<tool_response>",
    151666: "</tool_response>",
    151667: "<think>",
    151668: "</think>",
}


def numbers() -> tuple[int, int]:
    """How many numbers the weights are, and how many of them are in linear layers."""
    hidden, inner, size = CONFIG["hidden_size"], CONFIG["intermediate_size"], CONFIG["head_dim"]
    heads, own = CONFIG["num_attention_heads"] * size, CONFIG["num_key_value_heads"] * size
    linear = hidden * heads + 2 * hidden * own + heads * hidden + 3 * hidden * inner
    norms = 2 * hidden + 2 * size
    layers = CONFIG["num_hidden_layers"]
    everything = layers * (linear + norms) + CONFIG["vocab_size"] * hidden + hidden
    return everything, layers * linear


def write(folder: Path, qwen2: Path) -> Path:
    """Write a model folder for `--load-format dummy`; return it.

    Args:
        folder: where to.
        qwen2: the folder of a Qwen2.5 model. Its tokenizer.json has the same vocabulary and merges.
    """
    folder.mkdir(parents=True)
    for name in SHA256:
        shutil.copy(FILES / name, folder)
    tokenizer = json.loads((qwen2 / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = {number: token for token, number in tokenizer["model"]["vocab"].items()}
    vocabulary |= _ADDED
    tokenizer["model"]["vocab"] = {token: number for number, token in vocabulary.items()}
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
    tokenizer["added_tokens"] += [
        {"id": number, "content": token, **flags} for number, token in _ADDED.items()
    ]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    return folder
