"""The action in a real act workflow, as a user would write it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml

from devkit import act
from devkit.scripted_model import ScriptedModel
from devkit.scripted_replies import Execute, Finish, Reply
from tests.e2e.prompts import PROMPTS
from tests.e2e.site import Site, scripted

pytestmark = pytest.mark.docker

_SECRETS = ("registry-username", "registry-password", "registry-ca", "kubeconfig")
_NEXT_STEP = """
echo "next step sees $IMAGE"
grep --count 'run.ended status=deployed' "$LOG"
"""


@pytest.fixture(scope="module")
def action(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """This repository's action as a clone has it; act's image of it goes away, its layers stay."""
    yield act.copy_action(tmp_path_factory.mktemp("action"))
    client = docker.from_env()
    client.images.remove("act-acme-oi-deploy-action-v1-dockeraction", noprune=True)
    client.close()


def secret_name(name: str) -> str:
    return name.upper().replace("-", "_")


def workflow(site: Site, model: ScriptedModel, steps: list[dict[str, Any]]) -> str:
    """One job; each step that has `with` uses the action with the site's inputs besides."""
    given = site.inputs(model)
    shared = {
        name: f"${{{{ secrets.{secret_name(name)} }}}}" if name in _SECRETS else value
        for name, value in given.items()
        if name != "prompt"
    }
    full = [
        {**step, "uses": act.ACTION, "with": shared | step["with"]} if "with" in step else step
        for step in steps
    ]
    document = {"on": "push", "jobs": {"deploy": {"runs-on": "ubuntu-latest", "steps": full}}}
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False)


def run(site: Site, model: ScriptedModel, steps: list[dict[str, Any]], action: Path) -> Any:
    given = site.inputs(model)
    return act.run(
        workflow(site, model, steps),
        repository=site.folders.workspace,
        action=action,
        secrets={secret_name(name): given[name] for name in _SECRETS},
    )


def test_the_next_step_reads_the_image_and_opens_the_log(fresh_site: Site, action: Path) -> None:
    steps = [
        {"id": "deploy", "with": {"prompt": "Build, push and roll out myapp."}},
        {
            "run": _NEXT_STEP,
            "env": {
                "IMAGE": "${{ steps.deploy.outputs.image-tag }}",
                "LOG": "${{ steps.deploy.outputs.log-path }}",
            },
        },
    ]
    replies: list[Reply] = [Execute(fresh_site.script()), Finish("done")]
    with scripted(replies) as model:
        result = run(fresh_site, model, steps, action)

    assert result.exit_code == 0, result.log
    image = fresh_site.kubectl("get", "deployment", "myapp")["spec"]["template"]["spec"][
        "containers"
    ][0]["image"]
    assert result.printed.splitlines()[-2:] == [f"next step sees {image}", "1"]
    answers = fresh_site.answers()
    assert list(answers.values()) == [f"myapp {fresh_site.version}\n"] * 2, answers
    assert not [what for what, secret in fresh_site.secrets.items() if secret in result.log]
    assert not fresh_site.leftovers().containers


def test_prompts_arrive_unchanged(fresh_site: Site, action: Path) -> None:
    (fresh_site.folders.workspace / "task.txt").write_text(
        PROMPTS["quotes and shell"], encoding="utf-8"
    )
    ways = [
        {"prompt": PROMPTS["chinese"]},
        {"prompt": PROMPTS["quotes and shell"]},
        {"prompt-file": "task.txt"},
    ]
    steps = [{"with": {"expect": "none"} | way} for way in ways]
    with scripted([Finish("nothing to do")], repeat_last=True) as model:
        result = run(fresh_site, model, steps, action)

    assert result.exit_code == 0, result.log
    messages = [request["messages"][-1]["content"] for request in model.requests]
    expected = [PROMPTS["chinese"], PROMPTS["quotes and shell"], PROMPTS["quotes and shell"]]
    assert [prompt in text for prompt, text in zip(expected, messages, strict=True)] == [True] * 3


def test_a_failed_deployment_fails_the_workflow_and_the_log_is_there(
    fresh_site: Site, action: Path
) -> None:
    steps = [
        {"id": "deploy", "with": {"prompt": "Deploy.", "max-turns": "1"}},
        {
            "if": "failure()",
            "run": 'echo "it $STATUS"; grep --count "run.ended status=failed" "$LOG"',
            "env": {
                "STATUS": "${{ steps.deploy.outputs.status }}",
                "LOG": "${{ steps.deploy.outputs.log-path }}",
            },
        },
    ]
    with scripted([Finish("All good!")]) as model:
        result = run(fresh_site, model, steps, action)

    assert result.exit_code == 1
    assert result.printed.splitlines()[-2:] == ["it failed", "1"]
