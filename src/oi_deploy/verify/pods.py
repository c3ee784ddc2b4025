"""What the pods of a rollout say: that they run the right image, or why they do not."""

from collections.abc import Sequence
from typing import Protocol

from oi_deploy.verify.finding import Finding, of_deployment
from oi_deploy.verify.reference import Reference, digest_of_image_id
from oi_deploy.verify.rollout import Rollout
from oi_deploy.verify.state import DeploymentState, PodState
from oi_deploy.verify.targets import Target, set_image

_MOST_LINES = 24


class Explains(Protocol):
    """What tells why a pod does not run."""

    namespace: str

    def warnings_about(self, name: str) -> tuple[str, ...]:
        """The last warnings about an object."""

    def log_tail(self, pod: str, container: str, *, previous: bool) -> tuple[str, ...]:
        """The last lines of a container."""


class Identifies(Protocol):
    """What tells which digests stand for an image."""

    def digest(self, reference: Reference) -> str | None:
        """The digest that the reference has now."""

    def identities(self, reference: Reference) -> frozenset[str]:
        """Every digest that a pod may report for it."""


def look(
    cluster: Explains,
    registry: Identifies | None,
    name: str,
    targets: Sequence[Target],
    rollout: Rollout,
    must_run: bool,
) -> list[Finding]:
    """The findings about one Deployment whose rollout has ended.

    Args:
        cluster: for the story of a failure.
        registry: for the digests.
        name: the Deployment's.
        targets: its containers that must run an image.
        rollout: how it ended.
        must_run: whether no pods at all is a failure.
    """
    deployment = rollout.deployment
    where = of_deployment(name, cluster.namespace)
    if rollout.state != "complete" or deployment is None:
        return [_failed(cluster, where, rollout)]
    findings = [_names_it(target, deployment) for target in targets]
    found = f"has rolled out revision {deployment.revision}; no older pod is left"
    findings.append(Finding(True, "rollout.complete", where, found))
    running = [pod for pod in rollout.pods if pod.current and not pod.terminating]
    if registry is not None:
        findings += [_runs_it(target, deployment, running, registry) for target in targets]
    findings.append(_ready(where, targets, deployment, running, must_run))
    return findings


def _names_it(target: Target, deployment: DeploymentState) -> Finding:
    """The Deployment is read again after the rollout: someone may have changed it meanwhile."""
    image = deployment.image_of(target.container)
    if image != target.deployment.image_of(target.container):
        return Finding(
            False,
            "deployment.image",
            target.where,
            f"was set to {image} by someone else during its rollout",
            fix=set_image(deployment, target.container, str(target.reference)),
        )
    already = target.before is not None and target.before.revision == deployment.revision
    word = "already named" if already else "names"
    return Finding(True, "deployment.image", target.where, f"{word} the image {image}")


def _runs_it(
    target: Target, deployment: DeploymentState, pods: Sequence[PodState], registry: Identifies
) -> Finding:
    digests = registry.identities(target.reference)
    wrong: list[str] = []
    for pod in pods:
        ids = [item.image_id for item in pod.containers if item.name == target.container]
        if not ids or digest_of_image_id(ids[0]) not in digests:
            wrong.append(f"{pod.name}: {ids[0] if ids and ids[0] else 'no image yet'}")
    if not wrong:
        found = f"runs {target.reference} with the registry's digest in {len(pods)} pods"
        return Finding(True, "pods.digest", target.where, found)
    return Finding(
        False,
        "pods.digest",
        target.where,
        f"runs another image than the registry has as {target.reference}",
        fix=_renew(target, deployment, registry.digest(target.reference) or ""),
        detail=tuple(wrong),
    )


def _renew(target: Target, deployment: DeploymentState, digest: str) -> str:
    """The line that makes the nodes run a tag that was pushed a second time.

    With a pull policy other than `Always`, a node that has the tag never asks for it again; only
    the digest makes it.
    """
    named = next(item for item in deployment.containers if item.name == target.container)
    if named.pull_policy == "Always":
        return f"kubectl -n {deployment.namespace} rollout restart deployment/{deployment.name}"
    tagged = str(target.reference).partition("@")[0]
    return set_image(deployment, target.container, f"{tagged}@{digest}")


def _ready(
    where: str,
    targets: Sequence[Target],
    deployment: DeploymentState,
    pods: Sequence[PodState],
    must_run: bool,
) -> Finding:
    ready = sum(pod.ready for pod in pods)
    if deployment.replicas == 0 and must_run:
        before = next((item.before for item in targets if item.before), None)
        count = before.replicas if before and before.replicas else 1
        return Finding(
            False,
            "pods.ready",
            where,
            "has 0 replicas, so nothing runs",
            fix=f"kubectl -n {deployment.namespace} scale deployment/{deployment.name} "
            f"--replicas={count}",
        )
    found = f"has {ready} of {deployment.replicas} pods ready"
    return Finding(ready >= deployment.replicas, "pods.ready", where, found)


def _failed(cluster: Explains, where: str, rollout: Rollout) -> Finding:
    deployment = rollout.deployment
    fix = ""
    if deployment and deployment.paused:
        fix = f"kubectl -n {deployment.namespace} rollout resume deployment/{deployment.name}"
    elif deployment and rollout.problem and rollout.problem.is_pull and not rollout.problem.final:
        fix = f"kubectl -n {deployment.namespace} rollout restart deployment/{deployment.name}"
    return Finding(
        False,
        "rollout.complete",
        where,
        rollout.why,
        fix=fix,
        detail=_story(cluster, rollout),
    )


def _story(cluster: Explains, rollout: Rollout) -> tuple[str, ...]:
    """What is known about a pod that does not run: the kubelet's words, events, its last lines."""
    pod = _troubled(rollout)
    if pod is None:
        name = rollout.deployment.name if rollout.deployment else ""
        return cluster.warnings_about(name) if name else ()
    lines = [f"pod {pod.name}:"]
    if pod.unschedulable:
        lines.append(f"no node takes it: {pod.unschedulable}")
    for container in pod.containers:
        if container.waiting:
            lines.append(
                f"{container.name}: {container.waiting} {container.message}".rstrip()[:500]
            )
        if container.ended:
            lines.append(
                f"{container.name} ended: {container.ended}, {container.restarts} restarts"
            )
    lines += [f"event: {line}" for line in cluster.warnings_about(pod.name)]
    for container in pod.containers:
        has_run = (
            container.ended or container.restarts or (container.image_id and not container.ready)
        )
        if has_run and not container.ready:
            previous = bool(container.waiting and container.restarts)
            lines += [
                f"{container.name} wrote: {line}"
                for line in cluster.log_tail(pod.name, container.name, previous=previous)
            ]
    return tuple(lines[:_MOST_LINES])


def _troubled(rollout: Rollout) -> PodState | None:
    new = [pod for pod in rollout.pods if pod.current and not pod.terminating]
    if rollout.problem:
        return next((pod for pod in new if pod.name == rollout.problem.pod), None)
    return next((pod for pod in new if not pod.ready), None)
