"""From the containers that are there to what a run does next."""

from typing import Any

import pytest

from oi_deploy.engine.choice import Server, Step, contested, decide, digest_of, overlap

OURS = "oi-deploy-engine-0"


def server(**changes: Any) -> Server:
    values: dict[str, Any] = {
        "id": "a",
        "name": OURS,
        "digest": "same",
        "gpus": "0",
        "state": "running",
        "age_s": 5.0,
    }
    return Server(**{**values, **changes})


def step(*found: Server) -> Step:
    return decide(found, name=OURS, digest="same", gpus="0")


def test_without_a_server_ours_is_started() -> None:
    assert step() == Step("start")


def test_other_containers_and_servers_of_other_gpus_do_not_matter() -> None:
    assert step(
        server(name="postgres", digest=None, gpus=""),
        server(name="oi-deploy-engine-1-2", gpus="1,2"),
        server(name="oi-deploy-engine-none", gpus="none"),
    ) == Step("start")


def test_a_server_of_the_same_digest_is_used() -> None:
    assert step(server()) == Step("use", server())


@pytest.mark.parametrize(
    "other",
    [
        server(digest="other"),
        server(digest="other", name="oi-deploy-engine-all", gpus="all"),
        # It would be ours, were it not on one more GPU.
        server(name="oi-deploy-engine-0-1", gpus="0,1"),
    ],
)
def test_another_server_on_our_gpus_is_waited_for(other: Server) -> None:
    assert step(other) == Step("await", other)


@pytest.mark.parametrize("digest", ["same", "other"])
@pytest.mark.parametrize(
    ("state", "age_s", "kind"),
    [
        ("created", 1.0, "again"),  # its run is about to start it
        ("created", 3600.0, "remove"),  # its run was killed in between
        ("removing", 3600.0, "again"),
        ("exited", 1.0, "remove"),
        ("dead", 1.0, "remove"),
        ("paused", 3600.0, "remove"),
    ],
)
def test_what_does_not_run_is_begun_or_a_remnant(
    digest: str, state: str, age_s: float, kind: str
) -> None:
    found = server(digest=digest, state=state, age_s=age_s)
    assert step(found) == Step(kind, found)  # type: ignore[arg-type]


def test_a_container_of_somebody_else_with_our_name_is_told() -> None:
    stranger = server(digest=None, gpus="")
    assert step(stranger) == Step("taken", stranger)


def test_of_two_servers_that_are_made_at_once_both_see_each_other() -> None:
    ours = server(state="created")
    other = server(id="b", name="oi-deploy-engine-all", gpus="all", state="created")
    assert not contested([ours], own_id="a", gpus="0")
    assert contested([ours, other], own_id="a", gpus="0")
    assert contested([ours, other], own_id="b", gpus="all")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("all", "all", True),
        ("all", "3", True),
        ("0,1", "1,2", True),
        ("0,1", "2,3", False),
        ("1", "11", False),
        ("none", "none", True),
        ("none", "all", False),
        ("none", "0", False),
    ],
)
def test_which_servers_cannot_be_there_together(one: str, other: str, expected: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is expected


def test_the_digest_changes_with_everything_and_not_with_the_order() -> None:
    one = {"image": "i", "environment": {"A": "1", "B": "2"}, "owner": "acme"}
    assert digest_of(one) == digest_of(dict(reversed(one.items())))
    for name in one:
        assert digest_of(one) != digest_of({**one, name: "another"})
