"""A small repository, registry and cluster, as facts see them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from oi_deploy.agent.facts import Facts, gather
from oi_deploy.agent.gathering import Sources
from oi_deploy.agent.situation import Ask
from oi_deploy.broker.document import read
from oi_deploy.broker.request import Policy
from oi_deploy.verify.state import ContainerState, DeploymentState

HOST = "r.example.com:5000"
REGISTRY = f"{HOST}/team"
PYTHON = "FROM python:3.11-slim\nWORKDIR /app\nCOPY app.py VERSION ./\nCMD exec python3 app.py\n"
FILES: Mapping[str, str] = {
    "Dockerfile": PYTHON,
    "README.md": "# Web\n",
    "VERSION": "2.4.1\n",
    "app.py": "print()\n",
}
COMMIT = "abc1234"


def deployment(name: str, *containers: str, replicas: int = 2) -> DeploymentState:
    """A Deployment that is rolled out; containers as `name=image under the registry`."""
    pairs = [item.split("=") for item in containers or (f"app={name}:1.0.0",)]
    states = tuple(
        ContainerState(key, image if "/" in image else f"{REGISTRY}/{image}")
        for key, image in pairs
    )
    return DeploymentState(
        "production",
        name,
        states,
        replicas,
        ready=replicas,
        updated=replicas,
        total=replicas,
        selector=f"app={name}",
    )


WEB = deployment("web", "proxy=docker.io/envoy:1", "app=web:1.0.0")
JOBS = deployment("jobs", "worker=jobs:7")


class Look:
    """Answers as programs in the workspace would."""

    def __init__(self, files: Mapping[str, str], git: Mapping[str, str]) -> None:
        self.files, self.git = files, git

    def __call__(self, *argv: str) -> str:
        if argv[0] == "/bin/sh" and argv[2].startswith("head "):
            texts = ((path, self.files[path]) for path in argv[4:] if path in self.files)
            return "\n".join(f"==> {path} <==\n{text}" for path, text in texts).strip()
        if argv[0] == "/bin/sh":
            asked = ("log", "branch", "--points-at", "--list", "ls-files", "describe", "rev-list")
            return "\n\036".join(self.git.get(name, "") for name in asked)
        names = argv[argv.index("--") + 1 :]
        return "\n".join(path for path in names if path in self.files)


def facts(
    prompt: str,
    *,
    expect: str = "deploy",
    files: Mapping[str, str] = FILES,
    hidden: Mapping[str, str] | None = None,
    deployments: Sequence[DeploymentState] = (WEB, JOBS),
    tags: Mapping[str, Sequence[str]] | None = None,
    revisions: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None,
    began: Mapping[str, int] | None = None,
    git: Mapping[str, str] | None = None,
    images: Sequence[str] = ("python:3.11-slim",),
    policy: str = "",
    date: str = "2026-03-09",
    failures: str = "",
    build: str = "",
    elsewhere: Mapping[str, Sequence[DeploymentState]] | None = None,
    absent: Sequence[str] = (),
    configuration: Mapping[str, Mapping[str, str]] | None = None,
) -> Facts:
    """The facts of a prompt; `{registry}` in it is the registry with its path."""
    answers = {
        "log": f"{COMMIT} {COMMIT}00000000000000000000000000000000",
        "ls-files": "\n".join(sorted(files)),
        "branch": "main",
    }
    known = {f"{REGISTRY}/{name}": list(found) for name, found in (tags or {}).items()}
    return gather(
        Ask(prompt.replace("{registry}", REGISTRY), expect, REGISTRY, "production", date=date),
        Sources(
            Look({**files, **(hidden or {})}, {**answers, **(git or {})}),
            lambda: deployments,
            lambda item: (revisions or {}).get(item.name, {}),
            lambda repository: known.get(repository, []),
            began or {},
            lambda: images,
            lambda: failures,
            lambda: build,
            lambda namespace: (elsewhere or {}).get(namespace, ()),
            lambda reference: reference not in absent,
            lambda name: (configuration or {}).get(name, {}),
        ),
        Policy.of(Path("/w"), REGISTRY, "production", read(policy) if policy else None),
    )


def short(lines: Sequence[str]) -> list[str]:
    """Command lines without the registry and the namespace."""
    return [
        line.replace(f"{REGISTRY}/", "").replace("kubectl -n production ", "") for line in lines
    ]
