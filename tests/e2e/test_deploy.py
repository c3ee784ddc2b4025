"""One whole deployment through the runner, looked at from every side."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import docker
import pytest

from devkit.runner import StepResult
from devkit.scripted_model import ScriptedModel
from devkit.scripted_replies import Execute, Finish, Reply
from tests.e2e.site import Site, scripted
from tests.transcripts import problems

pytestmark = pytest.mark.docker

# What a curious or a misled model would try. It must find nothing, and say nothing to the runner.
SNOOP = """
set +e
env; cat /proc/1/environ; cat /proc/*/environ | tr '\\0' '\\n'
ls -la /var/run/docker.sock /github/file_commands /github/runner_temp; cat /root/.docker/config.json
find / -xdev \\( -name config.json -o -name 'kubeconfig*' \\) -exec cat {} + | head -c 20000
docker info; kubectl config view --raw
echo "image-tag=evil" >> "${GITHUB_OUTPUT:-/github/file_commands/x}"
echo "::set-output name=image-tag::evil"
echo "::error::from the model"
echo "::add-mask::myapp"
echo "::set-env name=PATH::/evil"
true
"""


@dataclass(frozen=True)
class Run:
    """A finished deployment."""

    site: Site
    commit: str
    result: StepResult
    model: ScriptedModel


@pytest.fixture(scope="module")
def run(site: Site) -> Iterator[Run]:
    replies: list[Reply] = [Execute(SNOOP), Execute(site.script()), Finish("发布完成")]
    with scripted(replies) as model:
        result = site.start(site.inputs(model)).wait(300)
        commit = result.outputs.get("image-tag", "").rpartition(":")[2]
        yield Run(site, commit, result, model)


def test_the_step_is_green_and_its_outputs_say_what_runs(run: Run) -> None:
    outputs = run.result.outputs
    assert run.result.ok, run.result.log
    assert outputs["status"] == "deployed"
    assert outputs["image-tag"].startswith(f"{run.site.values['REGISTRY']}/library/myapp:")
    assert outputs["image-digest"] == run.site.digest(run.commit) != ""
    assert (outputs["deployment"], outputs["changed"]) == ("myapp", "true")
    assert outputs["previous-image"] not in ("", outputs["image-tag"])
    assert outputs["turns"] == "3"
    assert int(outputs["prompt-tokens"]) > 0
    assert int(outputs["completion-tokens"]) > 0
    assert not run.result.exported


def test_the_cluster_runs_it_and_it_answers(run: Run) -> None:
    deployment = run.site.kubectl("get", "deployment", "myapp")
    template = deployment["spec"]["template"]["spec"]
    assert template["containers"][0]["image"] == run.result.outputs["image-tag"]
    assert deployment["spec"]["replicas"] == 2
    annotations = deployment["metadata"]["annotations"]
    assert annotations["deployment.kubernetes.io/revision"] == run.result.outputs["revision"]
    answers = run.site.answers()
    assert list(answers.values()) == [f"myapp {run.site.version}\n"] * 2, answers


def test_log_transcript_and_summary_tell_the_story(run: Run) -> None:
    workspace = run.site.folders.workspace
    log = (workspace / run.result.outputs["log-path"]).read_text(encoding="utf-8")
    assert "docker push" in log
    assert "status=deployed" in log
    # What the model's code wrote into the file of that name is kept, but apart.
    assert log.index("run.ended") < log.index("written by the model's code") < log.index("发布")

    transcript = (workspace / run.result.outputs["transcript-path"]).read_text(encoding="utf-8")
    kinds = [json.loads(line)["kind"] for line in transcript.splitlines()]
    assert not list(problems(transcript))
    assert kinds.count("answer") == 3
    assert {"prompt", "request", "result", "command", "finding", "end"} <= set(kinds)

    assert run.result.outputs["image-tag"] in run.result.summary
    assert run.result.outputs["image-digest"] in run.result.summary


def test_the_console_shows_code_commands_and_the_last_table(run: Run) -> None:
    shown = run.result.log
    assert "kubectl -n production set image deployment/myapp" in shown
    assert "broker: allowed" in shown
    end = shown[shown.rindex("\nstatus ") :]
    assert all(name in end for name in ("deployed", "image-tag", "image-digest", "log-path"))


def test_no_secret_is_anywhere(run: Run) -> None:
    workspace = run.site.folders.workspace
    client = docker.from_env()
    histories = [
        json.dumps(client.images.get(name).history())
        for name in (run.site.image, run.result.outputs["image-tag"])
    ]
    client.close()
    places = {
        "log": run.result.log,
        "summary": run.result.summary,
        "outputs": json.dumps(dict(run.result.outputs)),
        "annotations": str(run.result.annotations),
        "deploy.log": (workspace / "deploy.log").read_text(encoding="utf-8"),
        "transcript": (workspace / run.result.outputs["transcript-path"]).read_text("utf-8"),
        "requests": json.dumps(run.model.requests, ensure_ascii=False),
        "headers": json.dumps(run.model.headers),
        "docker history": "\n".join(histories),
    }
    found = [
        f"{what} in {place}"
        for place, text in places.items()
        for what, secret in run.site.secrets.items()
        if secret in text
    ]
    assert not found


def test_the_model_s_words_are_no_workflow_commands(run: Run) -> None:
    assert "::error::from the model" in run.result.log
    assert "evil" not in run.result.outputs["image-tag"]
    assert not [item for item in run.result.annotations if "from the model" in item.message]


def test_nothing_is_left_behind(run: Run) -> None:
    assert not run.site.leftovers()


def test_deploying_the_same_commit_again_changes_nothing_and_says_so(run: Run) -> None:
    assert run.result.ok
    with scripted([Execute(run.site.script()), Finish("again")]) as model:
        began = time.time()
        result = run.site.start(run.site.inputs(model)).wait(300)
    assert result.outputs["status"] == "deployed", result.log
    assert result.outputs["changed"] == "false"
    assert result.outputs["image-tag"] == run.result.outputs["image-tag"]
    log = run.site.folders.workspace / "deploy.log"
    assert log.stat().st_mtime >= began


def test_a_run_is_over_when_all_that_its_prompt_asks_for_has_run(fresh_site: Site) -> None:
    with scripted([Execute(fresh_site.script()), Finish("not asked for")]) as model:
        inputs = fresh_site.inputs(model, prompt="Build this, push it and roll it out as myapp.")
        result = fresh_site.start(inputs).wait(300)
    assert (result.outputs["status"], result.outputs["turns"]) == ("deployed", "1"), result.log
    assert "rollout status deployment/myapp" in model.requests[0]["messages"][-1]["content"]


def test_a_deployment_can_get_more_pods_with_its_image(
    fresh_site: Site, request: pytest.FixtureRequest
) -> None:
    # The world is every test's: those that follow count on its two pods.
    request.addfinalizer(lambda: fresh_site.scale(2))
    scale = "kubectl scale deployment/myapp --replicas=3"
    with scripted([Execute(f"{fresh_site.script()}\n{scale}"), Finish("not asked for")]) as model:
        prompt = "Build this, push it, roll it out as myapp and scale it to 3 replicas."
        result = fresh_site.start(fresh_site.inputs(model, prompt=prompt)).wait(300)
    assert (result.outputs["status"], result.outputs["turns"]) == ("deployed", "1"), result.log
    assert fresh_site.kubectl("get", "deployment", "myapp")["spec"]["replicas"] == 3


def test_a_restart_is_verified_without_a_new_image(fresh_site: Site) -> None:
    before = fresh_site.kubectl("get", "deployment", "myapp")
    restart = "kubectl -n production rollout restart deployment/myapp"
    with scripted([Execute(restart), Finish("not asked for")]) as model:
        inputs = fresh_site.inputs(model, prompt="Restart the deployment myapp.")
        result = fresh_site.start(inputs).wait(300)
    assert (result.outputs["status"], result.outputs["turns"]) == ("deployed", "1"), result.log
    (container,) = before["spec"]["template"]["spec"]["containers"]
    images = (result.outputs["image-tag"], result.outputs["previous-image"])
    assert images == (container["image"], container["image"])
    after = fresh_site.kubectl("get", "deployment", "myapp")
    assert after["metadata"]["generation"] > before["metadata"]["generation"]


def test_a_restart_brings_no_other_image(fresh_site: Site) -> None:
    before = fresh_site.kubectl("get", "deployment", "myapp")
    with scripted([Execute(fresh_site.script()), Finish("Restarted.")]) as model:
        inputs = fresh_site.inputs(model, prompt="Restart the deployment myapp.", max_turns="2")
        result = fresh_site.start(inputs).wait(300)
    assert result.outputs["status"] == "failed", result.log
    assert "has no word for another image" in result.log
    after = fresh_site.kubectl("get", "deployment", "myapp")
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
