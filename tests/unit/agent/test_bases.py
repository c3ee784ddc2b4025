"""Lines that list Dockerfiles by their base images, run on some."""

import subprocess
from pathlib import Path

import pytest

from tests.unit.agent.worlds import facts

FILES = {
    "a/Dockerfile": "FROM python:3.9-slim\nCMD x\n",
    "b/Dockerfile": "# once FROM python:3.9\nFROM node:22-slim\nCMD x\n",
    "b/c/Dockerfile": "FROM --platform=linux/amd64 python:3.9\nCMD x\n",
}


@pytest.mark.parametrize(
    ("prompt", "lines"),
    [
        (
            "List every Dockerfile whose FROM line still uses a python:3.9 base image in old.txt, "
            "one path per line. Do not edit the Dockerfiles.",
            "a/Dockerfile\nb/c/Dockerfile\n",
        ),
        (
            "把 b 目录下所有 FROM 用 python:3.9 的 Dockerfile 写入 old.txt,每行一个路径。",
            "b/c/Dockerfile\n",
        ),
        (
            "Write bases.txt with one line for every Dockerfile under a: its path, and the base "
            "image that its FROM line names.",
            "a/Dockerfile python:3.9-slim\n",
        ),
    ],
)
def test_dockerfiles_by_their_base_images(prompt: str, lines: str, tmp_path: Path) -> None:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    (line,) = facts(prompt, expect="none", files=FILES).commands
    subprocess.run(["/bin/sh", "-ec", line], cwd=tmp_path, check=True)
    assert (tmp_path / line.rpartition("> ")[2]).read_text(encoding="utf-8") == lines
