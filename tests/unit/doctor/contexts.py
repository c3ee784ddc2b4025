"""Contexts for checks: inputs as a workflow gives them, and the world around them written down."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

from oi_deploy.doctor import Context
from oi_deploy.doctor.context import Docker, Once
from oi_deploy.errors import RunError
from oi_deploy.inputs import parse
from oi_deploy.loaded import load
from oi_deploy.verify.registry import NotWritableError
from oi_deploy.verify.state import DeploymentState

REGISTRY = "harbor.example.com/library"
KUBECONFIG = (
    "clusters: [{name: c, cluster: {server: https://10.0.0.1}}]\n"
    "contexts: [{name: x, context: {cluster: c, namespace: production}}]\ncurrent-context: x\n"
)


@dataclass
class Registry:
    """Takes pushes to `writable`; remembers what it was asked."""

    writable: Sequence[str] = ()
    host: str = "harbor.example.com"
    asked: list[str] = field(default_factory=list)

    def require_push(self, repository: str) -> None:
        self.asked.append(repository)
        if repository not in self.writable:
            raise NotWritableError(f"no push to {repository}", why="it answered 403", remedy="ask")


@dataclass
class Cluster:
    """Allows what is in `allowed`, written as `patch deployments/web`."""

    allowed: Sequence[str] = ()
    namespace: str = "production"

    def may(self, verb: str, group: str, resource: str, name: str = "") -> bool:
        return f"{verb} {resource}" + (f"/{name}" if name else "") in self.allowed


def fails(what: str = "it is not there") -> NoReturn:
    raise RunError(what, remedy="put it there")


def context(
    workspace: Path,
    *,
    env: dict[str, str] | None = None,
    registry: Registry | Callable[[], Any] | None = None,
    cluster: Cluster | Callable[[], Any] | None = None,
    deployments: Sequence[DeploymentState] | Callable[[], Any] = (),
    info: dict[str, Any] | None = None,
    image: Any = None,
    given: Mapping[str, str] | None = None,
    **inputs: str,
) -> Context:
    """A context; a function in a place is called by the check that needs what is there.

    Inputs come as keywords, or in `given`.
    """
    more = {**inputs, **(given or {})}
    all_inputs = {
        "mode": "doctor",
        "registry": REGISTRY,
        "kubeconfig": KUBECONFIG,
        "api-base": "http://m/v1",
    } | {name.replace("_", "-"): value for name, value in more.items()}
    variables = {f"INPUT_{name.upper()}": value for name, value in all_inputs.items()}
    variables |= env or {}

    def once(value: Any) -> Once[Any]:
        return Once(value if callable(value) else lambda: value)

    engine = Docker(SimpleNamespace(), "28.0", info or {})  # type: ignore[arg-type]
    real = Context.of(load(parse(variables), workspace), variables, workspace, ExitStack())
    return replace(
        real,
        registry=once(registry),
        cluster=once(cluster),
        deployments=once(deployments if callable(deployments) else tuple(deployments)),
        engine=once(engine if info is not None else fails),
        image=once(image),
    )
