"""The whole world on one machine: engine, registry, cluster, a sample Deployment, a model."""

import base64
import json
import os
import secrets
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from devkit import engine, images, model, registry, tls, vllm
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
metadata: {{name: {namespace}}}
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
        DevkitError: something cannot be had or does not start.
    """
    STATE.mkdir(parents=True, exist_ok=True)
    engine.up()
    images.up()
    values = read() if _running() else {}
    if not values:
        values = _start()
    if with_model:
        values["VLLM_IMAGE"], values["MODEL_PATH"] = _model()
    _write(values)
    return values


def _model() -> tuple[str, str]:
    """The vLLM image and the model's folder; the download goes on beside the image's build."""
    if model.FOLDER.is_dir():
        return vllm.up(), str(model.FOLDER)
    with ThreadPoolExecutor(1) as beside:
        download = beside.submit(model.fetch)
        image = vllm.up()
        download.result()
    return image, str(model.up(image))


def _running() -> bool:
    return ENV_FILE.exists() and detached_pid(_NAME) is not None and registry.running()


def _start() -> dict[str, str]:
    address = engine.gateway()
    store = registry.up(address)
    first = f"{store.host}/library/{DEPLOYMENT}:{FIRST_VERSION}"
    with step(f"building and pushing {first}"):
        images.build(first, _SAMPLE, "--label", "oi-deploy.devkit=sample")
        config = STATE / "docker"
        call(
            "docker", "--config", config, "login", "--username", store.username,
            "--password-stdin", store.host, stdin=store.password.encode(),
        )  # fmt: skip
        call("docker", "--config", config, "push", first)
    admin, deployer = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    server = f"https://{address}:{_PORT}"
    kubectl = ensure_kubectl(CACHE / "bin")
    with step(f"starting the cluster on {server}"):
        _start_cluster(address, admin, deployer)
        kubeconfigs = STATE / "kubeconfig-admin", STATE / "kubeconfig"
        for path, token in zip(kubeconfigs, (admin, deployer), strict=True):
            path.write_text(_kubeconfig(server, store.ca, token), encoding="utf-8")
            path.chmod(0o600)
        _wait(kubectl, kubeconfigs[0])
    with step(f"rolling out {first}"):
        as_admin = {"KUBECONFIG": str(kubeconfigs[0])}
        manifest = _MANIFEST.format(name=DEPLOYMENT, namespace=NAMESPACE, image=first)
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
    }


def _start_cluster(address: str, admin: str, deployer: str) -> None:
    stop_detached(_NAME)
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


def _wait(kubectl: Path, kubeconfig: Path) -> None:
    limit = time.monotonic() + _START_S
    while not works(kubectl, "--kubeconfig", kubeconfig, "get", "namespaces"):
        if detached_pid(_NAME) is None or time.monotonic() > limit:
            log = (STATE / "log" / f"{_NAME}.log").read_text(encoding="utf-8")
            raise DevkitError(f"the cluster does not start:\n{log[-2000:]}")
        time.sleep(0.3)


def _kubeconfig(server: str, ca: Path, token: str) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "devkit",
                    "cluster": {
                        "server": server,
                        "certificate-authority-data": base64.b64encode(ca.read_bytes()).decode(),
                    },
                }
            ],
            "users": [{"name": "devkit", "user": {"token": token}}],
            "contexts": [
                {
                    "name": "devkit",
                    "context": {"cluster": "devkit", "user": "devkit", "namespace": NAMESPACE},
                }
            ],
            "current-context": "devkit",
        }
    )


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
    """Stop cluster and registry; an engine that was started for them goes on."""
    if stop_detached(_NAME):
        say("stopped the cluster and its pods")
    if works("docker", "info"):
        registry.down()
        say("stopped the registry")
    ENV_FILE.unlink(missing_ok=True)


def status() -> str:
    """One line for each part."""
    parts = {
        "engine": works("docker", "info"),
        "registry": registry.running(),
        "cluster": detached_pid(_NAME) is not None,
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
