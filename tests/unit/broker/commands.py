"""Commands that pass, and what turns each of them into one that must not.

What is dangerous is listed here by hand, from the manuals of docker and kubectl, and not taken from
the broker's own tables.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from oi_deploy.broker.policy import Tool
from tests.unit.broker.asking import DEPLOYMENT, EVIL, REG
from tests.unit.broker.spellings import Line, Option


@dataclass(frozen=True)
class Command:
    """A command that passes.

    Attributes:
        tool: docker or kubectl.
        line: the command.
        flags: flags of which each alone makes it one that is refused.
        anywhere: the same, for flags that may also stand before the command.
        arguments: arguments in the place of its own that make it one that is refused.
        stdin: what it reads.
    """

    tool: Tool
    line: Line
    flags: Sequence[Option] = ()
    anywhere: Sequence[Option] = ()
    arguments: Sequence[Sequence[str]] = ()
    stdin: bytes = b""

    def hostile(self) -> list[Line]:
        """Every way to make it a command that is refused."""
        return [
            *(self.line.adding(flag) for flag in self.flags),
            *(self.line.adding(anywhere=(flag,)) for flag in self.anywhere),
            *(replace(self.line, arguments=tuple(words)) for words in self.arguments),
        ]


def options(text: str) -> list[Option]:
    """Flags as one writes them in a list: `--tag/t=app:1 --quiet/q --dry-run==client`."""
    found = []
    for word in text.split():
        name, equals, value = word.removeprefix("--").partition("=")
        long, _, short = name.partition("/")
        joined = value.startswith("=")
        found.append(Option(long, value[joined:] if equals else None, short, joined))
    return found


def _docker(
    command: str,
    flags: str,
    arguments: str,
    *,
    refused: str = "",
    instead: Sequence[str] = (),
    interspersed: bool = True,
    stdin: bytes = b"",
) -> Command:
    line = Line(command, tuple(arguments.split()), tuple(options(flags)), (), interspersed)
    words = [tuple(text.split()) for text in instead]
    return Command("docker", line, options(refused), (), words, stdin)


_BUILD = (
    "--network=host --network=container:x --add-host=a:1.2.3.4 --security-opt=seccomp=unconfined "
    "--cgroup-parent=/ --allow=security.insecure --secret=id=a,src=/etc/shadow --ssh=default "
    "--build-context=a=/ --iidfile=/x --metadata-file=/x --output/o=/x --push --builder=x "
    "--cache-from=type=local,src=/ --cache-to=type=local,dest=/x --isolation=hyperv --squash "
    "--memory/m=1g --cpuset-cpus=0 --ulimit=nofile=1 --shm-size=1g --call=check --check --debug/D "
    f"--tag/t={EVIL}/app:1 --tag/t=python:3.11 --tag/t=app@sha256:{'0' * 64} --tag/t=A "
    "--file/f=/etc/shadow --file/f=../outside/Dockerfile --file/f=link-out/Dockerfile "
    "--build-arg=HOME --build-arg=KUBECONFIG"
)
_NOT_OURS = (f"{EVIL}/app:1", "", f"{REG}-x/app:1", "harbor.example.com:444/library/app", "Debian")
_RUN = (
    "--volume/v=/:/h --mount=type=bind,src=/,dst=/h --volumes-from=x --tmpfs=/x --device=/dev/kmsg "
    "--device-cgroup-rule=a --gpus=all --privileged --cap-add=ALL --pid=host --ipc=host --uts=host "
    "--userns=host --cgroupns=host --cgroup-parent=/ --security-opt=seccomp=unconfined "
    "--sysctl=a=1 --runtime=x --network=host --network=bridge --net=host --publish/p=80:80 "
    "--publish-all/P --add-host=a:b --link=x --dns=1.1.1.1 --env-file=/etc/shadow --cidfile=/x "
    "--label-file=/etc/shadow --env/e=HOME --detach/d --restart=always --user/u=0 --memory/m=9g "
    "--cpus=9 --pids-limit=-1 --pull=always --oom-kill-disable --ulimit=core=-1 --log-driver=gelf "
    "--hostname/h=x --group-add=docker --use-api-socket --init --annotation=a=b --storage-opt=a=b"
)
DOCKER = [
    _docker(
        command,
        f"--tag/t={REG}/app:1 --tag/t=app:2 --quiet/q --no-cache --build-arg=A=b --label=a=b "
        "--target=x --platform=linux/amd64 --pull --network=none",
        ".",
        refused=_BUILD,
        instead=(
            *("/", "..", "link-out", "../outside", "missing", "https://example.com/x.tar", ". ."),
            *("", "git@github.com:o/r", "github.com/o/r"),
        ),
    )
    for command in ("build", "image build", "buildx build", "builder build")
] + [
    _docker("build", "--file/f=sub/Dockerfile --rm --force-rm --progress=plain --load", "sub"),
    _docker("build", "--tag/t=app:3 --file/f=-", ".", stdin=b"FROM scratch"),
    _docker("build", "--tag/t=app:3", "-", refused="--file/f=Dockerfile", stdin=b"FROM scratch"),
    _docker("push", "--quiet/q", f"{REG}/app:1", refused="--all-tags/a", instead=_NOT_OURS),
    _docker("image push", "--quiet/q", f"{REG}/app:1", refused="--all-tags/a", instead=_NOT_OURS),
    _docker("pull", "--quiet/q", f"{REG}/app:1", refused="--all-tags/a", instead=_NOT_OURS),
    _docker(
        "tag", "", f"app:1 {REG}/app:2",
        instead=(
            *(f"app:1 {EVIL}/app:1", f"{EVIL}/secret:1 {REG}/app:2", "app:1 python:3.11", "app:1"),
            *("fedcba987654 app:3", "app:1 app:2 app:3"),
        ),
    ),
    _docker("images", "--all/a --quiet/q --filter/f=dangling=true --no-trunc --digests", "app"),
    _docker("image ls", "--all/a --quiet/q --format=x", "app"),
    _docker(
        "inspect", "--format/f=x --type=image", "app:1",
        refused="--type=container --type= --type=volume --size/s",
        instead=(f"{REG}-x/app", "fedcba987654", "app:1 fedcba987654"),
    ),
    _docker("history", "--human/H --quiet/q --no-trunc", "app:1", instead=("fedcba987654", "")),
    _docker("version", "--format/f=x", ""),
    *(
        _docker(
            command,
            "--rm --interactive/i --tty/t --env/e=A=b --workdir/w=/x --name=x --network=none "
            "--entrypoint=sh",
            "app:1 sh -c id",
            refused=_RUN,
            instead=("", "app:2 sh", "debian:12 sh", f"{EVIL}/app:1 sh", "python:3.11 sh"),
            interspersed=False,
        )
        for command in ("run", "container run")
    ),
]  # fmt: skip

# docker takes these only before the command.
DOCKER_GLOBAL = options(
    "--host/H=tcp://e:1 --config=/x --context/c=x --tls --tlscacert=/x --tlscert=/x --tlskey=/x "
    "--tlsverify --debug/D --log-level/l=debug"
)

_REDIRECT = options(
    "--kubeconfig=/x --token=x --as=admin --as-group=system:masters --as-uid=0 --as-user-extra=a=b "
    "--context=x --cluster=x --user=x --username=x --password=x --server/s=https://e "
    "--insecure-skip-tls-verify --certificate-authority=/x --client-certificate=/x --client-key=/x "
    "--tls-server-name=x --cache-dir=/x --kuberc=/x --profile=cpu --profile-output=/x --v/v=9 "
    "--log-dir=/x --log-file=/x --vmodule=a=9 --log-flush-frequency=1s --disable-compression "
    "--namespace/n=kube-system --namespace/n= --all-namespaces/A"
)
_MANY = (
    "--filename/f=sub/deploy.yaml --kustomize/k=. --recursive/R --all --selector/l=a=b --local "
    "--output/o=yaml --dry-run --dry-run==yes --template=x"
)
_SECRETS = (
    *("secrets", "secret", "secret/x", "Secret", "secrets.", "secrets.v1.", "pods,secrets"),
    *("deploy/app secret/x", "secret x", "sa", "nodes", "ns", "ns kube-system", "roles", ""),
    *("namespace/kube-system", "/secrets", "pods/x/log", "pods,,svc", "deploy/app svc"),
)
_OTHER_KINDS = ("sts/app", "deploy", "deploy/app sts/x", "secret/x", "deploy/", "deploy/*", "")


def _kubectl(
    command: str,
    flags: str,
    arguments: str,
    *,
    refused: str = "",
    instead: Sequence[str] = (),
    stdin: bytes = b"",
) -> Command:
    namespace = Option("namespace", "production", "n")
    line = Line(command, tuple(arguments.split()), tuple(options(flags)), (namespace,))
    words = [tuple(text.split()) for text in instead]
    return Command("kubectl", line, options(refused), _REDIRECT, words, stdin)


_IMAGE = f"app={REG}/app:1"
_FILES = (
    "--prune --force --kustomize/k=. --recursive/R --filename/f=/etc/shadow --filename/f=link.yaml "
    "--filename/f=https://example.com/x.yaml --filename/f=deploy.yaml,../outside/deploy.yaml "
    "--filename/f= --filename/f=missing.yaml --force-conflicts --selector/l=a --overwrite --raw=/x "
    "--edit --dry-run --dry-run==maybe"
)
_OUTPUTS = (
    "--output/o=jsonpath-file=/x --output/o=go-template-file=/x --output/o=custom-columns-file=/x "
    "--output/o=templatefile=/x --template=x"
)
KUBECTL = [
    _kubectl(
        "get", "--output/o=json --selector/l=a=b --no-headers --label-columns/L=a --show-labels",
        "pods",
        refused=f"--filename/f=x --kustomize/k=x --recursive/R --raw=/api --watch/w --watch-only "
        f"{_OUTPUTS}",
        instead=_SECRETS,
    ),
    _kubectl(
        "describe", "--selector/l=a=b --show-events", "deploy/app",
        refused="--filename/f=x --kustomize/k=x", instead=_SECRETS,
    ),
    _kubectl(
        "logs", "--tail=9 --previous/p --container/c=app --timestamps", "app-1",
        refused="--follow/f --insecure-skip-tls-verify-backend",
        instead=("secret/x", "a/b/c", "app-1 A", "Secret/x"),
    ),
    _kubectl("events", "--types=Warning", "", refused="--watch/w", instead=("x",)),
    _kubectl(
        "wait", "--for=condition=available --timeout=9s --all", "deploy/app",
        refused="--filename/f=x --output/o=jsonpath-file=/x", instead=("secret/x", "ns/x"),
    ),
    _kubectl("version", "--client --output/o=json", "", instead=("x",)),
    _kubectl("explain", "--recursive", "deployment.spec"),
    _kubectl("auth can-i", "--quiet/q --subresource=x", "patch deployments"),
    _kubectl("config current-context", "", "", instead=("x",)),
    _kubectl(
        "set image", "--record --field-manager=x", f"deploy/app {_IMAGE}", refused=_MANY,
        instead=(
            *(f"{word} {_IMAGE}" for word in _OTHER_KINDS),
            *(f"deploy/app app={image}" for image in (*_NOT_OURS, f"{REG}/app:1=x", "app:1")),
            *("deploy/app", f"deploy/app {_IMAGE} b={EVIL}/b", f"deploy/app =x {_IMAGE}"),
        ),
    ),
    _kubectl(
        "scale", "--replicas=2 --current-replicas=1", "deploy/app",
        refused=f"{_MANY} --replicas=3 --replicas=-1", instead=_OTHER_KINDS,
    ),
    *(
        _kubectl(f"rollout {verb}", "--field-manager=x", "deploy/app", refused=_MANY,
                 instead=_OTHER_KINDS)
        for verb in ("undo", "restart", "pause", "resume")
    ),
    _kubectl("rollout status", "--timeout=9s --watch/w", "deploy/app",
             refused="--filename/f=x --selector/l=a --all", instead=_SECRETS),
    _kubectl("rollout history", "--revision=1", "deploy/app", refused="--filename/f=x",
             instead=_SECRETS),
    _kubectl("apply", "--filename/f=deploy.yaml --server-side", "", refused=_FILES, instead=("x",)),
    _kubectl("diff", "--filename/f=deploy.yaml --server-side", "", refused=_FILES),
    _kubectl("apply", "--filename/f=deploy.yaml --dry-run==client --output/o=yaml", "",
             refused="--dry-run --output/o=go-template-file=/etc/shadow"),
    _kubectl("apply", "--filename/f=-", "", refused=_FILES, stdin=DEPLOYMENT.encode()),
    _kubectl("create", "--filename/f=deploy.yaml", "", refused=f"{_FILES} --image={REG}/a"),
    _kubectl(
        "create", f"--image={REG}/a,{REG}/b --replicas/r=2 --port=80", "deployment app",
        refused=f"--image={EVIL}/a --image={REG}/a,{EVIL}/b --filename/f=deploy.yaml --edit",
        instead=("secret app", "deployment", "token default", "deployment app x", "deployment -x"),
    ),
    _kubectl(
        "patch", '--patch/p={"spec":{"replicas":2}} --type=merge', "deploy app",
        refused=f"{_MANY} --patch/p={{}} --patch-file=patch.json --type=json --subresource=status "
        "--patch-file=/etc/shadow",
        instead=_OTHER_KINDS,
    ),
    _kubectl("patch", "--patch-file=patch.json", "deploy app",
             refused="--patch-file=/etc/shadow --patch/p={}"),
]  # fmt: skip
COMMANDS = [*DOCKER, *KUBECTL]

# What no flag and no other spelling makes harmless.
FORBIDDEN: Mapping[Tool, Sequence[str]] = {
    "docker": (
        *(
            "ps",
            "exec x sh",
            "logs x",
            "rmi x",
            "cp x:/a b",
            "commit x",
            "save x",
            "load",
            "import",
        ),
        *(
            "export x",
            "attach x",
            "start x",
            "create x",
            "kill x",
            "rm x",
            "container ls",
            "volume ls",
        ),
        *("system prune", "network ls", "swarm init", "service ls", "secret ls", "config ls"),
        *("plugin install x", "context use x", "compose up", "buildx bake", "buildx create"),
        *(
            "image rm x",
            "image save x",
            "image load",
            "image import x",
            "image prune",
            "builder prune",
        ),
        *(
            "manifest push x",
            "trust sign x",
            "search x",
            "events",
            "info",
            "stats",
            "top x",
            "wait x",
        ),
    ),
    "kubectl": (
        *("delete pod x", "exec app-1 -- id", "cp x:/a b", "run x --image=y", "edit deploy/app"),
        *(
            "proxy",
            "port-forward x 1",
            "attach x",
            "debug x",
            "config view",
            "config use-context x",
        ),
        *("replace -f x", "label pod x a=b", "annotate pod x a=b", "taint node x", "drain x"),
        *(
            "cordon x",
            "set env deploy/app A=b",
            "set serviceaccount deploy/app x",
            "set",
            "rollout",
        ),
        *("set resources deploy/app", "set selector svc/x a=b", "set subject rolebinding x"),
        *("certificate approve x", "auth reconcile -f x", "auth whoami", "expose deploy x"),
        *("autoscale x", "kustomize .", "plugin list", "top pods", "cluster-info dump"),
        *("create secret generic x", "create token default", "create rolebinding x"),
        *("create configmap x", "create job x --image=y", "apply view-last-applied deploy/app"),
        *("apply set-last-applied -f x", "apply edit-last-applied x", "config set-context x"),
    ),
}
