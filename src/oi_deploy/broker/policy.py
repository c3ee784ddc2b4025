"""Whether one command may run, and what really runs.

`decide` is a pure function of policy, request and what is known, but for links and files in the
workspace.
"""

from collections.abc import Callable, Mapping

from oi_deploy.broker import docker, kubectl
from oi_deploy.broker.request import Decision, Known, Policy, Refused, Request, Tool

__all__ = ["Decision", "Known", "Policy", "Request", "Tool", "decide"]

_TOOLS: Mapping[str, Callable[[Policy, Request, Known], Decision]] = {
    "docker": docker.decide,
    "kubectl": kubectl.decide,
}
_NOTHING = Known()


def decide(policy: Policy, request: Request, known: Known = _NOTHING) -> Decision:
    """Check one command against the policy; what is unknown is refused."""
    try:
        if any("\0" in word for word in request.argv):
            raise Refused("broker.request", "an argument has a NUL character")
        if "\0" in request.cwd:
            raise Refused("broker.request", "the working directory has a NUL character")
        if not request.cwd.startswith("/"):
            raise Refused("broker.request", "the working directory is not a full path")
        return _TOOLS[request.tool](policy, request, known)
    except Refused as no:
        return no.decision
    except OSError as error:
        return Decision(False, "broker.file", f"a file cannot be looked at: {error.strerror}")
