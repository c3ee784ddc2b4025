"""`oi-deploy policy check`: what the policy says to one command, for people who write a policy."""

import io
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO, cast, get_args

from oi_deploy.broker import dockerfile
from oi_deploy.broker.context import dockerfile_in, pack
from oi_deploy.broker.document import read
from oi_deploy.broker.policy import decide
from oi_deploy.broker.request import Decision, Known, Policy, Refused, Request, Tool
from oi_deploy.errors import RunError


def check(
    words: Sequence[str],
    *,
    workspace: Path,
    policy_file: str,
    registry: str,
    namespace: str,
    allowed_images: str,
    allowed_deployments: str,
    out: TextIO,
) -> int:
    """Print decision, rule and reason; nothing is run.

    Images that a run would have built, and what the engine and the cluster have, are not known
    here: `docker run` and `docker tag` of an image that is still to be built are refused.

    Returns:
        0 if the command would be allowed, 1 if it would be refused.

    Raises:
        RunError: the policy cannot be read, or the command is not for docker or kubectl.
    """
    tool, *argv = words
    if tool not in get_args(Tool):
        raise RunError(f"`{tool}` has no policy", why="only docker and kubectl are brokered")
    try:
        text = (workspace / policy_file).read_text(encoding="utf-8") if policy_file else ""
        policy = Policy.of(
            workspace.resolve(),
            registry,
            namespace,
            read(text) if policy_file else None,
            allowed_images=tuple(allowed_images.replace(",", " ").split()),
            allowed_deployments=tuple(allowed_deployments.replace(",", " ").split()),
        )
    except (OSError, ValueError) as error:
        raise RunError(f"The policy {policy_file or 'of the inputs'}", why=str(error)) from None
    decision = _decide(policy, Request(cast(Tool, tool), tuple(argv), str(workspace.resolve())))
    print(f"decision  {'allowed' if decision.allowed else 'refused'}", file=out)
    print(f"rule      {decision.rule}", file=out)
    if decision.reason:
        print(f"reason    {decision.reason}", file=out)
    if decision.argv:
        print(f"runs      {shlex.join([tool, *decision.argv])}", file=out)
    if decision.answer:
        print(f"answers   {decision.answer.strip()}", file=out)
    for line in decision.alternatives:
        print(f"instead   {line}", file=out)
    print(f"policy    {policy.document.digest}", file=out)
    return 0 if decision.allowed else 1


def _decide(policy: Policy, request: Request) -> Decision:
    known = Known()
    decision = decide(policy, request, known)
    if decision.context is None:
        return decision
    try:
        archive = io.BytesIO()
        pack(decision.context, archive)
        arguments = decision.context.arguments
        dockerfile.check(policy, known, dockerfile_in(archive), arguments)
    except Refused as no:
        return no.decision
    return decision
