from typing import Any

import pytest

from devkit.cluster import patch, selectors
from devkit.cluster.errors import ApiError


def pod(*containers: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": list(containers)}}}}


def test_strategic_merge_changes_one_container_by_name() -> None:
    before = pod(
        {"name": "app", "image": "a:1", "env": [{"name": "A", "value": "1"}]}, {"name": "b"}
    )

    after = patch.strategic_merge(before, pod({"name": "app", "image": "a:2"}))

    assert after == pod(
        {"name": "app", "image": "a:2", "env": [{"name": "A", "value": "1"}]}, {"name": "b"}
    )
    assert before["spec"]["template"]["spec"]["containers"][0]["image"] == "a:1"


def test_strategic_merge_removes_and_reorders_as_kubectl_asks() -> None:
    before = pod({"name": "a"}, {"name": "b"}, {"name": "c"})
    change = pod({"name": "b", "$patch": "delete"}, {"name": "d"})
    change["spec"]["template"]["spec"]["$setElementOrder/containers"] = [
        {"name": "d"}, {"name": "c"}, {"name": "a"},
    ]  # fmt: skip

    after = patch.strategic_merge(before, change)

    assert after == pod({"name": "d"}, {"name": "c"}, {"name": "a"})


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ({"a": 1, "b": 2}, {"b": None, "c": 3}, {"a": 1, "c": 3}),
        ({"args": ["x", "y"]}, {"args": ["z"]}, {"args": ["z"]}),
        ({"m": {"a": 1}}, {"m": {"$patch": "replace", "b": 2}}, {"m": {"b": 2}}),
        (
            {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}},
            {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}},
            {"strategy": {"type": "Recreate"}},
        ),
        (
            {"finalizers": ["a", "b"]},
            {"$deleteFromPrimitiveList/finalizers": ["a"]},
            {"finalizers": ["b"]},
        ),
        (
            {"spec": {"ports": [{"port": 80, "name": "x"}]}},
            {"spec": {"ports": [{"port": 81}]}},
            {"spec": {"ports": [{"port": 80, "name": "x"}, {"port": 81}]}},
        ),
        (
            {"containers": [{"name": "a", "ports": [{"containerPort": 80}]}]},
            {"containers": [{"name": "a", "ports": [{"containerPort": 80, "name": "h"}]}]},
            {"containers": [{"name": "a", "ports": [{"containerPort": 80, "name": "h"}]}]},
        ),
    ],
)
def test_strategic_merge_rules(before: Any, change: Any, after: Any) -> None:
    assert patch.strategic_merge(before, change) == after


def test_strategic_merge_refuses_an_item_without_its_key() -> None:
    with pytest.raises(ApiError, match="does not contain declared merge key: name"):
        patch.strategic_merge(pod({"name": "a"}), pod({"image": "x"}))


def test_json_merge_replaces_lists_and_drops_nulls() -> None:
    assert patch.json_merge({"a": [1], "b": {"c": 1}}, {"a": [2], "b": {"c": None}}) == {
        "a": [2],
        "b": {},
    }


def test_json_patch_operations() -> None:
    document = {"a": {"b": [1, 2]}, "x/y": 1}
    operations = [
        {"op": "test", "path": "/a/b/0", "value": 1},
        {"op": "add", "path": "/a/b/-", "value": 3},
        {"op": "add", "path": "/a/b/0", "value": 0},
        {"op": "replace", "path": "/x~1y", "value": 2},
        {"op": "copy", "from": "/a/b/1", "path": "/c"},
        {"op": "move", "from": "/c", "path": "/d"},
        {"op": "remove", "path": "/a/b/2"},
    ]
    assert patch.json_patch(document, operations) == {"a": {"b": [0, 1, 3]}, "x/y": 2, "d": 1}
    assert document == {"a": {"b": [1, 2]}, "x/y": 1}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/none"},
        {"op": "replace", "path": "/none", "value": 1},
        {"op": "test", "path": "/a", "value": 2},
        {"op": "add", "path": "/l/5", "value": 1},
        {"op": "jump", "path": "/a"},
    ],
)
def test_json_patch_that_does_not_fit_is_422(operation: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as refused:
        patch.json_patch({"a": 1, "l": []}, [operation])
    assert refused.value.code == 422


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("app=web", True),
        ("app==web,tier!=db", True),
        ("app in (web, api),!gone", True),
        ("app notin (web)", False),
        ("tier", False),
        ("", True),
    ],
)
def test_label_selectors(selector: str, matches: bool) -> None:
    assert selectors.labels(selector)({"metadata": {"labels": {"app": "web"}}}) is matches


def test_field_selectors_and_nonsense() -> None:
    item = {"metadata": {"name": "a"}, "status": {"phase": "Running"}}
    assert selectors.fields("metadata.name=a,status.phase!=Pending")(item)
    assert not selectors.fields("metadata.name=b")(item)
    with pytest.raises(ApiError) as refused:
        selectors.labels("a b c")
    assert refused.value.code == 400
