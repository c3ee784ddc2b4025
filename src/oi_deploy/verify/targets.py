"""Which container of which Deployment must run which image, decided from the journal's claims.

Pure: the claims, and the Deployments before and now, go in.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from oi_deploy.verify.finding import Finding, of_deployment
from oi_deploy.verify.reference import Reference, parse, same_image
from oi_deploy.verify.state import ContainerState, DeploymentState

_NOT_KNOWN: Mapping[str, Collection[str]] = {}


@dataclass(frozen=True)
class Push:
    """A reference that this run pushed, with the digest of its last push."""

    reference: Reference
    digest: str


@dataclass(frozen=True)
class Target:
    """A container that must run an image.

    Attributes:
        deployment: as it is now.
        before: as it was when the run began; None if the run created it.
        container: the container's name.
        reference: what the container names; with a tag whenever that is known.
        pushed: whether this run pushed the image.
    """

    deployment: DeploymentState
    before: DeploymentState | None
    container: str
    reference: Reference
    pushed: bool

    @property
    def where(self) -> str:
        """The Deployment, for sentences."""
        return of_deployment(self.deployment.name, self.deployment.namespace)

    @property
    def previous_image(self) -> str:
        """What the container named before; empty if it is new."""
        return self.before.image_of(self.container) if self.before else ""


def last_pushes(claims: Sequence[tuple[str, str]]) -> tuple[Push, ...]:
    """(reference, digest) in order; a reference that was pushed twice counts with its last one."""
    last: dict[Reference, str] = {}
    for text, digest in claims:
        reference = parse(text)
        last.pop(reference, None)
        last[reference] = digest
    return tuple(Push(reference, digest) for reference, digest in last.items())


def choose(
    pushes: Sequence[Push],
    touched: Sequence[str],
    before: Sequence[DeploymentState],
    now: Sequence[DeploymentState],
    wanted: Mapping[str, Collection[str]] = _NOT_KNOWN,
) -> tuple[tuple[Target, ...], tuple[Finding, ...]]:
    """The containers to look at, and what is already wrong with what the Deployments name.

    Args:
        pushes: of this run.
        touched: names of the Deployments that this run changed.
        before: all Deployments when the run began.
        now: all Deployments now.
        wanted: references of the images that a Deployment is to get, by its name, where that is
            known. One of them need not be pushed: another name of it may have been.
    """
    targets: list[Target] = []
    stale: list[Finding] = []
    placed: set[str] = set()
    old = {item.name: item for item in before}
    for deployment in now:
        was = old.get(deployment.name)
        matches = {item.name: _match(item, pushes) for item in deployment.containers}
        here = {push.reference.name for push in matches.values() if push}
        for container in deployment.containers:
            push = matches[container.name]
            newest = _newest_of_repository(container, pushes)
            mine = deployment.name in touched
            changed = was is None or was.image_of(container.name) != container.image
            if push:
                targets.append(Target(deployment, was, container.name, push.reference, True))
                placed.add(push.reference.name)
            # What somebody else has changed is not this run's work, whoever wants it.
            elif mine and container.image in wanted.get(deployment.name, ()):
                if reference := _read(container.image):
                    targets.append(Target(deployment, was, container.name, reference, False))
                    placed.add(reference.name)
            elif not mine and deployment.name not in wanted:
                continue
            # One that is only to be scaled beside those which are to get an image keeps its own.
            elif (
                newest
                and newest.reference.name not in here
                and (not wanted or deployment.name in wanted)
            ):
                stale.append(_stale(deployment, container, newest))
                placed.add(newest.reference.name)
            elif mine and changed and (reference := _read(container.image)):
                targets.append(Target(deployment, was, container.name, reference, False))
    there = {item.name for item in now}
    stale += [_absent(name, now) for name in wanted if name not in there and pushes]
    missing = {push.reference.name: push for push in pushes if push.reference.name not in placed}
    for push in missing.values():
        # What runs it beside one that is wanted is to stay as it is.
        users = [item for item in now if not wanted and _uses(item, push.reference)]
        # An image that no Deployment has a place for (a base image) needs none, if another did.
        if users or not (targets or stale):
            stale.append(_nowhere(push, users, now))
    return tuple(targets), tuple(stale)


def set_image(deployment: DeploymentState, container: str, image: str) -> str:
    """The command line that gives a container an image."""
    return (
        f"kubectl -n {deployment.namespace} set image deployment/{deployment.name} "
        f"{container}={image}"
    )


def _match(container: ContainerState, pushes: Sequence[Push]) -> Push | None:
    """The push that the container names, by its tag or by its digest."""
    image = _read(container.image)
    for push in reversed(pushes):
        if image and image.digest:
            if image.name == push.reference.name and image.digest == push.digest:
                return push
        elif same_image(container.image, str(push.reference)):
            return push
    return None


def _newest_of_repository(container: ContainerState, pushes: Sequence[Push]) -> Push | None:
    image = _read(container.image)
    same = [push for push in pushes if image and image.name == push.reference.name]
    return same[-1] if same else None


def _stale(deployment: DeploymentState, container: ContainerState, push: Push) -> Finding:
    return Finding(
        ok=False,
        check="deployment.image",
        where=of_deployment(deployment.name, deployment.namespace),
        found=f"still runs {container.image}, not {push.reference}",
        fix=set_image(deployment, container.name, str(push.reference)),
    )


def _absent(name: str, now: Sequence[DeploymentState]) -> Finding:
    namespace = next((item.namespace for item in now), "")
    return Finding(
        ok=False,
        check="deployment.image",
        where=of_deployment(name, namespace),
        found="does not exist yet",
        expected="apply the manifest that makes it first",
    )


def _nowhere(push: Push, users: list[DeploymentState], now: Sequence[DeploymentState]) -> Finding:
    """No Deployment names the pushed image, nor did this run change one that ought to."""
    deployment = _only(users, push.reference) or _only(now, push.reference)
    container = _container_for(deployment, push.reference) if deployment else None
    if deployment and container:
        return _stale(deployment, container, push)
    names = ", ".join(item.name for item in users or now)
    return Finding(
        ok=False,
        check="deployment.image",
        where=f"the image {push.reference}",
        found="was pushed, but no Deployment runs it",
        expected=f"set it in one of the Deployments {names}" if names else "there is no Deployment",
    )


def _only(deployments: Sequence[DeploymentState], reference: Reference) -> DeploymentState | None:
    """The one called like the image, or the only one."""
    if len(deployments) == 1:
        return deployments[0]
    called = reference.repository.rpartition("/")[2]
    return next((item for item in deployments if item.name == called), None)


def _container_for(deployment: DeploymentState, reference: Reference) -> ContainerState | None:
    for container in deployment.containers:
        image = _read(container.image)
        if image and image.name == reference.name:
            return container
    return deployment.containers[0] if len(deployment.containers) == 1 else None


def _uses(deployment: DeploymentState, reference: Reference) -> bool:
    images = (_read(container.image) for container in deployment.containers)
    return any(image and image.name == reference.name for image in images)


def _read(image: str) -> Reference | None:
    try:
        return parse(image)
    except ValueError:
        return None
