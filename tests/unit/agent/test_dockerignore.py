"""What a `.dockerignore` keeps from a build comes back, and nothing else does."""

import pytest

from oi_deploy.agent.dockerfile.files import Dockerfile
from oi_deploy.agent.dockerfile.ignored import repairs
from tests.unit.agent.worlds import FILES, facts

NAMES = ("app.py", "Dockerfile", "tools/check.py", "tools/lint.py", "web/index.html", "notes.md")
COPIES = "FROM x\nCOPY app.py ./\nCOPY ./tools/ tools/\nRUN python3 tools/check.py\n"


def mend(rules: str, text: str = COPIES) -> list[str]:
    lines = repairs(Dockerfile("Dockerfile", text), ".", rules, NAMES)
    return [line.split("!")[1].split("'")[0] for line in lines]


@pytest.mark.parametrize(
    ("rules", "lost"),
    [
        ("*.md\nweb\n", []),
        ("app.py\n", ["app.py"]),
        ("./app.py", ["app.py"]),
        ("/app.p?", ["app.py"]),
        ("app.[pq]y", ["app.py"]),
        ("# app.py\n\n", []),
        ("*.py\n", ["app.py"]),
        ("**/*.py\n", ["app.py", "tools/**"]),
        ("tools/*.py\n", ["tools/**"]),
        ("tools/*.py\n!tools\n", ["tools/**"]),
        ("tools\n!tools\n", []),
        ("tools/check.py\n", []),
        ("*\n!app.py\n!tools\n", []),
        ("*\n!app.py\n", ["tools"]),
        ("tools/**\n", ["tools/**"]),
        ("!app.py\napp.py\n", ["app.py"]),
    ],
)
def test_what_copy_names_is_let_through(rules: str, lost: list[str]) -> None:
    assert mend(rules) == lost
    assert mend(rules + "\n" + "\n".join(f"!{name}" for name in lost)) == []


def test_what_a_command_runs_is_let_through_where_all_is_copied() -> None:
    everything = "FROM x\nCOPY . .\nRUN python3 tools/check.py\nCMD exec python3 app.py\n"
    assert mend("tools\nnotes.md\n", everything) == ["tools/check.py"]
    assert mend("tools\n", "FROM x\nCOPY web/ .\nCMD exec python3 tools/check.py\n") == []


def test_the_line_stands_before_the_build_and_goes_when_it_has_run() -> None:
    before = {**FILES, ".dockerignore": "*.py"}
    assert facts("roll out web", files=before).commands[:2] == (
        "sed -i '$a !app.py' .dockerignore",
        "docker build -t r.example.com:5000/team/web:abc1234 .",
    )
    after = {**FILES, ".dockerignore": "*.py\n!app.py\n"}
    assert "sed" not in facts("roll out web", files=after).commands[0]
