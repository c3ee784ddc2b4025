"""What the cluster says about Deployments and pods, read from the API's JSON; pure functions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = Mapping[str, Any]

REVISION = "deployment.kubernetes.io/revision"


@dataclass(frozen=True)
class ContainerState:
    """One container of a Deployment's pod template.

    Attributes:
        name: the container's.
        image: the reference as it is written there.
        pull_policy: `Always`, `IfNotPresent` or `Never`.
    """

    name: str
    image: str
    pull_policy: str = ""


@dataclass(frozen=True)
class DeploymentState:
    """A Deployment's wishes (spec) and its controller's report (status).

    Attributes:
        namespace: where it is.
        name: its name.
        containers: of the pod template, init containers left out.
        replicas: how many pods are wanted.
        revision: the number of the newest ReplicaSet, or empty before there is one.
        generation: counts changes of the spec.
        observed_generation: the last generation that the controller has seen.
        total: pods of all revisions.
        updated: pods of the newest revision.
        ready: pods that are ready.
        available: pods that are ready for `minReadySeconds`.
        progressing_reason: of the condition `Progressing`, e.g. `ProgressDeadlineExceeded`.
        progressing_message: the same condition's message.
        replica_failure: why no pods can be made (a quota, for example), or empty.
        paused: whether the rollout is paused.
        selector: its pods' labels, in the form that the API takes.
        uid: the object's id.
        mounted: `secret/NAME` and `serviceaccount/NAME` of everything that its pods get.
        template: its pod template as JSON, in a fixed order of keys.
        labels: its own, and not those of its pods.
        annotations: likewise.
    """

    namespace: str
    name: str
    containers: tuple[ContainerState, ...]
    replicas: int = 1
    revision: str = ""
    generation: int = 0
    observed_generation: int = 0
    total: int = 0
    updated: int = 0
    ready: int = 0
    available: int = 0
    progressing_reason: str = ""
    progressing_message: str = ""
    replica_failure: str = ""
    paused: bool = False
    selector: str = ""
    uid: str = ""
    mounted: frozenset[str] = frozenset()
    template: str = field(default="", repr=False)
    labels: Mapping[str, str] = field(default_factory=dict, compare=False)
    annotations: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def image_of(self, container: str) -> str:
        """The image of the container of that name; empty if there is none."""
        return next((item.image for item in self.containers if item.name == container), "")


@dataclass(frozen=True)
class PodContainer:
    """One container of a pod.

    Attributes:
        name: the container's.
        image_id: what the runtime runs, with a digest; empty before it runs.
        ready: whether it is.
        restarts: how often it was started again.
        waiting: why it does not run, e.g. `CrashLoopBackOff`; empty when it runs.
        message: what the kubelet says about that.
        ended: how it ended last, e.g. `Error (exit code 1)`; empty if it never ended.
    """

    name: str
    image_id: str = ""
    ready: bool = False
    restarts: int = 0
    waiting: str = ""
    message: str = ""
    ended: str = ""


@dataclass(frozen=True)
class PodState:
    """A pod of a Deployment.

    Attributes:
        name: the pod's.
        current: whether it belongs to the newest revision.
        ready: the condition `Ready`.
        terminating: whether it is being deleted.
        unschedulable: why no node takes it, or empty.
        containers: as the kubelet reports them; empty before it does.
    """

    name: str
    current: bool
    ready: bool = False
    terminating: bool = False
    unschedulable: str = ""
    containers: tuple[PodContainer, ...] = ()


def _mounted(pod: Json) -> frozenset[str]:
    """The Secrets and the service account that a pod's specification names."""
    secrets = {
        str(_part(volume, "secret").get("secretName", "")) for volume in pod.get("volumes") or ()
    }
    for container in (*(pod.get("containers") or ()), *(pod.get("initContainers") or ())):
        for item in container.get("env") or ():
            source = _part(_part(item, "valueFrom"), "secretKeyRef")
            secrets.add(str(source.get("name", "")))
        for item in container.get("envFrom") or ():
            secrets.add(str(_part(item, "secretRef").get("name", "")))
    account = str(pod.get("serviceAccountName") or pod.get("serviceAccount") or "")
    accounts = {f"serviceaccount/{account}"} if account else set()
    return frozenset(f"secret/{name}" for name in secrets if name) | accounts


def deployment_state(document: Json) -> DeploymentState:
    """Read a Deployment of apps/v1."""
    metadata, spec, status = (_part(document, key) for key in ("metadata", "spec", "status"))
    template = _part(_part(spec, "template"), "spec")
    progressing = _condition(status, "Progressing")
    failure = _condition(status, "ReplicaFailure")
    return DeploymentState(
        namespace=str(metadata.get("namespace", "")),
        name=str(metadata.get("name", "")),
        containers=tuple(
            ContainerState(
                str(item.get("name", "")),
                str(item.get("image", "")),
                str(item.get("imagePullPolicy", "")),
            )
            for item in template.get("containers") or ()
        ),
        mounted=_mounted(template),
        template=json.dumps(_part(spec, "template"), sort_keys=True),
        replicas=1 if spec.get("replicas") is None else int(spec["replicas"]),
        revision=str(_part(metadata, "annotations").get(REVISION, "")),
        generation=int(metadata.get("generation") or 0),
        observed_generation=int(status.get("observedGeneration") or 0),
        total=int(status.get("replicas") or 0),
        updated=int(status.get("updatedReplicas") or 0),
        ready=int(status.get("readyReplicas") or 0),
        available=int(status.get("availableReplicas") or 0),
        progressing_reason=str(progressing.get("reason", "")),
        progressing_message=str(progressing.get("message", "")),
        replica_failure=(
            str(failure.get("message", "")) if failure.get("status") == "True" else ""
        ),
        paused=bool(spec.get("paused")),
        selector=_selector(_part(spec, "selector")),
        uid=str(metadata.get("uid", "")),
        labels=_texts(metadata, "labels"),
        annotations=_texts(metadata, "annotations"),
    )


def current_replica_set(deployment: DeploymentState, replica_sets: Sequence[Json]) -> str:
    """The uid of the Deployment's newest ReplicaSet; empty if there is none yet."""
    for item in replica_sets:
        metadata = _part(item, "metadata")
        if (
            _owned_by(metadata, deployment.uid)
            and _part(metadata, "annotations").get(REVISION) == deployment.revision
        ):
            return str(metadata.get("uid", ""))
    return ""


def owned_replica_sets(deployment: DeploymentState, replica_sets: Sequence[Json]) -> frozenset[str]:
    """The uids of all ReplicaSets of the Deployment."""
    parts = (_part(item, "metadata") for item in replica_sets)
    return frozenset(str(part.get("uid", "")) for part in parts if _owned_by(part, deployment.uid))


def images_by_revision(
    deployment: DeploymentState, replica_sets: Sequence[Json]
) -> dict[str, tuple[str, ...]]:
    """The images of each of the Deployment's ReplicaSets by its revision, oldest first."""
    found: dict[int, tuple[str, ...]] = {}
    for item in replica_sets:
        metadata = _part(item, "metadata")
        number = str(_part(metadata, "annotations").get(REVISION, ""))
        if _owned_by(metadata, deployment.uid) and number.isdecimal():
            template = _part(_part(_part(item, "spec"), "template"), "spec")
            containers = template.get("containers") or ()
            found[int(number)] = tuple(str(it.get("image", "")) for it in containers)
    return {str(number): found[number] for number in sorted(found)}


def pod_states(
    deployment: DeploymentState, replica_sets: Sequence[Json], pods: Sequence[Json]
) -> tuple[PodState, ...]:
    """The Deployment's pods; others that only carry the same labels are left out."""
    newest = current_replica_set(deployment, replica_sets)
    owned = owned_replica_sets(deployment, replica_sets)
    return tuple(
        _pod_state(pod, current=bool(newest) and _owned_by(_part(pod, "metadata"), newest))
        for pod in pods
        if any(_owned_by(_part(pod, "metadata"), uid) for uid in owned)
    )


def _pod_state(document: Json, *, current: bool) -> PodState:
    metadata, status = _part(document, "metadata"), _part(document, "status")
    scheduled = _condition(status, "PodScheduled")
    statuses = [*(status.get("initContainerStatuses") or ()), *_running(status)]
    return PodState(
        name=str(metadata.get("name", "")),
        current=current,
        ready=_condition(status, "Ready").get("status") == "True",
        terminating=bool(metadata.get("deletionTimestamp")),
        unschedulable=(
            str(scheduled.get("message", "")) if scheduled.get("status") == "False" else ""
        ),
        containers=tuple(_pod_container(item) for item in statuses),
    )


def _running(status: Json) -> Sequence[Json]:
    return status.get("containerStatuses") or ()


def _pod_container(status: Json) -> PodContainer:
    state, last = _part(status, "state"), _part(status, "lastState")
    waiting = _part(state, "waiting")
    ended = _part(state, "terminated") or _part(last, "terminated")
    how = f"{ended.get('reason') or 'ended'} (exit code {ended.get('exitCode')})" if ended else ""
    return PodContainer(
        name=str(status.get("name", "")),
        image_id=str(status.get("imageID", "")),
        ready=bool(status.get("ready")),
        restarts=int(status.get("restartCount") or 0),
        waiting=str(waiting.get("reason", "")),
        message=str(waiting.get("message", "")),
        ended=how,
    )


def _part(document: Json, key: str) -> Json:
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}


def _texts(metadata: Json, key: str) -> dict[str, str]:
    return {str(name): str(value) for name, value in _part(metadata, key).items()}


def _condition(status: Json, kind: str) -> Json:
    for item in status.get("conditions") or ():
        if item.get("type") == kind:
            return item if isinstance(item, Mapping) else {}
    return {}


def _owned_by(metadata: Json, uid: str) -> bool:
    return any(owner.get("uid") == uid for owner in metadata.get("ownerReferences") or ())


def _selector(selector: Json) -> str:
    parts = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for item in selector.get("matchExpressions") or ():
        key, values = item.get("key"), ",".join(item.get("values") or ())
        operators = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": f"{key}",
            "DoesNotExist": f"!{key}",
        }
        parts.append(operators[item["operator"]])
    return ",".join(parts)
