"""A kubeconfig's content becomes an API client, or one error that says why it cannot."""

import logging
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import urllib3
import yaml
from kubernetes.client import ApiClient, Configuration
from kubernetes.config import ConfigException, load_kube_config_from_dict

from oi_deploy.errors import RunError

_FLATTEN = "Write it with `kubectl config view --raw --minify --flatten`."
_FILES = {
    "certificate-authority": "certificate-authority-data",
    "client-certificate": "client-certificate-data",
    "client-key": "client-key-data",
    # kubectl reads this file even if there is a `token` beside it.
    "tokenFile": "",
}


def client(content: str, context: str) -> tuple[ApiClient, tempfile.TemporaryDirectory[str]]:
    """Make an API client for a context (the current one if empty).

    The client library wants certificates and keys as files; they lie in the returned folder, which
    only its owner can read and which has to live as long as the client.

    Raises:
        RunError: the kubeconfig, or the context, cannot be used here.
    """
    document = _document(content)
    user, cluster = _context(document, context)
    _refuse_plugins(user)
    _refuse_files(user | cluster)
    configuration = Configuration()
    configuration.retries = False
    folder = tempfile.TemporaryDirectory(prefix="oi-deploy-kube-")
    load: Callable[..., None] = load_kube_config_from_dict
    try:
        load(
            document,
            context=context or None,
            client_configuration=configuration,
            persist_config=False,
            temp_file_path=folder.name,
        )
    except (ConfigException, ValueError, TypeError) as error:
        folder.cleanup()
        raise RunError("`kubeconfig` cannot be used", why=str(error), remedy=_FLATTEN) from error
    if not configuration.verify_ssl:
        # The kubeconfig says insecure-skip-tls-verify; a warning at each request helps nobody.
        warnings.filterwarnings("ignore", category=urllib3.exceptions.InsecureRequestWarning)
    # The client logs retries and whole responses through these at warning and debug level.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    return ApiClient(configuration), folder


def _document(content: str) -> dict[str, Any]:
    try:
        document = yaml.safe_load(content)
    except yaml.YAMLError as error:
        # The parser's message quotes the line, which may hold a token.
        where = getattr(error, "problem_mark", None)
        line = f" (line {where.line + 1})" if where else ""
        raise RunError("`kubeconfig` is not YAML" + line, remedy=_FLATTEN) from None
    if not isinstance(document, dict) or not document.get("clusters"):
        raise RunError("`kubeconfig` is not a kubeconfig", why="it has no clusters")
    return document


def _context(document: dict[str, Any], context: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The context's user and cluster."""
    contexts = _named(document, "contexts", "context")
    name = context or document.get("current-context") or ""
    if name not in contexts:
        known = ", ".join(f"`{item}`" for item in contexts) or "none"
        if not name:
            raise RunError(
                "`kubeconfig` has no current context",
                why=f"it has these contexts: {known}",
                remedy="Say which one: `kube-context: NAME`.",
            )
        raise RunError(
            f"`kubeconfig` has no context `{name}`", why=f"it has {known}", remedy=_context_line()
        )
    chosen = contexts[name]
    clusters = _named(document, "clusters", "cluster")
    if chosen.get("cluster") not in clusters:
        raise RunError(
            f"`kubeconfig` is not complete: context `{name}` names a cluster that is not in it",
            remedy=_FLATTEN,
        )
    users = _named(document, "users", "user")
    return users.get(str(chosen.get("user")), {}), clusters[str(chosen["cluster"])]


def _context_line() -> str:
    return "Correct `kube-context`, or leave it out to use the kubeconfig's current context."


def _named(document: dict[str, Any], plural: str, key: str) -> dict[str, dict[str, Any]]:
    entries = document.get(plural) or ()
    return {
        str(entry.get("name")): entry.get(key) or {}
        for entry in entries
        if isinstance(entry, Mapping)
    }


def _refuse_plugins(user: dict[str, Any]) -> None:
    plugin = user.get("exec") or user.get("auth-provider")
    if not plugin:
        return
    name = plugin.get("command") or plugin.get("name") or "a plugin"
    raise RunError(
        f"`kubeconfig` gets its login from `{name}`",
        why="that program is not in the action's image",
        remedy="Use the token of a service account: `kubectl create token NAME --duration=1h` "
        "prints one.",
    )


def _refuse_files(parts: dict[str, Any]) -> None:
    for key, inline in _FILES.items():
        path = parts.get(key)
        if path and not parts.get(inline) and not _is_here(str(path)):
            raise RunError(
                f"`kubeconfig` names the file {path} (`{key}`)",
                why="that file does not exist in the action's container",
                remedy=_FLATTEN,
            )


def _is_here(path: str) -> bool:
    return Path(path).is_absolute() and Path(path).is_file()
