"""Verification: what the journal claims, looked up in the registry and in the cluster.

The model is asked nothing here. A claim that cannot be read back is no success, and neither is a
run that did nothing, unless the workflow said that nothing was expected.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

from oi_deploy.broker.effects import Built, Pushed
from oi_deploy.verify import asked_for, pods, rollout
from oi_deploy.verify.asked_for import Asked
from oi_deploy.verify.finding import Finding, Verdict, all_ok, of_deployment
from oi_deploy.verify.reference import Reference
from oi_deploy.verify.state import DeploymentState
from oi_deploy.verify.targets import Push, Target, choose, last_pushes

__all__ = ["Asked", "Finding", "Verdict", "verify"]

Expect = Literal["deploy", "push", "none"]


_NOTHING_ELSE = Asked()


class Claims(Protocol):
    """What this run says that it did: the journal."""

    def built(self) -> tuple[Built, ...]:
        """Images that were built, oldest first."""

    def pushed(self) -> tuple[Pushed, ...]:
        """Images that were pushed, oldest first."""

    def changed_deployments(self) -> tuple[str, ...]:
        """Names of the Deployments that were changed."""


class Images(Protocol):
    """What is needed from the registry."""

    host: str

    def digest(self, reference: Reference) -> str | None:
        """The digest; None if the registry does not have it."""

    def identities(self, reference: Reference) -> frozenset[str]:
        """Every digest that a pod may report for it."""


class Deployments(rollout.Watched, pods.Explains, Protocol):
    """What is needed from the cluster."""

    namespace: str

    def deployments(self) -> tuple[DeploymentState, ...]:
        """All of the namespace."""


def verify(
    journal: Claims,
    *,
    expect: Expect,
    before: Sequence[DeploymentState],
    registry: Images | None,
    cluster: Deployments | None,
    rollout_timeout_s: float,
    cancelled: threading.Event,
    say: Callable[[str], None],
    last_script: Finding | None = None,
    asked: Asked = _NOTHING_ELSE,
) -> Verdict:
    """Look everything up that this run claims, and say whether it is what the workflow expects.

    Args:
        journal: the claims.
        expect: what there must be: a Deployment that runs a pushed image (or, if nothing was
            pushed, one that was set to another image of the registry, or one that keeps its own
            and that the prompt wants restarted or scaled); a pushed image; nothing.
            What was pushed or changed is looked up in every case.
        before: all Deployments of the namespace when the run began.
        registry: None if the workflow names none.
        cluster: None if the workflow gives no kubeconfig.
        rollout_timeout_s: how long rollouts may take, all together.
        cancelled: ends the waiting.
        say: prints a line of progress.
        last_script: how the model's last script ended; where nothing else must be there, that is
            what there is to know.
        asked: what a deployment may change besides.

    Raises:
        RunError: the registry or the cluster cannot be read; the run is cancelled.
    """
    deadline = time.monotonic() + rollout_timeout_s
    pushes = last_pushes([(item.reference, item.digest) for item in journal.pushed()])
    touched = journal.changed_deployments()
    findings = _claims(journal, pushes, expect, registry)
    findings += [_in_registry(push.reference, push.digest, registry) for push in pushes]
    if expect == "none" and last_script is not None:
        findings.append(last_script)

    targets: tuple[Target, ...] = ()
    stale: tuple[Finding, ...] = ()
    if cluster is not None and (expect == "deploy" or touched):
        now = cluster.deployments()
        gone = [name for name in touched if name not in {item.name for item in now}]
        findings += [_gone(name, cluster.namespace) for name in gone]
        targets, stale = choose(pushes, touched, before, now, wanted=asked.images)
        if expect != "deploy":
            targets, stale = tuple(item for item in targets if _is_ours(item, registry)), ()
        findings += _promoted(targets, registry)
        findings += stale
        if expect == "deploy" and not pushes and not targets:
            findings += asked_for.kept(asked.kept, touched, now) or [
                _nothing_deployed(journal, touched, now, registry)
            ]
        if all_ok(findings):
            seen: list[DeploymentState] = []
            for name in _names(targets, touched):
                wanted = tuple(item for item in targets if item.deployment.name == name)
                state = rollout.wait(cluster, name, deadline=deadline, cancelled=cancelled, say=say)
                must_run = expect == "deploy" and asked.replicas.get(name) != 0
                findings += pods.look(cluster, registry, name, wanted, state, must_run)
                if state.deployment:
                    seen.append(state.deployment)
            found = {item.name: item for item in (*now, *seen)}
            findings += (
                asked_for.replicas(asked, tuple(found.values())) if expect == "deploy" else []
            )
            now = tuple(seen) or now
        if expect == "deploy":
            findings += asked_for.unchanged(targets, touched, before, now, bool(pushes), asked)
        return _verdict(findings, pushes, targets, before, now, registry, asked)
    return _verdict(findings, pushes, targets, before, (), registry, asked)


def _claims(
    journal: Claims, pushes: Sequence[Push], expect: Expect, registry: Images | None
) -> list[Finding]:
    """Whether anything was pushed; with `expect: deploy`, something else may have been deployed."""
    if pushes:
        return [
            Finding(True, "push.claimed", f"the image {push.reference}", "was pushed by this run")
            for push in pushes
        ]
    if expect != "push":
        return []
    return [_not_pushed(journal, registry)]


def _not_pushed(journal: Claims, registry: Images | None) -> Finding:
    references = [item.reference for item in journal.built() if item.reference]
    host = registry.host if registry else ""
    ours = [item for item in references if host and item.startswith(f"{host}/")]
    if ours:
        return Finding(
            False,
            "push.claimed",
            f"the image {ours[-1]}",
            "was built, but not pushed",
            fix=f"docker push {ours[-1]}",
        )
    expected = f"an image must be built and pushed under {host}" if host else ""
    if journal.built():
        where = f"the image {references[-1]}" if references else "the image that was built"
        return Finding(False, "push.claimed", where, "was not pushed", expected)
    return Finding(False, "push.claimed", "this run", "has pushed no image", expected)


def _nothing_deployed(
    journal: Claims,
    touched: Sequence[str],
    now: Sequence[DeploymentState],
    registry: Images | None,
) -> Finding:
    if journal.built() or not touched:
        return _not_pushed(journal, registry)
    images = ", ".join(
        container.image for item in now if item.name in touched for container in item.containers
    )
    return Finding(
        False,
        "deployment.image",
        f"the Deployment {' and '.join(touched)}",
        f"was changed, but still runs {images}",
        expected="an image must be deployed",
    )


def _gone(name: str, namespace: str) -> Finding:
    where = of_deployment(name, namespace)
    return Finding(False, "deployment.image", where, "was changed by this run, but does not exist")


def _in_registry(reference: Reference, claimed: str, registry: Images | None) -> Finding:
    where = f"the image {reference}"
    if registry is None or reference.registry != registry.host:
        ours = f", not in {registry.host}" if registry else ", and `registry` is not set"
        found = f"is in the registry {reference.registry}{ours}"
        return Finding(False, "registry.digest", where, found)
    digest = registry.digest(reference)
    fix = f"docker push {reference}"
    if digest is None:
        return Finding(False, "registry.digest", where, "is not in the registry", fix=fix)
    if claimed and digest != claimed:
        found = f"has the digest {digest} in the registry, but this run pushed {claimed}"
        return Finding(False, "registry.digest", where, found, fix=fix)
    return Finding(True, "registry.digest", where, f"is in the registry with the digest {digest}")


def _promoted(targets: Sequence[Target], registry: Images | None) -> list[Finding]:
    """Images that this run deployed, but did not push: they must be there already."""
    references = dict.fromkeys(item.reference for item in targets if not item.pushed)
    return [_in_registry(reference, "", registry) for reference in references]


def _is_ours(target: Target, registry: Images | None) -> bool:
    return registry is not None and target.reference.registry == registry.host


def _names(targets: Sequence[Target], touched: Sequence[str]) -> list[str]:
    """Deployments to wait for, each once; one that the run changed comes last and is reported."""
    named = [item.deployment.name for item in targets if item.deployment.name not in touched]
    return list(dict.fromkeys([*named, *touched]))


def _of_kept(findings: Sequence[Finding], item: DeploymentState, old: Mapping[str, str]) -> Verdict:
    """The verdict on a Deployment that keeps its image."""
    image = item.containers[0].image if item.containers else ""
    return Verdict(
        findings=tuple(findings),
        image=image,
        deployment=item.name,
        namespace=item.namespace,
        revision=item.revision,
        previous_image=image,
        changed=old.get(item.name) != item.revision,
    )


def _verdict(
    findings: Sequence[Finding],
    pushes: Sequence[Push],
    targets: Sequence[Target],
    before: Sequence[DeploymentState],
    now: Sequence[DeploymentState],
    registry: Images | None,
    asked: Asked,
) -> Verdict:
    old = {item.name: item.revision for item in before}
    revisions = {item.name: item.revision for item in now}
    if targets:
        order = {name: place for place, name in enumerate(revisions)}
        last = max(targets, key=lambda item: order.get(item.deployment.name, -1))
        reference, name = last.reference, last.deployment.name
        namespace, previous = last.deployment.namespace, last.previous_image
    elif pushes:
        reference, name, namespace, previous = pushes[-1].reference, "", "", ""
    elif kept := [item for item in now if item.name in asked.kept]:
        return _of_kept(findings, kept[-1], old)
    else:
        return Verdict(tuple(findings), changed=any(old.get(k) != v for k, v in revisions.items()))
    known = registry is not None and reference.registry == registry.host
    tagged = Reference(reference.registry, reference.repository, reference.tag)
    return Verdict(
        findings=tuple(findings),
        image=str(tagged if reference.tag else reference),
        digest=(registry.digest(reference) or "") if registry and known else "",
        deployment=name,
        namespace=namespace,
        revision=revisions.get(name, ""),
        previous_image=previous,
        changed=any(
            old.get(item.deployment.name) != revisions.get(item.deployment.name) for item in targets
        ),
    )
