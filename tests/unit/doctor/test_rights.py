"""Which rights a policy needs, and what it means to lack some."""

from pathlib import Path

import pytest

from oi_deploy.doctor.rights import cluster, deployments, rights, wanted_rights
from oi_deploy.verify.state import DeploymentState
from tests.unit.doctor.contexts import Cluster, context, fails
from tests.unit.verify.imitations import deployment

WEB, JOBS = deployment("web"), deployment("jobs")
READS = ["get pods/log", "list events"]
APPLIES = """\
version: 1
namespaces:
  production:
    - {kinds: ["*"], verbs: [read]}
    - {kinds: [deployment], names: [web, "shop-*"], verbs: [set-image, apply, create]}
    - {kinds: [configmap], names: ["shop-*"], verbs: [apply, create]}
"""


def asked(workspace: Path, there: list[str], policy: str = "", **changes: str) -> list[str]:
    if policy:
        (workspace / "policy.yml").write_text(policy)
        changes["policy_file"] = "policy.yml"
    found = wanted_rights(context(workspace, given=changes).loaded.policy, there)
    return [str(right) for right in found if str(right) not in READS]


def test_a_named_deployment_is_asked_for_by_name(tmp_path: Path) -> None:
    assert asked(tmp_path, ["web", "jobs"], allowed_deployments="web") == [
        "patch deployments/web", "patch deployments/scale/web",
    ]  # fmt: skip


def test_a_pattern_stands_for_those_that_are_there(tmp_path: Path) -> None:
    assert asked(tmp_path, ["web", "jobs"]) == [
        "patch deployments/jobs", "patch deployments/web",
        "patch deployments/scale/jobs", "patch deployments/scale/web",
    ]  # fmt: skip


def test_a_policy_file_s_verbs(tmp_path: Path) -> None:
    assert asked(tmp_path, ["web", "shop-a", "jobs"], APPLIES) == [
        "patch deployments/shop-a", "patch deployments/web",
        "create configmaps", "create deployments", "patch configmaps",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("allowed", "names", "state"),
    [
        (["patch deployments/web", "patch deployments/scale/web", *READS], "web", "ok"),
        (["patch deployments/web", *READS], "web", "warning"),
        (["patch deployments/web", "patch deployments/scale/web"], "web", "warning"),
        (["patch deployments/scale/web", *READS], "web", "FAILED"),
        (["patch deployments/web", *READS], "web jobs", "FAILED"),
        (["patch deployments/web", *READS], "", "warning"),
        (READS, "", "FAILED"),
    ],
)
def test_what_lacking_rights_mean(
    tmp_path: Path, allowed: list[str], names: str, state: str
) -> None:
    given = context(
        tmp_path, cluster=Cluster(allowed), deployments=[WEB, JOBS], allowed_deployments=names
    )
    found = rights(given)
    assert found.state == state, found
    assert bool(found.remedy) == (state != "ok")


def test_rights_that_no_run_needs_only_warn(tmp_path: Path) -> None:
    given = context(tmp_path, cluster=Cluster(), deployments=[WEB], expect="push")
    assert rights(given).state == "warning"


@pytest.mark.parametrize(
    ("names", "there", "state", "says"),
    [
        ("web", [WEB, JOBS], "ok", "may change web in production"),
        ("", [WEB, JOBS], "ok", "may change web, jobs"),
        (
            "web gone",
            [WEB],
            "FAILED",
            "no Deployment gone in the `namespace` production; it has web",
        ),
        ("web", [], "FAILED", "it has none"),
        ("", [], "FAILED", "no Deployment in the `namespace` production that a run may change"),
    ],
)
def test_deployments_that_are_there(
    tmp_path: Path, names: str, there: list[DeploymentState], state: str, says: str
) -> None:
    given = context(tmp_path, cluster=Cluster(), deployments=there, allowed_deployments=names)
    found = deployments(given)
    assert (found.state, says in found.found) == (state, True), found


def test_what_a_run_may_create_need_not_be_there(tmp_path: Path) -> None:
    (tmp_path / "policy.yml").write_text(APPLIES)
    given = context(tmp_path, cluster=Cluster(), policy_file="policy.yml")
    assert deployments(given).state == "ok"


def test_without_a_cluster(tmp_path: Path) -> None:
    none = context(tmp_path, expect="push", kubeconfig="")
    assert {check(none).state for check in (cluster, deployments, rights)} == {"not needed"}
    gone = context(tmp_path, cluster=fails)
    assert {check(gone).state for check in (deployments, rights)} == {"not checked"}
