"""All checks, in the order in which they are shown, and how they are made: at the same time."""

import time
from collections.abc import Callable, Mapping, Sequence, Set
from functools import partial

from docker.errors import DockerException

from oi_deploy.doctor import push, rights, runner, server
from oi_deploy.doctor.context import Context
from oi_deploy.doctor.finding import Finding, of_error
from oi_deploy.errors import RunError
from oi_deploy.limits import Ahead

Check = Callable[[Context], Finding]

CHECKS: Mapping[str, Check] = {
    "trigger": runner.trigger,
    "checkout": runner.checkout,
    "sandbox": runner.sandbox,
    "docker": server.engine,
    "disk": runner.disk,
    "gpu": server.gpu,
    "gpu memory": server.gpu_memory,
    "vllm image": server.image,
    "weights": server.weights,
    "endpoint": server.endpoint,
    "registry": push.registry,
    "push": push.push,
    "cluster": rights.cluster,
    "deployments": rights.deployments,
    "rights": rights.rights,
}
# What every run looks at before it loads a model. The rest is proved by what it does next.
BEFORE_A_RUN = ("docker", "registry", "push", "cluster", "deployments", "rights")

# The doctor must answer while a person waits: seconds for all checks together.
DOCTOR_S = 12.0

_SLOW = {
    "registry": "Look whether `registry` is right and can be reached from the action's container.",
    "cluster": "Look whether the `server` in `kubeconfig` (or `kube-context`) is right and can be "
    "reached from the action's container.",
    "endpoint": "Look whether `api-base` is right and can be reached from the action's container.",
    "docker": "`docker info` on the runner's host says what is wrong.",
}
# What a check waits for; if that hangs, its own row would only repeat it.
_AFTER = {
    **dict.fromkeys(("gpu", "gpu memory", "vllm image", "weights", "disk"), "docker"),
    "push": "registry",
    "deployments": "cluster",
    "rights": "cluster",
}


def examine(
    context: Context, names: Sequence[str] = tuple(CHECKS), *, within_s: float
) -> tuple[Finding, ...]:
    """Make the checks of these names, all at the same time, in at most `within_s` seconds.

    A check that hangs is left behind, and its finding says so.
    """
    deadline = time.monotonic() + within_s
    begun = {name: Ahead(partial(_make, name, context)) for name in names}
    findings: list[Finding] = []
    late: set[str] = set()
    for name, check in begun.items():
        try:
            findings.append(check.value(max(0.0, deadline - time.monotonic())))
        except TimeoutError:
            late.add(name)
            findings.append(_late(name, late, within_s))
    return tuple(findings)


def _late(name: str, late: Set[str], within_s: float) -> Finding:
    if _AFTER.get(name) in late:
        return Finding(name, "not checked", f"`{_AFTER[name]}` has to answer first")
    text = f"there was no answer within {within_s:.0f} s"
    return Finding(name, "FAILED", text, _SLOW.get(name, ""))


def _make(name: str, context: Context) -> Finding:
    try:
        return CHECKS[name](context)
    except RunError as error:
        return of_error(name, error)
    except (DockerException, OSError) as error:
        return Finding(name, "FAILED", str(error))
