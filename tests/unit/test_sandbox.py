"""Output of a sandboxed command: whole characters, and bounded."""

import re
from pathlib import Path

from oi_deploy.sandbox import FIXED_ID, Output
from oi_deploy.supervisor import descendants


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


def test_the_fixed_user_is_no_account_of_the_image() -> None:
    ids = {line.split(":")[2] for line in Path("/etc/passwd").read_text().splitlines()}
    assert str(FIXED_ID) not in ids
