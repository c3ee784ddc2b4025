"""What a prompt wants to know of one Deployment: two numbers in one line, and its pods."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.agent.worlds import JOBS, WEB, facts

# What the columns have, by field.
VALUES = {
    ".spec.template.spec.containers[*].image": "r/web:2",
    ".spec.replicas": "3",
    ".status.updatedReplicas": "2",
    ".status.readyReplicas": "<none>",
    ".metadata.name": "web-1\nweb-2",
}


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        (
            "Wait until the rollout of web is finished, then write report.txt:\n\n"
            "- first line: the full image reference\n"
            "- second line: `ready: X/Y`, with the ready pods and the wanted ones\n"
            "- from the third line on: the names of the pods, one a line\n",
            "r/web:2\nready: 0/3\nweb-1\nweb-2\n",
        ),
        (
            "等 deployment web 滚动完成,然后写一份 report.md,内容包括:镜像(完整名称)、"
            "就绪副本数/期望副本数(写成 2/2)、以及当前每个 pod 的名字。",
            "r/web:2\n0/3\nweb-1\nweb-2\n",
        ),
        (
            "deployment web 正在滚动,等它完成,把结果写进 report.txt,两行:\n"
            "image: <完整镜像>\nupdated: <已更新副本数>/<期望副本数>\n",
            "image: r/web:2\nupdated: 2/3\n",
        ),
        (
            "Wait until the rollout of web is over, then write report.txt with these three lines:\n"
            "image: <the full image>\nupdated: <updated replicas>/<desired replicas>\n"
            "result: <complete or failed>\n",
            "image: r/web:2\nupdated: 2/3\nresult: complete\n",
        ),
        (
            "等 deployment web 的 rollout 结束,然后写一个文件 report.txt,正好三行:\n"
            "image=<完整镜像>\n"
            "ready=<就绪副本数>/<期望副本数>\nresult=success 或 result=failed(看 rollout 的结果)\n",
            "image=r/web:2\nready=0/3\nresult=success\n",
        ),
    ],
)
def test_two_numbers_in_one_and_the_pods(prompt: str, text: str, tmp_path: Path) -> None:
    web = replace(WEB, selector="app=web")
    found = facts(prompt, expect="none", deployments=[web, JOBS]).commands
    assert found[0] == "kubectl -n production rollout status deployment/web"
    for line in found[1:]:
        get, _, rest = line.partition(" -o custom-columns=")
        fields = rest.split()[0].split(",")
        answer = " ".join(VALUES[it.partition(":")[2]] for it in fields)
        assert " pods -l app=web " in get or " deployment web " in get
        command = f"printf '%s\\n' '{answer}' {rest.removeprefix(rest.split()[0])}"
        subprocess.run(["/bin/sh", "-ec", command], cwd=tmp_path, check=True)
    (file,) = tmp_path.iterdir()
    assert file.read_text(encoding="utf-8") == text


def test_a_label_or_a_word_for_leaving_it_alone_changes_no_file() -> None:
    """The file was not asked for again, and the run ended without it."""
    prompt = (
        "Change nothing: wait until the rollout of web is through, then write r.md with these two "
        "lines about it:\n\nimage: the full image\nupdated: pods of the new version/pods wanted "
        "(such as 3/3)\n"
    )
    found = facts(prompt, expect="none")
    assert found.wanted == ("r.md",)
    assert "print l2 $2 s $3" in found.commands[1]


@pytest.mark.parametrize("name", ["resources.txt", "status.md", "data.csv"])
def test_a_file_may_be_called_as_a_field_is(name: str) -> None:
    found = facts(f"把每个 deployment 的名称和它使用的镜像写入 {name}。只读操作。", expect="none")
    assert found.wanted == (name,)
    assert found.commands[0].endswith(f" > {name}")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("写入部署报告.md", "部署报告.md"),
        ("写到 今天的报告.txt", "今天的报告.txt"),
        ("保存到 reports/镜像清单.csv", "reports/镜像清单.csv"),
        ("写入report.md", "report.md"),
    ],
)
def test_a_file_with_a_chinese_name(said: str, name: str) -> None:
    found = facts(f"把每个 deployment 的名称和镜像{said}。只读操作。", expect="none")
    assert found.wanted == (name,)
    assert found.commands[-1].endswith(f"> {name}")
    # The shell makes no folder.
    assert found.commands[:-1] == (("mkdir -p reports",) if "/" in name else ())


def test_lines_as_they_are_to_be_with_a_sign_of_equality() -> None:
    prompt = (
        "Wait for the rollout of web to finish, and then leave me a file rollout.txt with exactly "
        "these lines:\nimage=<the full image the deployment names>\n"
        "updated=<pods that run it>/<pods wanted>\navailable=<available pods>/<pods wanted>\n"
    )
    line = facts(prompt, expect="none").commands[1]
    fields = re.findall(r"C\d:([^, ]+)", line)
    assert fields == [
        ".spec.template.spec.containers[*].image",
        *(".status.updatedReplicas", ".spec.replicas"),
        *(".status.availableReplicas", ".spec.replicas"),
    ]
    assert line.endswith("print l1 $1; print l2 $2 s $3; print l3 $4 s $5}' > rollout.txt")
