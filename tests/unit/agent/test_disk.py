"""Lines for the largest files, run in a folder."""

import subprocess
from pathlib import Path

import pytest

from tests.unit.agent.worlds import FILES, facts

SIZES = {"logs/a.log": 30, "logs/deep/b.log": 400, "logs/c.txt": 200, "logs/d.log": 7, "e.log": 999}


@pytest.mark.parametrize(
    ("prompt", "lines"),
    [
        (
            "Write disk.txt: the three largest files in logs, each with its size in bytes.",
            "400 logs/deep/b.log\n200 logs/c.txt\n30 logs/a.log\n",
        ),
        (
            "Write the path and the size of the 2 largest .log files in logs to disk.csv, "
            "separated by a comma.",
            "logs/deep/b.log,400\nlogs/a.log,30\n",
        ),
        ("把 logs 目录里最大的 2 个文件写入 big.txt,只写文件名。", "logs/deep/b.log\nlogs/c.txt\n"),
    ],
)
def test_the_largest_files_of_a_folder(prompt: str, lines: str, tmp_path: Path) -> None:
    for path, size in SIZES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"x" * size)
    (line,) = facts(prompt, expect="none", files={**FILES, **dict.fromkeys(SIZES, "x")}).commands
    subprocess.run(["/bin/sh", "-ec", line], cwd=tmp_path, check=True)
    assert (tmp_path / line.rpartition("> ")[2]).read_text(encoding="utf-8") == lines
