"""Image references and registry credentials, as a node's kubelet treats them."""

from __future__ import annotations

import base64
import json
from typing import Any

Object = dict[str, Any]


def split_host(image: str) -> tuple[str, str]:
    """Return (registry host, repository with tag or digest); Docker Hub when none is named."""
    first, slash, rest = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return "docker.io", image if slash else f"library/{image}"


def repository(image: str) -> str:
    """Return `host/repository` without tag and digest, as `imageID` shows it."""
    host, rest = split_host(image)
    name = rest.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{host}/{head}{slash}{last.partition(':')[0]}"


def with_tag(image: str) -> str:
    """Return the full reference: `latest` is added when there is neither tag nor digest."""
    host, rest = split_host(image)
    last = rest.rpartition("/")[2]
    return f"{host}/{rest}" if ":" in last or "@" in rest else f"{host}/{rest}:latest"


def credentials(config: Object, host: str) -> Object | None:
    """Return the engine's form of a registry's credentials in a Docker config, or None."""
    for key, entry in (config.get("auths") or {}).items():
        if key.removeprefix("https://").removeprefix("http://").partition("/")[0] != host:
            continue
        if entry.get("auth"):
            decoded = base64.b64decode(entry["auth"]).decode()
            username, _, password = decoded.partition(":")
        else:
            username, password = entry.get("username", ""), entry.get("password", "")
        return {"username": username, "password": password, "serveraddress": host}
    return None


def pull_secret(secret: Object) -> Object:
    """Return the Docker config in a Secret of type `kubernetes.io/dockerconfigjson`, or {}."""
    encoded = (secret.get("data") or {}).get(".dockerconfigjson")
    if not encoded:
        return {}
    parsed: Object = json.loads(base64.b64decode(encoded))
    return parsed


_SUFFIXES: dict[str, float] = {
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
    "k": 10**3,
    "M": 10**6,
}
_SUFFIXES |= {"G": 10**9, "T": 10**12, "m": 1e-3}


def quantity_bytes(text: str | int) -> int:
    """Return a Kubernetes quantity (`128Mi`) in bytes; raise ValueError when it is none."""
    text = str(text)
    for suffix, factor in _SUFFIXES.items():
        if text.endswith(suffix):
            return int(float(text.removesuffix(suffix)) * factor)
    return int(float(text))
