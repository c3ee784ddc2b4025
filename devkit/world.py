"""The whole world on one machine: engine, registry, cluster, a sample Deployment, a model.

With KUBECONFIG_E2E it is in that cluster, and with REGISTRY its images are in that registry.
"""

import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from devkit import engine, foreign, images, model, registry, tls, vllm
from devkit.cluster import write_kubeconfig
from devkit.cluster.kubectl import ensure_kubectl
from devkit.shell import (
    CACHE,
    ROOT,
    STATE,
    DevkitError,
    call,
    detached_pid,
    say,
    start_detached,
    step,
    stop_detached,
    works,
)

NAMESPACE = "production"
DEPLOYMENT = "myapp"
FIRST_VERSION = "1.0.0"
ENV_FILE = STATE / "world.env"

_PORT = 6443
_NAME = "cluster"
_START_S = 60.0
_SAMPLE = ROOT / "devkit" / "sample"
_MANIFEST = """\
apiVersion: v1
kind: Namespace
metadata: {{name: {namespace}, labels: {{{label}: {label_value}}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {namespace}, labels: {{app: {name}}}}}
spec:
  replicas: 2
  progressDeadlineSeconds: 60
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
      - name: app
        image: {image}
        ports: [{{containerPort: 8080}}]
        readinessProbe:
          httpGet: {{path: /, port: 8080}}
          periodSeconds: 1
"""


def _rule(groups: list[str], resources: list[str], verbs: list[str]) -> dict[str, Any]:
    return {"namespaces": [NAMESPACE], "groups": groups, "resources": resources, "verbs": verbs}


# What a careful platform team gives a deployment pipeline: no Secrets, no exec, no delete.
_READ = ["get", "list", "watch"]
_DEPLOYER_RULES = [
    _rule(["apps"], ["deployments", "replicasets"], _READ),
    _rule(["apps"], ["deployments", "deployments/scale"], ["create", "patch", "update", "get"]),
    _rule([""], ["pods", "pods/log", "services", "configmaps", "events", "namespaces"], _READ),
    _rule([""], ["services", "configmaps"], ["create", "patch", "update"]),
]
_ADMIN_RULES = [{"namespaces": ["*"], "groups": ["*"], "resources": ["*"], "verbs": ["*"]}]


def up(*, with_model: bool = True) -> dict[str, str]:
    """Bring everything up that is not there yet; return what `world.env` says.

    Args:
        with_model: also have the vLLM image and the model.

    Raises:
        DevkitError: something cannot be had or does not start, or a world with another cluster is
            up.
    """
    STATE.mkdir(parents=True, exist_ok=True)
    engine.up()
    images.up()
    given = os.environ.get(foreign.VARIABLE, "")
    values = read() if _running() else {}
    if values and values.get(foreign.VARIABLE, "") != given:
        raise DevkitError(
            f"a world is up in {values.get(foreign.VARIABLE) or 'a cluster of the devkit'}:"
            " `make world-down` ends it"
        )
    if not values:
        values = _start(given)
    if with_model:
        values["VLLM_IMAGE"], values["MODEL_PATH"] = _model()
    _write(values)
    return values


def _model() -> tuple[str, str]:
    """The vLLM image and the model's folder; the download goes on beside the image's build."""
    if model.DEMO.folder.is_dir():
        return vllm.up(), str(model.DEMO.folder)
    with ThreadPoolExecutor(1) as beside:
        download = beside.submit(model.fetch)
        image = vllm.up()
        download.result()
    return image, str(model.up(image))


def _running() -> bool:
    values = read()
    if foreign.VARIABLE not in values:
        return bool(values) and detached_pid(_NAME) is not None and registry.running()
    has_registry = registry.running() or os.environ.get("REGISTRY") == values["REGISTRY"]
    return has_registry and foreign.running(NAMESPACE, DEPLOYMENT)


def _start(given: str) -> dict[str, str]:
    """Start everything; with `given`, a path, in the cluster of that kubeconfig."""
    address = engine.gateway()
    kubectl = ensure_kubectl(CACHE / "bin")
    kubeconfigs = STATE / "kubeconfig-admin", STATE / "kubeconfig"
    if given:
        kubeconfigs = foreign.connect(Path(given), NAMESPACE)
    store = foreign.registry() if given else None
    store = store or registry.up(address)
    first = f"{store.host}/library/{DEPLOYMENT}:{FIRST_VERSION}"
    with step(f"building and pushing {first}"):
        images.build(first, _SAMPLE, "--label", "oi-deploy.devkit=sample")
        config = STATE / "docker"
        call(
            "docker", "--config", config, "login", "--username", store.username,
            "--password-stdin", store.host, stdin=store.password.encode(),
        )  # fmt: skip
        call("docker", "--config", config, "push", first)
    if given:
        foreign.prepare(kubeconfigs[0], NAMESPACE, store)
    else:
        _start_cluster(address, kubeconfigs)
    with step(f"rolling out {first}"):
        as_admin = {"KUBECONFIG": str(kubeconfigs[0])}
        label, value = foreign.LABEL
        manifest = _MANIFEST.format(
            name=DEPLOYMENT, namespace=NAMESPACE, image=first, label=label, label_value=value
        )
        call(kubectl, "apply", "-f", "-", env=as_admin, stdin=manifest.encode())
        call(
            kubectl, "-n", NAMESPACE, "rollout", "status", f"deployment/{DEPLOYMENT}",
            "--timeout=120s", env=as_admin,
        )  # fmt: skip
    return {
        "REGISTRY": store.host,
        "REGISTRY_USERNAME": store.username,
        "REGISTRY_PASSWORD": store.password,
        "REGISTRY_CA": str(store.ca),
        "KUBECONFIG": str(kubeconfigs[1]),
        "KUBECONFIG_ADMIN": str(kubeconfigs[0]),
        "KUBECTL": str(kubectl),
        "NAMESPACE": NAMESPACE,
        "DEPLOYMENT": DEPLOYMENT,
        **({foreign.VARIABLE: given} if given else {}),
    }


def fresh_cluster(values: Mapping[str, str]) -> None:
    """Put an empty cluster in the place of the devkit's; address and files stay, tokens are new.

    Args:
        values: what `up` returned.

    Raises:
        DevkitError: the world is in another cluster, which is not ours to empty, or the new one
            does not start.
    """
    if given := values.get(foreign.VARIABLE):
        raise DevkitError(f"the cluster of {given} is not the devkit's, and stays as it is")
    _start_cluster(engine.gateway(), (Path(values["KUBECONFIG_ADMIN"]), Path(values["KUBECONFIG"])))


def _start_cluster(address: str, kubeconfigs: tuple[Path, Path]) -> None:
    """Start the cluster; write the kubeconfigs of its administrator and its deployer."""
    server = f"https://{address}:{_PORT}"
    with step(f"starting the cluster on {server}"):
        stop_detached(_NAME)
        admin, deployer = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        _start_program(address, admin, deployer)
        ca = (STATE / "ca" / "ca.crt").read_bytes()
        for path, token in zip(kubeconfigs, (admin, deployer), strict=True):
            write_kubeconfig(path, server=server, ca=ca, token=token, namespace=NAMESPACE)
        _wait(kubeconfigs[0])


def _start_program(address: str, admin: str, deployer: str) -> None:
    certificate, key = tls.issue(STATE / "ca", "cluster", [address])
    tokens = STATE / "tokens.json"
    tokens.touch(mode=0o600)
    users = [
        {"token": admin, "user": "admin", "rules": _ADMIN_RULES},
        {"token": deployer, "user": "deployer", "rules": _DEPLOYER_RULES},
    ]
    tokens.write_text(json.dumps({"tokens": users}), encoding="utf-8")
    start_detached(
        [
            sys.executable, "-m", "devkit.cluster",
            "--listen", f"{address}:{_PORT}", "--state", STATE / "cluster",
            "--tls-cert", certificate, "--tls-key", key, "--tokens", tokens,
            "--docker-config", STATE / "docker" / "config.json",
        ],
        name=_NAME,
    )  # fmt: skip


def _wait(kubeconfig: Path) -> None:
    kubectl = ensure_kubectl(CACHE / "bin")
    limit = time.monotonic() + _START_S
    while not works(kubectl, "--kubeconfig", kubeconfig, "get", "namespaces"):
        if detached_pid(_NAME) is None or time.monotonic() > limit:
            log = (STATE / "log" / f"{_NAME}.log").read_text(encoding="utf-8")
            raise DevkitError(f"the cluster does not start:\n{log[-2000:]}")
        time.sleep(0.3)


def read() -> dict[str, str]:
    """What `world.env` says; empty without a world."""
    if not ENV_FILE.exists():
        return {}
    lines = ENV_FILE.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _write(values: dict[str, str]) -> None:
    ENV_FILE.touch(mode=0o600)
    text = "".join(f"{name}={value}\n" for name, value in values.items())
    ENV_FILE.write_text(text, encoding="utf-8")


def down() -> None:
    """Stop what `up` started; images and caches stay, so that the next start is quick."""
    stop()
    engine.down()


def stop() -> None:
    """Stop cluster and registry; an engine that was started for them goes on.

    Raises:
        DevkitError: the world cannot be removed from a cluster that is not the devkit's.
    """
    if stop_detached(_NAME):
        say("stopped the cluster and its pods")
    if works("docker", "info"):
        registry.down()
        say("stopped the registry")
    foreign.down(NAMESPACE)
    ENV_FILE.unlink(missing_ok=True)


def status() -> str:
    """One line for each part."""
    parts = {
        "engine": works("docker", "info"),
        "registry": registry.running(),
        "cluster": detached_pid(_NAME) is not None or foreign.running(NAMESPACE, DEPLOYMENT),
        "vllm image": images.present(vllm.IMAGE),
    }
    return "\n".join(f"{name:<12}{'up' if yes else 'down'}" for name, yes in parts.items())


def make_repository(
    folder: Path, version: str, *, with_dockerfile: bool = True, owner: tuple[int, int] | None
) -> str:
    """Make a git repository of the sample application with a new version in it.

    Args:
        folder: where; it must not exist or be empty.
        version: what the program will say.
        with_dockerfile: without it, whoever builds the image has to write one.
        owner: uid and gid that everything gets; None for the caller's.

    Returns:
        The commit's abbreviated hash.
    """
    names = ["app.py", "README.md", *(["Dockerfile"] if with_dockerfile else [])]
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copy(_SAMPLE / name, folder / name)
    (folder / "VERSION").write_text(f"{version}\n", encoding="utf-8")
    git: list[str | Path] = [
        "git",
        "-c",
        "user.name=devkit",
        "-c",
        "user.email=devkit@example.com",
        "-c",
        "commit.gpgsign=false",
        "-C",
        folder,
    ]
    call("git", "init", "--quiet", "--initial-branch=main", folder)
    call(*git, "add", ".")
    call(*git, "commit", "--quiet", "--message", f"Release {version}")
    commit = call(*git, "rev-parse", "--short", "HEAD").strip()
    if owner:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, *owner, follow_symlinks=False)
    return commit
