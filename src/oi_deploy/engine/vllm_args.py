"""What a user gives in `vllm-args`, as vLLM's own parser reads it. Pure."""

import re
from collections.abc import Sequence

from oi_deploy.engine.interface import EngineSettings

_SHORT = {
    "-O": "--optimization-level",
    "-cc": "--compilation-config",
    "-tp": "--tensor-parallel-size",
    "-pp": "--pipeline-parallel-size",
    "-dp": "--data-parallel-size",
    "-q": "--quantization",
}


def context_length(settings: EngineSettings) -> int:
    """The context length in tokens that the server will have; 0 if vLLM is to find one."""
    values = given(settings.vllm_args).get("--max-model-len")
    if not values:
        return settings.max_model_len
    return int(values[0]) if values[0].isdecimal() else 0


def given(arguments: Sequence[str]) -> dict[str, list[str]]:
    """Which arguments the user gave, by the name that vLLM's parser gives them, with values.

    vLLM takes `--max_model_len` for `--max-model-len`, `--x.y` for a key of the JSON value of
    `--x`, `--no-x` for the opposite of `--x`, and `-O3` for `--optimization-level 3`
    (vllm/utils/argparse_utils.py).
    """
    found: dict[str, list[str]] = {}
    values: list[str] = []
    for argument in arguments:
        if not argument.startswith("-") or re.fullmatch(r"-\d+(\.\d+)?", argument):
            values.append(argument)
            continue
        name, _, value = argument.partition("=")
        name = name.partition(".")[0]
        if name.startswith("--"):
            name = name.replace("_", "-").replace("--no-", "--", 1)
        elif name.startswith("-O"):
            name = _SHORT["-O"]
        else:
            name = _SHORT.get(name, name)
        values = found.setdefault(name, [])
        values += [value] if value else []
    return found
