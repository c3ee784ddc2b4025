"""What the prompt asks for besides an image, and what a deployment must leave alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from oi_deploy.verify.finding import Finding, of_deployment
from oi_deploy.verify.state import DeploymentState
from oi_deploy.verify.targets import Target, set_image


@dataclass(frozen=True)
class Asked:
    """What else the prompt asks for, as code has read it; a deployment leaves the rest alone.

    Attributes:
        replicas: how many pods, by Deployment; None for another number that is not known.
        applied: names of the Deployments that manifests make which are to be applied.
        images: references that containers are to get, pushed by this run or not, by Deployment.
        kept: names of the Deployments that are to be restarted or scaled and keep their images,
            where nothing else is asked for.
    """

    replicas: Mapping[str, int | None] = field(default_factory=dict)
    applied: frozenset[str] = frozenset()
    images: Mapping[str, frozenset[str]] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()


def kept(
    names: frozenset[str], touched: Sequence[str], now: Sequence[DeploymentState]
) -> list[Finding]:
    """The Deployments that were to be changed without a new image."""
    return [
        Finding(
            item.name in touched,
            "deployment.changed",
            of_deployment(item.name, item.namespace),
            f"was {'' if item.name in touched else 'not '}changed by this run",
            "the prompt wants it restarted or scaled",
        )
        for item in now
        if item.name in names
    ]


def replicas(asked: Asked, now: Sequence[DeploymentState]) -> list[Finding]:
    """The number of pods that the prompt asks for."""
    return [
        Finding(
            item.replicas == count,
            "deployment.replicas",
            of_deployment(item.name, item.namespace),
            f"has {item.replicas} replicas",
            f"the prompt asks for {count}",
            f"kubectl -n {item.namespace} scale deployment/{item.name} --replicas={count}",
        )
        for item in now
        if (count := asked.replicas.get(item.name)) is not None
    ]


def unchanged(
    targets: Sequence[Target],
    touched: Sequence[str],
    before: Sequence[DeploymentState],
    now: Sequence[DeploymentState],
    pushed: bool,
    asked: Asked,
) -> list[Finding]:
    """What a deployment must leave alone: the number of pods, and other containers.

    A manifest that is to be applied says both itself.

    Only Deployments that this run changed are looked at: an autoscaler or a colleague may change
    others at any time.
    """
    old = {item.name: item for item in before}
    findings: list[Finding] = []
    for deployment in now:
        was = old.get(deployment.name)
        if was is None or deployment.name not in touched or deployment.name in asked.applied:
            continue
        mine = {
            item.container
            for item in targets
            if item.deployment.name == deployment.name and (item.pushed or not pushed)
        }
        if deployment.name in asked.kept:
            mine = set()
        if mine or deployment.name in asked.kept:
            if deployment.name in asked.replicas:
                was = replace(was, replicas=deployment.replicas)
            images = asked.images.get(deployment.name, frozenset())
            mine |= {it.name for it in deployment.containers if it.image in images}
            findings += _differences(was, deployment, mine) or [
                Finding(
                    True,
                    "deployment.unchanged-fields",
                    of_deployment(deployment.name, deployment.namespace),
                    f"still has {was.replicas} replicas, and its other containers are unchanged",
                )
            ]
    return findings


def _differences(was: DeploymentState, now: DeploymentState, mine: set[str]) -> list[Finding]:
    def finding(found: str, expected: str, fix: str = "") -> Finding:
        where = of_deployment(now.name, now.namespace)
        return Finding(False, "deployment.unchanged-fields", where, found, expected, fix)

    found: list[Finding] = []
    if now.replicas != was.replicas:
        line = f"kubectl -n {now.namespace} scale deployment/{now.name} --replicas={was.replicas}"
        text = f"has {now.replicas} replicas instead of {was.replicas}"
        found.append(finding(text, "their number must not change", line))
    for container in was.containers:
        image = now.image_of(container.name)
        if not image:
            text = f"has lost its container {container.name}"
            found.append(finding(text, "other containers must stay"))
        elif container.name not in mine and image != container.image:
            found.append(
                finding(
                    f"runs {image} in its container {container.name} instead of {container.image}",
                    "other containers must not change",
                    set_image(now, container.name, container.image),
                )
            )
    for container in now.containers:
        if not was.image_of(container.name) and container.name not in mine:
            text = f"has got a container {container.name}"
            found.append(finding(text, "no container may be added"))
    return found
