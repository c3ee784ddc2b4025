"""How vLLM is started: tables of arguments and variables, each with its reason.

Checked against the source of vLLM 0.32. `python -m tests.engine_table` writes docs/engine.md anew.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from oi_deploy.engine import parsers
from oi_deploy.engine.interface import EngineSettings
from oi_deploy.engine.vllm_args import given
from oi_deploy.errors import RunError

_GIB = 1024**3


@dataclass(frozen=True)
class Machine:
    """What the server runs on.

    Attributes:
        cpus: logical ones.
        memory_bytes: all of it.
        cache: the server's folder that outlives it, for what is worth keeping; empty if none does.
    """

    cpus: int
    memory_bytes: int
    cache: str = ""


@dataclass(frozen=True)
class Flag:
    """One argument that we give.

    Attributes:
        name: as on the command line.
        reason: why it is given.
        value: its value; None if it takes none.
        wanted: whether these settings need it.
        when: the same in words; empty if always.
        yields_to: other arguments of the user that decide the same thing.
    """

    name: str
    reason: str
    value: Callable[[EngineSettings], str] | None = None
    wanted: Callable[[EngineSettings], bool] = lambda settings: True
    when: str = ""
    yields_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class Variable:
    """One environment variable that we set; see `Flag`."""

    name: str
    reason: str
    value: Callable[[EngineSettings, Machine], str]
    wanted: Callable[[EngineSettings, Machine], bool] = lambda settings, machine: True
    when: str = ""


@dataclass(frozen=True)
class Left:
    """Something that we leave to vLLM or to the user, and why."""

    name: str
    reason: str


FLAGS: tuple[Flag, ...] = (
    Flag("--model", "`vllm serve` and the module both take it", lambda s: s.model),
    Flag(
        "--revision",
        "what ran yesterday runs today; a hub branch may move",
        lambda s: s.model_revision,
        wanted=lambda s: bool(s.model_revision) and not s.model_is_path,
        when="a hub name",
    ),
    Flag(
        "--served-model-name",
        "one short name in requests and reports, whether the model is a name or a path",
        lambda s: default_served_name(s),
    ),
    Flag(
        "--max-model-len",
        "the model's own maximum (262144) would need 36 GiB of KV cache; what a length needs is "
        "computed below",
        lambda s: str(s.max_model_len),
    ),
    Flag(
        "--max-num-seqs",
        "a run asks one question at a time, and eight runs on one server are many; vLLM captures "
        "CUDA graphs for up to twice this number, so for 5 sizes instead of the 51 of its own "
        "default. How many run at once is the KV cache's doing: who finds no room in it waits",
        lambda s: "8",
    ),
    Flag("--enable-auto-tool-choice", "the agent works with tool calls only"),
    Flag(
        parsers.FLAG,
        "the form of calls that the model was trained for, by its name; see below",
        parsers.chosen,
    ),
    Flag(
        "--tool-strict-level",
        "where calls are constrained to the parser's own form, vLLM 0.32 otherwise lets their "
        "arguments be any JSON (vllm/tool_parsers/structural_tag_registry.py, "
        "`resolve_tool_strictness`)",
        lambda s: "parameter",
    ),
    Flag(
        "--generation-config",
        "the model's own file would set temperature 0.7 wherever a request sets none; ours ask for "
        "0, so that the same question has the same answer",
        lambda s: "vllm",
    ),
    Flag(
        "--structured-outputs-config",
        "constrained answers may otherwise be spaces up to the token limit "
        "(QwenLM/Qwen3#1700, vllm-project/vllm#38696)",
        lambda s: json.dumps(
            {"backend": "xgrammar", "disable_any_whitespace": True}, separators=(",", ":")
        ),
    ),
    Flag(
        "--tensor-parallel-size",
        "several listed GPUs share one model",
        lambda s: str(len(s.gpu_ids)),
        wanted=lambda s: len(s.gpu_ids) > 1,
        when="several GPUs are listed",
        yields_to=("--pipeline-parallel-size", "--data-parallel-size"),
    ),
    Flag(
        "--enforce-eager",
        "on a CPU, Inductor's compilation takes minutes and one run does not win them back",
        wanted=lambda s: s.gpus == "none",
        when="`gpus: none`",
        yields_to=("--optimization-level", "--compilation-config"),
    ),
    Flag(
        "--disable-uvicorn-access-log",
        "health checks would push the lines that matter out of the log's tail",
    ),
)

LEFT: tuple[Left, ...] = (
    Left(
        "prefix caching",
        "is on by default; all turns of a run, and all runs, begin with the same instruction",
    ),
    Left("CUDA graph sizes", "follow from `--max-num-seqs`"),
    Left(
        "`--quantization`",
        "FP8 halves the weights of the linear layers and changes answers, so it is the user's "
        "choice: `vllm-args: --quantization fp8_per_tensor`, or the name of an FP8 model",
    ),
    Left(
        "`--dtype`",
        "bfloat16 is what models are published in. A CPU without AVX512_BF16 or AMX multiplies 3.4 "
        "times as fast in float32, at twice the memory: `vllm-args: --dtype float32` reads prompts "
        "sooner there, and writes answers a little later",
    ),
    Left(
        "`--speculative-config`",
        "guesses from n-grams corrupt tool calls (vllm-project/vllm#40875, #56077), and a draft "
        "model takes memory from the KV cache; we know of none for the default model",
    ),
    Left(
        "`--gpu-memory-utilization`",
        "0.92 is right for a GPU that nobody else uses; the rest of it is KV cache for more runs",
    ),
)

VARIABLES: tuple[Variable, ...] = (
    Variable("VLLM_NO_USAGE_STATS", "nothing is reported to anybody", lambda s, m: "1"),
    Variable("DO_NOT_TRACK", "the same, for the libraries below vLLM", lambda s, m: "1"),
    Variable(
        "VLLM_ENFORCE_STRICT_TOOL_CALLING",
        "constrains a required call by its JSON schema, without white space, and not by Hermes' "
        "form: that one allows white space without end, which `disable_any_whitespace` does not "
        "change (vllm/v1/structured_output/backend_xgrammar.py, `compile_structural_tag`)",
        lambda s, m: "0",
        wanted=lambda s, m: parsers.chosen(s) in parsers.HERMES,
        when="the parser `hermes`",
    ),
    Variable(
        "HF_HOME",
        "weights from the hub outlive the server",
        lambda s, m: f"{m.cache}/huggingface",
        wanted=lambda s, m: bool(m.cache),
        when="a volume",
    ),
    Variable(
        "VLLM_CACHE_ROOT",
        "so do compiled graphs, tuning and the start-up plan",
        lambda s, m: f"{m.cache}/vllm",
        wanted=lambda s, m: bool(m.cache),
        when="a volume",
    ),
    Variable(
        "TRITON_CACHE_DIR",
        "and the kernels that are compiled outside of a graph, which VLLM_CACHE_ROOT leaves out",
        lambda s, m: f"{m.cache}/triton",
        wanted=lambda s, m: bool(m.cache) and s.gpus != "none",
        when="a volume and a GPU",
    ),
    Variable(
        "VLLM_ENABLE_STARTUP_PLAN",
        "remembers how much KV cache fits, and skips the measurement if nothing has changed and as "
        "much memory is free (vllm/v1/worker/startup_plan.py)",
        lambda s, m: "1",
        wanted=lambda s, m: s.gpus != "none",
        when="a GPU",
    ),
    Variable(
        "VLLM_ENGINE_READY_TIMEOUT_S",
        "vLLM gives up on its own workers after 600 s, which a first download of the weights may "
        "take; `engine-timeout` is the limit here",
        lambda s, m: "86400",
    ),
    Variable(
        "HF_HUB_OFFLINE",
        "a model folder needs no hub; without this, missing files are looked for there",
        lambda s, m: "1",
        wanted=lambda s, m: s.model_is_path,
        when="a folder",
    ),
    Variable(
        "TRANSFORMERS_OFFLINE",
        "the same, for transformers",
        lambda s, m: "1",
        wanted=lambda s, m: s.model_is_path,
        when="a folder",
    ),
    Variable(
        "VLLM_CPU_KVCACHE_SPACE",
        "in GiB; vLLM's default is a share of all memory, which is not free on a machine that "
        "also builds images. A fifth, at most 8: on a hosted runner's 16 GB that is 3 GiB, and one "
        "run of 16384 tokens of the default model needs 2.25",
        lambda s, m: str(min(8, max(1, m.memory_bytes // _GIB // 5))),
        wanted=lambda s, m: s.gpus == "none",
        when="`gpus: none`",
    ),
    Variable(
        "VLLM_CPU_OMP_THREADS_BIND",
        "by itself vLLM keeps one core free, which costs a small machine a third of its speed",
        lambda s, m: f"0-{m.cpus - 1}",
        wanted=lambda s, m: s.gpus == "none" and 1 < m.cpus <= 4,
        when="`gpus: none`, 2 to 4 CPUs",
    ),
)

_OURS = {
    "--model": "write `model:` instead",
    "--api-key": "every server of ours gets a key of its own",
    "--host": "the server listens on the loopback address",
    "--port": "a free port is chosen",
    "--uds": "the server listens on a port",
    "--root-path": "the API is expected at `/v1`",
    "--ssl-keyfile": "the server is reached over the loopback address, without TLS",
    "--ssl-certfile": "the server is reached over the loopback address, without TLS",
}


def default_served_name(settings: EngineSettings) -> str:
    """The name in requests if `vllm-args` names none: the model's last path part."""
    return settings.served_model_name or settings.model.rstrip("/").rpartition("/")[2]


def served_name(settings: EngineSettings) -> str:
    """The name that our server will answer to, `vllm-args` included."""
    values = given(settings.vllm_args).get("--served-model-name")
    return values[0] if values else default_served_name(settings)


def arguments(settings: EngineSettings, *, host: str, port: int) -> list[str]:
    """The server's argument vector, without the program. The user's arguments win over ours.

    Raises:
        RunError: `vllm-args` holds an argument without which we could not find the server.
    """
    user = given(settings.vllm_args)
    for name, why in _OURS.items():
        if name in user:
            raise RunError(
                f"input `vllm-args` holds `{name}`", why=why, remedy=f"Remove `{name}` from it."
            )
    result: list[str] = []
    for flag in FLAGS:
        if flag.wanted(settings) and not user.keys() & {flag.name, *flag.yields_to}:
            result += [flag.name] if flag.value is None else [flag.name, flag.value(settings)]
    return [*result, "--host", host, "--port", str(port), *settings.vllm_args]


_PASSED_ON = re.compile(
    r"(https?|no|all)_proxy|HF_ENDPOINT|HF_TOKEN|VLLM_(?!API_KEY$)\w+|NCCL_\w+|CUDA_\w+",
    re.IGNORECASE,
)


def environment(
    settings: EngineSettings, machine: Machine, *, job: Mapping[str, str]
) -> dict[str, str]:
    """The variables of the server, without its key.

    Of the job's own variables it sees only the way to the hub and vLLM's own, which win over
    ours. Inputs and the runner's tokens stay out.
    """
    ours = {v.name: v.value(settings, machine) for v in VARIABLES if v.wanted(settings, machine)}
    theirs = {name: value for name, value in job.items() if _PASSED_ON.fullmatch(name)}
    return ours | theirs
