"""Output of a sandboxed command: whole characters, and bounded; its processes and limits."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from oi_deploy.output import Output
from oi_deploy.sandbox import FIXED_ID
from oi_deploy.supervisor import below, descendants, processes, size


def test_characters_that_come_in_two_pieces_stay_whole() -> None:
    shown: list[str] = []
    output = Output(shown.append)
    data = "部署ok".encode()
    for index in range(len(data)):
        output.add(data[index : index + 1])
    output.add(b"\xff\xe9", final=True)
    assert "".join(shown) == output.text() == "部署ok\ufffd\ufffd"


def test_long_output_keeps_its_head_and_tail_and_says_what_is_cut() -> None:
    output = Output(lambda text: None)
    output.add(b"head\n")
    for _ in range(1000):
        output.add(b"x" * 1000)
    output.add(b"\ntail")
    text = output.text()
    head, cut, tail = re.split(r"\n\[… (\d+) characters cut …\]\n", text)
    assert head.startswith("head\n")
    assert tail.endswith("\ntail")
    assert len(head) + int(cut) + len(tail) == 1_000_010
    assert len(text) < 200_000


def test_endless_output_is_shown_only_up_to_a_limit() -> None:
    shown: list[str] = []
    output = Output(shown.append)
    for _ in range(12):
        output.add(b"x" * 1024 * 1024)
    assert sum(len(text) for text in shown) < 9 * 1024 * 1024
    assert [text for text in shown if "not shown" in text] == shown[-1:]


def test_descendants_are_found_through_all_generations() -> None:
    table = {10: (1, 0), 11: (10, 5), 12: (11, 5), 13: (12, 5), 20: (1, 5)}
    assert descendants(table, 10) == {11, 12, 13}


PARENT = """
import os, subprocess, threading
def work():
    subprocess.Popen(["sleep", "60"], start_new_session=True)
    print("started", flush=True)
    threading.Event().wait()
if os.fork() == 0:
    threading.Thread(target=work).start()
threading.Event().wait()
"""


@pytest.mark.parametrize("known_to_the_kernel", [True, False])
def test_the_quick_look_finds_the_same(
    monkeypatch: pytest.MonkeyPatch, known_to_the_kernel: bool
) -> None:
    """Children of threads too; and where a kernel lists no children, all of /proc is read."""
    if not known_to_the_kernel:
        monkeypatch.setattr("os.path.exists", lambda path: False)
    own = os.getpid()
    with subprocess.Popen((sys.executable, "-c", PARENT), stdout=subprocess.PIPE) as first:
        assert first.stdout
        assert first.stdout.readline() == b"started\n"
        found = below(own, most=100)
        try:
            assert found == descendants(processes(), own)
            assert len(found) >= 3
            assert first.pid in found
        finally:
            for pid in descendants(processes(), own):
                os.kill(pid, signal.SIGKILL)


def test_sizes_are_told_in_words() -> None:
    sizes = (100, 1536, 256 * 1024**2, 4 * 1024**3)
    assert [size(number) for number in sizes] == ["100 B", "1.5 KiB", "256 MiB", "4 GiB"]


def test_the_fixed_user_is_no_account_of_the_image() -> None:
    ids = {line.split(":")[2] for line in Path("/etc/passwd").read_text().splitlines()}
    assert str(FIXED_ID) not in ids
