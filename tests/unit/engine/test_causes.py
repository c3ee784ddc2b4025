"""From the last lines of a dead server to what a person should write.

The lines are those of vLLM 0.32 that died so on a CPU; those that need a GPU are composed from the
sources of vLLM, torch and the NVIDIA container toolkit.
"""

from typing import Any

import pytest

from oi_deploy.engine.causes import Cause, late, likely_cause
from oi_deploy.engine.phases import Phase, Progress, progress_of
from oi_deploy.engine.server import death
from oi_deploy.engine.serverlog import ServerLog
from tests.unit.engine.settings import settings

# What vLLM ends with, whatever the reason was.
END = [
    "(EngineCore pid=23550) ERROR 11-24 06:21:59 [core.py:1510] Exception: WorkerProc "
    "initialization failed due to an exception in a background process. See stack trace for root "
    "cause.",
    "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): "
    "{'EngineCore': 1}",
]
KV_TOO_SMALL = (
    "(EngineCore pid=26189) ERROR 11-24 06:25:00 [core.py:1510] ValueError: To serve at least one "
    "request with the model's max seq len (32768), (2.0 GiB KV cache is needed, which is larger "
    "than the available KV cache memory (0.99 GiB). Based on the available memory, the estimated "
    "maximum model length is 16264. Try increasing `gpu_memory_utilization`"
)
CPU_MEMORY = (
    "(Worker pid=24258) ERROR 11-24 06:23:34 [multiproc_executor.py:1063] ValueError: Available "
    "memory on node 0 (9.24/19.21 GiB) on kv cache allocation is less than requested memory for kv "
    "(500.0 GiB). Decrease --kv-cache-memory-bytes, VLLM_CPU_KVCACHE_SPACE, or reduce"
)
NO_DEVICE = "RuntimeError: Failed to infer device type, please set the environment variable"
OFFLINE = (
    "huggingface_hub.errors.LocalEntryNotFoundError: Cannot find an appropriate cached snapshot "
    "folder for the specified revision on the local disk and outgoing traffic has been disabled."
)


HELD = (
    "oi-deploy: waiting for GPU memory: GPU 0 (NVIDIA L4): 5.0 of 20.0 GiB are free, vLLM takes "
    "18.4; held by python3 (process 71, 14.0 GiB)"
)


def cause(*lines: str, exit_code: int | None = 1, **changes: Any) -> Cause:
    found = likely_cause([*lines, *END], settings(**changes), exit_code)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("line", "why", "remedy"),
    [
        (
            "OSError: [Errno 98] Address already in use",
            "has taken the server's port",
            "`vllm-image`",
        ),
        (
            "api_server.py: error: argument --max-model-len: invalid human_readable_int_or_auto "
            "value: 'banana'",
            "--max-model-len",
            "`vllm-args`",
        ),
        (
            "KeyError: 'invalid tool call parser: nope (chose from { apertus,hermes,xlam })'",
            "no tool call parser `nope`",
            "line below",
        ),
        (
            "  Value error, User-specified max_model_len (99999) is greater than the derived "
            "max_model_len (max_position_embeddings=32768.0 or model_max_length=None in model's "
            "config.json).",
            "made for 32768 tokens, not for 99999",
            "`max-model-len: 32768`",
        ),
        (KV_TOO_SMALL, "need 2.0 GiB of cache, and 0.99 GiB are left", "`max-model-len: 16256`"),
        (
            "ValueError: No available memory for the cache blocks. Try increasing "
            "`gpu_memory_utilization` when initializing the engine",
            "not enough memory",
            "`vllm-args: --gpu-memory-utilization 0.95`",
        ),
        (
            "ValueError: Free memory on device cuda:0 (9.6/24.0 GiB) on startup is less than "
            "desired GPU memory utilization (0.92, 22.08 GiB).",
            "9.6 of the GPU's 24.0 GiB are free",
            "`vllm-args: --gpu-memory-utilization 0.37`",
        ),
        (
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.16 GiB. GPU 0 has a "
            "total capacity of 7.63 GiB",
            "not enough memory on the GPU",
            "`max-model-len: 8192`",
        ),
        (
            "RuntimeError: The NVIDIA driver on your system is too old (found version 11040).",
            "driver of the host is older",
            "Update the driver",
        ),
        (
            "  Value error, Model architectures ['DragonForCausalLM'] are not supported for now. "
            "Supported architectures: dict_keys(['AfmoeForCausalLM'])",
            "'DragonForCausalLM'",
            "another `model`",
        ),
        (
            "  Value error, The checkpoint you are trying to load has model type `dragon` but "
            "Transformers does not recognize this architecture.",
            "`dragon`",
            "newer `vllm-image`",
        ),
        (OFFLINE, "hub cannot be reached", "`model: /srv/models/Qwen3-4B-Instruct-2507`"),
        (
            "OSError: We couldn't connect to 'https://huggingface.co' to load the files, and "
            "couldn't find them in the cached files.",
            "hub cannot be reached",
            "HF_ENDPOINT",
        ),
        (
            "huggingface_hub.errors.RevisionNotFoundError: 404 Client Error.",
            "no revision `cdbee75f17c01a7cc42f958dc650907174af0554`",
            "`model-revision`",
        ),
        (
            "huggingface_hub.errors.GatedRepoError: 401 Client Error. Cannot access gated repo",
            "accepted its terms",
            "`HF_TOKEN: ${{ secrets.HF_TOKEN }}`",
        ),
        (
            "huggingface_hub.errors.RepositoryNotFoundError: 401 Client Error.",
            "model not found",
            "Correct `model`",
        ),
        (
            "(Worker pid=23560) ERROR 11-24 06:21:57 [multiproc_executor.py:953] RuntimeError: "
            "Cannot find any model weights with `/srv/model`",
            "holds no model",
            "*.safetensors",
        ),
        (
            "  Value error, Invalid repository ID or local directory specified: '/srv/model'.",
            "holds no model",
            "config.json",
        ),
        (
            "(EngineCore pid=25) ERROR 11-24 06:53:54 [core.py:1510] RuntimeError: Insufficient "
            "space in /dev/shm for shared-memory allocation: 160 MiB required, 64 MiB free. "
            "Increase /dev/shm (e.g. --shm-size or --ipc=host).",
            "160 MiB are needed in /dev/shm, and 64 MiB are free",
            "`engine: sibling`",
        ),
        (
            "httpx2.RemoteProtocolError: peer closed connection without sending complete message "
            "body (received 5242880 bytes, expected 174688712)",
            "broke off",
            "Run the step again",
        ),
        (
            "safetensors_rust.SafetensorError: Error while deserializing header: incomplete "
            "metadata, file not fully covered",
            "is not whole",
            "fetch the model again",
        ),
        ("OSError: [Errno 28] No space left on device", "disk is full", "docker system df"),
    ],
)
def test_the_reason_and_the_line_to_write(line: str, why: str, remedy: str) -> None:
    found = cause("Triton is installed, but doesn't include CPU backend.", line)
    assert why in found.why
    assert remedy in found.remedy
    assert found.line == line


def test_an_argument_of_the_user_that_vllm_does_not_know_is_to_be_removed() -> None:
    line = "api_server.py: error: unrecognized arguments: --no-such-flag 3"
    assert "Remove `--no-such-flag`" in cause(line, vllm_args=("--no-such-flag", "3")).remedy


def test_an_argument_of_ours_that_vllm_does_not_know_means_an_old_image() -> None:
    line = "vllm: error: unrecognized arguments: --structured-outputs-config {}"
    assert "`vllm-image: vllm/vllm-openai:v0.32.0`" in cause(line).remedy


def test_too_little_memory_on_a_cpu_names_the_variable_for_it() -> None:
    assert "`VLLM_CPU_KVCACHE_SPACE: 2`" in cause(KV_TOO_SMALL, gpus="none").remedy
    assert "VLLM_CPU_KVCACHE_SPACE" in cause(CPU_MEMORY, gpus="none").remedy
    assert "9.24 of 19.21 GiB" in cause(CPU_MEMORY, gpus="none").why


def test_a_cpu_server_that_was_meant_for_a_gpu_is_told_so() -> None:
    assert "`gpus: none`" in cause(CPU_MEMORY, gpus="all").remedy


def test_without_a_gpu_the_remedy_depends_on_what_was_wanted() -> None:
    assert "`gpus: none`" in cause(NO_DEVICE, gpus="all").remedy
    assert "`vllm-image:" in cause(NO_DEVICE, gpus="none").remedy
    assert "vllm-image" not in cause(NO_DEVICE, gpus="none", kind="process").remedy


def test_a_gpu_that_is_nearly_full_cannot_be_shared() -> None:
    line = (
        "ValueError: Free memory on device cuda:0 (0.5/24.0 GiB) on startup is less than desired "
        "GPU memory utilization (0.92, 22.08 GiB)."
    )
    assert "--gpu-memory-utilization" not in cause(line).remedy


@pytest.mark.parametrize("exit_code", [137, -9])
def test_a_server_that_was_killed_ran_out_of_memory_most_often(exit_code: int) -> None:
    assert "memory" in cause(exit_code=exit_code).why


def test_a_process_of_the_server_that_was_killed_ran_out_of_memory_most_often() -> None:
    # The last lines of a vLLM whose engine core, or whose worker, was killed while it started.
    found = cause()
    assert "one of its processes was killed" in found.why
    assert "`max-model-len`" in found.remedy
    # Of one whose worker was killed while it served; it ends in good order.
    worker = (
        "(EngineCore pid=38) ERROR 11-28 02:53:35 [multiproc_executor.py:315] Worker proc "
        "VllmWorker-0 died unexpectedly (exit code: None), shutting down executor."
    )
    cancelled = "(EngineCore pid=38) ERROR 11-28 02:49:54 [core.py:1512] RuntimeError: cancelled"
    found = cause(worker, cancelled, exit_code=0)
    assert ("one of its processes was killed" in found.why, found.line) == (True, worker)


def test_an_unknown_reason_is_told_in_the_servers_own_words() -> None:
    line = (
        "(Worker pid=23880) ERROR 11-24 06:22:46 [multiproc_executor.py:953] RuntimeError: The "
        "size of tensor a (128) must match the size of tensor b (64) at non-singleton dimension 1"
    )
    assert "The size of tensor a (128) must match" in cause(line).why


def test_a_server_that_said_nothing_has_no_cause() -> None:
    assert likely_cause([], settings(), 1) is None


def test_the_error_shows_the_cause_the_decisive_line_and_the_last_lines() -> None:
    log = ServerLog()
    log.feed((OFFLINE + "\n").encode())
    log.feed(b"".join(b"frame %d\n" % number for number in range(50)))
    log.feed("\n".join(END).encode())
    log.close()
    error = death(settings(), log, 1)
    assert error.why.startswith("model not found")
    assert OFFLINE in error.why
    assert "frame 49" in error.why
    assert "frame 10\n" not in error.why
    assert "Engine core initialization failed" in error.why


def test_a_silent_death_shows_its_exit_code() -> None:
    error = death(settings(), ServerLog(), 3)
    assert "exit code is 3" in error.why


def test_what_was_found_before_the_start_brings_its_own_remedy() -> None:
    log = ServerLog()
    log.feed(
        b"oi-deploy: checking the model's files\n"
        b"oi-deploy: cannot start: /srv/m/model.safetensors is cut off -> Copy the model again.\n"
    )
    error = death(settings(), log, 1)
    assert error.what == "The model server was not started"
    assert error.why.startswith("/srv/m/model.safetensors is cut off. Its last lines:")
    assert error.remedy == "Copy the model again."


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        (HELD, "`vllm-args: --gpu-memory-utilization 0.22`"),
        (HELD.replace("5.0 of", "1.0 of"), "`gpus: 1`"),
    ],
)
def test_memory_that_did_not_get_free_in_time_has_a_remedy(line: str, remedy: str) -> None:
    progress = progress_of(line)
    assert progress
    assert remedy in late(progress, settings())


def test_what_took_too_long_for_no_reason_only_needs_more_time() -> None:
    assert late(Progress(Phase.LOADING, "33%"), settings()) == ""
