"""What nvidia-smi says, and whether vLLM may start with it."""

import pytest

from oi_deploy.engine.inside.gpu_memory import Gpu, read, read_holders, short_of_memory
from oi_deploy.engine.inside.words import option

MIB, GIB = 1024**2, 1024**3
TWO = "0, NVIDIA L4, 23034, 22500\n1, NVIDIA L4, 23034, 2000\n"


def test_what_nvidia_smi_says_is_read() -> None:
    gpus = read("warning: something\n" + TWO)
    assert gpus[1] == Gpu("1", "NVIDIA L4", 23034 * MIB, 2000 * MIB)
    # A machine whose GPU and processor share their memory.
    assert read("0, NVIDIA GB10, [N/A], [N/A]\n") == ()
    assert read("NVIDIA-SMI has failed because it couldn't communicate") == ()


def test_who_holds_memory_is_named_as_far_as_it_is_seen() -> None:
    output = "71, /usr/bin/python3, 2048\n72, [Not Found], 4096\n73, ollama, [N/A]\n"
    assert read_holders(output) == [
        "a program (process 72, 4.0 GiB)",
        "python3 (process 71, 2.0 GiB)",
        "ollama (process 73)",
    ]
    assert read_holders("") == []


@pytest.mark.parametrize(
    ("arguments", "short"),
    [
        ("", None),  # the first GPU only
        ("--tensor-parallel-size 2", "1"),
        ("-tp 2", "1"),
        ("--gpu_memory_utilization=0.08 --tensor-parallel-size=2", None),
        # No GPU is ever free to the last byte.
        ("--gpu-memory-utilization 0.99", None),
        ("--gpu-memory-utilization much", None),
    ],
)
def test_vllm_starts_where_its_share_of_each_gpu_is_free(arguments: str, short: str | None) -> None:
    found = short_of_memory(read(TWO), ["vllm", *arguments.split()])
    assert (found[0].index if found else None) == short


def test_vllm_takes_a_share_of_all_memory() -> None:
    gpu = Gpu("0", "NVIDIA L4", 20 * GIB, 10 * GIB)
    found = short_of_memory([gpu], [])
    assert found
    assert found[1] == pytest.approx(0.92 * 20 * GIB)
    assert short_of_memory([gpu], ["--gpu-memory-utilization", "0.5"]) is None
    assert short_of_memory([], []) is None


@pytest.mark.parametrize(
    ("command", "value"),
    [
        ("--revision a --revision b", "b"),
        ("--revision=a", "a"),
        ("--revision", ""),
        ("--revision --seed 1", ""),
        ("--seed 1", None),
    ],
)
def test_arguments_are_read_as_vllm_reads_them(command: str, value: str | None) -> None:
    assert option(command.split(), "--revision") == value
