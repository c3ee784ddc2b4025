"""The lines that put a failed build right; the output is that of Docker's classic builder."""

import subprocess
from pathlib import Path

import pytest

from oi_deploy.agent.build_hints import failed_build
from oi_deploy.agent.dockerfile.files import Dockerfile
from oi_deploy.agent.facts import Facts
from oi_deploy.agent.hints import Failure, hints
from oi_deploy.agent.progress import State, render
from oi_deploy.sandbox import Result
from tests.unit.agent.worlds import facts

IMAGES = ("python:3.11-slim", "node:22-slim")
PATHS = ("app.py", "rates.py", "lib/__init__.py", "tests/test_app.py", "VERSION")
MIRROR = "FROM mirror.example.com/library/python:3.11-slim\nCMD python3\n"
PLAIN = "FROM python:3.11-slim\nCMD python3\n"
TOP = "FROM python:3.11-slim\nWORKDIR /app\n"
FROM = "Step 1/2 : FROM mirror.example.com/library/python:3.11-slim\n"
STAGES = "FROM python:3.11-slim AS make\nWORKDIR /src\nRUN python3 pack.py\nFROM python:3.11-slim\n"


@pytest.mark.parametrize(
    ("output", "wrong", "right"),
    [
        (
            f'{FROM}Get "https://mirror.example.com/v2/": dial tcp: lookup mirror.example.com on '
            "10.0.0.1:53: no such host",
            MIRROR,
            PLAIN,
        ),
        (f"{FROM}dial tcp 127.0.0.1:1: connect: connection refused", MIRROR, PLAIN),
        (f"{FROM}manifest unknown", MIRROR, PLAIN),
        ("the base image mirror.example.com/library/python:3.11-slim is not allowed; allowed: x",
         MIRROR, PLAIN),
        ("the base image company/pithon:3.11-slim is not allowed; allowed: x",
         "FROM company/pithon:3.11-slim\n", ""),
        ("dial tcp: lookup example.com: no such host", MIRROR, ""),
        (f"{FROM}Step 2/2 : RUN wget x\nwget: no such host", MIRROR, ""),
        (
            "Step 4/6 : RUN touch /data\ntouch: cannot touch '/data': Permission denied",
            f"{TOP}USER 10001\nRUN touch /data\nCOPY app.py ./\nCMD python3 app.py\n",
            f"{TOP}RUN touch /data\nCOPY app.py ./\nUSER 10001\nCMD python3 app.py\n",
        ),
        ("Step 3/4 : RUN ./x\n./x: Permission denied", f"{TOP}RUN ./x\nUSER 10001\n", ""),
        ("Step 4/4 : RUN ./x\n./x: Permission denied", f"{TOP}USER root\nRUN ./x\n", ""),
        (
            "Step 5/5 : COPY --from=make /app/dist/ ./\n"
            "COPY failed: stat app/dist/: file does not exist",
            f"{STAGES}COPY --from=make /app/dist/ ./\n",
            f"{STAGES}COPY --from=make /src/dist/ ./\n",
        ),
        (
            "COPY failed: stat src/dist/: file does not exist",
            f"{STAGES}COPY --from=make /src/dist/ ./\n",
            "",
        ),
        (
            "Step 4/4 : RUN python3 app.py\nModuleNotFoundError: No module named 'rates'",
            f"{TOP}COPY app.py ./\nRUN python3 app.py\n",
            f"{TOP}COPY rates.py app.py ./\nRUN python3 app.py\n",
        ),
        (
            "Step 4/4 : RUN python3 app.py\nModuleNotFoundError: No module named 'lib.x'",
            f"{TOP}COPY app.py ./\nRUN python3 app.py\n",
            f"{TOP}COPY app.py ./\nCOPY lib/ ./lib/\nRUN python3 app.py\n",
        ),
        (
            "Step 4/4 : RUN python3 app.py\nModuleNotFoundError: No module named 'requests'",
            f"{TOP}COPY app.py ./\nRUN python3 app.py\n",
            "",
        ),
    ],
)  # fmt: skip
def test_the_line_mends_the_dockerfile(output: str, wrong: str, right: str, tmp_path: Path) -> None:
    known = Facts(paths=PATHS, dockerfiles=(Dockerfile("Dockerfile", wrong),), images=IMAGES)
    said = hints(Failure("docker build -t r/web:1 .", output, known))
    lines = [hint.partition("First run: ")[2] for hint in said if "First run: " in hint]
    (tmp_path / "Dockerfile").write_text(wrong, encoding="utf-8")
    for line in lines:
        assert "\\" not in line and '"' not in line
        subprocess.run(["/bin/sh", "-c", line], cwd=tmp_path, check=True)
    assert (tmp_path / "Dockerfile").read_text(encoding="utf-8") == (right or wrong)
    assert len(lines) == bool(right)


def test_a_base_image_that_cannot_be_pulled_is_no_question_of_the_network() -> None:
    known = Facts(dockerfiles=(Dockerfile("Dockerfile", MIRROR),), images=IMAGES)
    (said,) = hints(Failure("x", f"{FROM}dial tcp: lookup mirror: no such host", known))
    assert said.startswith("The base image mirror.example.com/")


def test_a_data_file_of_a_folder_is_copied_before_the_step_that_reads_it() -> None:
    text = "FROM a AS check\nWORKDIR /src\nCOPY tests ./tests\nRUN python3 -m unittest\nFROM a\n"
    facts = Facts(
        paths=("Dockerfile", "data/rates.csv", "old/rates.csv", "tests/test_x.py"),
        dockerfiles=(Dockerfile("Dockerfile", text),),
    )
    output = (
        "Step 4/5 : RUN python3 -m unittest\n"
        "FileNotFoundError: [Errno 2] No such file or directory: '/src/data/rates.csv'"
    )
    (hint,) = hints(Failure("docker build -t x .", output, facts))
    assert hint.endswith("First run: sed -i '4i COPY data/rates.csv /src/data/' Dockerfile")
    other = output.replace("/src/data/rates.csv", "/tmp/rates.csv")
    assert hints(Failure("docker build -t x .", other, facts)) == ()


def test_a_script_comes_back_with_the_line_that_has_to_run_before_it() -> None:
    text = "FROM a\nCOPY ap.py ./\n"
    facts = Facts(paths=("Dockerfile", "app.py"), dockerfiles=(Dockerfile("Dockerfile", text),))
    output = "Step 2/2 : COPY ap.py ./\nCOPY failed: stat ap.py: file does not exist"
    message = render("task", facts, State(script="docker build -t x .", output=output))
    line = "sed -i '2s#ap.py#app.py#' Dockerfile"
    assert f"# Your last script, put right: run this\n{line}\ndocker build -t x ." in message
    python = State(script="run('docker build -t x .')", output=output)
    assert "put right" not in render("task", facts, python)


STEPS = "Step 1/3 : FROM node:22-slim\n ---> 1\nStep 2/3 : RUN node a.js\n"


@pytest.mark.parametrize(
    ("output", "code", "lines"),
    [
        (f"{STEPS} ---> Running in 2\nError: EACCES\n", 1, [" ---> Running in 2", "Error: EACCES"]),
        # The build went well, and what came after it did not.
        (f"{STEPS}Successfully built 3\ndenied: no push\n", 1, []),
        (f"{STEPS}Error: EACCES\n", 0, []),
        ("error: no such deployment\n", 1, []),
    ],
)
def test_what_a_failed_build_printed(output: str, code: int, lines: list[str]) -> None:
    assert failed_build(Result(code, timed_out=False, seconds=1, output=output)) == lines


def test_it_mends_the_dockerfile_like_what_a_prompt_tells() -> None:
    files = {
        "Dockerfile": "FROM node:22-slim\nUSER node\nWORKDIR /a\nCOPY a.js ./\nRUN node a.js\n",
        "a.js": "require('fs').writeFileSync('x', '')\n",
    }
    assert "sed" not in facts("Build and roll out web", files=files).commands[0]
    printed = "Error: EACCES: permission denied, open '/a/x'"
    line = facts("Build and roll out web", files=files, build=printed).commands[0]
    assert line == "sed -i -e '2{h;d}' -e '5G' Dockerfile"
