"""Checks of the cluster: it answers, has what the policy names, and lets the account change it."""

import fnmatch
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from oi_deploy.broker.document import CHANGES, Verb
from oi_deploy.broker.request import Policy
from oi_deploy.doctor.context import Context
from oi_deploy.doctor.finding import Finding, State
from oi_deploy.errors import RunError
from oi_deploy.limits import beside
from oi_deploy.verify.cluster import Cluster

_GROUPS = {"deployment": "apps", "service": "", "configmap": ""}
_MOST_SHOWN = 8
_NO_CLUSTER = "the input `kubeconfig` is empty"


@dataclass(frozen=True)
class Right:
    """One thing that the account must be able to do.

    Attributes:
        verb: of the API.
        group: the API group; empty for the core one.
        resource: plural, with its subresource if any.
        name: of one object; empty for all of the namespace.
        vital: whether no run can be verified as a deployment without it.
    """

    verb: str
    group: str
    resource: str
    name: str = ""
    vital: bool = False

    def __str__(self) -> str:
        """As `kubectl auth can-i` takes it."""
        return f"{self.verb} {self.resource}" + (f"/{self.name}" if self.name else "")


def cluster(context: Context) -> Finding:
    """Whether the cluster answers, and shows what verification reads."""
    name, found = "cluster", context.cluster()
    if found is None:
        return Finding(name, "not needed", _NO_CLUSTER)
    return Finding(
        name, "ok", f"it answers, and shows Deployments, ReplicaSets and pods of {found.namespace}"
    )


def deployments(context: Context) -> Finding:
    """Whether there are Deployments that the policy lets a run change."""
    name, policy = "deployments", context.loaded.policy
    try:
        found = context.cluster()
        there = [item.name for item in context.deployments()]
    except RunError:
        return Finding(name, "not checked", "the cluster has to answer first")
    if found is None:
        return Finding(name, "not needed", _NO_CLUSTER)
    wrong: State = "FAILED" if context.loaded.inputs.expect == "deploy" else "warning"
    has = f"it has {', '.join(there)}" if there else "it has none"
    remedy = "Correct `allowed-deployments` (or `policy-file`), or `namespace`."
    wanted = [text for text in _patterns(policy) if "*" not in text]
    missing = [item for item in wanted if item not in there and not _may_create(policy, item)]
    if missing:
        text = f"there is no Deployment {', '.join(missing)} in the `namespace` {found.namespace}"
        return Finding(name, wrong, f"{text}; {has}", remedy)
    may = [item for item in there if _may_change(policy, item)]
    if may:
        return Finding(name, "ok", f"a run may change {', '.join(may)} in {found.namespace}")
    if _may_create(policy, ""):
        return Finding(name, "ok", f"a run may create one in {found.namespace}")
    text = f"there is no Deployment in the `namespace` {found.namespace} that a run may change"
    return Finding(name, wrong, f"{text}; {has}", remedy)


def rights(context: Context) -> Finding:
    """Whether the account may do what the policy lets the model's code do."""
    name = "rights"
    try:
        found = context.cluster()
        there = [item.name for item in context.deployments()]
    except RunError:
        return Finding(name, "not checked", "the cluster has to answer first")
    if found is None:
        return Finding(name, "not needed", _NO_CLUSTER)
    wanted = wanted_rights(context.loaded.policy, there)
    denied = _denied(found, wanted)
    deploys = context.loaded.inputs.expect == "deploy"
    return judge(wanted, denied, _patterns(context.loaded.policy), found.namespace, deploys)


def judge(
    wanted: Sequence[Right],
    denied: Sequence[Right],
    patterns: Iterable[str],
    namespace: str,
    deploys: bool,
) -> Finding:
    """What to say of rights that the account lacks.

    Args:
        wanted: all that were asked for.
        denied: those that it lacks.
        patterns: names of Deployments in the policy; `*` in them stands for any text.
        namespace: where.
        deploys: whether a run must end with a Deployment.
    """
    if not denied:
        return Finding("rights", "ok", f"the account may do all {len(wanted)} things asked for")
    vital = [right for right in wanted if right.vital]
    lacking = [right for right in denied if right.vital]
    # Who names a Deployment wants it changed; of those that only match, one may be enough.
    fatal = any(right.name in patterns for right in lacking) or 0 < len(vital) == len(lacking)
    shown = ", ".join(str(right) for right in denied[:_MOST_SHOWN])
    more = len(denied) - _MOST_SHOWN
    return Finding(
        "rights",
        "FAILED" if fatal and deploys else "warning",
        f"the account in `kubeconfig` may not {shown}{f' and {more} more' if more > 0 else ''} in "
        f"the `namespace` {namespace}",
        "Give it a Role with these rights (the action's examples/kubernetes/role.yaml is one), or "
        "narrow what a run may change: `allowed-deployments`.",
    )


def wanted_rights(policy: Policy, there: Sequence[str]) -> tuple[Right, ...]:
    """The rights that a run needs for what the policy allows, each once.

    Args:
        policy: its rules for the run's namespace count.
        there: names of the Deployments in the namespace.
    """
    # What explains a rollout that fails; verification's other reading is proved by doing it.
    found = [Right("get", "", "pods/log"), Right("list", "", "events")]
    for rule in (policy.document.namespaces or {}).get(policy.namespace, ()):
        for kind in rule.kinds:
            for verb in set(rule.verbs) & CHANGES.get(kind, frozenset()):
                for name in rule.names:
                    found += _rights(kind, verb, name, there)
    return tuple(dict.fromkeys(sorted(found, key=lambda it: (not it.vital, str(it)))))


def _rights(kind: str, verb: Verb, name: str, there: Sequence[str]) -> Iterator[Right]:
    group, resource = _GROUPS[kind], f"{kind}s"
    if verb == "create":
        # RBAC cannot bind it to a name: an object gets its name only when it is made.
        yield Right("create", group, resource)
        return
    if "*" not in name:
        names = [name]
    else:
        names = [item for item in there if _matches(item, name)] if kind == "deployment" else [""]
    for one in names:
        if verb == "scale":
            yield Right("patch", group, f"{resource}/scale", one)
        else:
            yield Right("patch", group, resource, one, vital=kind == "deployment")


def _denied(cluster: Cluster, wanted: Sequence[Right]) -> list[Right]:
    """Those that the cluster refuses, in the order of `wanted`."""
    asking = [
        partial(cluster.may, right.verb, right.group, right.resource, right.name)
        for right in wanted
    ]
    answers = beside(asking)
    return [right for right, may in zip(wanted, answers, strict=True) if not may]


def _patterns(policy: Policy) -> tuple[str, ...]:
    """The names of Deployments that the policy's rules let a run change."""
    rules = (policy.document.namespaces or {}).get(policy.namespace, ())
    return tuple(
        name
        for rule in rules
        if "deployment" in rule.kinds and set(rule.verbs) - {"read"}
        for name in rule.names
    )


def _may_change(policy: Policy, name: str) -> bool:
    return any(policy.permits("deployment", name, verb) for verb in CHANGES["deployment"])


def _may_create(policy: Policy, name: str) -> bool:
    """Whether a run may make the Deployment; without a name, any."""
    verbs: tuple[Verb, ...] = ("apply", "create")
    if name:
        return any(policy.permits("deployment", name, verb) for verb in verbs)
    rules = (policy.document.namespaces or {}).get(policy.namespace, ())
    return any("deployment" in rule.kinds and set(rule.verbs) & set(verbs) for rule in rules)


def _matches(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern)
