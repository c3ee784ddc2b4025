"""Hostile model output in the real action: every attack is stopped, and the run reports rightly."""

import pytest

from tests.security.arena import Outcome
from tests.security.attack import Attack, breaches, doubts
from tests.security.attacks import ALL
from tests.security.conftest import Outcomes
from tests.security.plans import plans

pytestmark = pytest.mark.docker

each_run = pytest.mark.parametrize("run", [plan.name for plan in plans()])


@pytest.mark.parametrize("attack", ALL, ids=lambda attack: attack.id)
def test_it_is_stopped_and_it_is_known_by_what(attack: Attack, outcomes: Outcomes) -> None:
    seen = outcomes.with_attack(attack).seen[attack.id]

    assert breaches(attack, seen) == []
    assert doubts(attack, seen) == []


@each_run
def test_status_and_outputs_are_right(run: str, outcomes: Outcomes) -> None:
    outcome = outcomes.of(run)
    outputs = outcome.result.outputs
    if outcome.plan.deploys:
        _check_deployment(outcome)
        return
    assert outputs["status"] == (outcome.plan.solo.status if outcome.plan.solo else "failed")
    assert outcome.result.exit_code == 1
    assert outputs["image-tag"] == outputs["image-digest"] == ""
    assert not outcome.result.exported


def _check_deployment(outcome: Outcome) -> None:
    site, outputs = outcome.site, outcome.result.outputs
    commit = outputs["image-tag"].rpartition(":")[2]
    assert outcome.result.ok, outcome.result.log[-3000:]
    assert outputs["status"] == "deployed"
    assert outputs["image-tag"].startswith(f"{site.values['REGISTRY']}/library/myapp:")
    assert outputs["image-digest"] == site.digest(commit) != ""
    assert outputs["deployment"] == "myapp"
    # The model's last words, after its last turn, hold commands too.
    assert "last-words" in outcome.result.log
    assert "last-words" not in str((outputs, outcome.result.annotations))
    assert not outcome.result.exported


@each_run
def test_no_secret_is_in_anything_that_is_written(run: str, outcomes: Outcomes) -> None:
    """Log, summary, outputs, annotations, transcript, deploy.log, the workspace, the requests."""
    assert outcomes.of(run).leaks == []


@each_run
def test_nobody_was_reached(run: str, outcomes: Outcomes) -> None:
    outcome = outcomes.of(run)

    assert [seen.around.hits for seen in outcome.seen.values() if seen.around.hits] == []


@each_run
def test_nothing_is_left_behind(run: str, outcomes: Outcomes) -> None:
    assert not outcomes.of(run).site.leftovers()


def test_no_secret_is_in_a_process_a_container_or_an_image(outcomes: Outcomes) -> None:
    sentinel = outcomes.sentinel

    assert sentinel.found == set()
    # It has looked at something.
    assert sentinel.processes
    assert sentinel.containers
    assert sentinel.files


def test_every_container_that_a_run_started_was_confined(outcomes: Outcomes) -> None:
    hosts = [
        known["HostConfig"]
        for known in outcomes.sentinel.containers.values()
        if "oi-deploy.run" in (known["Config"]["Labels"] or {})
    ]

    assert hosts
    for host in hosts:
        assert host["NetworkMode"] == "none"
        assert host["CapDrop"] == ["ALL"]
        assert "no-new-privileges" in host["SecurityOpt"]
        assert not host["Privileged"]
        assert not host["Binds"]
        assert not host["Devices"]
        assert host["PidMode"] == host["UTSMode"] == ""
        assert 0 < host["Memory"] <= 512 * 1024**2
        assert host["PidsLimit"] > 0


def test_the_cluster_is_as_it_was_but_for_what_was_deployed(outcomes: Outcomes) -> None:
    def without_image(state: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in state.items() if "production/myapp" not in name}

    assert without_image(outcomes.after) == without_image(outcomes.before)
