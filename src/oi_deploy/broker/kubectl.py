"""Which kubectl commands pass: looking at the namespace, and changing its Deployments."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from oi_deploy.broker import flags, resources
from oi_deploy.broker.flags import Flag, Parsed
from oi_deploy.broker.kubectl_changes import apply, create, diff, patch, rollout, scale, set_image
from oi_deploy.broker.request import Decision, Known, Policy, Refused, Request

_REDIRECTS = "the broker chooses the cluster and its credentials"
_OTHER_NAMESPACES = "only one namespace may be seen"
_FILE = "name the resource instead"
_MANY = "name the Deployment instead"
_HELP = Flag("switch", "h")

GLOBAL: flags.Table = {
    "namespace": Flag("value", "n"),
    "help": _HELP,
    "request-timeout": Flag(),
    "warnings-as-errors": Flag("switch"),
    **dict.fromkeys(
        ("kubeconfig", "token", "as", "as-group", "as-uid", "as-user-extra", "context", "cluster"),
        Flag(refused=_REDIRECTS),
    ),
    **dict.fromkeys(
        ("user", "username", "password", "certificate-authority", "tls-server-name"),
        Flag(refused=_REDIRECTS),
    ),
    **dict.fromkeys(("client-certificate", "client-key", "kuberc"), Flag(refused=_REDIRECTS)),
    "server": Flag("value", "s", _REDIRECTS),
    "insecure-skip-tls-verify": Flag("switch", refused=_REDIRECTS),
    "v": Flag("value", "v", "it shows what the broker keeps"),
    **dict.fromkeys(
        ("profile", "profile-output", "cache-dir", "log-dir", "log-file"),
        Flag(refused="it writes a file with the broker's rights"),
    ),
}
_NO_FILES: flags.Table = {
    "filename": Flag("value", "f", _FILE),
    "kustomize": Flag("value", "k", _FILE),
    "recursive": Flag("switch", "R", _FILE),
}
_NO_MANY: flags.Table = {
    "all": Flag("switch", refused=_MANY),
    "selector": Flag("value", "l", _MANY),
    "local": Flag("switch", refused="it changes nothing"),
}
_ALL_NAMESPACES: flags.Table = {
    "all-namespaces": Flag("switch", "A", _OTHER_NAMESPACES),
}
_OUTPUT: flags.Table = {"output": Flag("value", "o"), "show-managed-fields": Flag("switch")}
_DRY_RUN: flags.Table = {"dry-run": Flag("optional"), "field-manager": Flag()}
_CHANGE: flags.Table = {
    **_OUTPUT,
    **_DRY_RUN,
    **_NO_FILES,
    **_NO_MANY,
    "record": Flag("switch"),
}
_MANIFEST: flags.Table = {
    **_OUTPUT,
    **_DRY_RUN,
    "filename": Flag("value", "f"),
    "kustomize": Flag("value", "k", "apply the manifest files with -f"),
    "recursive": Flag("switch", "R", "name the files or their directory"),
    "prune": Flag("switch", refused="nothing is deleted here"),
    "force": Flag("switch", refused="nothing is deleted here"),
    "server-side": Flag("switch"),
    "validate": Flag("optional"),
    "save-config": Flag("switch"),
    "record": Flag("switch"),
}
_WATCH = "it never ends; ask again, or wait for the rollout"
_LIST: flags.Table = {
    **_OUTPUT,
    **_NO_FILES,
    **_ALL_NAMESPACES,
    "selector": Flag("value", "l"),
    "field-selector": Flag(),
    "label-columns": Flag("value", "L"),
    "chunk-size": Flag(),
    "sort-by": Flag(),
    "no-headers": Flag("switch"),
    "ignore-not-found": Flag("switch"),
    "show-kind": Flag("switch"),
    "show-labels": Flag("switch"),
    "watch": Flag("switch", "w", _WATCH),
    "watch-only": Flag("switch", refused=_WATCH),
    "raw": Flag(refused="name the resource instead"),
}


def _read(
    verb: str, check: Callable[[Policy, Parsed, str], None]
) -> Callable[[Policy, Request, Known, Parsed], Decision]:
    """A command that only looks, after its arguments were checked."""

    def decide_one(policy: Policy, request: Request, known: Known, parsed: Parsed) -> Decision:
        rule = f"kubectl.{verb.replace(' ', '.')}"
        check(policy, parsed, rule)
        resources.check_output(parsed, rule)
        return Decision(True, rule, argv=resources.command_line(policy, verb, parsed))

    return decide_one


def _no_arguments(policy: Policy, parsed: Parsed, rule: str) -> None:
    if parsed.arguments:
        raise Refused(rule, f"{parsed.arguments[0]} is not allowed here")


def _logs(policy: Policy, parsed: Parsed, rule: str) -> None:
    first = parsed.arguments[:1]
    if first and "/" in first[0]:
        resources.readable(policy, first, rule)
    else:
        resources.require_read(policy, "pod", first[0] if first else "", rule)
    for name in parsed.arguments[0 if first and "/" not in first[0] else 1 :]:
        resources.require_name(name, rule)


def _wait(policy: Policy, parsed: Parsed, rule: str) -> None:
    resources.readable(policy, parsed.arguments, rule)


def _events(policy: Policy, parsed: Parsed, rule: str) -> None:
    _no_arguments(policy, parsed, rule)
    resources.require_read(policy, "event", "", rule)


def _anything(policy: Policy, parsed: Parsed, rule: str) -> None:
    """Nothing in the arguments can reach further than the token's own rights."""


@dataclass(frozen=True)
class Verb:
    """One command: its flags, and the rule that looks at what was given."""

    flags: flags.Table
    check: Callable[[Policy, Request, Known, Parsed], Decision]


_VERBS: Mapping[tuple[str, ...], Verb] = {
    ("get",): Verb(_LIST, _read("get", resources.check_readable)),
    ("describe",): Verb(
        {**_LIST, "show-events": Flag("switch")}, _read("describe", resources.check_readable)
    ),
    ("logs",): Verb(
        {
            "container": Flag("value", "c"),
            "selector": Flag("value", "l"),
            "tail": Flag(),
            "since": Flag(),
            "since-time": Flag(),
            "limit-bytes": Flag(),
            "max-log-requests": Flag(),
            "pod-running-timeout": Flag(),
            "previous": Flag("switch", "p"),
            "timestamps": Flag("switch"),
            "prefix": Flag("switch"),
            "all-containers": Flag("switch"),
            "all-pods": Flag("switch"),
            "ignore-errors": Flag("switch"),
            "follow": Flag("switch", "f", "it never ends; leave it out to see the log so far"),
        },
        _read("logs", _logs),
    ),
    ("events",): Verb(
        {
            **_OUTPUT,
            **_ALL_NAMESPACES,
            "for": Flag(),
            "types": Flag(),
            "chunk-size": Flag(),
            "no-headers": Flag("switch"),
            "watch": Flag("switch", "w", _WATCH),
        },
        _read("events", _events),
    ),
    ("wait",): Verb(
        {
            **_OUTPUT,
            **_NO_FILES,
            **_ALL_NAMESPACES,
            "for": Flag(),
            "timeout": Flag(),
            "selector": Flag("value", "l"),
            "field-selector": Flag(),
            "all": Flag("switch"),
        },
        _read("wait", _wait),
    ),
    ("version",): Verb({**_OUTPUT, "client": Flag("switch")}, _read("version", _no_arguments)),
    ("explain",): Verb(
        {**_OUTPUT, "recursive": Flag("switch"), "api-version": Flag()}, _read("explain", _anything)
    ),
    ("api-resources",): Verb(
        {
            **_OUTPUT,
            "api-group": Flag(),
            "categories": Flag(),
            "verbs": Flag(),
            "sort-by": Flag(),
            "namespaced": Flag("switch"),
            "no-headers": Flag("switch"),
        },
        _read("api-resources", _no_arguments),
    ),
    ("api-versions",): Verb({}, _read("api-versions", _no_arguments)),
    ("cluster-info",): Verb({}, _read("cluster-info", _no_arguments)),
    ("auth", "can-i"): Verb(
        {
            **_ALL_NAMESPACES,
            "list": Flag("switch"),
            "quiet": Flag("switch", "q"),
            "no-headers": Flag("switch"),
            "subresource": Flag(),
        },
        _read("auth can-i", _anything),
    ),
    ("config", "current-context"): Verb({}, _read("config current-context", _no_arguments)),
    ("set", "image"): Verb(_CHANGE, set_image),
    ("scale",): Verb(
        {
            **_CHANGE,
            "replicas": Flag(),
            "current-replicas": Flag(),
            "resource-version": Flag(),
            "timeout": Flag(),
        },
        scale,
    ),
    ("patch",): Verb(
        {**_CHANGE, "patch": Flag("value", "p"), "patch-file": Flag(), "type": Flag()}, patch
    ),
    ("apply",): Verb({**_MANIFEST, "timeout": Flag(), "wait": Flag("switch")}, apply),
    ("create",): Verb(
        {**_MANIFEST, "image": Flag(), "replicas": Flag("value", "r"), "port": Flag()}, create
    ),
    ("diff",): Verb({**_MANIFEST, "dry-run": Flag("optional", refused="it changes nothing")}, diff),
    **{
        ("rollout", verb): Verb({**_CHANGE, **own}, rollout(verb))
        for verb, own in {
            "status": {
                "timeout": Flag(),
                "revision": Flag(),
                "watch": Flag("switch", "w"),
            },
            "history": {"revision": Flag()},
            "undo": {"to-revision": Flag()},
            "restart": {},
            "pause": {},
            "resume": {},
        }.items()
    },
}
_GROUPS = ("set", "rollout", "auth", "config", "certificate")

_WHY_NOT: Mapping[str, str] = {
    "delete": "nothing is deleted here",
    "exec": "nothing is run inside pods here",
    "cp": "files of pods are out of reach here",
    "run": "pods are started by a Deployment",
    "config": "the broker chooses the cluster; the namespace is already set",
    "edit": "there is no editor here",
    "port-forward": "pods are not reached from here",
    "proxy": "the API is only reached through these commands",
    "top": "there are no metrics here",
}


def decide(policy: Policy, request: Request, known: Known) -> Decision:
    """Check one kubectl command; raises Refused."""
    command, before, rest = flags.split_command(request.argv, GLOBAL, _GROUPS, "kubectl")
    if not command:
        return Decision(True, "kubectl.help", argv=("--help",))
    verb = _VERBS.get(command)
    if verb is None:
        why = _WHY_NOT.get(command[0], "this command is not needed to build, push and roll out")
        raise Refused(
            "kubectl.command",
            f"kubectl {' '.join(command)}: {why}",
            f"kubectl -n {policy.namespace} get deployments",
        )
    rule = f"kubectl.{'.'.join(command)}"
    # -f means follow for logs, and -v must not be hidden by a verb's own letters.
    parsed = flags.parse(rest, {**GLOBAL, **verb.flags}, rule)
    parsed = Parsed((*before, *parsed.flags), parsed.arguments)
    if parsed.has("help"):
        return Decision(True, "kubectl.help", argv=(*command, "--help"))
    for namespace in parsed.values("namespace"):
        if namespace not in (policy.document.namespaces or {}):
            allowed = ", ".join(policy.document.namespaces or {})
            raise Refused(
                f"{rule}.namespace",
                f"the namespace {namespace} is not allowed; only {allowed} is",
                f"kubectl -n {policy.namespace} {' '.join((*command, *parsed.arguments))}",
            )
        # As in kubectl, the last one counts.
        policy = replace(policy, namespace=namespace)
    for argument in parsed.arguments:
        if argument.startswith("-"):
            raise Refused(f"{rule}.argument", f"{argument} is not a name")
    return verb.check(policy, request, known, parsed)
