"""The real act, with a small action."""

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from devkit import act, images
from devkit.shell import call

pytestmark = pytest.mark.docker

ACTION = """
name: probe
description: probe
inputs:
  text: {description: x, required: true}
outputs:
  answer: {description: x}
runs: {using: docker, image: Dockerfile}
"""
DOCKERFILE = f"""
FROM {images.BASE}
ENTRYPOINT ["bash", "-c", "printf %s \\"$INPUT_TEXT\\" > given; echo answer=42 >> $GITHUB_OUTPUT"]
"""
WORKFLOW = """
on: push
jobs:
  probe:
    runs-on: ubuntu-latest
    steps:
      - uses: acme/oi-deploy-action@v1
        id: probe
        with:
          text: ${{ secrets.TEXT }}
      - run: echo "the answer is $ANSWER for $NAME"; exit 3
        env:
          ANSWER: ${{ steps.probe.outputs.answer }}
          NAME: ${{ vars.NAME }}
"""


@pytest.fixture
def action(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "action"
    folder.mkdir()
    (folder / "action.yml").write_text(ACTION)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    yield folder
    client = docker.from_env()
    client.images.remove("act-acme-oi-deploy-action-v1-dockeraction", force=True)
    client.close()


def test_a_workflow_runs_with_its_action_secrets_and_variables(
    action: Path, tmp_path: Path
) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    call("git", "init", "--quiet", "--initial-branch=main", cwd=repository)
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    call("git", *identity, "commit", "--quiet", "--allow-empty", "-m", "x", cwd=repository)
    text = "构建 `x` \"$(id)\" 'y'\n第二行 \\ $HOME"
    result = act.run(
        WORKFLOW,
        repository=repository,
        action=action,
        secrets={"TEXT": text},
        variables={"NAME": "everybody"},
    )

    assert result.exit_code == 1
    assert result.printed.splitlines()[-1] == "the answer is 42 for everybody"
    assert (repository / "given").read_text(encoding="utf-8") == text


def test_the_copy_of_the_action_is_what_a_clone_holds(tmp_path: Path) -> None:
    copy = act.copy_action(tmp_path / "copy")
    assert (copy / "action.yml").is_file()
    assert (copy / "src/oi_deploy/inputs.py").is_file()
    assert not (copy / ".git").exists()
    assert not (copy / ".venv").exists()
