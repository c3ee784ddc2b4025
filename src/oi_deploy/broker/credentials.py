"""The credentials of one run: held by the broker, on disk only in a directory of root's."""

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from oi_deploy.errors import RunError


@dataclass(frozen=True)
class Credentials:
    """What docker and kubectl need to reach the registry and the cluster.

    Attributes:
        registry: `host[:port][/path]`; the host is what the login is for.
        username: empty for a registry without a login.
        password: the registry's password or token.
        kubeconfig: content of a kubeconfig file; empty when no cluster is used.
        kube_context: context of the kubeconfig to use; empty for its current one.
    """

    registry: str
    username: str = ""
    password: str = field(default="", repr=False)
    kubeconfig: str = field(default="", repr=False)
    kube_context: str = ""


def docker_config(credentials: Credentials) -> str:
    """Content of docker's `config.json`."""
    if not credentials.username:
        return "{}"
    login = base64.b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()
    host = credentials.registry.split("/", 1)[0]
    return json.dumps({"auths": {host: {"auth": login}}})


def kubeconfig(credentials: Credentials) -> str:
    """The kubeconfig with the chosen context made its current one.

    Raises:
        RunError: when it is not a kubeconfig or has no such context.
    """
    if not credentials.kubeconfig:
        return ""
    try:
        document = yaml.safe_load(credentials.kubeconfig)
    except yaml.YAMLError:
        # Not the parser's text: it quotes the file, which holds a token.
        raise RunError("the input kubeconfig cannot be used", why="it is not YAML") from None
    if not isinstance(document, dict):
        raise RunError("the input kubeconfig cannot be used", why="it is not a kubeconfig file")
    if credentials.kube_context:
        names = [str(entry.get("name")) for entry in document.get("contexts") or []]
        if credentials.kube_context not in names:
            raise RunError(
                f"the kubeconfig has no context {credentials.kube_context!r}",
                why=f"it has {', '.join(names) or 'none'}",
            )
        document["current-context"] = credentials.kube_context
    return yaml.safe_dump(document)


def write(credentials: Credentials, directory: Path) -> dict[str, str]:
    """Write the files into a private directory.

    Returns:
        The environment that docker and kubectl run with; nothing else is in it.
    """
    contents = docker_config(credentials), kubeconfig(credentials)
    home = directory / "home"
    docker = directory / "docker"
    kube = directory / "kubeconfig"
    for path in (home, docker):
        path.mkdir(mode=0o700)
    for file, content in zip((docker / "config.json", kube), contents, strict=True):
        file.touch(mode=0o600)
        file.write_text(content)
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "DOCKER_CONFIG": str(docker),
        # The classic builder: its last lines name the image, and no plugin is needed.
        "DOCKER_BUILDKIT": "0",
        "DOCKER_CLI_HINTS": "false",
        "KUBECONFIG": str(kube),
    }
