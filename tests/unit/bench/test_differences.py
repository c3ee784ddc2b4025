"""What verifiers call a change: of the cluster's objects, and of the registry's tags."""

import copy
from typing import Any

import pytest

from bench.deploybench import cluster, registry
from bench.deploybench.world import Container, manifest, version

KEY = "production:deployment/myapp"


def deployment(**spec: Any) -> dict[str, Any]:
    """A Deployment as a state has it."""
    containers = {"app": Container("library/myapp:1"), "proxy": Container("library/proxy:1", 8081)}
    made: Any = manifest("host", "myapp", containers, replicas=2, namespace="production")
    return {"spec": {**made["spec"], **spec}, "data": None, "labels": {}, "annotations": {}}


def changed(path: str, value: object) -> dict[str, Any]:
    """The same with another value in its pod template."""
    item = copy.deepcopy(deployment())
    template = item["spec"]["template"]
    if path == "restart":
        template["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": value}
    else:
        names = [one["name"] for one in template["spec"]["containers"]]
        template["spec"]["containers"][names.index(path)]["image"] = value
    return item


def found(now: dict[str, Any], *parts: str) -> list[str]:
    before = {KEY: deployment()}
    return list(cluster.differences(before, now, {KEY: parts}))


def test_nothing_changed_is_no_difference() -> None:
    assert found({KEY: deployment()}) == []


@pytest.mark.parametrize(
    ("now", "part"),
    [
        (deployment(replicas=3), "replicas"),
        (changed("app", "host/library/myapp:2"), "image:app"),
        (changed("restart", "2026-03-02T10:00:00Z"), "restart"),
    ],
)
def test_a_change_is_a_difference_unless_it_is_allowed(now: dict[str, Any], part: str) -> None:
    assert found({KEY: now}, part) == []
    (sentence,) = found({KEY: now}, "data")
    assert sentence.startswith(f"{KEY} has changed: spec.")


def test_an_allowed_image_is_of_one_container() -> None:
    (sentence,) = found({KEY: changed("proxy", "host/library/proxy:2")}, "image:app")

    assert "host/library/proxy:1 -> host/library/proxy:2" in sentence


def test_what_is_gone_or_new_is_a_difference() -> None:
    other = "production:configmap/other"

    assert found({}, "new") == [f"{KEY} is gone"]
    assert found({KEY: deployment(), other: {"data": {}}}) == [f"{other} is new"]


def test_something_new_can_be_allowed() -> None:
    assert list(cluster.differences({}, {KEY: deployment()}, {KEY: ("new",)})) == []


def test_data_of_a_configmap() -> None:
    key = "production:configmap/settings"
    before, now = ({key: {"data": {"GREETING": word}}} for word in ("hello", "welcome"))

    assert list(cluster.differences(before, now, {key: ("data",)})) == []
    assert list(cluster.differences(before, now, {})) == [
        f"{key} has changed: data.GREETING: hello -> welcome"
    ]


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"library/a": {"1": "x", "2": "y"}}, "the tag library/a:2 is new"),
        ({"library/a": {"1": "y"}}, "the tag library/a:1 was moved"),
        ({}, "the tag library/a:1 is gone"),
        ({"library/a": {"1": "x"}, "mirror/a": {"1": "x"}}, "the tag mirror/a:1 is new"),
    ],
)
def test_tags(now: registry.Contents, said: str) -> None:
    before = {"library/a": {"1": "x"}}
    everything = {"library/a": frozenset({"1", "2"}), "mirror/a": frozenset({"1"})}

    assert list(registry.differences(before, now, {})) == [said]
    assert list(registry.differences(before, now, everything)) == []


@pytest.mark.parametrize(
    ("status", "complete"),
    [
        (
            {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "observedGeneration": 4},
            True,
        ),
        (
            {"replicas": 3, "updatedReplicas": 2, "availableReplicas": 2, "observedGeneration": 4},
            False,
        ),
        (
            {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 1, "observedGeneration": 4},
            False,
        ),
        (
            {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "observedGeneration": 3},
            False,
        ),
        ({}, False),
    ],
)
def test_a_rollout_is_complete(status: dict[str, int], complete: bool) -> None:
    item = {"spec": {"replicas": 2}, "status": status, "metadata": {"generation": 4}}

    assert cluster.is_complete(item) is complete


def test_a_run_s_version_is_its_own_and_always_the_same() -> None:
    assert version("one_task", 1) == version("one_task", 1)
    assert len({version(name, number) for name in ("a_b", "c_d") for number in (1, 2, 3)}) == 6
