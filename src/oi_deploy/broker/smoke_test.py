"""`docker run` of an image that this run has built: does it start at all?

Whatever the command line says, the container gets no network, no privileges, little memory and
little time, and is removed afterwards.
"""

from oi_deploy.broker import document, flags, images
from oi_deploy.broker.flags import Flag, Parsed
from oi_deploy.broker.request import Decision, Known, Policy, Refused, Request

_RULE = "docker.run"
_HOST_ACCESS = "it reaches into the host"
_ALWAYS = "the broker sets it"

FLAGS: flags.Table = {
    "help": Flag("switch"),
    "env": Flag("value", "e"),
    "entrypoint": Flag(),
    "workdir": Flag("value", "w"),
    "platform": Flag(),
    "network": Flag(),
    # Said by habit; nothing depends on them here.
    "rm": Flag("switch"),
    "interactive": Flag("switch", "i"),
    "tty": Flag("switch", "t"),
    "name": Flag(),
    "detach": Flag(
        "switch", "d", "the container runs in the foreground, and ends when its time is over"
    ),
    "memory": Flag("value", "m", _ALWAYS),
    "cpus": Flag(refused=_ALWAYS),
    "pids-limit": Flag(refused=_ALWAYS),
    "restart": Flag(refused=_ALWAYS),
    "pull": Flag(refused=_ALWAYS),
    "volume": Flag("value", "v", _HOST_ACCESS),
    "publish": Flag("value", "p", "there is no network; the container's own output is shown"),
    "publish-all": Flag("switch", "P", "there is no network"),
    "user": Flag("value", "u", "the image says who runs it"),
    "privileged": Flag("switch", refused=_HOST_ACCESS),
    **dict.fromkeys(
        (
            *("mount", "volumes-from", "device", "device-cgroup-rule", "gpus", "cap-add", "pid"),
            *("ipc", "uts", "userns", "cgroupns", "cgroup-parent", "security-opt", "sysctl"),
            *("runtime", "add-host", "link", "env-file", "label-file", "cidfile", "tmpfs"),
        ),
        Flag(refused=_HOST_ACCESS),
    ),
}
_DROPPED = ("help", "rm", "interactive", "tty", "name", "network")
_MOST_PROCESSES = 256
_MOST_FILE = 1024**3


def decide(policy: Policy, request: Request, known: Known, parsed: Parsed) -> Decision:
    """Check the command; what runs is bounded, whatever was asked for."""
    test = policy.document.run
    if not test.allowed:
        raise Refused(_RULE, "the policy does not allow to start containers")
    if not parsed.arguments:
        raise Refused(_RULE, "the image is missing")
    if any(value != "none" for value in parsed.values("network")):
        raise Refused(f"{_RULE}.network", "the container has no network; leave --network out")
    for value in parsed.values("env"):
        if "=" not in value:
            raise Refused(f"{_RULE}.env", f"-e {value} has no value; write -e {value}=VALUE")
    text, *command = parsed.arguments
    image_id = images.built_id(known, text)
    if not image_id:
        mine = sorted(known.built)
        raise Refused(
            f"{_RULE}.image",
            f"{text} was not built by this run; only such an image can be tried",
            *(f"docker run --rm {reference}" for reference in mine[-1:]),
        )
    memory = document.size(test.memory)
    argv = (
        "run",
        "--rm",
        f"--name={known.container}",
        f"--label=oi-deploy.run={known.run}",
        "--network=none",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        f"--pids-limit={_MOST_PROCESSES}",
        f"--memory={memory}",
        f"--memory-swap={memory}",
        "--cpus=1",
        f"--ulimit=fsize={_MOST_FILE}",
        # An endless output must not fill the host's disk.
        "--log-driver=none",
        "--pull=never",
        *parsed.command_line(*_DROPPED),
        # By its id: the name could be given to another image at any moment.
        image_id,
        *command,
    )
    return Decision(True, _RULE, argv=argv, container=known.container, seconds=float(test.seconds))
