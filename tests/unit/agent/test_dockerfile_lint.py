"""Slips in Dockerfiles: the commands put them right, and leave what is right alone."""

import subprocess
from pathlib import Path

import pytest

from oi_deploy.agent.dockerfile.lint import repairs
from tests.unit.agent.worlds import facts

RIGHT = """# syntax
FROM node:22 AS build
RUN a \\
    && b \\
    # why
    && c
COPY --chown=1:1 --from=build /out/ ./
COPY --from=nginx:1.29 /x /y
COPY --from=0 /x /y
COPY --from=composer /x /y
COPY --chown=1:1  ["a b", "./"]
HEALTHCHECK --interval=30s \\
CMD wget x
# a comment \\
RUN echo 'CMD' | cat
CMD ["node", "x.js"]
"""


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("FROM x AS build\nCOPY --from=builder /a ./", "FROM x AS build\nCOPY --from=build /a ./"),
        ("FROM x\nRUN md -p /a\n    && ls /a\nUSER 1", "FROM x\nRUN md -p /a && ls /a\nUSER 1"),
        ("FROM x\nRUN a  \n&& b", "FROM x\nRUN a && b"),
        ("FROM x\nRUN a && \\\n    b \\\nCOPY a ./", "FROM x\nRUN a && \\\n    b\nCOPY a ./"),
        ("FORM x\nCOPPY a ./\nRUN a", "FROM x\nCOPY a ./\nRUN a"),
        ("FROM x\nCOPY --chown=1 app.py", "FROM x\nCOPY --chown=1 app.py ./"),
        ("FROM x\nCMD ['python3', 'app.py']", "FROM x\nCMD exec python3 app.py"),
        (RIGHT, RIGHT.rstrip()),
    ],
)  # fmt: skip
def test_a_slip_is_put_right(wrong: str, right: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"{wrong}\n", encoding="utf-8")
    for line in repairs("Dockerfile", wrong):
        assert "\\" not in line and '"' not in line
        subprocess.run(["/bin/sh", "-c", line], cwd=tmp_path, check=True)
    assert (tmp_path / "Dockerfile").read_text(encoding="utf-8").rstrip() == right


@pytest.mark.parametrize(
    "text",
    [
        "FROM x AS a\nFROM x AS b\nCOPY --from=zzz /a ./",
        "FROM x\nCMD ['sh', '-c', 'a; b']",
        "FROM x\n123 x",
        "# escape=`\nFROM x\nCOPY a C:\\\nCOPY b ./",
        "FROM x\nRUN echo 'a \\\nCMD x'",
        f"FROM x\nENV A={'a' * 6000}\nCOPY a",
        "FROM x\nRUN <<EOF\nFORM x\nEOF",
        "",
    ],
)
def test_what_is_not_certain_is_left_alone(text: str) -> None:
    assert repairs("Dockerfile", text) == ()


def test_a_package_and_a_folder_of_pages_get_a_dockerfile() -> None:
    images = ("python:3.11-slim", "nginx:1.29")
    module = {"VERSION": "1\n", "inventory/__main__.py": "", "inventory/x.py": "", "setup.py": ""}
    text = "\n".join(
        facts("Write a Dockerfile, roll out web", files=module, images=images).commands
    )
    assert "exec python3 -m inventory\n" in text
    pages = {"public/index.html": "", "public/a/b.html": "", "notes/x.md": ""}
    text = "\n".join(facts("Write a Dockerfile, roll out web", files=pages, images=images).commands)
    assert "COPY public/ /usr/share/nginx/html/\n" in text
    prompt = "public/ 里是页面,请在根目录写一个 Dockerfile,更新 web"
    assert "cat > Dockerfile" in facts(prompt, files=pages, images=images).commands[0]
    both = {**pages, "other/index.html": ""}
    assert facts("Write a Dockerfile, roll out web", files=both, images=images).commands == ()
