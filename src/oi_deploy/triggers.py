"""Who may start a run: events that strangers can cause are refused, actors can be narrowed down.

What the model reads, it may obey (prompt injection). So a run begins only when nobody but people
who may write to the repository had a hand in the event, unless the workflow says otherwise.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from oi_deploy.errors import RunError, Status

# https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
# Caused by somebody who may write to the repository, or administers it. `merge_group` merges what
# somebody with that right has put into the queue. A called workflow sees its caller's event;
# `workflow_call` itself is only seen by what imitates GitHub.
_TRUSTED = frozenset(
    {
        "branch_protection_rule", "create", "delete", "deployment", "deployment_status",
        "image_version", "label", "merge_group", "milestone", "page_build", "project",
        "project_card", "project_column", "public", "push", "registry_package", "release",
        "repository_dispatch", "schedule", "workflow_call", "workflow_dispatch",
    }
)  # fmt: skip

# Whoever can see the repository can cause these (for `gollum`: unless its wiki is restricted).
_ANYBODY = frozenset(
    {
        "discussion", "discussion_comment", "fork", "gollum", "issue_comment", "issues",
        "pull_request_comment", "pull_request_review", "pull_request_review_comment",
        "pull_request_target", "watch",
    }
)  # fmt: skip

# Caused by a machine that reports on a commit; a fork's pull request is enough to make it do so.
_AFTER_A_FORK = frozenset({"check_run", "check_suite", "status", "workflow_run"})

# GitHub's largest payload is 25 MB (docs: webhook events and payloads, payload cap).
_MOST_BYTES = 32 * 1024 * 1024

_INJECTION = (
    "the text and files that they bring would reach the model, which cannot tell them from your "
    "instructions (prompt injection)"
)
_SAFER = (
    "Safer: start the run with `on: push` to a protected branch, or with `on: workflow_dispatch`. "
    "If you trust everybody who can cause this event, write: `allow-untrusted-trigger: true`, and "
    "name these people: `allowed-actors: octocat`"
)


def check(env: Mapping[str, str], *, allow_untrusted: bool, allowed_actors: Sequence[str]) -> None:
    """Look at the runner's variables and at the event that they name.

    Args:
        env: the step's environment.
        allow_untrusted: the input `allow-untrusted-trigger`.
        allowed_actors: the input `allowed-actors`; empty for everybody.

    Raises:
        RunError: the run may not start (status `refused`).
    """
    event = env.get("GITHUB_EVENT_NAME", "")
    if not event and env.get("GITHUB_ACTIONS") == "true":
        event = "(none)"  # the runner always names one
    require(
        event,
        payload(env.get("GITHUB_EVENT_PATH", "")),
        actor=env.get("GITHUB_ACTOR", ""),
        triggering_actor=env.get("GITHUB_TRIGGERING_ACTOR", ""),
        allow_untrusted=allow_untrusted,
        allowed_actors=tuple(allowed_actors),
    )


def payload(path: str) -> dict[str, Any] | None:
    """The event's JSON object; None if there is none that can be read."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        found = json.loads(data) if len(data) <= _MOST_BYTES else None
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def require(
    event: str,
    payload: Mapping[str, Any] | None,
    *,
    actor: str,
    triggering_actor: str,
    allow_untrusted: bool,
    allowed_actors: tuple[str, ...],
) -> None:
    """Decide from values alone.

    Args:
        event: GitHub's name for it; empty when somebody starts the container by hand.
        payload: the event's JSON object; None if it cannot be read.
        actor: who caused the event.
        triggering_actor: who started this attempt; another one than `actor` when it is a re-run.
        allow_untrusted: accept events that strangers can cause.
        allowed_actors: logins; empty for everybody.

    Raises:
        RunError: the run may not start.
    """
    if event and not allow_untrusted:
        why = _untrusted(event, payload)
        if why:
            raise RunError(
                f"The event `{event}` may not start a run",
                why=f"{why}; {_INJECTION}",
                remedy=_SAFER,
                status=Status.REFUSED,
            )
    if allowed_actors:
        _require_actors(event, payload, (actor, triggering_actor), allowed_actors)


def _untrusted(event: str, payload: Mapping[str, Any] | None) -> str:
    """Why strangers may have caused an event; empty if they cannot."""
    if event in _TRUSTED:
        return ""
    if event in _ANYBODY:
        return "anybody who can see the repository can cause it"
    if event in _AFTER_A_FORK:
        return "a fork's pull request, which anybody can open, can cause it"
    if event == "pull_request":
        return _fork(payload)
    # GitHub adds an event now and then; most of them so far could be caused by anybody.
    return "this version of the action does not know who can cause it"


def _fork(payload: Mapping[str, Any] | None) -> str:
    """Why a pull request is not known to come from the repository itself; empty if it does."""
    head = _at(payload, "pull_request", "head", "repo", "id")
    base = _at(payload, "pull_request", "base", "repo", "id")
    if type(head) is not int or type(base) is not int:
        # Of a deleted fork, `repo` is null. act's events lack it, unless `--eventpath` gives it.
        return "its payload does not say which repository the pull request comes from"
    if head != base:
        return "the pull request comes from a fork, which anybody can make"
    return ""


def _require_actors(
    event: str,
    payload: Mapping[str, Any] | None,
    actors: tuple[str, ...],
    allowed_actors: tuple[str, ...],
) -> None:
    # Logins are ASCII and compared without case. A bot's ends with `[bot]`, which no person's can,
    # so it must be listed in full: `renovate` is somebody else than `renovate[bot]`.
    allowed = {name.removeprefix("@").lower() for name in allowed_actors}

    def listed(name: str) -> bool:
        return name != "" and name.isascii() and name.lower() in allowed

    strangers = [name for name in dict.fromkeys(actors) if not listed(name)]
    bot = any(name.lower().endswith("[bot]") for name in actors)
    if not strangers and bot and event.startswith("pull_request"):
        # A bot does what others ask of it: `@dependabot recreate`, written in a fork, makes it the
        # actor of a pull request that somebody else has opened.
        author = str(_at(payload, "pull_request", "user", "login") or "")
        strangers = [] if listed(author) else [author]
    if not strangers:
        return
    what = f"{_list(strangers)} may not start a run"
    remedy = f"If they may, write: `allowed-actors: {' '.join([*allowed_actors, *strangers])}`"
    if not all(strangers):
        what = "Nobody is named as the one who starts the run"
        remedy = (
            "GitHub gives GITHUB_ACTOR and GITHUB_TRIGGERING_ACTOR. Set both where something else "
            "starts the action: `act --actor octocat --env GITHUB_TRIGGERING_ACTOR=octocat`"
        )
    raise RunError(
        what,
        why=f"the input `allowed-actors` names {_list(allowed_actors)}. Who caused the event and "
        "who re-runs it must both be there; for a bot, also the pull request's author",
        remedy=remedy,
        status=Status.REFUSED,
    )


def _list(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _at(value: object, *keys: str) -> object:
    """What lies at a path of keys; None if something on the way is missing or odd."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
