"""A Dockerfile whose build has failed, and that no single change puts right."""

import subprocess
from pathlib import Path

import pytest

from tests.unit.agent.worlds import PYTHON, deployment, facts, short

SERVER = (
    "from http.server import HTTPServer, SimpleHTTPRequestHandler\n"
    'HTTPServer(("", 8080), SimpleHTTPRequestHandler).serve_forever()\n'
)
DOCKERFILE = (
    "FROM python:3.11-slim\nENV PYTHONUNBUFFERED=1 LABELS=/opt/labels INVOICES=/srv/web/invoices\n"
    "WORKDIR /srv/web\n"
    'COPY labels.py VERSION ./\nUSER nobody\nEXPOSE 9000\nCMD ["python3", "labels.py", "run"]\n'
)
FILES = {
    "Dockerfile": DOCKERFILE,
    "src/labels/server.py": SERVER,
    "src/labels/wristband.zpl": "^XA\n",
    "README.md": "Run `python3 src/labels/server.py` in the root; it listens on 9000.\n",
    "VERSION": "2.0.0\n",
}
ASK = (
    "Release web, image {registry}/web tagged with the short commit hash. The sources were moved "
    "around. If the build fails, repair the Dockerfile."
)
FAILED = "COPY failed: file not found in build context: stat labels.py: file does not exist"


def lines(prompt: str = ASK, build: str = FAILED, failures: str = "", **changed: str) -> list[str]:
    files = {**FILES, **{name.replace("_", "."): text for name, text in changed.items()}}
    found = facts(
        prompt,
        files=files,
        deployments=[deployment("web", "app=web:1.0.0")],
        tags={"web": ["1.0.0"]},
        build=build,
        failures=failures,
    )
    return short(found.commands)


def writes(found: list[str]) -> bool:
    return any(it.startswith("cat >") for it in found)


def test_it_is_written_anew_with_what_it_says_of_its_own(tmp_path: Path) -> None:
    first = lines()[0]
    subprocess.run(["sh", "-ec", first], cwd=tmp_path, check=True)
    assert (tmp_path / "Dockerfile").read_text("utf-8") == (
        "FROM python:3.11-slim\nWORKDIR /srv/web\nCOPY . .\nENV PYTHONUNBUFFERED=1\n"
        "ENV LABELS=/opt/labels\nEXPOSE 9000\n"
        "USER nobody\nCMD exec python3 src/labels/server.py\n"
    )


def test_what_was_written_is_not_written_again() -> None:
    first = lines()[0]
    body = first.partition("\n")[2].partition("EOF")[0]
    assert lines(Dockerfile=body)[0].startswith("docker build")


def test_a_pod_that_ended_is_a_failure_too() -> None:
    assert lines(build="", failures="FileNotFoundError: labels")[0].startswith("cat > Dockerfile")


@pytest.mark.parametrize(
    "dockerfile",
    [
        # A test, another stage, and an argument would be lost.
        DOCKERFILE.replace("USER", "RUN python3 -m unittest\nUSER"),
        f"FROM python:3.11-slim AS test\n{DOCKERFILE}",
        DOCKERFILE.replace("USER", "ARG REVISION\nUSER"),
    ],
)
def test_nothing_is_lost(dockerfile: str) -> None:
    assert not writes(lines(Dockerfile=dockerfile))


def test_a_message_is_no_wish() -> None:
    pasted = ' > COPY labels.py VERSION ./:\nERROR: failed to calculate: "/labels.py": not found\n'
    prompt = f"The build is red:\n\n```\n{pasted}```\n\nAdapt the Dockerfile to src/. {ASK}"
    assert "/labels.py" not in lines(prompt)[0]


def test_the_command_of_a_program_that_is_there_stays() -> None:
    kept = (
        "FROM python:3.11-slim\nWORKDIR /srv/web\nCOPY src/ ./src/\n"
        'CMD ["python3", "src/labels/server.py", "--verbose"]\n'
    )
    assert "CMD exec python3 src/labels/server.py --verbose" in lines(Dockerfile=kept)[0]


def test_nothing_is_written_that_was_not_asked_for() -> None:
    assert not writes(lines(build=""))
    kept = "Build web, push {registry}/web:$(git rev-parse --short HEAD) and roll it out."
    assert not writes(lines(kept))
    assert not writes(lines(f"{kept} Do not fix the Dockerfile."))


def test_a_dockerfile_that_can_be_mended_is_mended() -> None:
    wrong = PYTHON.replace("COPY app.py", "COPY ap.py")
    found = lines(Dockerfile=wrong, app_py="print(1)\n")
    assert found[0].startswith("sed -i")


@pytest.mark.parametrize(
    "prompt",
    [
        "Release web. Update the Dockerfile only if needed.",
        "Update web with the Dockerfile as it is.",
        "My colleague updated the Dockerfile yesterday. Release web.",
        "Dockerfile 已经修好了。发布 web。",
    ],
)
def test_words_near_a_dockerfile_do_not_order_another_one(prompt: str) -> None:
    image = " The image is {registry}/web:$(git rev-parse --short HEAD)."
    assert not writes(lines(prompt + image))


@pytest.mark.parametrize(
    "message", ["failed to push: i/o timeout", "toomanyrequests", "KeyError: 'DB_URL'"]
)
def test_a_failure_of_something_else_changes_nothing(message: str) -> None:
    assert not writes(lines(build=message))
    assert not writes(lines(build="", failures=message))


def test_no_file_with_a_secret_comes_with_a_whole_folder() -> None:
    first = lines(server_key="K\n", credentials_json="{}\n")[0]
    assert "COPY . ." not in first and "server.key" not in first and "credentials" not in first
