"""Who may start a run: nothing that a stranger can cause, and nobody who is not listed."""

import json
from pathlib import Path
from typing import Any

import pytest

from oi_deploy.errors import RunError, Status
from oi_deploy.triggers import check, payload, require


def pull_request(
    head: object = 7, base: object = 7, author: str = "octocat", **more: object
) -> dict[str, Any]:
    """A pull request between two repositories, by id."""
    return {
        "pull_request": {
            "head": {"repo": {"id": head, "full_name": "acme/shop"}},
            "base": {"repo": {"id": base, "full_name": "acme/shop"}},
            "user": {"login": author},
            **more,
        }
    }


def refusal(
    event: str,
    payload: object = None,
    *,
    actor: str = "octocat",
    again: str | None = None,
    untrusted: bool = False,
    actors: tuple[str, ...] = (),
) -> str:
    """Why the run may not start; empty if it may."""
    try:
        require(
            event,
            payload,  # type: ignore[arg-type]
            actor=actor,
            triggering_actor=actor if again is None else again,
            allow_untrusted=untrusted,
            allowed_actors=actors,
        )
    except RunError as error:
        assert error.status == Status.REFUSED
        return str(error)
    return ""


@pytest.mark.parametrize(
    "event",
    [
        "",  # somebody starts the container by hand
        "create",
        "deployment",
        "deployment_status",
        "merge_group",
        "push",
        "release",
        "repository_dispatch",
        "schedule",
        "workflow_call",
        "workflow_dispatch",
    ],
)
def test_events_of_people_who_may_write_start_a_run(event: str) -> None:
    assert refusal(event) == ""


@pytest.mark.parametrize(
    "event",
    [
        "check_run",
        "check_suite",
        "discussion",
        "discussion_comment",
        "fork",
        "gollum",
        "issue_comment",
        "issues",
        "pull_request_comment",
        "pull_request_review",
        "pull_request_review_comment",
        "pull_request_target",
        "status",
        "watch",
        "workflow_run",
        "an_event_of_next_year",
        "Push",  # GitHub writes them in lower case
        "push ",
    ],
)
def test_events_that_strangers_can_cause_start_none(event: str) -> None:
    # However much the payload looks like one from the repository itself.
    why = refusal(event, pull_request())
    assert event in why and "prompt injection" in why
    assert "allow-untrusted-trigger: true" in why and "on: workflow_dispatch" in why
    assert refusal(event, pull_request(), untrusted=True) == ""


@pytest.mark.parametrize(
    "inside",
    [
        pull_request(),
        # The repository is itself a fork of another one.
        {"pull_request": {"head": {"repo": {"id": 7, "fork": True}}, "base": {"repo": {"id": 7}}}},
    ],
)
def test_a_pull_request_from_the_repository_itself_starts_a_run(inside: object) -> None:
    assert refusal("pull_request", inside) == ""


@pytest.mark.parametrize(
    "odd",
    [
        pull_request(head=8),
        None,  # there is no payload, or it cannot be read
        {},
        {"pull_request": None},
        {"pull_request": []},
        {"pull_request": {"head": None, "base": None}},
        # GitHub's answer for a fork that was deleted meanwhile.
        {"pull_request": {"head": {"repo": None}, "base": {"repo": {"id": 7}}}},
        {"pull_request": {"head": {"repo": None}, "base": {"repo": None}}},
        {"pull_request": {"head": {"repo": {}}, "base": {"repo": {}}}},
        # The names are the same, the repositories are not.
        pull_request(head=8, base=7),
        pull_request(head="7"),
        pull_request(head=True, base=1),
        pull_request(head=7.0, base=7.0),
        pull_request(head=None, base=None),
        pull_request(head={"id": 7}, base={"id": 7}),
    ],
)
def test_a_pull_request_of_unknown_or_other_origin_starts_none(odd: object) -> None:
    assert "prompt injection" in refusal("pull_request", odd)
    assert refusal("pull_request", odd, untrusted=True) == ""


@pytest.mark.parametrize(
    ("actor", "again", "actors"),
    [
        ("octocat", "octocat", ("octocat",)),
        ("OctoCat", "octocat", ("oCTOcat",)),
        ("octocat", "hubot", ("hubot", "octocat")),
        ("octocat", "octocat", ("@octocat",)),
        ("renovate[bot]", "renovate[bot]", ("renovate[bot]",)),
        ("nektos/act", "octocat", ("nektos/act", "octocat")),
    ],
)
def test_listed_actors_start_a_run(actor: str, again: str, actors: tuple[str, ...]) -> None:
    assert refusal("push", actor=actor, again=again, actors=actors) == ""


@pytest.mark.parametrize(
    ("actor", "again", "actors"),
    [
        ("mallory", "mallory", ("octocat",)),
        ("mallory", "octocat", ("octocat",)),
        ("octocat", "mallory", ("octocat",)),  # a re-run
        ("octocat", "", ("octocat",)),
        ("", "octocat", ("octocat",)),
        ("", "", ("octocat",)),
        ("", "", ("",)),
        ("octocat2", "octocat2", ("octocat",)),
        ("octo", "octo", ("octocat",)),
        ("renovate", "renovate", ("renovate[bot]",)),
        ("renovate[bot]", "renovate[bot]", ("renovate",)),
        ("mallory", "mallory", ("*",)),
        # A letter that becomes a plain `k` in lower case (KELVIN SIGN).
        ("octo\u212aat", "octo\u212aat", ("octoKat",)),
    ],
)
@pytest.mark.parametrize("event", ["push", "issue_comment", ""])
def test_others_start_none_whatever_the_event(
    event: str, actor: str, again: str, actors: tuple[str, ...]
) -> None:
    why = refusal(event, actor=actor, again=again, actors=actors, untrusted=True)
    assert "allowed-actors" in why


def test_everybody_who_is_missing_is_named_with_the_line_to_write() -> None:
    why = refusal("push", actor="mallory", again="eve", actors=("octocat",))
    assert "`mallory`, `eve` may not start a run" in why
    assert "`allowed-actors: octocat mallory eve`" in why


@pytest.mark.parametrize("event", ["pull_request", "pull_request_target"])
@pytest.mark.parametrize(
    ("inside", "starts"),
    [
        (pull_request(author="Dependabot[bot]"), True),
        (pull_request(author="mallory"), False),
        (pull_request(author=""), False),
        (None, False),
    ],
)
def test_a_bot_alone_does_not_vouch_for_a_pull_request(
    event: str, inside: object, starts: bool
) -> None:
    bot = "dependabot[bot]"
    why = refusal(event, inside, actor=bot, actors=(bot,), untrusted=True)
    assert (why == "") == starts


def test_a_person_vouches_for_a_pull_request_of_somebody_else() -> None:
    inside = pull_request(author="mallory")
    assert refusal("pull_request", inside, actors=("octocat",)) == ""


def environment(tmp_path: Path, content: bytes, **more: str) -> dict[str, str]:
    """What a container action gets, with the event in a file."""
    file = tmp_path / "event.json"
    file.write_bytes(content)
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(file),
        "GITHUB_ACTOR": "octocat",
        "GITHUB_TRIGGERING_ACTOR": "hubot",
        **more,
    }


def test_the_runner_s_variables_are_read(tmp_path: Path) -> None:
    env = environment(tmp_path, json.dumps(pull_request()).encode())
    check(env, allow_untrusted=False, allowed_actors=["octocat", "hubot"])
    with pytest.raises(RunError, match="`hubot` may not start"):
        check(env, allow_untrusted=False, allowed_actors=["octocat"])
    with pytest.raises(RunError, match="`octocat` may not start"):
        check(env, allow_untrusted=False, allowed_actors=["hubot"])
    check(env, allow_untrusted=False, allowed_actors=[])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'"pull_request"',
        b"\xff\xfe\xff",
        b"[" * 100_000,
        b"1" * 10_000,
        json.dumps(pull_request()).encode() + b" " * 33 * 1024 * 1024,
    ],
    ids=["empty", "cut", "list", "text", "binary", "deep", "long-number", "huge"],
)
def test_a_payload_that_cannot_be_read_vouches_for_nothing(tmp_path: Path, content: bytes) -> None:
    env = environment(tmp_path, content)
    assert payload(env["GITHUB_EVENT_PATH"]) is None
    with pytest.raises(RunError, match="does not say which repository"):
        check(env, allow_untrusted=False, allowed_actors=[])
    check(env, allow_untrusted=True, allowed_actors=[])


@pytest.mark.parametrize("path", ["", "/nonexistent/event.json", "/"])
def test_a_payload_that_is_not_there_vouches_for_nothing(tmp_path: Path, path: str) -> None:
    with pytest.raises(RunError, match="does not say which repository"):
        check(
            environment(tmp_path, b"", GITHUB_EVENT_PATH=path),
            allow_untrusted=False,
            allowed_actors=[],
        )


def test_an_event_without_a_name_is_fine_by_hand_but_not_on_a_runner() -> None:
    check({}, allow_untrusted=False, allowed_actors=[])
    with pytest.raises(RunError, match="prompt injection"):
        check({"GITHUB_ACTIONS": "true"}, allow_untrusted=False, allowed_actors=[])
    with pytest.raises(RunError, match="Nobody is named"):
        check({}, allow_untrusted=False, allowed_actors=["octocat"])
