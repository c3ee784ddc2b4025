"""What became of Deployments, for people."""

from collections.abc import Iterable, Mapping

from oi_deploy.result import DeploymentLine
from oi_deploy.verify.state import DeploymentState


def deployment_lines(
    names: Iterable[str],
    before: Mapping[str, DeploymentState],
    now: Mapping[str, DeploymentState],
) -> tuple[DeploymentLine, ...]:
    """One line for each name of which anything is known, each once."""
    return tuple(
        _line(before.get(name), now.get(name))
        for name in dict.fromkeys(names)
        if name in before or name in now
    )


def _line(before: DeploymentState | None, now: DeploymentState | None) -> DeploymentLine:
    known = now or before
    assert known is not None  # noqa: S101 - `deployment_lines` leaves out what is unknown
    return DeploymentLine(
        namespace=known.namespace,
        name=known.name,
        image_before=_images(before),
        image_now=_images(now),
        revision_before=before.revision if before else "",
        revision_now=now.revision if now else "",
    )


def _images(state: DeploymentState | None) -> str:
    return ", ".join(item.image for item in state.containers) if state else ""
