"""`mode: doctor` in a workflow, and runs that cannot succeed: nothing changes, nothing starts."""

import json
from pathlib import Path

import pytest

from tests.e2e.site import Site, scripted

pytestmark = pytest.mark.docker


def state_of(site: Site) -> object:
    """What a doctor must not change: the cluster's Deployment, the checkout, its owners."""
    checkout = {
        str(path): (path.lstat().st_uid, path.lstat().st_gid, path.lstat().st_mtime_ns)
        for path in sorted(site.folders.workspace.rglob("*"))
        if not path.name.startswith("deploy.")
    }
    deployment = site.kubectl("get", "deployment", "myapp")
    return deployment["metadata"]["generation"], deployment["spec"], checkout


def test_where_all_is_there_it_is_green_and_changes_nothing(fresh_site: Site) -> None:
    before = state_of(fresh_site)
    with scripted([]) as model:
        inputs = fresh_site.inputs(model, mode="doctor", prompt="", allowed_deployments="myapp")
        result = fresh_site.start(inputs).wait(120)
        assert not model.requests  # no text was generated

    assert result.ok, result.log
    assert result.outputs["status"] == "ready"
    assert state_of(fresh_site) == before
    assert not fresh_site.leftovers()
    assert not [item for item in result.annotations if item.level == "error"]
    log = (fresh_site.folders.workspace / result.outputs["log-path"]).read_text(encoding="utf-8")
    states = {
        line.split("check=")[1].split(" state=")[0].strip('"'): line.split(" state=")[1].split()[0]
        for line in log.splitlines()
        if " doctor.finding " in line
    }
    for name in ("sandbox", "docker", "endpoint", "registry", "push", "cluster", "rights"):
        assert states[name] == "ok", log
        assert name in result.summary and f"\n{name} " in result.log
    everything = json.dumps([result.log, result.summary, dict(result.outputs), log])
    assert not [what for what, secret in fresh_site.secrets.items() if secret in everything]


def test_every_failure_is_annotated_with_its_remedy(fresh_site: Site) -> None:
    with scripted([]) as model:
        inputs = fresh_site.inputs(
            model, mode="doctor", registry_password="wrong-pw", allowed_deployments="gone"
        )
        result = fresh_site.start(inputs).wait(120)

    assert result.exit_code == 1
    assert result.outputs["status"] == "failed"
    errors = [item.message for item in result.annotations if item.level == "error"]
    for start, remedy in (("registry: ", "registry-password"), ("deployments: ", "allowed-depl")):
        assert any(text.startswith(start) and remedy in text for text in errors), errors
        assert remedy in result.summary
    assert "wrong-pw" not in result.log + result.summary
    assert not fresh_site.leftovers()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"registry_password": "wrong-pw"}, "does not accept the login"),
        ({"allowed_deployments": "gone"}, "there is no Deployment gone"),
        ({"kubeconfig": "other server"}, "connection refused"),
    ],
)
def test_a_run_that_cannot_succeed_ends_before_the_model_is_asked(
    fresh_site: Site, changes: dict[str, str], says: str
) -> None:
    if "kubeconfig" in changes:
        own = Path(fresh_site.values["KUBECONFIG"]).read_text(encoding="utf-8")
        changes = {"kubeconfig": own.replace(":6443", ":1")}
    with scripted([]) as model:
        result = fresh_site.start(fresh_site.inputs(model, **changes)).wait(120)
        assert not model.probes
        assert not model.requests

    assert result.outputs["status"] == "failed"
    (error,) = [item.message for item in result.annotations if item.level == "error"]
    assert says in error
    assert not fresh_site.leftovers()
