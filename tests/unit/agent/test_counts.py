"""Lines that count, run on the files that they are for."""

import subprocess
from pathlib import Path

import pytest

from tests.unit.agent.worlds import FILES, facts

ACCESS = (
    '10.2.0.7 - - [09/Mar/2026:08:00:11 +0800] "GET /policies HTTP/1.1" 200 1840\n'
    '10.2.0.8 - - [09/Mar/2026:08:01:11 +0800] "POST /claims?id=500 HTTP/1.1" 502 157\n'
    '10.2.0.9 - - [09/Mar/2026:08:02:11 +0800] "GET /healthz HTTP/1.1" 200 503\n'
    '10.2.0.10 - - [09/Mar/2026:08:03:11 +0800] "POST /upload HTTP/1.1" 504 167\n'
    '10.2.0.11 - - [09/Mar/2026:08:04:11 +0800] "POST /claims HTTP/1.1" 500 88\n'
    '10.2.0.11 - - [09/Mar/2026:08:04:12 +0800] "POST /quote HTTP/1.1" 404 88\n'
)
LEVELS = (
    "2026-03-01T10:00:00Z INFO api: started\n"
    "2026-03-01T10:01:00Z ERROR db: ERROR is what it said\n"
    "2026-03-01T10:02:00Z WARN api: an ERROR came before\n"
    "2026-03-01T10:03:00Z ERROR db: connection refused\n"
    "2026-03-01T10:04:00Z ERROR worker: job 17 failed\n"
)
TABLE = (
    "waybill,port,status,remark\n"
    "W-1,SGSIN,HELD,papers missing\n"
    "W-2,NLRTM,RELEASED,was HELD until noon\n"
    "W-3,DEHAM,HELD,inspection\n"
    "W-4,SGSIN,HELD,\n"
)
PAIRS = (
    "08:02 depot=hz-02 status=failed reason=address\n"
    "08:03 depot=sh-03 status=delivered note=failed\n"
    "08:04 depot=gz-01 status=failed reason=nobody\n"
    "08:05 depot=hz-02 status=failed reason=nobody\n"
)


def counted(prompt: str, path: str, text: str, folder: Path) -> str:
    """What the only line for a prompt writes to the file that it names."""
    (line,) = facts(prompt, expect="none", files={**FILES, path: text}).commands
    assert '"' not in line
    assert "\\" not in line
    (folder / path).write_text(text, encoding="utf-8")
    subprocess.run(["/bin/sh", "-ec", line], cwd=folder, check=True)
    assert (folder / path).read_text(encoding="utf-8") == text
    return (folder / line.rpartition("> ")[2]).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("prompt", "path", "text", "lines"),
    [
        (
            "Count the requests in access.log with a 5xx status by path, the most first, and "
            "write them to 5xx.md.",
            "access.log", ACCESS, "- /claims: 2\n- /upload: 1\n",
        ),
        (
            "统计 access.log 里状态码为 5xx 的请求,按路径计数,写入 5xx.txt。",
            "access.log", ACCESS, "/claims: 2\n/upload: 1\n",
        ),
        (
            "统计 access.log,结果写到 counts.txt:\ntotal: N\n4xx: N\n5xx: N\n3xx: N",
            "access.log", ACCESS, "total: 6\n4xx: 1\n5xx: 3\n3xx: 0\n",
        ),
        (
            "How many lines of app.log are ERROR and WARN? Write levels.txt like this:\n"
            "ERROR: N\nWARN: N\n",
            "app.log", LEVELS, "ERROR: 3\nWARN: 1\n",
        ),
        (
            "Count the ERROR lines of app.log per component and write errors.md.",
            "app.log", LEVELS, "- db: 2\n- worker: 1\n",
        ),
        (
            "Count the rows of held.csv whose status is HELD, by port, and write held.md.",
            "held.csv", TABLE, "- DEHAM: 1\n- SGSIN: 2\n",
        ),
        (
            "Every line of access.log is: client, method, path, status, size. Count the requests "
            "whose status is 404 or higher, for each path, in bad.txt, the highest count first.",
            "access.log", "a GET / 200 900\nb GET /x 404 1\nc GET /x 500 2\nd GET /y 503 3\n",
            "/x: 2\n/y: 1\n",
        ),
        (
            "Count the rows of held.csv whose status is HELD, by port, and write held.txt: port "
            "and count, separated by a space.",
            "held.csv", TABLE, "DEHAM 1\nSGSIN 2\n",
        ),
        (
            "数一下 dispatch.log 里每个 depot 有多少条 status=failed 的记录,写入 failed.csv,"
            "条数多的在前,不要表头。",
            "dispatch.log", PAIRS, "hz-02,2\ngz-01,1\n",
        ),
    ],
)  # fmt: skip
def test_lines_are_counted_by_what_their_columns_say(
    prompt: str, path: str, text: str, lines: str, tmp_path: Path
) -> None:
    assert counted(prompt, path, text, tmp_path) == lines


def test_where_nothing_is_counted_the_line_ends_well(tmp_path: Path) -> None:
    prompt = "Count the records of dispatch.log with status=failed, by depot, in failed.csv."
    (line,) = facts(prompt, expect="none", files={**FILES, "dispatch.log": PAIRS}).commands
    (tmp_path / "dispatch.log").write_text(PAIRS.replace("failed", "late"), encoding="utf-8")
    subprocess.run(["bash", "-euo", "pipefail", "-c", line], cwd=tmp_path, check=True)
    assert (tmp_path / "failed.csv").read_text(encoding="utf-8") == ""


@pytest.mark.parametrize(
    "prompt",
    [
        "Count the rows of held.csv by port and write held.md.",
        "Count the rows of held.csv whose status is HELD or RELEASED, by port, in held.md.",
        "Count the rows of held.csv whose status is LOST, by port, and write held.md.",
        "Count the rows of held.csv whose status is HELD by carrier and write held.md.",
        "Write a table held.md with the rows of held.csv whose status is HELD, counted by port.",
    ],
)
def test_what_is_not_certain_is_not_counted(prompt: str) -> None:
    assert not facts(prompt, expect="none", files={**FILES, "held.csv": TABLE}).commands
