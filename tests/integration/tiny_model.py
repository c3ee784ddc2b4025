"""A Qwen2 checkpoint with random weights: nonsense, but real for vLLM, and ready at once."""

import json
import math
import random
import struct
from pathlib import Path

_HIDDEN, _INNER, _LAYERS, _HEADS, _KV_HEADS = 64, 128, 2, 2, 1
_SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_VOCABULARY = 256 + len(_SPECIAL)
_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write(folder: Path, *, likes: str = "") -> Path:
    """Write configuration, tokenizer and weights; return the folder.

    With `likes`, one ASCII character, it writes that wherever its grammar allows it: an answer with
    a string in it goes on up to the limit of tokens.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in (
        ("config.json", _config()),
        ("tokenizer.json", _tokenizer()),
        (
            "tokenizer_config.json",
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "eos_token": "<|im_end|>",
                "pad_token": "<|endoftext|>",
                "chat_template": _TEMPLATE,
            },
        ),
    ):
        (folder / name).write_text(json.dumps(document), encoding="utf-8")
    (folder / "model.safetensors").write_bytes(_weights(likes))
    return folder


def _config() -> dict[str, object]:
    return {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "hidden_size": _HIDDEN,
        "intermediate_size": _INNER,
        "num_hidden_layers": _LAYERS,
        "num_attention_heads": _HEADS,
        "num_key_value_heads": _KV_HEADS,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "max_position_embeddings": 4096,
        "vocab_size": _VOCABULARY,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "bos_token_id": 256,
        "eos_token_id": 258,
    }


def _tokenizer() -> dict[str, object]:
    """One token for each byte, under the names that byte-level tokenizers give them."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    names = [chr(byte if byte in printable else next(others)) for byte in range(256)]
    by_bytes = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False}
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {
        "version": "1.0",
        "added_tokens": [
            {"id": 256 + index, "content": text, "special": True, **flags}
            for index, text in enumerate(_SPECIAL)
        ],
        "pre_tokenizer": {**by_bytes, "use_regex": True},
        "decoder": {**by_bytes, "use_regex": True},
        "model": {
            "type": "BPE",
            "vocab": {name: number for number, name in enumerate(names)},
            "merges": [],
        },
    }


def _weights(likes: str) -> bytes:
    """All tensors in the safetensors format: header length, JSON header, data."""
    width = _HIDDEN // _HEADS
    shapes = {"model.embed_tokens.weight": [_VOCABULARY, _HIDDEN], "model.norm.weight": [_HIDDEN]}
    for number in range(_LAYERS):
        layer = {
            "self_attn.q_proj.weight": [_HIDDEN, _HIDDEN],
            "self_attn.q_proj.bias": [_HIDDEN],
            "self_attn.k_proj.weight": [_KV_HEADS * width, _HIDDEN],
            "self_attn.k_proj.bias": [_KV_HEADS * width],
            "self_attn.v_proj.weight": [_KV_HEADS * width, _HIDDEN],
            "self_attn.v_proj.bias": [_KV_HEADS * width],
            "self_attn.o_proj.weight": [_HIDDEN, _HIDDEN],
            "mlp.gate_proj.weight": [_INNER, _HIDDEN],
            "mlp.up_proj.weight": [_INNER, _HIDDEN],
            "mlp.down_proj.weight": [_HIDDEN, _INNER],
            "input_layernorm.weight": [_HIDDEN],
            "post_attention_layernorm.weight": [_HIDDEN],
        }
        shapes |= {f"model.layers.{number}.{name}": shape for name, shape in layer.items()}
    numbers = random.Random(0)
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    data = bytearray()
    for name, shape in shapes.items():
        begin = len(data)
        for index in range(math.prod(shape)):
            value = numbers.gauss(0, 0.05)
            # Only the first of a token's numbers reaches the end, and one token has more of it.
            if likes and name == "model.embed_tokens.weight" and index % _HIDDEN == 0:
                value = 16.0 if index == ord(likes) * _HIDDEN else 8.0
            if likes and name == "model.norm.weight":
                value = float(index == 0)
            data += struct.pack("<f", value)[2:]  # bfloat16: the upper half
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data
