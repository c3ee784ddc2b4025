"""Prompts by people who had not seen how they are read, and the command lines that they call for.

Each row is a prompt with its world; no lines means that the task cannot be done, unless the row
says that it is not impossible.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.agent.worlds import FILES, deployment, facts, short

_ROWS = [
    pytest.param(json.loads(line), id=f"{file.stem}-{number}")
    for file in sorted((Path(__file__).parent / "prompts").glob("*.jsonl"))
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
]


@pytest.mark.parametrize("row", _ROWS)
def test_a_prompt_gets_its_lines(row: dict[str, Any]) -> None:
    found = facts(
        row["prompt"],
        expect=row["expect"],
        files=row.get("files", FILES),
        deployments=[
            deployment(it["name"], *it["containers"], replicas=it.get("replicas", 2))
            for it in row["deployments"]
        ],
        tags=row.get("tags"),
        revisions=row.get("revisions"),
        git=row.get("git"),
        images=("python:3.11-slim", "node:22-slim", "nginx:1.29"),
    )
    assert short(found.commands) == row["lines"]
    assert bool(found.obstacles) == row.get("impossible", not row["lines"])
