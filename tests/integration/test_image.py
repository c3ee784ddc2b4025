"""The action's image: what is in it, what is not, and how it starts."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]
IMAGE = "oi-deploy-action:dev"
PYTHON = "/opt/venv/bin/python"
SHIMS = "/opt/oi-deploy/bin"
REAL = "/usr/local/libexec/oi-deploy"
AS_THE_MODEL = ("setpriv", "--reuid=65532", "--regid=65532", "--clear-groups")


@pytest.fixture(scope="module", autouse=True)
def image() -> None:
    subprocess.run(["make", "image"], cwd=ROOT, check=True, capture_output=True)


def run(
    *command: str, options: Sequence[str] = (), entrypoint: str | None = None
) -> subprocess.CompletedProcess[str]:
    change = ["--entrypoint", entrypoint] if entrypoint else []
    argv = ["docker", "run", "--rm", "--network", "none", *options, *change, IMAGE, *command]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def inside(*command: str, options: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    return run(*command[1:], options=options, entrypoint=command[0])


def test_it_weighs_little() -> None:
    shown = subprocess.run(
        ["docker", "image", "inspect", IMAGE], capture_output=True, text=True, check=True
    )

    assert json.loads(shown.stdout)[0]["Size"] <= 650_000_000


@pytest.mark.parametrize("package", ["vllm", "torch", "transformers", "pip"])
def test_it_has_no_model_server_and_no_installer(package: str) -> None:
    found = inside(
        PYTHON, "-Ic", f"from importlib.util import find_spec; print(find_spec('{package}'))"
    )

    assert found.stdout == "None\n"


def test_importing_what_a_run_imports_opens_no_connection() -> None:
    code = """
import os, sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        os.write(2, f"{event} {arguments!r}".encode())
        os._exit(7)
sys.addaudithook(refuse)
import oi_deploy.run, oi_deploy.talk
print("interpreter" in sys.modules)
"""

    imported = inside(PYTHON, "-IBW", "ignore", "-c", code)

    assert (imported.returncode, imported.stdout, imported.stderr) == (0, "True\n", "")


def test_without_a_network_it_starts_and_names_the_missing_inputs() -> None:
    started = run()

    assert started.returncode == 1
    assert "input `prompt` is missing" in started.stdout
    assert started.stderr == ""


def test_inputs_with_a_hyphen_arrive() -> None:
    started = run(options=["--env", "INPUT_MAX-TURNS=none"])

    assert "input `max-turns`" in started.stdout


def test_the_repository_cannot_put_its_modules_into_the_action(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('inside')", encoding="utf-8")
    workspace = ["--volume", f"{tmp_path}:/github/workspace", "--workdir", "/github/workspace"]

    started = run(options=[*workspace, "--env", "PYTHONPATH=/github/workspace"])

    assert "input `prompt` is missing" in started.stdout
    assert "inside" not in started.stdout


def test_nothing_is_written_into_the_runner_s_home(tmp_path: Path) -> None:
    home = ["--volume", f"{tmp_path}:/github/home", "--env", "HOME=/github/home"]

    run(options=home)
    inside(PYTHON, "-IBc", "import runpy; runpy.run_path('/action/entrypoint.py')", options=home)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("tool", ["docker", "kubectl"])
def test_the_real_programs_are_for_root_only(tool: str) -> None:
    version = ["--version"] if tool == "docker" else ["version", "--client"]

    as_root = inside(f"{REAL}/{tool}", *version)
    # Through another program, as the model's code would: setpriv itself still has root's
    # capabilities at the moment at which it executes its argument.
    as_the_model = inside(*AS_THE_MODEL, "bash", "-c", f"{REAL}/{tool} {' '.join(version)}")

    assert as_root.returncode == 0
    assert as_the_model.returncode != 0
    assert "Permission denied" in as_the_model.stderr


@pytest.mark.parametrize("tool", ["docker", "kubectl"])
def test_the_model_s_programs_are_shims_that_need_the_broker(tool: str) -> None:
    answer = inside(*AS_THE_MODEL, f"{SHIMS}/{tool}", "version")

    assert answer.returncode != 0
    assert "broker" in answer.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("git", "--version"),
        ("curl", "--version"),
        ("jq", "--version"),
        ("/usr/bin/node", "-e", "console.log(1)"),
        ("/usr/bin/python3", "-c", "import json, urllib.request, sqlite3"),
        ("ps", "--version"),
        ("bash", "-c", "set -o pipefail; true | true"),
    ],
    ids=lambda command: Path(command[0]).name,
)
def test_the_model_s_code_finds_its_tools(command: tuple[str, ...]) -> None:
    assert inside(*AS_THE_MODEL, *command).returncode == 0


def test_git_works_in_a_workspace_of_another_user(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    for path in [tmp_path, *tmp_path.rglob("*")]:
        os.chown(path, 1001, 1001)

    status = inside("git", "-C", "/w", "status", options=["--volume", f"{tmp_path}:/w"])

    assert (status.returncode, status.stderr) == (0, "")
