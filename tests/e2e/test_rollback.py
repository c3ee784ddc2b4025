"""What a run that does not end well has changed is put back, and the old pods serve."""

import threading

import pytest

from devkit.scripted_replies import Execute, Finish, Reply
from tests.e2e.site import Site, scripted

pytestmark = pytest.mark.docker

# A program that ends at once.
CRASH = (
    "printf 'FROM python:3.11-slim\\nCMD exec python3 -c \"raise SystemExit(3)\"\\n' > Dockerfile\n"
)


def broken(site: Site) -> tuple[str, str]:
    """A script that rolls out an image that crashes, and the image."""
    reference = f"{site.values['REGISTRY']}/library/myapp:broken-{site.version}"
    return (
        f"{CRASH}docker build -t {reference} .\ndocker push {reference}\n"
        f"kubectl -n production set image deployment/myapp app={reference}\n",
        reference,
    )


def template(site: Site) -> object:
    return site.kubectl("get", "deployment", "myapp")["spec"]["template"]


def test_a_rollout_that_crashes_is_rolled_back(fresh_site: Site) -> None:
    before, serving = template(fresh_site), set(fresh_site.answers().values())
    script, _ = broken(fresh_site)
    replies: list[Reply] = [Execute(script), Finish("done")]
    with scripted(replies, repeat_last=True) as model:
        inputs = fresh_site.inputs(model, max_turns="2")
        result = fresh_site.start(inputs).wait(300)

    assert result.exit_code == 1
    assert result.outputs["status"] == "rolled-back", result.log
    assert result.outputs["image-tag"] == ""
    assert template(fresh_site) == before
    assert set(fresh_site.answers().values()) == serving
    now = fresh_site.kubectl("get", "deployment", "myapp")["metadata"]["annotations"]
    assert result.outputs["revision"] == now["deployment.kubernetes.io/revision"]
    assert result.outputs["changed"] == "false"
    # It says what the pods said, and what was put back.
    assert "CrashLoopBackOff" in result.summary
    assert "### Rollback" in result.summary
    assert "runs" in result.summary and "again" in result.summary
    assert not fresh_site.leftovers()


def test_without_rollback_the_way_back_is_shown(fresh_site: Site) -> None:
    revision = fresh_site.kubectl("get", "deployment", "myapp")["metadata"]["annotations"][
        "deployment.kubernetes.io/revision"
    ]
    script, reference = broken(fresh_site)
    replies: list[Reply] = [Execute(script), Finish("done")]
    try:
        with scripted(replies, repeat_last=True) as model:
            inputs = fresh_site.inputs(model, max_turns="1", rollback="false")
            result = fresh_site.start(inputs).wait(300)
        assert result.outputs["status"] == "failed"
        assert reference in str(template(fresh_site))
        line = f"rollout undo deployment/myapp --to-revision={revision}"
        assert line in result.summary
    finally:
        fresh_site.undo(revision)


def test_a_run_that_is_cancelled_in_the_middle_of_a_rollout_puts_it_back(fresh_site: Site) -> None:
    before, serving = template(fresh_site), set(fresh_site.answers().values())
    script, _ = broken(fresh_site)
    script += "echo begun; kubectl -n production rollout status deployment/myapp"
    begun = threading.Event()

    def on_line(line: str) -> None:
        if line == "begun":
            begun.set()

    with scripted([Execute(script)]) as model:
        step = fresh_site.start(fresh_site.inputs(model), on_line=on_line)
        assert begun.wait(120)
        step.cancel()
        result = step.wait(60)

    assert not result.abandoned
    assert result.outputs["status"] == "cancelled", result.log
    assert template(fresh_site) == before
    assert set(fresh_site.answers().values()) == serving
    assert "### Rollback" in result.summary
    assert not fresh_site.leftovers()
