"""A cluster that is not the devkit's: the world in the one that KUBECONFIG_E2E names.

The world gets a namespace of its own in it, with a label that says so; whatever has that name and
not the label is somebody's, and stays as it is.
"""

import base64
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from devkit.cluster import write_kubeconfig
from devkit.cluster.kubectl import ensure_kubectl
from devkit.registry import Registry
from devkit.shell import CACHE, STATE, DevkitError, call, say, step, works

VARIABLE = "KUBECONFIG_E2E"
DEPLOYER = "KUBECONFIG_E2E_DEPLOYER"
LABEL = ("oi-deploy.devkit", "world")

_FOLDER = STATE / "foreign"
_LOGIN = "oi-deploy-devkit"  # the pull secret's name
_NAMESPACE_END = "--timeout=180s"


@dataclass(frozen=True)
class Access:
    """How a cluster is reached: its URL, its CA's certificate (PEM) and a bearer token."""

    server: str
    ca: bytes
    token: str


def access(kubeconfig: Path) -> Access:
    """What a kubeconfig's current context says.

    Raises:
        DevkitError: it says it in a way that the tests' proxies cannot pass on, or not at all.
    """
    try:
        document = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        context = _named(document, "context", document["current-context"])
        cluster = _named(document, "cluster", context["cluster"])
        user = _named(document, "user", context["user"])
        ca = _content(kubeconfig, cluster, "certificate-authority")
        token = user.get("token", "").encode() or _content(kubeconfig, user, "tokenFile")
        server = str(cluster["server"])
    except (OSError, ValueError, TypeError, KeyError, StopIteration, yaml.YAMLError) as error:
        why = f"{type(error).__name__}: {error}"
        raise DevkitError(f"{kubeconfig} cannot be used as a kubeconfig: {why}") from error
    if not token:
        raise DevkitError(
            f"{kubeconfig}: the current context's user has no bearer token. The tests put proxies"
            " before the cluster that end TLS, which a client certificate does not survive. Make a"
            " token for an administrator's service account (`kubectl create token NAME`) and put"
            " it there as `token`"
        )
    if not ca:
        raise DevkitError(
            f"{kubeconfig}: the current context's cluster has no certificate-authority-data. The"
            " tests' proxies check the cluster's certificate; put its CA there"
        )
    return Access(server, ca, token.decode().strip())


def _named(document: Any, kind: str, name: str) -> Any:
    return next(item[kind] for item in document[f"{kind}s"] if item["name"] == name)


def _content(kubeconfig: Path, entry: Any, key: str) -> bytes:
    """What an entry holds itself (`KEY-data`, in base64) or in a file beside the kubeconfig."""
    if entry.get(f"{key}-data"):
        return base64.b64decode(entry[f"{key}-data"])
    return (kubeconfig.parent / entry[key]).read_bytes() if entry.get(key) else b""


def registry() -> Registry | None:
    """The registry that REGISTRY names, which the cluster's nodes reach; None without it.

    Raises:
        DevkitError: its login or its CA is not given.
    """
    if not os.environ.get("REGISTRY"):
        return None
    names = ("REGISTRY_USERNAME", "REGISTRY_PASSWORD", "REGISTRY_CA")
    if missing := [name for name in names if not os.environ.get(name)]:
        raise DevkitError(f"REGISTRY is given, and {', '.join(missing)} is not")
    username, password, ca = (os.environ[name] for name in names)
    return Registry(os.environ["REGISTRY"], username, password, Path(ca))


def connect(kubeconfig: Path, namespace: str) -> tuple[Path, Path]:
    """Take the place for the world: write its kubeconfigs, remove what an earlier one has left.

    Returns:
        The kubeconfigs of administrator and deployer, each with one context.

    Raises:
        DevkitError: a kubeconfig cannot be used, or the namespace is somebody's.
    """
    both = kubeconfig, Path(os.environ.get(DEPLOYER) or kubeconfig)
    found = [access(path) for path in both]
    written = _FOLDER / "kubeconfig-admin", _FOLDER / "kubeconfig"
    _FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path, one in zip(written, found, strict=True):
        write_kubeconfig(path, server=one.server, ca=one.ca, token=one.token, namespace=namespace)
    try:
        remove(written[0], namespace)
    except DevkitError:
        shutil.rmtree(_FOLDER)
        raise
    return written


def prepare(kubeconfig: Path, namespace: str, store: Registry) -> None:
    """Make the namespace; pods of its default service account may pull from the registry.

    Raises:
        DevkitError: the cluster refuses.
    """
    manifest = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": namespace, "labels": dict([LABEL])},
    }
    _kubectl(kubeconfig, "apply", "-f", "-", stdin=json.dumps(manifest).encode())
    within = ("-n", namespace)
    login = base64.b64encode(f"{store.username}:{store.password}".encode()).decode()
    config = json.dumps({"auths": {store.host: {"auth": login}}}).encode()
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/dockerconfigjson",
        "metadata": {"name": _LOGIN, "namespace": namespace},
        "data": {".dockerconfigjson": base64.b64encode(config).decode()},
    }
    _kubectl(kubeconfig, "create", "-f", "-", stdin=json.dumps(secret).encode())
    # A controller makes the account a moment after the namespace.
    _kubectl(kubeconfig, *within, "wait", "--for=create", "serviceaccount/default")
    patch = json.dumps({"imagePullSecrets": [{"name": _LOGIN}]})
    _kubectl(kubeconfig, *within, "patch", "serviceaccount", "default", "-p", patch)


def remove(kubeconfig: Path, namespace: str) -> None:
    """Remove the namespace with all that is in it, and wait until it is gone.

    Raises:
        DevkitError: it is somebody's, or the cluster does not let go of it or does not answer.
    """
    text = _kubectl(kubeconfig, "get", "namespace", namespace, "--ignore-not-found", "-o", "json")
    if not text.strip():
        return
    key, value = LABEL
    if (json.loads(text)["metadata"].get("labels") or {}).get(key) != value:
        raise DevkitError(
            f"the cluster of {VARIABLE} has a namespace {namespace} without the label {key}={value}"
            ": it is not ours, and stays as it is. The tests need a cluster without it"
        )
    with step(f"removing namespace {namespace}"):
        _kubectl(kubeconfig, "delete", "namespace", namespace, "--ignore-not-found", _NAMESPACE_END)


def running(namespace: str, deployment: str) -> bool:
    """Whether a world is in the cluster that was connected last, with its Deployment complete."""
    config = _FOLDER / "kubeconfig-admin"
    words = ("rollout", "status", f"deployment/{deployment}", "--timeout=10s")
    return config.exists() and works(
        ensure_kubectl(CACHE / "bin"), "--kubeconfig", config, "-n", namespace, *words
    )


def down(namespace: str) -> None:
    """Remove the world from the cluster that was connected last, if there is one.

    Raises:
        DevkitError: as `remove`; the next call tries again.
    """
    config = _FOLDER / "kubeconfig-admin"
    if config.exists():
        remove(config, namespace)
        say(f"the cluster of {VARIABLE} is as it was")
    shutil.rmtree(_FOLDER, ignore_errors=True)


def _kubectl(kubeconfig: Path, *words: str, stdin: bytes | None = None) -> str:
    return call(ensure_kubectl(CACHE / "bin"), "--kubeconfig", kubeconfig, *words, stdin=stdin)
