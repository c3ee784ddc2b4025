"""A registry, a cluster and a journal whose contents a test writes down."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from oi_deploy.broker.effects import Built, Pushed
from oi_deploy.verify.reference import Reference, parse
from oi_deploy.verify.state import ContainerState, DeploymentState, PodContainer, PodState

HOST = "harbor.example.com"
APP = f"{HOST}/library/myapp"
OLD, NEW = f"{APP}:old", f"{APP}:new"


def digest(letter: str) -> str:
    return "sha256:" + letter * 64


@dataclass
class Claims:
    pushes: list[tuple[str, str]] = field(default_factory=list)
    builds: list[str] = field(default_factory=list)
    changed: tuple[str, ...] = ()

    def built(self) -> tuple[Built, ...]:
        return tuple(Built(reference, digest("9")) for reference in self.builds)

    def pushed(self) -> tuple[Pushed, ...]:
        return tuple(Pushed(*item) for item in self.pushes)

    def changed_deployments(self) -> tuple[str, ...]:
        return self.changed


@dataclass
class Images:
    """`content` maps references to digests."""

    content: dict[str, str]
    host: str = HOST

    def digest(self, reference: Reference) -> str | None:
        assert reference.registry == self.host, "only our registry may be asked"
        if reference.digest:
            return reference.digest if reference.digest in self.content.values() else None
        return next((d for text, d in self.content.items() if parse(text) == reference), None)

    def identities(self, reference: Reference) -> frozenset[str]:
        found = self.digest(reference)
        return frozenset({found} if found else ())


def deployment(
    name: str = "myapp",
    *,
    revision: int = 1,
    replicas: int = 2,
    pull_policy: str = "IfNotPresent",
    **images: str,
) -> DeploymentState:
    """A Deployment whose rollout is complete; `images` maps container names to images."""
    return DeploymentState(
        namespace="production",
        name=name,
        containers=tuple(
            ContainerState(container, image, pull_policy)
            for container, image in (images or {"app": OLD}).items()
        ),
        replicas=replicas,
        revision=str(revision),
        generation=revision,
        observed_generation=revision,
        total=replicas,
        updated=replicas,
        ready=replicas,
        available=replicas,
        selector=f"app={name}",
        uid=f"uid-{name}",
    )


def running(state: DeploymentState, **digests: str) -> tuple[PodState, ...]:
    """Ready pods of a Deployment; `digests` maps container names to what they run."""
    return tuple(
        PodState(
            f"{state.name}-{number}",
            current=True,
            ready=True,
            containers=tuple(
                PodContainer(container, f"{HOST}/x@{content}", ready=True)
                for container, content in digests.items()
            ),
        )
        for number in range(state.replicas)
    )


def unavailable(state: DeploymentState, **changes: object) -> DeploymentState:
    """The same Deployment in the middle of a rollout: one new pod, not ready, the old ones left."""
    half = replace(state, total=state.replicas + 1, updated=1, available=state.replicas)
    return replace(half, **changes)  # type: ignore[arg-type]


@dataclass
class Deployments:
    """Answers from `states` (the last one stays); pods by Deployment name."""

    states: dict[str, list[DeploymentState]]
    pods: dict[str, tuple[PodState, ...]]
    events: Sequence[str] = ()
    log: Sequence[str] = ()
    namespace: str = "production"
    asked_previous: list[bool] = field(default_factory=list)

    def deployments(self) -> tuple[DeploymentState, ...]:
        return tuple(states[0] for states in self.states.values())

    def deployment(self, name: str) -> DeploymentState | None:
        states = self.states.get(name, [])
        if len(states) > 1:
            return states.pop(0)
        return states[0] if states else None

    def pods_of(self, deployment: DeploymentState) -> tuple[PodState, ...]:
        return self.pods.get(deployment.name, ())

    def warnings_about(self, name: str) -> tuple[str, ...]:
        return tuple(self.events)

    def log_tail(self, pod: str, container: str, *, previous: bool) -> tuple[str, ...]:
        self.asked_previous.append(previous)
        return tuple(self.log)
