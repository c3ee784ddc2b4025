"""Reading the API's JSON, as `kubectl get -o json` shows it."""

from typing import Any

from oi_deploy.verify.state import ContainerState, deployment_state, images_by_revision, pod_states

DIGEST = "sha256:" + "b" * 64

DEPLOYMENT: dict[str, Any] = {
    "metadata": {
        "name": "myapp",
        "namespace": "production",
        "uid": "d1",
        "generation": 3,
        "annotations": {"deployment.kubernetes.io/revision": "2"},
    },
    "spec": {
        "replicas": 2,
        "selector": {
            "matchLabels": {"app": "myapp"},
            "matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["web", "api"]},
                {"key": "old", "operator": "DoesNotExist"},
            ],
        },
        "template": {
            "spec": {
                "initContainers": [{"name": "migrate", "image": "h.io/migrate:1"}],
                "containers": [
                    {"name": "app", "image": "h.io/app:2", "imagePullPolicy": "Always"},
                    {"name": "proxy", "image": "h.io/proxy:1"},
                ],
            }
        },
    },
    "status": {
        "observedGeneration": 3,
        "replicas": 3,
        "updatedReplicas": 1,
        "readyReplicas": 2,
        "availableReplicas": 2,
        "conditions": [
            {"type": "Available", "status": "True"},
            {
                "type": "Progressing",
                "status": "False",
                "reason": "ProgressDeadlineExceeded",
                "message": "has timed out progressing.",
            },
            {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"},
        ],
    },
}


def replica_set(uid: str, revision: str, owner: str = "d1") -> dict[str, Any]:
    return {
        "metadata": {
            "uid": uid,
            "annotations": {"deployment.kubernetes.io/revision": revision},
            "ownerReferences": [{"uid": owner}],
        }
    }


def pod(name: str, owner: str, **parts: Any) -> dict[str, Any]:
    metadata = {"name": name, "ownerReferences": [{"uid": owner}], **parts.pop("metadata", {})}
    return {"metadata": metadata, "status": parts}


def test_reads_a_deployment() -> None:
    state = deployment_state(DEPLOYMENT)
    assert (state.namespace, state.name, state.revision) == ("production", "myapp", "2")
    assert state.containers == (
        ContainerState("app", "h.io/app:2", "Always"),
        ContainerState("proxy", "h.io/proxy:1"),
    )
    counts = (state.replicas, state.total, state.updated, state.ready, state.available)
    assert counts == (2, 3, 1, 2, 2)
    assert (state.generation, state.observed_generation) == (3, 3)
    assert state.progressing_reason == "ProgressDeadlineExceeded"
    assert state.replica_failure == "exceeded quota"
    assert state.selector == "app=myapp,tier in (web,api),!old"


def test_reads_a_deployment_that_no_controller_has_seen() -> None:
    new = {"metadata": {"name": "new", "generation": 1}, "spec": {"replicas": 0}}
    state = deployment_state(new)
    assert (state.replicas, state.observed_generation, state.revision) == (0, 0, "")
    assert deployment_state({"metadata": {"name": "new"}, "spec": {}}).replicas == 1


def test_pods_are_told_apart_by_their_owners_not_by_labels() -> None:
    state = deployment_state(DEPLOYMENT)
    sets = [replica_set("old", "1"), replica_set("new", "2"), replica_set("other", "2", "d9")]
    pods = pod_states(
        state, sets, [pod("a", "old"), pod("b", "new"), pod("c", "other"), pod("d", "nobody")]
    )
    assert [(item.name, item.current) for item in pods] == [("a", False), ("b", True)]


def test_reads_what_the_kubelet_says() -> None:
    state = deployment_state(DEPLOYMENT)
    statuses = [
        {
            "name": "app",
            "imageID": f"docker-pullable://h.io/app@{DIGEST}",
            "ready": False,
            "restartCount": 3,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
            "lastState": {"terminated": {"reason": "Error", "exitCode": 1}},
        }
    ]
    conditions = [
        {"type": "Ready", "status": "False"},
        {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"},
    ]
    (found,) = pod_states(
        state,
        [replica_set("new", "2")],
        [
            pod(
                "b",
                "new",
                containerStatuses=statuses,
                conditions=conditions,
                metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"},
            )
        ],
    )
    (container,) = found.containers
    assert (container.waiting, container.restarts) == ("CrashLoopBackOff", 3)
    assert container.ended == "Error (exit code 1)"
    assert container.image_id.endswith(DIGEST)
    assert found.terminating
    assert not found.ready
    assert found.unschedulable == "0/3 nodes are available"


def test_the_revisions_that_a_deployment_can_go_back_to() -> None:
    def with_image(item: dict[str, Any], image: str) -> dict[str, Any]:
        return {**item, "spec": {"template": {"spec": {"containers": [{"image": image}]}}}}

    sets = [
        with_image(replica_set("ten", "10"), "r/web:3"),
        with_image(replica_set("two", "2"), "r/web:2"),
        with_image(replica_set("other", "1", "d9"), "r/other:1"),
        replica_set("odd", ""),
    ]
    found = images_by_revision(deployment_state(DEPLOYMENT), sets)
    assert found == {"2": ("r/web:2",), "10": ("r/web:3",)}
    assert list(found) == ["2", "10"]
