"""Every way a run ends reports, and leaves nothing behind."""

import threading

import pytest

from devkit.scripted_model import ScriptedModel
from devkit.scripted_replies import Cut, Disconnect, Execute, Finish, Reply, Silence, Text
from tests.e2e.site import Site, scripted

pytestmark = pytest.mark.docker


def user_message(model: ScriptedModel, number: int) -> str:
    return str(model.requests[number]["messages"][-1]["content"])


def test_a_model_that_only_claims_success_fails_the_run(fresh_site: Site) -> None:
    image = fresh_site.kubectl("get", "deployment", "myapp")["spec"]["template"]
    with scripted([Finish("Deployed successfully!")], repeat_last=True) as model:
        result = fresh_site.start(fresh_site.inputs(model, max_turns="3")).wait(300)

    assert result.exit_code == 1
    assert result.outputs["status"] == "failed"
    assert result.outputs["image-tag"] == result.outputs["image-digest"] == ""
    assert fresh_site.kubectl("get", "deployment", "myapp")["spec"]["template"] == image
    (error,) = [item.message for item in result.annotations if item.level == "error"]
    # It says what is missing, to people and to the model.
    assert "pushed" in error
    assert "pushed" in user_message(model, 1)
    assert error.splitlines()[-1] in result.summary
    assert len(model.requests) == 3
    assert not fresh_site.leftovers()


def test_a_claim_after_a_build_without_a_push_names_what_is_missing(fresh_site: Site) -> None:
    tag = f"built-{fresh_site.version}"
    reference = f"{fresh_site.values['REGISTRY']}/library/myapp:{tag}"
    replies: list[Reply] = [Execute(f"docker build -t {reference} ."), Finish("All done.")]
    with scripted(replies, repeat_last=True) as model:
        result = fresh_site.start(fresh_site.inputs(model, max_turns="2")).wait(300)

    assert result.outputs["status"] == "failed"
    assert not fresh_site.digest(tag)
    assert any("push" in item.message for item in result.annotations)


def test_every_wrong_input_is_named_at_once_before_anything_starts(fresh_site: Site) -> None:
    with scripted([]) as model:
        inputs = fresh_site.inputs(model) | {
            "prompt": "",
            "max-turns": "many",
            "timeout": "soon",
            "registry": "https://harbor.example.com",
            "kubeconfig": "",
        }
        result = fresh_site.start(inputs).wait(120)
        assert not model.requests
        assert not model.probes

    assert result.exit_code == 1
    (error,) = [item.message for item in result.annotations if item.level == "error"]
    for name in ("prompt", "max-turns", "timeout", "registry", "kubeconfig"):
        assert f"input `{name}`" in error
    assert result.outputs["status"] == "failed"
    assert (fresh_site.folders.workspace / result.outputs["log-path"]).is_file()
    assert not fresh_site.leftovers()


@pytest.mark.parametrize("when", ["during a script", "while the model is silent"])
def test_a_cancelled_run_ends_in_time_and_reports(fresh_site: Site, when: str) -> None:
    busy = threading.Event()
    replies: list[Reply] = [Execute("echo begun; sleep 600"), Silence()]
    if when == "while the model is silent":
        replies.reverse()

    def on_line(line: str) -> None:
        if line == "begun":
            busy.set()

    def on_request(body: object) -> None:
        if isinstance(replies[0], Silence):
            busy.set()

    with scripted(replies, on_request=on_request) as model:
        step = fresh_site.start(fresh_site.inputs(model), on_line=on_line)
        assert busy.wait(120)
        step.cancel()
        result = step.wait(60)

    assert not result.abandoned
    assert result.exit_code != 0
    assert result.outputs["status"] == "cancelled", result.log
    assert "cancelled" in result.summary
    log = fresh_site.folders.workspace / result.outputs["log-path"]
    assert "status=cancelled" in log.read_text(encoding="utf-8")
    assert not fresh_site.leftovers()


def test_a_run_that_takes_too_long_is_stopped(fresh_site: Site) -> None:
    limits = {"timeout": "15s", "command-timeout": "10s"}
    with scripted([Silence()]) as model:
        result = fresh_site.start(fresh_site.inputs(model) | limits).wait(120)

    assert result.exit_code == 1
    assert result.outputs["status"] == "timed-out", result.log
    assert not fresh_site.leftovers()


def test_a_server_that_breaks_off_ends_the_run_with_its_address(fresh_site: Site) -> None:
    with scripted([Disconnect("echo a script that never arrives whole")]) as model:
        result = fresh_site.start(fresh_site.inputs(model)).wait(120)

    assert result.outputs["status"] == "failed", result.log
    assert any(model.base_url in item.message for item in result.annotations)


def test_an_endpoint_that_is_not_there_is_named(fresh_site: Site) -> None:
    with scripted([]) as model:
        inputs = fresh_site.inputs(model)
    result = fresh_site.start(inputs).wait(120)

    assert result.outputs["status"] == "failed", result.log
    address = inputs["api-base"].removesuffix("/v1")
    assert any(address in item.message for item in result.annotations)


def test_only_a_complete_call_is_executed(fresh_site: Site) -> None:
    workspace = fresh_site.folders.workspace
    replies: list[Reply] = [
        Cut("touch cut-off"),
        Text("touch just-text"),
        Execute("open('from-python', 'w').write('1')", "python"),
        Execute("require('fs').writeFileSync('from-javascript', '1')", "javascript"),
        Finish("done"),
    ]
    with scripted(replies) as model:
        inputs = fresh_site.inputs(model, expect="none")
        result = fresh_site.start(inputs).wait(120)

    assert result.outputs["status"] == "completed", result.log
    names = {path.name for path in workspace.iterdir()}
    assert {"from-python", "from-javascript"} <= names
    assert not {"cut-off", "just-text"} & names
    assert not fresh_site.leftovers()
