"""Kubernetes resources as kubectl's arguments name them (`deploy/web`, `pods a b`, `po,svc`)."""

import re
from collections.abc import Mapping, Sequence

from oi_deploy.broker.document import Verb
from oi_deploy.broker.flags import Parsed
from oi_deploy.broker.manifest import NAME, require
from oi_deploy.broker.request import Policy, Refused

_KINDS: Mapping[str, tuple[str, ...]] = {
    "deployment": ("deployments", "deployment", "deploy"),
    "replicaset": ("replicasets", "replicaset", "rs"),
    "pod": ("pods", "pod", "po"),
    "service": ("services", "service", "svc"),
    "configmap": ("configmaps", "configmap", "cm"),
    "event": ("events", "event", "ev"),
    "endpoints": ("endpoints", "ep"),
    "endpointslice": ("endpointslices", "endpointslice"),
    "ingress": ("ingresses", "ingress", "ing"),
    "statefulset": ("statefulsets", "statefulset", "sts"),
    "daemonset": ("daemonsets", "daemonset", "ds"),
    "job": ("jobs", "job"),
    "cronjob": ("cronjobs", "cronjob", "cj"),
    "horizontalpodautoscaler": ("horizontalpodautoscalers", "horizontalpodautoscaler", "hpa"),
    "persistentvolumeclaim": ("persistentvolumeclaims", "persistentvolumeclaim", "pvc"),
    "namespace": ("namespaces", "namespace", "ns"),
    "all": ("all",),
}
_BY_WORD = {word: kind for kind, words in _KINDS.items() for word in words}
# `deployments.apps` and `deployments.v1.apps`: the groups of the kinds above.
_GROUP = re.compile(
    r"(?:v\d[a-z0-9]*\.?)?(?:apps|batch|autoscaling|networking\.k8s\.io|discovery\.k8s\.io"
    r"|events\.k8s\.io)?"
)
# Not those that read their template from a file (`jsonpath-file=...`).
_OUTPUTS = (
    *("json", "yaml", "wide", "name", "jsonpath", "jsonpath-as-json", "go-template"),
    *("custom-columns", "plaintext", "plaintext-openapiv2"),
)


def kind_of(word: str) -> str | None:
    """The kind that a word means; None when it is not one that may be read."""
    name, _, group = word.lower().partition(".")
    return _BY_WORD.get(name) if _GROUP.fullmatch(group) else None


def named(arguments: Sequence[str], rule: str) -> list[tuple[str, str]]:
    """Pairs of kind and name (empty: all of them) from kubectl's two ways to write them.

    Raises:
        Refused: for a kind that is not readable, or a name that is none.
    """
    if not arguments:
        return []
    if any("/" in word for word in arguments):
        pairs = [tuple(word.split("/")) for word in arguments]
        if any(len(pair) != 2 for pair in pairs):
            raise Refused(rule, f"name resources as TYPE/NAME: {' '.join(arguments)}")
    else:
        names = arguments[1:] or ("",)
        pairs = [(kind, name) for kind in arguments[0].split(",") for name in names]
    found = []
    for word, name in pairs:
        kind = kind_of(word)
        if kind is None:
            raise Refused(f"{rule}.kind", f"resources of the kind {word} may not be seen here")
        if name or "/" in arguments[0]:
            require_name(name, rule)
        found.append((kind, name))
    return found


def require_name(name: str, rule: str) -> None:
    """Refuse what cannot be the name of a resource."""
    if not NAME.fullmatch(name):
        raise Refused(rule, f"{name!r} is not the name of a resource")


def readable(policy: Policy, arguments: Sequence[str], rule: str) -> None:
    """Refuse what may not be read; Secrets never are."""
    for kind, name in named(arguments, rule):
        if kind == "namespace" and name != policy.namespace:
            raise Refused(
                f"{rule}.namespace",
                "only one namespace may be seen",
                f"kubectl get namespace {policy.namespace}",
            )
        require_read(policy, kind, name, rule)


def require_read(policy: Policy, kind: str, name: str, rule: str) -> None:
    """Refuse a resource (all of the kind, if the name is empty) that may not be read."""
    if not policy.permits(kind, name, "read"):
        what = f"{kind} {name}" if name else f"all resources of the kind {kind}"
        raise Refused(f"{rule}.read", f"the policy does not allow to read {what}")


def check_readable(policy: Policy, parsed: Parsed, rule: str) -> None:
    """The same for all arguments of a command."""
    if not parsed.arguments:
        raise Refused(
            rule, "the kind of resource is missing", f"kubectl -n {policy.namespace} get pods"
        )
    readable(policy, parsed.arguments, rule)


def check_output(parsed: Parsed, rule: str) -> None:
    """Refuse unknown output formats."""
    for value in parsed.values("output"):
        form = value.split("=", 1)[0]
        if form not in _OUTPUTS:
            raise Refused(f"{rule}.output", f"the output format {form} is not allowed")


def deployments(policy: Policy, arguments: Sequence[str], rule: str, verb: Verb) -> tuple[str, ...]:
    """The names of the Deployments that a command changes.

    Raises:
        Refused: when something else is named, or nothing.
    """
    found = named(arguments, rule)
    advice = f"kubectl -n {policy.namespace} get deployments"
    if not found or not all(name for _, name in found):
        raise Refused(rule, "the name of the Deployment is missing", advice)
    for kind, name in found:
        if kind != "deployment":
            raise Refused(
                f"{rule}.kind", f"only a Deployment may change, not {kind}/{name}", advice
            )
        require(policy, kind, name, verb, rule)
    return tuple(name for _, name in found)


def command_line(
    policy: Policy, verb: str, parsed: Parsed, *without: str, arguments: Sequence[str] | None = None
) -> tuple[str, ...]:
    """What really runs: the verb, the one namespace, the flags, the arguments."""
    return (
        *verb.split(),
        f"--namespace={policy.namespace}",
        *parsed.command_line("namespace", *without),
        *(parsed.arguments if arguments is None else arguments),
    )
