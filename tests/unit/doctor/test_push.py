"""Where a run will probably push to, and what a refusal there means."""

from pathlib import Path

import pytest

from oi_deploy.doctor.push import push, registry, repositories
from tests.unit.doctor.contexts import REGISTRY, Registry, context, fails
from tests.unit.verify.imitations import deployment

WEB = deployment("web", app=f"{REGISTRY}/web:1", proxy="docker.io/library/envoy:1")
OTHER = deployment("other", app=f"{REGISTRY}/other@sha256:{'a' * 64}")


@pytest.mark.parametrize(
    ("prompt", "changes", "expected"),
    [
        ("build it", {}, ["web", "other"]),
        ("build it", {"allowed_deployments": "web"}, ["web"]),
        (f"推送到 {REGISTRY}/myapp.", {"allowed_deployments": "web"}, ["myapp", "web"]),
        (f"push {REGISTRY}/a/b:$(git rev-parse HEAD)", {"allowed_deployments": "x"}, ["a/b"]),
        (f"as evil.{REGISTRY}/x or {REGISTRY}-x/y", {"allowed_deployments": "x"}, []),
        ("build it", {"allowed_images": f"{REGISTRY}/one {REGISTRY}/two/*"}, ["one"]),
    ],
)
def test_where_a_run_will_push_to(
    tmp_path: Path, prompt: str, changes: dict[str, str], expected: list[str]
) -> None:
    policy = context(tmp_path, prompt=prompt, given=changes).loaded.policy
    found = repositories(policy, prompt, (WEB, OTHER))
    assert list(found) == [f"{REGISTRY}/{name}" for name in expected]


def test_one_place_that_takes_a_push_is_enough(tmp_path: Path) -> None:
    given = Registry(writable=[f"{REGISTRY}/web"])
    found = push(context(tmp_path, registry=given, deployments=[WEB, OTHER]))
    assert found.state == "warning"
    assert f"an upload to {REGISTRY}/web can begin" in found.found
    assert "no push to" in found.found and found.remedy == "ask"


def test_no_place_that_takes_a_push_fails(tmp_path: Path) -> None:
    found = push(context(tmp_path, registry=Registry(), deployments=[WEB, OTHER]))
    assert (found.state, found.remedy) == ("FAILED", "ask")


def test_a_guessed_place_can_only_warn(tmp_path: Path) -> None:
    given = Registry()
    found = push(context(tmp_path, registry=given, deployments=fails))
    assert (found.state, given.asked) == ("warning", [f"{REGISTRY}/oi-deploy-doctor"])


def test_without_a_push_or_without_a_registry_nothing_is_asked(tmp_path: Path) -> None:
    given = Registry()
    assert push(context(tmp_path, registry=given, expect="none")).state == "not needed"
    assert given.asked == []
    assert push(context(tmp_path, registry=fails)).state == "not checked"
    assert registry(context(tmp_path, expect="none", registry=None)).state == "not needed"
