"""The kubectl commands that change the cluster, and those that compare manifests with it."""

from collections.abc import Callable, Sequence

from oi_deploy.broker import images, manifest, paths, resources
from oi_deploy.broker.document import Verb
from oi_deploy.broker.flags import Parsed
from oi_deploy.broker.request import Decision, Known, Policy, Refused, Request

_MANIFEST_FILES = (".json", ".yaml", ".yml")


def _is_dry_run(parsed: Parsed, rule: str) -> bool:
    values = [value for flag, value in parsed.flags if flag == "dry-run"]
    if any(value not in ("client", "server", "none") for value in values):
        raise Refused(f"{rule}.flag", "the flag --dry-run must be --dry-run=client or =server")
    return bool(values) and values[-1] != "none"


def _change(
    policy: Policy,
    verb: str,
    parsed: Parsed,
    *without: str,
    arguments: Sequence[str] | None = None,
    extra: Sequence[str] = (),
    stdin: bytes = b"",
) -> Decision:
    rule = f"kubectl.{verb.replace(' ', '.')}"
    dry_run = _is_dry_run(parsed, rule)
    resources.check_output(parsed, rule)
    if parsed.values("output") and not dry_run:
        # kubectl's own line ("deployment.apps/web image updated") is what the journal keeps.
        raise Refused(f"{rule}.output", "leave -o out of a command that changes something")
    argv = resources.command_line(policy, verb, parsed, *without, arguments=arguments)
    return Decision(True, rule, argv=(*argv, *extra), stdin=stdin, mutates=not dry_run)


def set_image(policy: Policy, request: Request, known: Known, parsed: Parsed) -> Decision:
    """`kubectl set image deployment/web app=registry/app:1`."""
    rule = "kubectl.set.image"
    pairs = [word for word in parsed.arguments if "=" in word]
    targets = [word for word in parsed.arguments if "=" not in word]
    names = resources.deployments(policy, targets, rule, "set-image")
    line = f"kubectl -n {policy.namespace} set image deployment/{names[0]}"
    if not pairs:
        raise Refused(
            rule, "CONTAINER=IMAGE is missing", f"kubectl -n {policy.namespace} get deployment "
            f"{names[0]} -o jsonpath={{.spec.template.spec.containers[*].name}}"
        )  # fmt: skip
    for pair in pairs:
        container, _, image = pair.partition("=")
        if container != "*":
            resources.require_name(container, rule)
        images.require_allowed(policy, image, f"{rule}.image", f"{line} {container}={{image}}")
    return _change(policy, "set image", parsed)


def scale(policy: Policy, request: Request, known: Known, parsed: Parsed) -> Decision:
    """`kubectl scale deployment/web --replicas=3`."""
    rule = "kubectl.scale"
    names = resources.deployments(policy, parsed.arguments, rule, "scale")
    counts = parsed.values("replicas")
    if len(counts) != 1 or not counts[0].isdecimal():
        raise Refused(
            rule,
            "one --replicas with a number is needed",
            f"kubectl -n {policy.namespace} scale deployment/{names[0]} --replicas=2",
        )
    return _change(policy, "scale", parsed)


def patch(policy: Policy, request: Request, known: Known, parsed: Parsed) -> Decision:
    """`kubectl patch deployment web -p '{...}'`; a patch file is read here and passed on."""
    rule = "kubectl.patch"
    names = resources.deployments(policy, parsed.arguments, rule, "patch")
    texts = [
        *parsed.values("patch"),
        *(_text(policy, request, file, rule) for file in parsed.values("patch-file")),
    ]
    kinds = parsed.values("type") or ("strategic",)
    if len(texts) != 1 or len(kinds) != 1 or kinds[0] not in ("strategic", "merge", "json"):
        raise Refused(rule, "one patch is needed, with --type strategic, merge or json")
    text = texts[0]
    for name in names:
        scope = manifest.Scope(policy, known, "patch", deployment=name)
        text = manifest.check_patch(scope, texts[0], kinds[0])
    return _change(policy, "patch", parsed, "patch", "patch-file", extra=(f"--patch={text}",))


def _text(policy: Policy, request: Request, file: str, rule: str) -> str:
    return paths.read_inside(policy, request, file, rule).decode("utf-8", "replace")


def rollout(verb: str) -> Callable[[Policy, Request, Known, Parsed], Decision]:
    """`kubectl rollout status|history|undo|restart|pause|resume deployment/web`."""

    def decide(policy: Policy, request: Request, known: Known, parsed: Parsed) -> Decision:
        rule = f"kubectl.rollout.{verb}"
        if verb not in ("status", "history"):
            resources.deployments(policy, parsed.arguments, rule, "rollout")
            return _change(policy, f"rollout {verb}", parsed)
        resources.check_readable(policy, parsed, rule)
        resources.check_output(parsed, rule)
        extra: tuple[str, ...] = ()
        if verb == "status" and not parsed.values("timeout"):
            extra = (f"--timeout={policy.rollout_timeout_s}s",)
        argv = resources.command_line(policy, f"rollout {verb}", parsed)
        return Decision(True, rule, argv=(*argv, *extra))

    return decide


def apply(policy: Policy, request: Request, known: Known, parsed: Parsed) -> Decision:
    """`kubectl apply -f FILE`: read and checked here, passed on through stdin."""
    return _from_files(policy, request, known, parsed, "apply")


def diff(policy: Policy, request: Request, known: Known, parsed: Parsed) -> Decision:
    """`kubectl diff -f FILE`, as for apply."""
    scope = manifest.Scope(policy, known, "read")
    content = _manifests(scope, request, parsed, "kubectl.diff")
    argv = resources.command_line(policy, "diff", parsed, "filename")
    return Decision(True, "kubectl.diff", argv=(*argv, "--filename=-"), stdin=content)


def create(policy: Policy, request: Request, known: Known, parsed: Parsed) -> Decision:
    """`kubectl create -f FILE`, or `kubectl create deployment web --image=registry/app:1`."""
    rule = "kubectl.create"
    if not parsed.arguments:
        if any(name in ("image", "replicas", "port") for name, _ in parsed.flags):
            raise Refused(rule, "with -f, the manifest says image, replicas and port")
        return _from_files(policy, request, known, parsed, "create")
    if resources.kind_of(parsed.arguments[0]) != "deployment" or len(parsed.arguments) != 2:
        raise Refused(
            f"{rule}.kind",
            f"kubectl create {parsed.arguments[0]}: only a Deployment, or -f with a manifest of "
            "Deployment, Service and ConfigMap, can be created",
        )
    if parsed.values("filename"):
        raise Refused(rule, "either -f or a name, not both")
    name = parsed.arguments[1]
    resources.require_name(name, rule)
    manifest.require(policy, "deployment", name, "create", rule)
    line = f"kubectl -n {policy.namespace} create deployment {name} --image={{image}}"
    for value in parsed.values("image"):
        # A comma makes two containers of one flag (pflag's StringSlice).
        for image in value.split(","):
            images.require_allowed(policy, image, f"{rule}.image", line)
    return _change(policy, "create deployment", parsed, arguments=(name,))


def _from_files(
    policy: Policy, request: Request, known: Known, parsed: Parsed, verb: Verb
) -> Decision:
    rule = f"kubectl.{verb}"
    if parsed.arguments:
        raise Refused(rule, f"kubectl {verb} {parsed.arguments[0]} is not allowed; use -f FILE")
    content = _manifests(manifest.Scope(policy, known, verb), request, parsed, rule)
    return _change(policy, verb, parsed, "filename", extra=("--filename=-",), stdin=content)


def _manifests(scope: manifest.Scope, request: Request, parsed: Parsed, rule: str) -> bytes:
    """All manifests of a command, checked, as one JSON document."""
    # A comma separates files (pflag's StringSlice).
    names = [name for value in parsed.values("filename") for name in value.split(",")]
    if not names:
        raise Refused(rule, "a manifest is missing: -f FILE")
    parts: list[bytes] = []
    for name in names:
        if "://" in name:
            raise Refused(f"{rule}.url", "a manifest from a URL is not allowed; -f needs a file")
        parts += [request.stdin] if name == "-" else _files(scope.policy, request, name, rule)
        if sum(map(len, parts)) > manifest.MAX_SIZE:
            break  # too much already; the check says so
    content, _ = manifest.checked(scope, b"\n---\n".join(parts))
    return content


def _files(policy: Policy, request: Request, name: str, rule: str) -> list[bytes]:
    path = paths.inside(policy, request, name, rule)
    if not path.is_dir():
        return [paths.read_inside(policy, request, str(path), rule)]
    found = sorted(file for file in path.iterdir() if file.suffix in _MANIFEST_FILES)
    parts: list[bytes] = []
    for file in found:
        parts.append(paths.read_inside(policy, request, str(file), rule))
        if sum(map(len, parts)) > manifest.MAX_SIZE:
            break  # too much already; the check says so
    return parts
