"""Which of vLLM's tool-call parsers a model wants, by its name. Pure.

The parser is more than a reader: vLLM 0.32 constrains a required call to the form of the parser
that the server was started with (vllm/parser/abstract_parser.py, `_apply_structural_tag`). With the
wrong one an answer is a well-formed call all the same, in a form that the model was not made for.
"""

import re
from dataclasses import dataclass

from oi_deploy.engine.interface import EngineSettings
from oi_deploy.engine.vllm_args import given

FLAG = "--tool-call-parser"
# The form of most models that write JSON between tags; also what an unknown one is asked for.
ASSUMED = "hermes"
# Both are this form's (vllm/tool_parsers/__init__.py).
HERMES = ("hermes", "qwen3_json")


@dataclass(frozen=True)
class Family:
    """Models that write their calls in the same form.

    Attributes:
        pattern: found in the last part of the model's name, whatever its case.
        parser: vLLM's name for the form.
        models: which these are, for people.
    """

    pattern: str
    parser: str
    models: str


# The first that matches. From vLLM's docs/features/tool_calling.md and the names that vLLM 0.32 has
# (vllm/tool_parsers/__init__.py).
FAMILIES: tuple[Family, ...] = (
    Family(r"hermes", "hermes", "Nous Hermes"),
    Family(r"xlam", "xlam", "xLAM"),
    Family(r"qwen3-coder|qwen3\.\d", "qwen3_coder", "Qwen3-Coder, Qwen3.5 and later"),
    Family(r"qwen|qwq", "hermes", "Qwen2.5, QwQ, Qwen3"),
    Family(r"llama-?4", "llama4_pythonic", "Llama 4"),
    Family(r"llama-?3", "llama3_json", "Llama 3.1, 3.2, 3.3"),
    Family(r"mistral|mixtral|ministral|magistral|devstral", "mistral", "Mistral AI's models"),
    Family(r"phi-?4-mini", "phi4_mini_json", "Phi-4-mini"),
    Family(r"granite-20b-functioncalling", "granite-20b-fc", "Granite 20B Function Calling"),
    Family(r"granite-?4", "granite4", "Granite 4"),
    Family(r"granite-?3", "granite", "Granite 3"),
    Family(r"deepseek-v4\.1", "deepseek_v41", "DeepSeek V4.1"),
    Family(r"deepseek-v4", "deepseek_v4", "DeepSeek V4"),
    Family(r"deepseek-v3\.2", "deepseek_v32", "DeepSeek V3.2"),
    Family(r"deepseek-v3\.1", "deepseek_v31", "DeepSeek V3.1"),
    Family(r"deepseek-(v3|r1)(?!-distill)", "deepseek_v3", "DeepSeek V3, R1"),
    Family(r"gpt-oss", "openai", "gpt-oss"),
    Family(r"glm-4\.7", "glm47", "GLM-4.7"),
    Family(r"glm-4\.[56]", "glm45", "GLM-4.5, GLM-4.6"),
    Family(r"kimi-k2", "kimi_k2", "Kimi K2"),
    Family(r"kimi-k3", "kimi_k3", "Kimi K3"),
    Family(r"minimax-m2", "minimax_m2", "MiniMax M2"),
    Family(r"minimax-m3", "minimax_m3", "MiniMax M3"),
    Family(r"functiongemma", "functiongemma", "FunctionGemma"),
    Family(r"gemma-?4", "gemma4", "Gemma 4"),
    Family(r"internlm2_5", "internlm", "InternLM 2.5"),
    Family(r"jamba", "jamba", "Jamba"),
    Family(r"hunyuan-a13b", "hunyuan_a13b", "Hunyuan A13B"),
    Family(r"ernie-4\.5", "ernie45", "ERNIE 4.5"),
    Family(r"seed-oss", "seed_oss", "Seed-OSS"),
    Family(r"olmo-3", "olmo3", "Olmo 3"),
    Family(r"lfm2", "lfm2", "LFM2"),
    Family(r"longcat", "longcat", "LongCat"),
    Family(r"mimo", "mimo", "MiMo"),
    Family(r"apertus", "apertus", "Apertus"),
)


def family(model: str) -> Family | None:
    """The family of a model; None if its name says nothing.

    Args:
        model: a hub name or a folder.
    """
    name = model.rstrip("/").rpartition("/")[2].lower()
    return next((one for one in FAMILIES if re.search(one.pattern, name)), None)


def chosen(settings: EngineSettings) -> str:
    """The parser that the server will have: the user's, the model's, or what is assumed."""
    if user := given(settings.vllm_args).get(FLAG):
        return user[0]
    found = family(settings.model)
    return found.parser if found else ASSUMED


def remark(settings: EngineSettings) -> str:
    """What to tell people where the parser was only assumed; else empty."""
    if FLAG in given(settings.vllm_args) or family(settings.model):
        return ""
    return (
        f"no tool-call parser is known for `{settings.model}`; `{ASSUMED}` is assumed. Its calls "
        f"are well-formed all the same; if the model has another form, write: "
        f"`vllm-args: {FLAG} NAME`"
    )
