"""README, action.yml, the inputs' model, the image and the version say the same."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from oi_deploy import __version__, inputs
from oi_deploy.workflow import OUTPUTS

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
README = (ROOT / "README.md").read_text(encoding="utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    """The table below a heading of the README: first cell -> other cells."""
    section = re.split(r"^#+ ", README.split(f"\n## {heading}\n", 1)[1], maxsplit=1, flags=re.M)[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {row[0].strip("` "): row[1:] for row in cells}


def test_action_yml_declares_the_inputs_that_are_read_with_their_defaults() -> None:
    declared = {name: entry["default"] for name, entry in ACTION["inputs"].items()}

    assert declared == {name: inputs.default(name) for name in inputs.names()}


def test_no_input_is_required_since_the_runner_would_not_check_it() -> None:
    assert not [name for name, entry in ACTION["inputs"].items() if entry["required"]]


@pytest.mark.parametrize("name", inputs.names())
def test_the_readme_explains_every_input_and_its_default(name: str) -> None:
    default, meaning = rows("Inputs")[name]

    assert default == (f"`{inputs.default(name)}`" if inputs.default(name) else "")
    assert meaning == ACTION["inputs"][name]["description"]


def test_the_readme_explains_no_other_input() -> None:
    assert set(rows("Inputs")) == set(inputs.names())


def test_action_yml_and_readme_declare_the_outputs_that_are_written() -> None:
    declared = {name: entry["description"] for name, entry in ACTION["outputs"].items()}

    assert declared == dict(OUTPUTS)
    assert {name: cells[0] for name, cells in rows("Outputs").items()} == dict(OUTPUTS)


def test_the_readme_s_workflow_uses_inputs_and_outputs_that_exist() -> None:
    text = README.split("```yaml\n", 1)[1].split("```", 1)[0]
    jobs = yaml.safe_load(text)["jobs"].values()
    steps = [step for job in jobs for step in job["steps"] if "oi-deploy" in step.get("uses", "")]

    assert steps
    for step in steps:
        assert set(step["with"]) <= set(ACTION["inputs"])
        used = set(re.findall(rf"steps\.{step['id']}\.outputs\.([a-z-]+)", text))
        assert used and used <= set(ACTION["outputs"])


def test_the_readme_s_workflow_makes_inputs_that_are_accepted() -> None:
    text = README.split("```yaml\n", 1)[1].split("```", 1)[0]
    jobs = yaml.safe_load(text)["jobs"].values()
    step = next(s for job in jobs for s in job["steps"] if "oi-deploy" in s.get("uses", ""))

    parsed = inputs.parse({f"INPUT_{name.upper()}": str(v) for name, v in step["with"].items()})

    assert parsed.prompt == step["with"]["prompt"]


def test_the_image_starts_python_without_a_shell_in_between() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    (entry,) = re.findall(r"^ENTRYPOINT (\[[^]]*\])$", dockerfile, flags=re.M)

    command = json.loads(entry.replace("\\\n", ""))
    assert command[:3] == ["/usr/bin/tini", "--", "/opt/venv/bin/python"]
    assert command[-1] == "/action/entrypoint.py"
    assert ACTION["runs"] == {"using": "docker", "image": "Dockerfile"}


@pytest.mark.parametrize(
    "instruction", ["USER", "WORKDIR", "RUN --", "COPY --link", "COPY --chmod"]
)
def test_the_dockerfile_keeps_to_what_github_and_the_classic_builder_take(instruction: str) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")

    assert not re.findall(rf"^{instruction}", dockerfile, flags=re.M)
    assert "<<" not in dockerfile


def test_ci_runs_the_readme_s_test_command() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    command = ci.strip().splitlines()[-1].removeprefix("exec ")

    assert f"\n{command} " in README.split("```sh\n", 1)[1]


def test_the_package_s_version_is_the_project_s() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == __version__
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def locked(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", text, flags=re.M))


@pytest.mark.parametrize("name", ["requirements-dev.txt", "requirements-build.txt"])
def test_the_locks_agree_on_versions(name: str) -> None:
    runtime = locked("requirements.txt")

    assert {k: v for k, v in locked(name).items() if k in runtime and v != runtime[k]} == {}


def test_the_image_gets_neither_a_model_server_nor_a_gpu_library() -> None:
    forbidden = re.compile(r"torch|vllm|nvidia|cuda|triton|transformers")

    assert [name for name in locked("requirements.txt") if forbidden.search(name)] == []
