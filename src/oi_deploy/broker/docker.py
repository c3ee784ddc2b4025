"""Which docker commands pass: build, tag and push of allowed images, and looking at images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from oi_deploy.broker import flags, images, paths
from oi_deploy.broker.flags import Flag, Parsed
from oi_deploy.broker.request import Decision, Policy, Refused, Request

_REDIRECTS = "the broker chooses the Docker engine and its credentials"
_HELP = Flag("switch", "h")

GLOBAL: flags.Table = {
    "help": _HELP,
    "version": Flag("switch", "v"),
    "config": Flag(refused=_REDIRECTS),
    "context": Flag("value", "c", _REDIRECTS),
    "host": Flag("value", "H", _REDIRECTS),
    "tls": Flag("switch", refused=_REDIRECTS),
    "tlscacert": Flag(refused=_REDIRECTS),
    "tlscert": Flag(refused=_REDIRECTS),
    "tlskey": Flag(refused=_REDIRECTS),
    "tlsverify": Flag("switch", refused=_REDIRECTS),
    "debug": Flag("switch", "D", "it shows what the broker keeps"),
    "log-level": Flag("value", "l", "it shows what the broker keeps"),
}

_HOST_ACCESS = "it reaches into the host"
_WRITES = "it writes a file with the broker's rights"
_BUILD: flags.Table = {
    "help": _HELP,
    "tag": Flag("value", "t"),
    "file": Flag("value", "f"),
    "build-arg": Flag(),
    "target": Flag(),
    "label": Flag(),
    "no-cache": Flag("switch"),
    "pull": Flag("switch"),
    "platform": Flag(),
    "quiet": Flag("switch", "q"),
    "progress": Flag(),
    "rm": Flag("switch"),
    "force-rm": Flag("switch"),
    "load": Flag("switch"),
    "push": Flag("switch", refused="build first, then push"),
    "network": Flag(refused=_HOST_ACCESS),
    "add-host": Flag(refused=_HOST_ACCESS),
    "security-opt": Flag(refused=_HOST_ACCESS),
    "cgroup-parent": Flag(refused=_HOST_ACCESS),
    "allow": Flag(refused=_HOST_ACCESS),
    "secret": Flag(refused=_HOST_ACCESS),
    "ssh": Flag(refused=_HOST_ACCESS),
    "build-context": Flag(refused=_HOST_ACCESS),
    "iidfile": Flag(refused=_WRITES),
    "metadata-file": Flag(refused=_WRITES),
    "output": Flag("value", "o", _WRITES),
}
# The classic builder has no such flags; they change neither the image nor where it goes.
_DROPPED = ("load", "progress")

_QUIET: flags.Table = {"help": _HELP, "quiet": Flag("switch", "q")}
_INSPECT: flags.Table = {
    "help": _HELP,
    "format": Flag("value", "f"),
    "type": Flag(),
}
_LIST: flags.Table = {
    "help": _HELP,
    "all": Flag("switch", "a"),
    "digests": Flag("switch"),
    "filter": Flag("value", "f"),
    "format": Flag(),
    "no-trunc": Flag("switch"),
    "quiet": Flag("switch", "q"),
}
_HISTORY: flags.Table = {
    "help": _HELP,
    "format": Flag(),
    "human": Flag("switch", "H"),
    "no-trunc": Flag("switch"),
    "quiet": Flag("switch", "q"),
}


def _one(arguments: tuple[str, ...], rule: str, what: str, *advice: str) -> str:
    if len(arguments) != 1:
        raise Refused(rule, f"exactly one {what} is needed, not {len(arguments)}", *advice)
    return arguments[0]


def _local_image(policy: Policy, text: str, rule: str) -> str:
    """An image that is on this machine: an id, a name without a registry, or an allowed one."""
    if images.is_image_id(text):
        return text
    image = images.read(text)
    if image is not None and not image.host:
        return text
    images.require_allowed(policy, text, rule)
    return text


def _build(policy: Policy, request: Request, parsed: Parsed) -> Decision:
    rule = "docker.build"
    tags = parsed.values("tag")
    for tag in tags:
        image = images.read(tag)
        if image is not None and image.host:
            images.require_allowed(policy, tag, f"{rule}.tag", "docker build -t {image} .")
        elif image is None or image.digest:
            raise Refused(f"{rule}.tag", f"{tag!r} is not a name for an image")
    advice = f"docker build -t {tags[0] if tags else f'{policy.images[0]}/app:latest'} ."
    context = _one(parsed.arguments, f"{rule}.context", "build context", advice)
    command = ["build", *parsed.command_line("file", "help", *_DROPPED)]
    files = parsed.values("file")
    if context == "-":
        if files:
            raise Refused(f"{rule}.file", "-f cannot be used with a context from stdin", advice)
        return Decision(
            True, rule, argv=(*command, "-"), stdin=request.stdin, mutates=True, images=tags
        )
    # Anything that docker takes for a URL ("https://...", "git@...", "github.com/...") is no
    # directory of the workspace, and only a directory's full path is passed on.
    directory = paths.inside(policy, request, context, f"{rule}.context")
    if not directory.is_dir():
        raise Refused(f"{rule}.context", f"{context} is not a directory of the workspace", advice)
    stdin = b""
    if files:
        if files[-1] == "-":
            stdin = request.stdin
            command.append("--file=-")
        else:
            command.append(f"--file={_dockerfile(policy, request, files[-1])}")
    command.append(str(directory))
    return Decision(True, rule, argv=tuple(command), stdin=stdin, mutates=True, images=tags)


def _dockerfile(policy: Policy, request: Request, text: str) -> Path:
    rule = "docker.build.file"
    file = paths.inside(policy, request, text, rule)
    if file.exists() and not file.is_file():
        raise Refused(rule, f"{text} is not a file")
    return file


def _tag(policy: Policy, request: Request, parsed: Parsed) -> Decision:
    rule = "docker.tag"
    if len(parsed.arguments) != 2:
        raise Refused(rule, "docker tag needs two names: the image and its new name")
    source, target = parsed.arguments
    _local_image(policy, source, f"{rule}.source")
    image = images.read(target)
    if image is None or image.host:
        advice = f"docker tag {source} {{image}}"
        images.require_allowed(policy, target, f"{rule}.target", advice)
    return Decision(True, rule, argv=("tag", source, target), mutates=True, images=(target,))


def _push(policy: Policy, request: Request, parsed: Parsed) -> Decision:
    rule = "docker.push"
    text = _one(parsed.arguments, rule, "image")
    image = images.read(text)
    advice = ["docker push {image}"]
    if image is not None and not image.host:
        advice.insert(0, f"docker tag {text} {{image}}")
    images.require_allowed(policy, text, f"{rule}.image", *advice)
    if image is not None and image.digest:
        raise Refused(rule, "a digest cannot be pushed; push a tag")
    # Not --quiet: the digest that docker prints goes into the journal.
    argv = ("push", *parsed.command_line("help", "quiet"), text)
    return Decision(True, rule, argv=argv, mutates=True, images=(text,))


def _pull(policy: Policy, request: Request, parsed: Parsed) -> Decision:
    rule = "docker.pull"
    text = _one(parsed.arguments, rule, "image")
    image = images.read(text)
    if any(policy.images) and image is not None and not images.is_allowed(policy, image):
        raise Refused(
            f"{rule}.image",
            f"{text} cannot be pulled: images must be under {' or '.join(policy.images)}. "
            "A base image needs no pull: docker build gets it",
        )
    images.require_allowed(policy, text, f"{rule}.image")
    argv = ("pull", *parsed.command_line("help"), text)
    return Decision(True, rule, argv=argv, mutates=True)


def _list(policy: Policy, request: Request, parsed: Parsed) -> Decision:
    argv = ("image", "ls", *parsed.command_line("help"), *parsed.arguments)
    return Decision(True, "docker.images", argv=argv)


def _inspect(policy: Policy, request: Request, parsed: Parsed) -> Decision:
    rule = "docker.inspect"
    if any(kind != "image" for kind in parsed.values("type")):
        raise Refused(rule, "only images can be inspected")
    for text in parsed.arguments:
        _local_image(policy, text, f"{rule}.image")
    # Plain `docker inspect` would also show containers, volumes and networks.
    argv = ("image", "inspect", *parsed.command_line("type", "help"), *parsed.arguments)
    return Decision(True, rule, argv=argv)


def _history(policy: Policy, request: Request, parsed: Parsed) -> Decision:
    rule = "docker.history"
    text = _local_image(policy, _one(parsed.arguments, rule, "image"), f"{rule}.image")
    return Decision(True, rule, argv=("history", *parsed.command_line("help"), text))


def _version(policy: Policy, request: Request, parsed: Parsed) -> Decision:
    return Decision(True, "docker.version", argv=("version", *parsed.command_line("help")))


@dataclass(frozen=True)
class Verb:
    """One command: its flags, and the rule that looks at what was given."""

    flags: flags.Table
    check: Callable[[Policy, Request, Parsed], Decision]


_PUSH = Verb({**_QUIET, "all-tags": Flag("switch", "a", "push one tag at a time")}, _push)
_PULL = Verb(
    {**_QUIET, "platform": Flag(), "all-tags": Flag("switch", "a", "pull one tag at a time")}, _pull
)
_VERBS: Mapping[tuple[str, ...], Verb] = {
    ("build",): Verb(_BUILD, _build),
    ("image", "build"): Verb(_BUILD, _build),
    ("buildx", "build"): Verb(_BUILD, _build),
    ("builder", "build"): Verb(_BUILD, _build),
    ("tag",): Verb({"help": _HELP}, _tag),
    ("image", "tag"): Verb({"help": _HELP}, _tag),
    ("push",): _PUSH,
    ("image", "push"): _PUSH,
    ("pull",): _PULL,
    ("image", "pull"): _PULL,
    ("images",): Verb(_LIST, _list),
    ("image", "ls"): Verb(_LIST, _list),
    ("image", "list"): Verb(_LIST, _list),
    ("inspect",): Verb(_INSPECT, _inspect),
    ("image", "inspect"): Verb(_INSPECT, _inspect),
    ("history",): Verb(_HISTORY, _history),
    ("image", "history"): Verb(_HISTORY, _history),
    ("version",): Verb({"help": _HELP, "format": Flag("value", "f")}, _version),
}
_GROUPS = ("image", "buildx", "builder", "compose", "container", "system", "volume", "network")

_WHY_NOT: Mapping[str, str] = {
    "run": "containers cannot be started here; the cluster runs the image",
    "ps": "containers of this machine are not shown; the cluster runs the image",
    "exec": "containers of this machine cannot be entered",
    "logs": "containers of this machine are not shown; the cluster runs the image",
    "info": "the host's details are not shown; the Docker engine is reachable",
    "rmi": "images are not removed here",
    "scale": "docker cannot scale a Deployment",
}


def decide(policy: Policy, request: Request) -> Decision:
    """Check one docker command; raises Refused."""
    if request.argv[:1] in (("login",), ("logout",)):
        # Their arguments are not looked at: there is nothing that they could change.
        verb = request.argv[0]
        return Decision(
            True,
            f"docker.{verb}",
            answer=f"docker {verb}: nothing to do: the broker holds the credentials for "
            f"{policy.registry} and is logged in.\n",
        )
    command, before, rest = flags.split_command(request.argv, GLOBAL, _GROUPS, "docker")
    switches = {name for name, value in before if not flags.is_false(value)}
    if "version" in switches:
        return Decision(True, "docker.version", argv=("--version",))
    if not command:
        return Decision(True, "docker.help", argv=("--help",))
    verb_rule = _VERBS.get(command)
    if verb_rule is None:
        raise _unknown(policy, command)
    rule = f"docker.{command[-1]}"
    parsed = flags.parse(rest, verb_rule.flags, rule)
    if parsed.has("help") or "help" in switches:
        return Decision(True, "docker.help", argv=(*command, "--help"))
    for argument in parsed.arguments:
        if argument.startswith("-") and argument != "-":
            raise Refused(f"{rule}.argument", f"{argument} is not a name")
    return verb_rule.check(policy, request, parsed)


def _unknown(policy: Policy, command: tuple[str, ...]) -> Refused:
    verb = " ".join(command)
    why = _WHY_NOT.get(command[0], "this command is not needed to build, push and roll out")
    advice = {
        "run": (f"kubectl -n {policy.namespace} get pods",),
        "ps": (f"kubectl -n {policy.namespace} get pods",),
        "container": (f"kubectl -n {policy.namespace} get pods",),
        "logs": (f"kubectl -n {policy.namespace} get pods",),
        "info": ("docker version",),
        "scale": (f"kubectl -n {policy.namespace} get deployments",),
    }.get(command[0], ("docker images",))
    return Refused("docker.command", f"docker {verb}: {why}", *advice)
