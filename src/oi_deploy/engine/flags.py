"""How vLLM is started: one table of arguments and one of variables, each with its reason."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from oi_deploy.engine.interface import EngineSettings
from oi_deploy.errors import RunError

_GIB = 1024**3


@dataclass(frozen=True)
class Machine:
    """The machine that the server runs on: logical CPUs, and memory in bytes."""

    cpus: int
    memory_bytes: int


@dataclass(frozen=True)
class Flag:
    """One argument that we give.

    Attributes:
        name: as on the command line.
        reason: why it is given.
        value: its value; None if it takes none.
        wanted: whether these settings need it.
        yields_to: other arguments of the user that decide the same thing.
    """

    name: str
    reason: str
    value: Callable[[EngineSettings], str] | None = None
    wanted: Callable[[EngineSettings], bool] = lambda settings: True
    yields_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class Variable:
    """One environment variable that we set, and why."""

    name: str
    reason: str
    value: Callable[[EngineSettings, Machine], str]
    wanted: Callable[[EngineSettings, Machine], bool] = lambda settings, machine: True


FLAGS: tuple[Flag, ...] = (
    Flag("--model", "`vllm serve` and the module both take it", lambda s: s.model),
    Flag(
        "--revision",
        "what ran yesterday runs today; a hub branch may move",
        lambda s: s.model_revision,
        wanted=lambda s: bool(s.model_revision) and not s.model_is_path,
    ),
    Flag(
        "--served-model-name",
        "one short name in requests and reports, whether the model is a name or a path",
        lambda s: default_served_name(s),
    ),
    Flag(
        "--max-model-len",
        "the model's own maximum (262144) would need 39 GB of KV cache",
        lambda s: str(s.max_model_len),
    ),
    Flag(
        "--max-num-seqs",
        "one agent asks one question at a time; fewer CUDA graphs to capture, less cache to plan",
        lambda s: "2",
    ),
    Flag("--enable-auto-tool-choice", "the agent works with tool calls only"),
    Flag("--tool-call-parser", "Qwen's JSON calls have Hermes' form", lambda s: "hermes"),
    Flag(
        "--generation-config",
        "the model's own file would set temperature 0.7 wherever a request sets none",
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
        yields_to=("--pipeline-parallel-size", "--data-parallel-size"),
    ),
    Flag(
        "--enforce-eager",
        "on a CPU, Inductor's compilation takes minutes and one run does not win them back",
        wanted=lambda s: s.gpus == "none",
        yields_to=("--optimization-level", "--compilation-config"),
    ),
    Flag(
        "--disable-uvicorn-access-log",
        "health checks would push the lines that matter out of the log's tail",
    ),
)

VARIABLES: tuple[Variable, ...] = (
    Variable("VLLM_NO_USAGE_STATS", "nothing is reported to anybody", lambda s, m: "1"),
    Variable("DO_NOT_TRACK", "the same, for the libraries below vLLM", lambda s, m: "1"),
    Variable(
        "HF_HUB_OFFLINE",
        "a model folder needs no hub; without this, missing files are looked for there",
        lambda s, m: "1",
        wanted=lambda s, m: s.model_is_path,
    ),
    Variable(
        "TRANSFORMERS_OFFLINE",
        "the same, for transformers",
        lambda s, m: "1",
        wanted=lambda s, m: s.model_is_path,
    ),
    Variable(
        "VLLM_CPU_KVCACHE_SPACE",
        "in GiB; vLLM's default is a share of all memory, which is not free on a machine that "
        "also builds images",
        lambda s, m: str(min(8, max(1, m.memory_bytes // _GIB // 6))),
        wanted=lambda s, m: s.gpus == "none",
    ),
    Variable(
        "VLLM_CPU_OMP_THREADS_BIND",
        "by itself vLLM keeps one core free, which costs a small machine a third of its speed",
        lambda s, m: f"0-{m.cpus - 1}",
        wanted=lambda s, m: s.gpus == "none" and 1 < m.cpus <= 4,
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

_SHORT = {
    "-O": "--optimization-level",
    "-cc": "--compilation-config",
    "-tp": "--tensor-parallel-size",
    "-pp": "--pipeline-parallel-size",
    "-dp": "--data-parallel-size",
}


def default_served_name(settings: EngineSettings) -> str:
    """The name in requests if `vllm-args` names none: the model's last path part."""
    return settings.served_model_name or settings.model.rstrip("/").rpartition("/")[2]


def served_name(settings: EngineSettings) -> str:
    """The name that our server will answer to, `vllm-args` included."""
    values = _given(settings.vllm_args).get("--served-model-name")
    return values[0] if values else default_served_name(settings)


def arguments(settings: EngineSettings, *, host: str, port: int) -> list[str]:
    """The server's argument vector, without the program. The user's arguments win over ours.

    Raises:
        RunError: `vllm-args` holds an argument without which we could not find the server.
    """
    given = _given(settings.vllm_args)
    for name, why in _OURS.items():
        if name in given:
            raise RunError(
                f"input `vllm-args` holds `{name}`", why=why, remedy=f"Remove `{name}` from it."
            )
    result: list[str] = []
    for flag in FLAGS:
        if flag.wanted(settings) and not given.keys() & {flag.name, *flag.yields_to}:
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


def _given(arguments: Sequence[str]) -> dict[str, list[str]]:
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
