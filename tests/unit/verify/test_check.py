"""What verification says about a run, case by case, with the sentence that goes back."""

import threading
from typing import Any

import pytest

from oi_deploy.errors import RunError, Status
from oi_deploy.verify.check import Asked, Verdict, verify
from oi_deploy.verify.finding import Finding
from oi_deploy.verify.state import DeploymentState, PodContainer, PodState

from .imitations import (
    APP,
    HOST,
    NEW,
    OLD,
    Claims,
    Deployments,
    Images,
    deployment,
    digest,
    running,
    unavailable,
)

SET = "kubectl -n production set image deployment/myapp app="


def check(
    claims: Claims,
    now: DeploymentState | list[DeploymentState],
    *,
    pods: dict[str, tuple[PodState, ...]] | None = None,
    registry: dict[str, str] | None = None,
    **options: Any,
) -> Verdict:
    states = now if isinstance(now, list) else [now]
    cluster = options.pop("cluster", None) or Deployments(
        {item.name: [item] for item in states},
        pods or {item.name: running(item, app=digest("b")) for item in states},
    )
    return verify(
        claims,
        expect=options.pop("expect", "deploy"),
        before=options.pop("before", (deployment(),)),
        registry=Images(registry or {OLD: digest("a"), NEW: digest("b")}),
        cluster=cluster,
        rollout_timeout_s=options.pop("timeout", 5.0),
        cancelled=options.pop("cancelled", threading.Event()),
        say=options.pop("say", lambda line: None),
        last_script=options.pop("last_script", None),
        asked=options.pop("asked", Asked()),
    )


def wrong(verdict: Verdict) -> list[str]:
    return [item.check for item in verdict.findings if not item.ok]


def said(verdict: Verdict) -> str:
    return "\n".join(item.sentence() for item in verdict.findings if not item.ok)


PUSHED = Claims(pushes=[(NEW, digest("b"))], changed=("myapp",))


def test_a_deployed_image() -> None:
    verdict = check(PUSHED, deployment(revision=2, app=NEW))
    assert verdict.ok
    assert verdict.image == NEW
    assert verdict.digest == digest("b")
    assert (verdict.deployment, verdict.namespace) == ("myapp", "production")
    assert (verdict.revision, verdict.previous_image, verdict.changed) == ("2", OLD, True)
    assert {item.check for item in verdict.findings} == {
        "push.claimed",
        "registry.digest",
        "deployment.image",
        "rollout.complete",
        "pods.digest",
        "pods.ready",
        "deployment.unchanged-fields",
    }


def test_nothing_done_is_a_failure() -> None:
    verdict = check(Claims(), deployment())
    assert wrong(verdict) == ["push.claimed"]
    assert said(verdict) == (
        f"This run has pushed no image; an image must be built and pushed under {HOST}."
    )
    assert not verdict.image


def test_an_image_that_was_only_built() -> None:
    verdict = check(Claims(builds=[NEW]), deployment(), registry={OLD: digest("a")})
    assert said(verdict) == f"The image {NEW} was built, but not pushed: run `docker push {NEW}`"


def test_an_image_that_was_built_under_a_name_for_which_there_is_no_registry() -> None:
    verdict = check(Claims(builds=["myapp:1"]), deployment())
    assert "docker push" not in said(verdict)
    assert f"an image must be built and pushed under {HOST}" in said(verdict)


def test_a_deployment_that_names_an_image_that_was_not_pushed() -> None:
    verdict = check(
        Claims(builds=[NEW], changed=("myapp",)),
        deployment(revision=2, app=NEW),
        registry={OLD: digest("a")},
    )
    assert said(verdict) == f"The image {NEW} is not in the registry: run `docker push {NEW}`"


def test_an_image_that_the_registry_does_not_have_although_it_was_pushed() -> None:
    verdict = check(PUSHED, deployment(revision=2, app=NEW), registry={OLD: digest("a")})
    assert wrong(verdict) == ["registry.digest"]
    assert f"run `docker push {NEW}`" in said(verdict)


def test_a_tag_that_someone_overwrote() -> None:
    verdict = check(PUSHED, deployment(revision=2, app=NEW), registry={NEW: digest("f")})
    assert wrong(verdict) == ["registry.digest"]
    assert digest("f") in said(verdict)
    assert digest("b") in said(verdict)


def test_a_pushed_image_that_was_not_set() -> None:
    verdict = check(Claims(pushes=[(NEW, digest("b"))]), deployment())
    assert said(verdict) == (
        f"The Deployment myapp in production still runs {OLD}, not {NEW}: run `{SET}{NEW}`"
    )


def test_a_deployment_that_was_set_to_the_wrong_tag() -> None:
    verdict = check(PUSHED, deployment(revision=2, app=f"{APP}:typo"))
    assert wrong(verdict) == ["deployment.image"]
    assert f"run `{SET}{NEW}`" in said(verdict)


def test_the_only_container_of_the_only_deployment_is_where_a_new_repository_goes() -> None:
    placeholder = deployment(app="registry.k8s.io/pause:3.10")
    verdict = check(Claims(pushes=[(NEW, digest("b"))]), placeholder, before=(placeholder,))
    assert f"run `{SET}{NEW}`" in said(verdict)


def test_no_line_is_made_up_when_it_is_open_where_an_image_belongs() -> None:
    states = [deployment("web", app="h.io/web:1"), deployment("api", app="h.io/api:1")]
    verdict = check(Claims(pushes=[(NEW, digest("b"))]), states, before=tuple(states))
    assert wrong(verdict) == ["deployment.image"]
    assert "kubectl" not in said(verdict)
    assert "web, api" in said(verdict)


def test_a_second_deployment_of_the_repository_may_stay_as_it_is() -> None:
    before = (deployment(), deployment("canary"))
    now = [deployment(revision=2, app=NEW), deployment("canary")]
    assert check(PUSHED, now, before=before).ok


def test_two_images_for_two_deployments() -> None:
    web = f"{HOST}/library/web:7"
    before = (deployment(), deployment("web", app=f"{HOST}/library/web:6"))
    claims = Claims(pushes=[(NEW, digest("b")), (web, digest("c"))], changed=("web", "myapp"))
    images = {NEW: digest("b"), web: digest("c")}
    now = [deployment(revision=2, app=NEW), deployment("web", revision=5, app=web)]
    pods = {"myapp": running(now[0], app=digest("b")), "web": running(now[1], app=digest("c"))}
    verdict = check(claims, now, before=before, registry=images, pods=pods)
    assert verdict.ok
    assert verdict.image == NEW, "the Deployment that was changed last is reported"

    half = [now[0], before[1]]
    verdict = check(claims, half, before=before, registry=images)
    assert wrong(verdict) == ["deployment.image"]
    assert "deployment/web" in said(verdict)


def test_a_base_image_needs_no_deployment() -> None:
    base = f"{HOST}/library/base:1"
    claims = Claims(pushes=[(base, digest("d")), (NEW, digest("b"))], changed=("myapp",))
    images = {base: digest("d"), NEW: digest("b")}
    assert check(claims, deployment(revision=2, app=NEW), registry=images).ok


def test_an_image_that_already_ran_is_a_success_that_changed_nothing() -> None:
    now = deployment(revision=4, app=NEW)
    verdict = check(Claims(pushes=[(NEW, digest("b"))]), now, before=(now,))
    assert verdict.ok
    assert not verdict.changed
    assert any("already named" in item.sentence() for item in verdict.findings)


def test_a_digest_in_the_deployment_stands_for_the_pushed_tag() -> None:
    verdict = check(PUSHED, deployment(revision=2, app=f"{APP}@{digest('b')}"))
    assert verdict.ok
    assert verdict.image == NEW


def test_another_digest_of_the_repository_is_not_the_pushed_image() -> None:
    verdict = check(PUSHED, deployment(revision=2, app=f"{APP}@{digest('a')}"))
    assert wrong(verdict) == ["deployment.image"]
    assert f"run `{SET}{NEW}`" in said(verdict)


def test_a_second_container_of_the_same_repository_may_stay_as_it_is() -> None:
    before = deployment(app=OLD, worker=OLD)
    now = deployment(revision=2, app=NEW, worker=OLD)
    pods = {"myapp": running(now, app=digest("b"), worker=digest("a"))}
    assert check(PUSHED, now, before=(before,), pods=pods).ok


def test_promoting_an_image_of_the_registry() -> None:
    verdict = check(Claims(changed=("myapp",)), deployment(revision=2, app=NEW))
    assert verdict.ok
    assert (verdict.image, verdict.digest) == (NEW, digest("b"))


def test_a_change_without_another_image_is_no_deployment() -> None:
    verdict = check(Claims(changed=("myapp",)), deployment(revision=2))
    assert wrong(verdict) == ["deployment.image"]
    assert OLD in said(verdict)


def test_an_image_from_elsewhere_is_no_deployment() -> None:
    elsewhere = "evil.example.com/library/myapp:new"
    verdict = check(Claims(changed=("myapp",)), deployment(revision=2, app=elsewhere))
    assert wrong(verdict) == ["registry.digest"]
    assert f"not in {HOST}" in said(verdict)


def test_somebody_elses_change_is_not_this_runs_success() -> None:
    verdict = check(Claims(), deployment(revision=2, app=NEW))
    assert wrong(verdict) == ["push.claimed"]


@pytest.mark.parametrize(
    ("policy", "line"),
    [
        ("Always", "kubectl -n production rollout restart deployment/myapp"),
        ("IfNotPresent", f"{SET}{NEW}@{digest('b')}"),
    ],
)
def test_pods_that_still_run_the_tags_earlier_content(policy: str, line: str) -> None:
    now = deployment(revision=2, app=NEW, pull_policy=policy)
    verdict = check(PUSHED, now, pods={"myapp": running(now, app=digest("a"))})
    assert wrong(verdict) == ["pods.digest"]
    assert f"run `{line}`" in said(verdict)
    assert "myapp-0" in said(verdict)


def test_replicas_that_nobody_asked_to_change() -> None:
    verdict = check(PUSHED, deployment(revision=2, replicas=5, app=NEW))
    assert wrong(verdict) == ["deployment.unchanged-fields"]
    assert "run `kubectl -n production scale deployment/myapp --replicas=2`" in said(verdict)


def test_the_number_of_pods_that_the_prompt_asks_for_must_be_there() -> None:
    asked = Asked({"myapp": 5})
    assert check(PUSHED, deployment(revision=2, replicas=5, app=NEW), asked=asked).ok
    verdict = check(PUSHED, deployment(revision=2, app=NEW), asked=asked)
    assert said(verdict) == (
        "The Deployment myapp in production has 2 replicas; the prompt asks for 5: "
        "run `kubectl -n production scale deployment/myapp --replicas=5`"
    )
    # Whoever asks for none at all gets none.
    none = deployment(revision=2, replicas=0, app=NEW)
    assert check(PUSHED, none, asked=Asked({"myapp": 0})).ok
    assert not check(PUSHED, none, asked=Asked({"myapp": None})).ok
    # A number that nobody could read may be any.
    changed = deployment(revision=2, replicas=5, app=NEW)
    assert check(PUSHED, changed, asked=Asked({"myapp": None})).ok
    # Another Deployment of the prompt counts, although this run left it alone.
    beside = [deployment(revision=2, app=NEW), deployment("worker", app=OLD)]
    assert check(PUSHED, beside, before=tuple(beside), asked=Asked({"worker": 2})).ok
    verdict = check(PUSHED, beside, before=tuple(beside), asked=Asked({"worker": 1}))
    assert wrong(verdict) == ["deployment.replicas"]


def test_a_manifest_that_is_to_be_applied_says_replicas_and_containers() -> None:
    before = (deployment(app=OLD, proxy="h.io/proxy:1"),)
    now = deployment(revision=2, replicas=3, app=NEW)
    assert len(said(check(PUSHED, now, before=before)).splitlines()) == 2
    assert check(PUSHED, now, before=before, asked=Asked(applied=frozenset({"myapp"}))).ok


def test_another_container_must_keep_its_image() -> None:
    before = deployment(app=OLD, proxy="h.io/proxy:1")
    now = deployment(revision=2, app=NEW, proxy="h.io/proxy:2")
    pods = {"myapp": running(now, app=digest("b"), proxy=digest("e"))}
    verdict = check(PUSHED, now, before=(before,), pods=pods, registry={NEW: digest("b")})
    assert "deployment.unchanged-fields" in wrong(verdict)
    assert "set image deployment/myapp proxy=h.io/proxy:1" in said(verdict)


def test_another_container_may_get_the_image_that_the_prompt_names() -> None:
    proxy, other = f"{HOST}/library/proxy:1", f"{HOST}/library/proxy:2"
    now = deployment(revision=2, app=NEW, proxy=other)
    known: dict[str, Any] = {
        "before": (deployment(app=OLD, proxy=proxy),),
        "pods": {"myapp": running(now, app=digest("b"), proxy=digest("e"))},
        "registry": {NEW: digest("b"), proxy: digest("d"), other: digest("e")},
    }
    assert wrong(check(PUSHED, now, **known)) == ["deployment.unchanged-fields"]
    assert check(PUSHED, now, asked=Asked(images={"myapp": frozenset({NEW, other})}), **known).ok
    assert not check(
        PUSHED, now, asked=Asked(images={"myapp": frozenset({NEW, proxy})}), **known
    ).ok


def test_every_deployment_that_the_prompt_names_must_get_the_image() -> None:
    """A small model updates the stable Deployment if it hears that this one is old."""
    asked = Asked(images={"canary": frozenset({NEW})})
    pushed = Claims(pushes=[(NEW, digest("b"))])
    verdict = check(pushed, deployment(app=OLD), asked=asked)
    assert "The Deployment canary in production does not exist yet" in said(verdict)
    assert "myapp" not in said(verdict).replace(f"{HOST}/library/myapp", "")

    canary, stable = deployment("canary", app=OLD), deployment(app=OLD)
    verdict = check(pushed, [canary, stable], asked=asked)
    assert "set image deployment/canary app=" in said(verdict)
    assert "deployment/myapp" not in said(verdict)
    pushed = Claims(pushes=[(NEW, digest("b"))], changed=("canary",))
    new = deployment("canary", revision=2, app=NEW)
    verdict = check(pushed, [new, stable], before=(canary, stable), asked=asked)
    assert verdict.ok
    both = Asked(images={"canary": frozenset({NEW}), "myapp": frozenset({NEW})})
    verdict = check(pushed, [new, stable], before=(canary, stable), asked=both)
    assert not verdict.ok
    assert "set image deployment/myapp app=" in said(verdict)


def test_what_somebody_else_has_changed_is_no_work_of_this_run() -> None:
    """The model only claims that it is done, and a colleague has deployed meanwhile."""
    now = deployment(revision=2, app=NEW)
    for image in (NEW, f"{HOST}/library/myapp:other"):
        asked = Asked(images={"myapp": frozenset({image})})
        assert not check(Claims(), now, asked=asked).ok


def test_a_tag_that_is_only_pushed_need_not_run() -> None:
    """An image is deployed under one name, and another name of it moves on: `stable`."""
    stable = f"{HOST}/library/myapp:stable"
    claims = Claims(pushes=[(stable, digest("b"))], changed=("myapp",))
    registry = {OLD: digest("a"), NEW: digest("b"), stable: digest("b")}
    now = deployment(revision=2, app=NEW)
    asked = Asked(images={"myapp": frozenset({NEW})})
    assert not check(claims, now, registry=registry).ok
    verdict = check(claims, now, registry=registry, asked=asked)
    assert verdict.ok
    assert verdict.image == NEW
    assert not check(claims, deployment(app=OLD), registry=registry, asked=asked).ok
    # It must be there, and this run must have put it there.
    assert not check(claims, now, registry={stable: digest("b")}, asked=asked).ok
    pushed = Claims(pushes=[(stable, digest("b"))])
    assert not check(pushed, now, before=(now,), registry=registry, asked=asked).ok


def test_a_container_that_was_added_or_lost() -> None:
    now = deployment(revision=2, app=NEW, miner="h.io/miner:1")
    verdict = check(PUSHED, now)
    assert "has got a container miner" in said(verdict)
    verdict = check(
        PUSHED, deployment(revision=2, app=NEW), before=(deployment(app=OLD, proxy="p:1"),)
    )
    assert "has lost its container proxy" in said(verdict)


def test_a_deployment_scaled_to_nothing_runs_nothing() -> None:
    verdict = check(PUSHED, deployment(revision=2, replicas=0, app=NEW))
    assert "pods.ready" in wrong(verdict)
    assert "scale deployment/myapp --replicas=2" in said(verdict)


def test_a_deployment_that_is_gone() -> None:
    cluster = Deployments({"other": [deployment("other", app="h.io/o:1")]}, {})
    verdict = check(PUSHED, [], cluster=cluster)
    assert "does not exist" in said(verdict)


def crashing(restarts: int) -> tuple[PodState, ...]:
    waiting = PodContainer(
        "app",
        restarts=restarts,
        waiting="CrashLoopBackOff",
        message="back-off 20s restarting failed container",
        ended="Error (exit code 1)",
    )
    return (PodState("myapp-new", current=True, containers=(waiting,)),)


def test_a_crashing_program_is_told_with_its_last_lines() -> None:
    state = unavailable(deployment(revision=2, app=NEW))
    cluster = Deployments(
        {"myapp": [state]},
        {"myapp": crashing(3)},
        events=["BackOff: Back-off restarting failed container"],
        log=["python: can't open file '/app/app.py'"],
    )
    verdict = check(PUSHED, state, cluster=cluster)
    assert wrong(verdict) == ["rollout.complete"]
    for part in ("CrashLoopBackOff", "exit code 1", "can't open file", "Back-off restarting"):
        assert part in said(verdict)
    assert cluster.asked_previous == [True]


def test_a_rollout_that_stays_unready_ends_at_the_timeout_with_the_probes_event() -> None:
    state = unavailable(deployment(revision=2, app=NEW))
    pod = PodState("myapp-new", current=True, containers=(PodContainer("app", f"x@{digest('b')}"),))
    cluster = Deployments(
        {"myapp": [state]}, {"myapp": (pod,)}, events=["Unhealthy: Readiness probe failed: 500"]
    )
    lines: list[str] = []
    verdict = check(PUSHED, state, cluster=cluster, timeout=0.0, say=lines.append)
    assert wrong(verdict) == ["rollout.complete"]
    assert "within `rollout-timeout`" in said(verdict)
    assert "Readiness probe failed: 500" in said(verdict)
    assert "0 of 2 new pods ready" in said(verdict)


def test_a_paused_rollout_is_told_with_the_line_that_resumes_it() -> None:
    state = unavailable(deployment(revision=2, app=NEW), paused=True)
    verdict = check(PUSHED, state, pods={"myapp": ()})
    assert "run `kubectl -n production rollout resume deployment/myapp`" in said(verdict)


def test_cancelling_ends_the_wait() -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(RunError) as caught:
        check(PUSHED, unavailable(deployment(revision=2, app=NEW)), pods={}, cancelled=cancelled)
    assert caught.value.status is Status.CANCELLED


def test_expect_push() -> None:
    assert wrong(check(Claims(), deployment(), expect="push")) == ["push.claimed"]
    verdict = check(Claims(pushes=[(NEW, digest("b"))]), deployment(), expect="push")
    assert verdict.ok
    assert (verdict.image, verdict.digest) == (NEW, digest("b"))
    assert not verdict.deployment


def test_expect_push_needs_no_cluster() -> None:
    verdict = verify(
        Claims(pushes=[(NEW, digest("b"))]),
        expect="push",
        before=(),
        registry=Images({NEW: digest("b")}),
        cluster=None,
        rollout_timeout_s=1.0,
        cancelled=threading.Event(),
        say=lambda line: None,
    )
    assert verdict.ok


def test_where_nothing_else_must_be_there_the_last_script_must_have_ended_well() -> None:
    ended = [Finding(ok, "script.ended", "the last script", "ended") for ok in (True, False)]
    assert check(Claims(), deployment(), expect="none", last_script=ended[0]).ok
    assert wrong(check(Claims(), deployment(), expect="none", last_script=ended[1])) == [
        "script.ended"
    ]
    # A rollout is checked by what runs: a script may fail after it, in what nobody asked for.
    assert check(PUSHED, deployment(revision=2, app=NEW), last_script=ended[1]).ok


def test_expect_none_asks_for_nothing_but_checks_what_was_done() -> None:
    assert check(Claims(), deployment(), expect="none").ok
    scaled = Claims(changed=("myapp",))
    five = deployment(replicas=5)
    assert check(scaled, five, expect="none", pods={"myapp": running(five, app=digest("a"))}).ok
    broken = unavailable(five, progressing_reason="ProgressDeadlineExceeded")
    assert wrong(check(scaled, broken, expect="none")) == ["rollout.complete"]


CHANGED = Claims(changed=("myapp",))
RUNS_OLD = {"myapp": running(deployment(revision=2), app=digest("a"))}


def test_a_deployment_that_is_to_be_restarted_keeps_its_image() -> None:
    asked = Asked(kept=frozenset({"myapp"}))
    verdict = check(CHANGED, deployment(revision=2), asked=asked, pods=RUNS_OLD)
    assert verdict.ok
    assert (verdict.deployment, verdict.image, verdict.previous_image) == ("myapp", OLD, OLD)
    assert verdict.changed
    # Whoever asks for an image gets no less.
    assert wrong(check(CHANGED, deployment(revision=2), pods=RUNS_OLD)) == ["deployment.image"]


def test_every_deployment_that_is_to_be_restarted_must_have_been() -> None:
    asked = Asked(kept=frozenset({"myapp", "worker"}))
    worker = deployment("worker")
    verdict = check(CHANGED, [deployment(revision=2), worker], asked=asked)
    assert wrong(verdict) == ["deployment.changed"]
    assert "worker" in said(verdict) and "not changed by this run" in said(verdict)
    assert not check(Claims(), deployment(), asked=asked).ok


def test_a_restart_is_no_reason_for_another_image_or_number_of_pods() -> None:
    asked = Asked(kept=frozenset({"myapp"}))
    for now in (deployment(revision=2, app=NEW), deployment(revision=2, replicas=5)):
        assert "deployment.unchanged-fields" in wrong(check(CHANGED, now, asked=asked))


def test_a_scaled_deployment_must_have_the_number_and_ready_pods() -> None:
    asked = Asked({"myapp": 3}, kept=frozenset({"myapp"}))
    now = deployment(replicas=3)
    assert check(CHANGED, now, asked=asked, pods={"myapp": running(now, app=digest("a"))}).ok
    assert wrong(check(CHANGED, deployment(), asked=asked)) == ["deployment.replicas"]


def test_a_deployment_that_is_only_scaled_beside_a_canary_need_not_run_its_image() -> None:
    canary, stable = deployment("canary", revision=2, app=NEW), deployment(replicas=3)
    claims = Claims(pushes=[(NEW, digest("b"))], changed=("canary", "myapp"))
    asked = Asked({"myapp": 3}, images={"canary": frozenset({NEW})})
    pods = {
        "canary": running(canary, app=digest("b")),
        "myapp": running(stable, app=digest("a")),
    }
    before = (deployment("canary"), deployment())
    assert check(claims, [canary, stable], before=before, asked=asked, pods=pods).ok
