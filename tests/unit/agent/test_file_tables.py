"""Lines for a table with a row for each file of a folder, run there."""

import subprocess
from pathlib import Path

import pytest

from tests.unit.agent.worlds import FILES, deployment, facts

LOGS = {
    "logs/mail.log": "10:00 INFO started\n10:01 INFO no ERROR so far\n",
    "logs/pay.log": "09:00 [ERROR] card declined\n09:05 ERROR: timeout\n09:06 WARN slow\n",
    "logs/cart.log": "08:00 ERROR empty\n",
    "logs/notes.txt": "x\n",
    "logs/old/a.log": "07:00 ERROR a\n",
}


@pytest.mark.parametrize(
    ("prompt", "table"),
    [
        (
            "Write sizes.md, a Markdown table with one row for each .log file in logs/, columns: "
            "file name, size in bytes, lines.",
            "| file name | size in bytes | lines |\n|---|---|---|\n"
            "| cart.log | 18 | 1 |\n| mail.log | 46 | 2 |\n| pay.log | 65 | 3 |\n",
        ),
        (
            "统计 logs/ 下的每个 .log 文件,写成 Markdown 表格 report.md,三列依次是:"
            "文件名、ERROR 行数、大小(字节)。按 ERROR 行数从多到少排。"
            "表格下面单独写一行“ERROR 合计:N”。不涉及集群。",
            "| 文件名 | ERROR 行数 | 大小 |\n|---|---|---|\n"
            "| pay.log | 2 | 65 |\n| cart.log | 1 | 18 |\n| mail.log | 0 | 46 |\n\nERROR 合计:3\n",
        ),
        (
            "For every .log file in logs/ write a row to errors.csv with the columns path, ERROR "
            "lines. Touch nothing in the cluster.",
            "path,ERROR lines\nlogs/cart.log,1\nlogs/mail.log,0\nlogs/pay.log,2\n",
        ),
        (
            "ERROR 指每行第二列为 ERROR 的行。给 logs/ 目录下每个 .log 文件写一行到 t.md,"
            "Markdown 表格,两列:文件名、ERROR 行数。",
            "| 文件名 | ERROR 行数 |\n|---|---|\n"
            "| cart.log | 1 |\n| mail.log | 0 |\n| pay.log | 2 |\n",
        ),
        (
            "For every *.log file in logs/ tell me its size and how many lines of level ERROR it "
            "has (the level is the second word of a line). Write that to d.md as a Markdown table "
            "with the columns file, bytes, errors: one row per file, the biggest file first. Under "
            'the table add a line "Total errors: N".',
            "| file | bytes | errors |\n|---|---|---|\n"
            "| pay.log | 65 | 2 |\n| mail.log | 46 | 0 |\n| cart.log | 18 | 1 |\n"
            "\nTotal errors: 3\n",
        ),
        (
            "统计 logs/ 下每个 .log 文件,写到 r.md,一个 Markdown 表格,三列:\n"
            "文件(只写文件名)、字节数、ERROR 行数。\n- 按字节数从大到小排;\n"
            "- 最后一行写“合计”和两个总数。",
            "| 文件 | 字节数 | ERROR 行数 |\n|---|---|---|\n"
            "| pay.log | 65 | 2 |\n| mail.log | 46 | 0 |\n| cart.log | 18 | 1 |\n"
            "| 合计 | 129 | 3 |\n",
        ),
        (
            "Write report.md, a Markdown table with one row for each\nfile of the folder logs and "
            "three columns: the file's name, its size in bytes, and how many lines of level ERROR "
            "it has.",
            "| file name | size in bytes | lines of level ERROR |\n|---|---|---|\n"
            "| cart.log | 18 | 1 |\n| mail.log | 46 | 0 |\n| notes.txt | 2 | 0 |\n"
            "| pay.log | 65 | 2 |\n",
        ),
        (
            "Write report.md with one table: a row per *.log file of logs/ (file name, size in "
            "bytes, number of lines\nwhose level is ERROR), biggest file first. Under the table a "
            "line `Total: N bytes`.",
            "| file name | size in bytes | number of lines whose level is ERROR |\n|---|---|---|\n"
            "| pay.log | 65 | 2 |\n| mail.log | 46 | 0 |\n| cart.log | 18 | 1 |\n\n"
            "Total: 129 bytes\n",
        ),
        (
            "统计 logs/ 目录(包括子目录)下所有 .log 文件,写到 report.md,用 Markdown 表格,三列:"
            "文件(相对仓库根的路径)、字节数、ERROR 行数。每个文件一行,最后加一行“合计”。",
            "| 文件 | 字节数 | ERROR 行数 |\n|---|---|---|\n"
            "| logs/cart.log | 18 | 1 |\n| logs/mail.log | 46 | 0 |\n| logs/old/a.log | 14 | 1 |\n"
            "| logs/pay.log | 65 | 2 |\n| 合计 | 143 | 4 |\n",
        ),
    ],
)
def test_a_row_for_each_file(prompt: str, table: str, tmp_path: Path) -> None:
    for path, text in LOGS.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    (line,) = facts(prompt, expect="none", files={**FILES, **LOGS}).commands
    subprocess.run(["/bin/bash", "-ec", line], cwd=tmp_path, check=True)
    assert (tmp_path / line.rpartition("> ")[2]).read_text(encoding="utf-8") == table


@pytest.mark.parametrize(
    "prompt",
    [
        "Write owners.md, a Markdown table with one row for each .log file in logs/, columns: file "
        "name, owner.",
        "给 logs/ 下每个 .log 文件写一行到 t.md,两列:文件名、ERROR 行数,最后再给出总计。",
    ],
)
def test_what_is_not_known_makes_no_line(prompt: str) -> None:
    assert not facts(prompt, expect="none", files={**FILES, **LOGS}).commands


def test_a_report_that_leaves_the_cluster_alone_is_none_of_the_cluster() -> None:
    prompt = (
        "Write summary.md, a Markdown table with what the files in logs/ are about. Do not touch "
        "the cluster."
    )
    deployments = [deployment("web")]
    assert not facts(prompt, expect="none", deployments=deployments).commands
