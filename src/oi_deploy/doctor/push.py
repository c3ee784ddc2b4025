"""Checks of the registry: it answers, and takes what a run will push."""

import re
from collections.abc import Sequence

from oi_deploy.broker import images
from oi_deploy.broker.document import CHANGES
from oi_deploy.broker.request import Policy
from oi_deploy.doctor.context import Context
from oi_deploy.doctor.finding import Finding, of_error
from oi_deploy.errors import RunError
from oi_deploy.verify.reference import parse
from oi_deploy.verify.registry import NotWritableError
from oi_deploy.verify.state import DeploymentState

_MOST_REPOSITORIES = 4
# Where an upload is begun when nothing says where a run will push to. Nothing is ever stored there.
_GUESS = "oi-deploy-doctor"


def registry(context: Context) -> Finding:
    """Whether the registry answers and accepts the login."""
    name = "registry"
    found = context.registry()
    if found is None:
        return Finding(name, "not needed", "the input `registry` is empty")
    who = context.loaded.inputs.registry_username
    login = f"accepts the login of `{who}`" if who else "wants no login"
    return Finding(name, "ok", f"{found.host} answers, and {login}")


def push(context: Context) -> Finding:
    """Whether the account may push where a run will push to."""
    name, loaded = "push", context.loaded
    if loaded.inputs.expect == "none" or not loaded.inputs.registry:
        return Finding(name, "not needed", "nothing has to be pushed")
    try:
        found = context.registry()
    except RunError:
        return Finding(name, "not checked", "the registry has to answer first")
    assert found is not None  # noqa: S101 - the input is not empty
    try:
        deployments = context.deployments()
    except RunError:
        deployments = ()
    named = repositories(loaded.policy, loaded.prompt, deployments)[:_MOST_REPOSITORIES]
    refused: dict[str, NotWritableError] = {}
    asked = named or (f"{loaded.inputs.registry}/{_GUESS}",)
    for repository in asked:
        try:
            found.require_push(repository)
        except NotWritableError as error:
            refused[repository] = error
    if len(refused) == len(asked):
        # The account may well be bound to one repository, which nobody has told us.
        return of_error(name, refused[asked[0]], "FAILED" if named else "warning")
    may = ", ".join(item for item in named if item not in refused)
    text = f"an upload to {may or loaded.inputs.registry} can begin"
    for no in refused.values():
        return Finding(name, "warning", f"{text}; {no.what}: {no.why}", no.remedy)
    return Finding(name, "ok", text)


def repositories(
    policy: Policy, prompt: str, deployments: Sequence[DeploymentState]
) -> tuple[str, ...]:
    """The repositories that a run will probably push to, with the registry's host.

    What the policy names by itself, what the prompt names, and what Deployments run that may be
    changed, as far as it lies in the registry and may be pushed.
    """
    host = policy.registry.partition("/")[0]
    own = [item for item in policy.images if item != policy.registry]
    spelt = re.findall(rf"(?<![\w./:-]){re.escape(host)}/[a-z0-9][a-z0-9._/-]*", prompt)
    running = [
        container.image
        for item in deployments
        if any(policy.permits("deployment", item.name, verb) for verb in CHANGES["deployment"])
        for container in item.containers
    ]
    found: dict[str, None] = {}
    for text in (*own, *(item.rstrip("./") for item in spelt), *running):
        try:
            name = parse(text).name
        except ValueError:
            continue  # a pattern, or no reference at all
        image = images.read(name)
        if name.startswith(f"{host}/") and image and images.is_allowed(policy, image):
            found[name] = None
    return tuple(found)
