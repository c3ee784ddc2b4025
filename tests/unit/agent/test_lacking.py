"""Lines for the containers that lack something, run on what the cluster would say."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.unit.agent.worlds import facts

FULL = {"limits": {"memory": "96Mi", "cpu": "1"}, "requests": {"memory": "32Mi"}}
CONTAINERS: dict[str, dict[str, dict[str, object]]] = {
    "web": {"app": {"resources": FULL, "readinessProbe": {}}, "proxy": {"resources": {}}},
    "jobs": {"worker": {"resources": {"limits": {"cpu": "1"}}}},
    "api": {"main": {"resources": FULL, "readinessProbe": {}}},
}
ITEMS = [
    {
        "metadata": {"name": name},
        "spec": {"template": {"spec": {"containers": [{"name": n, **c} for n, c in own.items()]}}},
    }
    for name, own in CONTAINERS.items()
]


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        (
            "Which containers in production have no memory limit? Write them to out.txt, one line "
            "each in the form deployment/container, sorted.",
            "jobs/worker\nweb/proxy\n",
        ),
        (
            "把没有设置内存限制的容器写进 out.txt,每行一个:deployment/容器名。只看,不改。",
            "jobs/worker\nweb/proxy\n",
        ),
        (
            "Which deployments lack a readiness probe? Put their names into out.txt, one per line.",
            "jobs\nweb\n",
        ),
        (
            "List every container without resource requests in out.txt as deployment container.",
            "jobs worker\nweb proxy\n",
        ),
    ],
)
def test_what_lacks_something_is_listed(prompt: str, text: str, tmp_path: Path) -> None:
    (line,) = facts(prompt, expect="none").commands
    get, _, rest = line.partition(" | ")
    assert get == "kubectl -n production get deployments -o json"
    answer = json.dumps({"items": ITEMS})
    subprocess.run(["/bin/bash", "-ec", rest], cwd=tmp_path, input=answer, text=True, check=True)
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == text


def test_what_every_container_has_in_a_table(tmp_path: Path) -> None:
    prompt = (
        "Look at every deployment and write limits.md, a Markdown table with the columns "
        "deployment, container, memory limit; one row per container, the limit or the word "
        "none. Read only."
    )
    (line,) = facts(prompt, expect="none").commands
    rest = line.partition(" | ")[2]
    answer = json.dumps({"items": ITEMS})
    subprocess.run(["/bin/bash", "-ec", rest], cwd=tmp_path, input=answer, text=True, check=True)
    assert (tmp_path / "limits.md").read_text(encoding="utf-8") == (
        "| deployment | container | memory limit |\n|---|---|---|\n| web | app | 96Mi |\n"
        "| web | proxy | none |\n| jobs | worker | none |\n| api | main | 96Mi |\n"
    )


def test_a_limit_that_is_to_be_kept_is_no_question() -> None:
    prompt = "Write the images of all deployments to out.txt, one line per deployment: name image."
    (line,) = facts(prompt, expect="none").commands
    assert "select" not in line
