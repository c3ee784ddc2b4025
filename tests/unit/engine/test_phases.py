"""vLLM's own lines, as 0.32 wrote them, and the phase that a person sees."""

import pytest

from oi_deploy.engine.phases import Phase, progress_of
from oi_deploy.engine.serverlog import ServerLog

# Runs of vLLM 0.32 on a CPU; the CUDA graph lines are composed from its source.
LINES = [
    ("oi-deploy: checking the model's files", "checking the model's files"),
    (
        "oi-deploy: checking the model's files: 3.1 of 8.0 GB",
        "checking the model's files, 3.1 of 8.0 GB",
    ),
    (
        "oi-deploy: waiting for GPU memory: GPU 0 (NVIDIA L4): 5.0 of 22.0 GiB are free",
        "waiting for GPU memory, GPU 0 (NVIDIA L4): 5.0 of 22.0 GiB are free",
    ),
    ("oi-deploy: starting vLLM", "starting"),
    (
        "(APIServer pid=15433) INFO 11-24 05:22:59 [api_utils.py:286] non-default args: "
        "{'enable_auto_tool_choice': True, 'tool_call_parser': 'hermes'}",
        "reading the model's configuration",
    ),
    (
        "(EngineCore pid=16604) INFO 11-24 05:23:31 [core.py:133] Initializing a V1 LLM engine "
        "(v0.32.0) with config: model='/srv/model', speculative_config=None",
        "starting its workers",
    ),
    (
        "(Worker pid=16686) INFO 11-24 05:23:47 [cpu_model_runner.py:68] Starting to load model "
        "/srv/model...",
        "loading weights",
    ),
    (
        "(Worker pid=1) INFO 11-24 05:23:47 [model_runner.py:392] Loading model from scratch...",
        "loading weights",
    ),
    (
        "Loading safetensors checkpoint shards:  33% Completed | 1/3 [00:05<00:10,  5.21s/it]",
        "loading weights, 33%",
    ),
    (
        "(Worker pid=16686) INFO 11-24 05:23:53 [default_loader.py:501] Loading weights took 5.22 "
        "seconds",
        "warming up",
    ),
    (
        "(Worker pid=30187) INFO 11-24 06:25:57 [cpu_model_runner.py:87] Warming up model for the "
        "compilation...",
        "compiling",
    ),
    (
        "(EngineCore pid=1) INFO 11-24 06:25:57 [backends.py:1167] Dynamo bytecode transform time: "
        "4.11 s",
        "compiling",
    ),
    (
        "Capturing CUDA graphs (mixed prefill-decode, PIECEWISE):  50%|#####     | 1/2 [00:00]",
        "capturing CUDA graphs, 50%",
    ),
    (
        "(EngineCore pid=16604) INFO 11-24 05:24:00 [core.py:402] init engine (profile, create kv "
        "cache, warmup model) took 2.82 s",
        "warming up",
    ),
    (
        "(APIServer pid=15433) INFO 11-24 05:24:04 [entry.py:140] Starting vLLM server on "
        "http://127.0.0.1:8000",
        "serving",
    ),
]
QUIET = [
    "Triton is installed, but doesn't include CPU backend. Disabling Triton.",
    "(APIServer pid=15433) INFO 11-24 05:24:04 [launcher.py:195] Route: /health, Methods: GET",
    "(EngineCore pid=16604) WARNING 11-24 05:24:02 [vllm.py:1703] Enforce eager set, disabling "
    "torch.compile, CUDAGraphs, and JIT kernel warmup.",
    "(APIServer pid=15433) WARNING 11-24 05:23:14 [vllm.py:1727] Inductor compilation was disabled",
]


@pytest.mark.parametrize(("line", "shown"), LINES)
def test_a_line_announces_a_phase(line: str, shown: str) -> None:
    assert str(progress_of(line)) == shown


@pytest.mark.parametrize("line", QUIET)
def test_other_lines_announce_nothing(line: str) -> None:
    assert progress_of(line) is None


def test_the_log_is_in_the_phase_that_was_announced_last() -> None:
    log = ServerLog()
    assert str(log.progress) == Phase.STARTING
    log.feed(LINES[6][0].encode() + b"\nTriton is installed\n")
    assert str(log.progress) == Phase.LOADING


def test_weights_are_fetched_when_vllm_begins_to_load() -> None:
    log = ServerLog()
    shown = []
    for line in (
        "oi-deploy: fetching weights from https://huggingface.co; 1.2 GB are here already",
        "oi-deploy: starting vLLM",
        "(Worker pid=1) INFO [cpu_model_runner.py:68] Starting to load model acme/tiny...",
        "(Worker pid=1) INFO [weight_utils.py:539] Time spent downloading weights for acme/tiny: 9",
    ):
        log.feed(line.encode() + b"\n")
        shown.append(str(log.progress))
    assert shown == [
        "starting",
        "starting",
        "loading weights, fetching weights from https://huggingface.co; 1.2 GB are here already",
        "loading weights",
    ]


def test_a_progress_bar_moves_although_its_line_never_ends() -> None:
    log = ServerLog()
    log.feed(b"Loading safetensors checkpoint shards:   0% Completed | 0/3 [00:00]\r")
    log.feed(b"Loading safetensors checkpoint shards:  33% Completed | 1/3 [00:05]\r")
    assert str(log.progress) == "loading weights, 33%"


def test_the_log_survives_any_cut_through_lines_and_characters() -> None:
    log = ServerLog()
    for byte in "eins — zwei\n\x1b[31mdrei\x1b[0m\nvier".encode():
        log.feed(bytes([byte]))
    assert log.lines() == ["eins — zwei", "drei"]
    log.close()
    assert log.lines()[-1] == "vier"


def test_the_log_keeps_the_end_of_what_never_ends() -> None:
    log = ServerLog()
    for number in range(5000):
        log.feed(f"line {number}\n".encode())
    log.feed(b"x" * 1_000_000)
    assert len(log.lines()) <= 1000
    assert log.lines()[-1] == "line 4999"
