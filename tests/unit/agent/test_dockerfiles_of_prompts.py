"""Whole cases: what a prompt's lines make of a repository's Dockerfile.

In `dockerfiles.jsonl`, each row has a prompt, the files of a repository, and those that are other
ones after the lines. Each result was built and started by a real engine when it was written down.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.unit.agent.worlds import JOBS, deployment, facts, short

IMAGES = ("python:3.11-slim", "node:22-slim", "nginx:1.29", "busybox:1.36")
ROWS = [
    json.loads(line)
    for line in Path(__file__).with_name("dockerfiles.jsonl").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize(
    "row", ROWS, ids=[f"{at}: {row['note']}" for at, row in enumerate(ROWS, 1)]
)
def test_the_lines_make_a_dockerfile_that_builds_and_starts(
    row: dict[str, Any], tmp_path: Path
) -> None:
    for path, text in row["files"].items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    commands = facts(
        row["prompt"],
        files=row["files"],
        deployments=[deployment("web", "app=web:1.0.0"), JOBS],
        tags={"web": ["1.0.0"]},
        images=IMAGES,
    ).commands
    build = next(at for at, line in enumerate(short(commands)) if line.startswith("docker build"))
    # A small model writes them as a JSON string, and ends it at a quote.
    assert not any('"' in line or "\\" in line for line in commands)
    subprocess.run(["sh", "-ec", "\n".join(commands[:build])], cwd=tmp_path, check=True)
    changed = {
        str(file.relative_to(tmp_path)): text
        for file in tmp_path.rglob("*")
        if file.is_file()
        and (text := file.read_text("utf-8")) != row["files"].get(str(file.relative_to(tmp_path)))
    }
    assert changed == row["changed"]


# Dockerfiles that are right, and look like some that are not.
RIGHT = [
    json.loads(line)
    for line in Path(__file__).with_name("right.jsonl").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize("row", RIGHT, ids=[row["note"] for row in RIGHT])
def test_a_right_dockerfile_stays_as_it_is(row: dict[str, Any]) -> None:
    commands = facts(
        "Build and push {registry}/web with the short SHA, then update Deployment web.",
        files=row["files"],
        deployments=[deployment("web", "app=web:1.0.0"), JOBS],
        tags={"web": ["1.0.0"]},
        images=IMAGES,
    ).commands
    assert short(commands)[0].startswith("docker build")
