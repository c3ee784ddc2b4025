"""What a run has made of Deployments: noted, undone when the run fails, looked at in the end."""

import threading
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial

from oi_deploy.broker.journal import Changed, Entry
from oi_deploy.desk import Desk
from oi_deploy.errors import RunError, Status
from oi_deploy.limits import Stop, detached
from oi_deploy.loaded import Loaded
from oi_deploy.record import Record
from oi_deploy.report import deployment_lines
from oi_deploy.verify.cluster import Cluster
from oi_deploy.verify.rollback import Changes, Restored, roll_back, touched_by, undo_by_hand
from oi_deploy.verify.state import DeploymentState

# GitHub gives a cancelled step ten seconds; the rollback itself is one request a Deployment, and
# this is how long it may look whether it worked.
_CANCELLED_ROLLBACK_S = 3.0
# A cluster that does not answer must not hold up the report for longer than that.
_HUNG_CLUSTER_S = 2.0


def note(entry: Entry, cluster: Cluster, changes: Changes, stop: Stop) -> None:
    """Remember what a command has made of Deployments, in case it must be undone."""
    changed = {e.name for e in entry.effects if isinstance(e, Changed) and e.kind == "deployment"}
    if entry.exit_code is None:
        changes.unsure |= touched_by(entry.argv, changes.before)
    for name in changed:
        try:
            state = stop.obey(partial(cluster.deployment, name))
        except RunError:
            state = None
        if state is None:
            changes.unsure |= {name} & set(changes.before)
        else:
            changes.left[name] = state


def undo(
    error: BaseException | None,
    loaded: Loaded,
    cluster: Cluster | None,
    changes: Changes,
    stop: Stop,
    desk: Desk,
) -> None:
    """After a run that failed: put the Deployments back that it has changed."""
    record = desk.record
    good = record.verdict is not None and record.verdict.ok
    if error is None or cluster is None or not changes.names():
        return
    if good and not record.journal.mutated_since(record.verified_at):
        return  # what runs was verified; the run failed at something else
    if not loaded.inputs.rollback:
        record.rollback = tuple(
            Restored(
                False,
                f"The Deployment {name} is left as the run has made it (`rollback: false`). "
                f"To go back: {undo_by_hand(changes.before[name])}",
            )
            for name in changes.names()
            if name in changes.before
        )
    else:
        cancelled = stop.reason is Status.CANCELLED
        patience = _CANCELLED_ROLLBACK_S if cancelled else loaded.inputs.rollout_timeout
        deadline = time.monotonic() + patience
        with desk.workflow.group("Rollback"), record.phase("rollback"):
            try:
                record.rollback = detached(
                    lambda: roll_back(
                        cluster,
                        changes,
                        deadline=deadline,
                        cancelled=threading.Event() if stop.event.is_set() else stop.event,
                        say=desk.say,
                    ),
                    within_s=patience + _HUNG_CLUSTER_S,
                )
                left = max(_HUNG_CLUSTER_S, deadline - time.monotonic())
                detached(lambda: _refresh(record, cluster, changes), within_s=left)
            except TimeoutError:
                record.rollback = record.rollback or _no_answer(changes)
    for item in record.rollback:
        desk.say(item.sentence)
        desk.log.event("rollback.deployment", ok=item.ok, result=item.sentence)
        desk.transcript.add("rollback", ok=item.ok, sentence=item.sentence)


def _no_answer(changes: Changes) -> tuple[Restored, ...]:
    return tuple(
        Restored(
            False,
            f"The cluster did not answer, so it is not known what the Deployment {name} runs. "
            f"To go back: {undo_by_hand(changes.before[name])}",
        )
        for name in changes.names()
        if name in changes.before
    )


def _refresh(record: Record, cluster: Cluster, changes: Changes) -> None:
    """What the outputs say about the Deployment is as it is after the rollback."""
    if record.verdict is None or record.verdict.deployment not in changes.before:
        return
    before = changes.before[record.verdict.deployment]
    with suppress(RunError):
        now = cluster.deployment(before.name)
        if now is not None:
            changed = now.template != before.template
            record.verdict = replace(record.verdict, revision=now.revision, changed=changed)


def look(cluster: Cluster | None, changes: Changes, stop: Stop, record: Record) -> None:
    """What the Deployments of this run are at its end, for the report."""
    names = [*changes.names(), record.verdict.deployment if record.verdict else ""]
    now: dict[str, DeploymentState] = {}
    if stop.reason is Status.CANCELLED:
        # No time is left to ask; what is wrong after a rollback is said there.
        undone = record.rollback and all(item.ok for item in record.rollback)
        latest = changes.before if undone else changes.left
        # Its controller gives it a new revision, of which nobody has been told.
        now |= {name: replace(item, revision="") for name, item in latest.items()}
    elif cluster is not None:
        with suppress(RunError, TimeoutError):
            for name in filter(None, names):
                state = detached(partial(cluster.deployment, name), within_s=_HUNG_CLUSTER_S)
                if state is not None:
                    now[name] = state
    record.deployments = deployment_lines(names, changes.before, now)
