"""Which docker commands pass: build, try, tag and push allowed images, and look at images."""

import fnmatch
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from oi_deploy.broker import document, flags, images, paths, smoke_test
from oi_deploy.broker.flags import Flag, Parsed
from oi_deploy.broker.request import BuildContext, Decision, Known, Policy, Refused, Request

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
    "network": Flag(),
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
# The classic builder has no such flags, or the broker sets them; they change neither the image nor
# where it goes.
_DROPPED = ("load", "progress", "rm", "force-rm")

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


# Where a Dockerfile that is not in the context lies in it.
_OWN_DOCKERFILE = ".oi-deploy.dockerfile"


def _one(arguments: tuple[str, ...], rule: str, what: str, *advice: str) -> str:
    if len(arguments) != 1:
        raise Refused(rule, f"exactly one {what} is needed, not {len(arguments)}", *advice)
    return arguments[0]


def _build(policy: Policy, request: Request, known: Known, parsed: Parsed) -> Decision:
    rule = "docker.build"
    tags = parsed.values("tag")
    for tag in tags:
        image = images.read(tag)
        if image is None or image.digest:
            raise Refused(f"{rule}.tag", f"{tag!r} is not a name for an image")
        if image.host:
            images.require_allowed(policy, tag, f"{rule}.tag", "docker build -t {image} .")
        else:
            images.require_free(policy, known, image, f"{rule}.taken", "docker build -t {image} .")
    advice = f"docker build -t {tags[0]} ." if tags else "docker build ."
    where = _one(parsed.arguments, f"{rule}.context", "build context", advice)
    context = _context(policy, request, parsed, where, advice)
    argv = (
        "build",
        *parsed.command_line("file", "network", "help", *_DROPPED),
        *_network(policy, parsed),
        *_memory(policy),
        # By itself the classic builder keeps the container of a step that failed.
        "--force-rm",
        f"--file={context.dockerfile}",
        "-",
    )
    return Decision(True, rule, argv=argv, context=context, mutates=True, images=tags)


def _network(policy: Policy, parsed: Parsed) -> tuple[str, ...]:
    """The network of RUN steps; a command may only narrow it."""
    asked = parsed.values("network")
    if any(value not in ("default", "none") for value in asked):
        raise Refused("docker.build.network", f"the flag --network is not allowed: {_HOST_ACCESS}")
    return ("--network=none",) if "none" in (*asked, policy.document.build.network) else ()


def _memory(policy: Policy) -> tuple[str, str]:
    """What RUN steps may use; with the same limit for memory and swap together, no swap."""
    most = document.size(policy.document.build.memory)
    return f"--memory={most}", f"--memory-swap={most}"


def _arguments(policy: Policy, parsed: Parsed) -> dict[str, str]:
    """Build arguments; one without a value would take it from the broker's environment."""
    rule = "docker.build.argument"
    given: dict[str, str] = {}
    for word in parsed.values("build-arg"):
        name, equals, value = word.partition("=")
        if not equals:
            raise Refused(rule, f"--build-arg {name} has no value; write --build-arg {name}=VALUE")
        allowed = policy.document.build.arguments
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in allowed):
            raise Refused(rule, f"the build argument {name} is not allowed")
        given[name] = value
    return given


def _context(
    policy: Policy, request: Request, parsed: Parsed, where: str, advice: str
) -> BuildContext:
    """What the build is made of: a directory of the workspace, or a Dockerfile alone."""
    arguments = _arguments(policy, parsed)
    files = dict.fromkeys(parsed.values("file"))
    if len(files) > 1:
        # docker takes the last one; what the others name would not be looked at.
        raise Refused("docker.build.file", "only one Dockerfile can be named", advice)
    file = next(iter(files), "")
    if where == "-":
        if file:
            raise Refused(
                "docker.build.file", "-f cannot be used with a context from stdin", advice
            )
        return BuildContext(None, "Dockerfile", request.stdin, arguments)
    # Anything that docker takes for a URL ("https://...", "git@...", "github.com/...") is no
    # directory of the workspace.
    rule = "docker.build.context"
    directory = paths.inside(policy, request, where, rule)
    if not directory.is_dir():
        raise Refused(rule, f"{where} is not a directory of the workspace", advice)
    if file == "-":
        return BuildContext(directory, _OWN_DOCKERFILE, request.stdin, arguments)
    if not file:
        return BuildContext(directory, "Dockerfile", None, arguments)
    path = paths.inside(policy, request, file, "docker.build.file")
    if path.exists() and not path.is_file():
        raise Refused("docker.build.file", f"{file} is not a file")
    if path.is_relative_to(directory):
        return BuildContext(directory, str(path.relative_to(directory)), None, arguments)
    content = paths.read_inside(policy, request, file, "docker.build.file")
    return BuildContext(directory, _OWN_DOCKERFILE, content, arguments)


def _tag(policy: Policy, request: Request, known: Known, parsed: Parsed) -> Decision:
    rule = "docker.tag"
    if len(parsed.arguments) != 2:
        raise Refused(rule, "docker tag needs two names: the image and its new name")
    source, target = parsed.arguments
    images.require_source(policy, known, source, f"{rule}.source")
    image = images.read(target)
    advice = f"docker tag {source} {{image}}"
    if image is None or image.host:
        images.require_allowed(policy, target, f"{rule}.target", advice)
    else:
        images.require_free(policy, known, image, f"{rule}.taken", advice)
    return Decision(True, rule, argv=("tag", source, target), mutates=True, images=(target,))


def _push(policy: Policy, request: Request, known: Known, parsed: Parsed) -> Decision:
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


def _pull(policy: Policy, request: Request, known: Known, parsed: Parsed) -> Decision:
    rule = "docker.pull"
    text = _one(parsed.arguments, rule, "image")
    image = images.read(text)
    if image is not None and not images.may_pull(policy, image):
        places = " or ".join(policy.pulls)
        raise Refused(
            f"{rule}.image",
            f"{text} cannot be pulled"
            + (f": images must be under {places}" if places else ": no registry is given")
            + ". A base image needs no pull: docker build gets it",
        )
    if image is None:
        raise Refused(f"{rule}.image", f"{text!r} is not an image reference")
    argv = ("pull", *parsed.command_line("help"), text)
    return Decision(True, rule, argv=argv, mutates=True)


def _list(policy: Policy, request: Request, known: Known, parsed: Parsed) -> Decision:
    argv = ("image", "ls", *parsed.command_line("help"), *parsed.arguments)
    return Decision(True, "docker.images", argv=argv)


def _inspect(policy: Policy, request: Request, known: Known, parsed: Parsed) -> Decision:
    rule = "docker.inspect"
    if any(kind != "image" for kind in parsed.values("type")):
        raise Refused(rule, "only images can be inspected")
    for text in parsed.arguments:
        images.require_visible(policy, known, text, f"{rule}.image")
    # Plain `docker inspect` would also show containers, volumes and networks.
    argv = ("image", "inspect", *parsed.command_line("type", "help"), *parsed.arguments)
    return Decision(True, rule, argv=argv)


def _history(policy: Policy, request: Request, known: Known, parsed: Parsed) -> Decision:
    rule = "docker.history"
    text = _one(parsed.arguments, rule, "image")
    images.require_visible(policy, known, text, f"{rule}.image")
    return Decision(True, rule, argv=("history", *parsed.command_line("help"), text))


def _version(policy: Policy, request: Request, known: Known, parsed: Parsed) -> Decision:
    return Decision(True, "docker.version", argv=("version", *parsed.command_line("help")))


@dataclass(frozen=True)
class Verb:
    """One command: its flags, and the rule that looks at what was given.

    With `interspersed` off, the first argument ends the flags (`docker run IMAGE COMMAND -x`).
    """

    flags: flags.Table
    check: Callable[[Policy, Request, Known, Parsed], Decision]
    interspersed: bool = True


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
    ("run",): Verb(smoke_test.FLAGS, smoke_test.decide, interspersed=False),
    ("container", "run"): Verb(smoke_test.FLAGS, smoke_test.decide, interspersed=False),
    ("version",): Verb({"help": _HELP, "format": Flag("value", "f")}, _version),
}
_GROUPS = ("image", "buildx", "builder", "compose", "container", "system", "volume", "network")

_WHY_NOT: Mapping[str, str] = {
    "ps": "containers of this machine are not shown; the cluster runs the image",
    "exec": "containers of this machine cannot be entered",
    "logs": "containers of this machine are not shown; the cluster runs the image",
    "info": "the host's details are not shown; the Docker engine is reachable",
    "rmi": "images are not removed here",
    "scale": "docker cannot scale a Deployment",
}


def decide(policy: Policy, request: Request, known: Known) -> Decision:
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
    parsed = flags.parse(rest, verb_rule.flags, rule, interspersed=verb_rule.interspersed)
    if parsed.has("help") or "help" in switches:
        return Decision(True, "docker.help", argv=(*command, "--help"))
    for argument in parsed.arguments if verb_rule.interspersed else parsed.arguments[:1]:
        if argument.startswith("-") and argument != "-":
            raise Refused(f"{rule}.argument", f"{argument} is not a name")
    return verb_rule.check(policy, request, known, parsed)


def _unknown(policy: Policy, command: tuple[str, ...]) -> Refused:
    verb = " ".join(command)
    why = _WHY_NOT.get(command[0], "this command is not needed to build, push and roll out")
    advice = {
        "ps": (f"kubectl -n {policy.namespace} get pods",),
        "container": (f"kubectl -n {policy.namespace} get pods",),
        "logs": (f"kubectl -n {policy.namespace} get pods",),
        "info": ("docker version",),
        "scale": (f"kubectl -n {policy.namespace} get deployments",),
    }.get(command[0], ("docker images",))
    return Refused("docker.command", f"docker {verb}: {why}", *advice)
