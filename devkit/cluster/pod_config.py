"""From a pod's container to what the Docker engine is asked to create. Pure."""

from __future__ import annotations

import base64
import io
import re
import tarfile
from collections.abc import Callable
from typing import Any

from devkit.cluster import images

Object = dict[str, Any]
Lookup = Callable[[str, str], Object | None]
"""(kind, name) -> the ConfigMap or Secret of the pod's namespace, or None."""

_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")


class ConfigError(Exception):
    """The container cannot be made as it is written; shown as CreateContainerConfigError."""


def container_body(
    pod: Object, container: Object, image: str, sandbox: str, labels: dict[str, str], lookup: Lookup
) -> Object:
    """Return the body of the engine's create call; raise ConfigError."""
    env = environment(pod, container, lookup)
    host: Object = {
        "NetworkMode": f"container:{sandbox}",
        "IpcMode": f"container:{sandbox}",
        "Binds": _empty_dirs(pod, container),
    }
    memory = ((container.get("resources") or {}).get("limits") or {}).get("memory")
    if memory:
        host["Memory"] = host["MemorySwap"] = images.quantity_bytes(memory)
    security = {
        **(pod["spec"].get("securityContext") or {}),
        **(container.get("securityContext") or {}),
    }
    if security.get("readOnlyRootFilesystem"):
        host["ReadonlyRootfs"] = True
    body: Object = {
        "Image": image,
        "Env": [f"{key}={value}" for key, value in env.items()],
        "Labels": labels,
        "HostConfig": host,
    }
    if "runAsUser" in security:
        group = f":{security['runAsGroup']}" if "runAsGroup" in security else ""
        body["User"] = f"{security['runAsUser']}{group}"
    if container.get("command"):
        body["Entrypoint"] = [expand(part, env) for part in container["command"]]
        # As in Kubernetes, the image's CMD belongs to its ENTRYPOINT and goes with it.
        body["Cmd"] = []
    if container.get("args"):
        body["Cmd"] = [expand(part, env) for part in container["args"]]
    if container.get("workingDir"):
        body["WorkingDir"] = container["workingDir"]
    return body


def expand(text: str, env: dict[str, str]) -> str:
    """Replace `$(NAME)` by a variable's value; unknown names stay, `$$` is a dollar sign."""

    def value(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else env.get(match[1], match[0])

    return _REFERENCE.sub(value, text)


def environment(pod: Object, container: Object, lookup: Lookup) -> dict[str, str]:
    """Return a container's variables; raise ConfigError for a missing ConfigMap, Secret or key."""
    env: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            reference = source.get(field)
            if reference is None:
                continue
            data = _data(kind, reference["name"], reference.get("optional", False), lookup)
            env |= {source.get("prefix", "") + key: text.decode() for key, text in data.items()}
    for entry in container.get("env") or []:
        if entry.get("valueFrom"):
            value = _value_from(pod, entry["valueFrom"], lookup)
            if value is not None:
                env[entry["name"]] = value
        else:
            env[entry["name"]] = expand(entry.get("value") or "", env)
    return env


def _value_from(pod: Object, source: Object, lookup: Lookup) -> str | None:
    for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        reference = source.get(field)
        if reference is None:
            continue
        name, key = reference["name"], reference["key"]
        optional = reference.get("optional", False)
        data = _data(kind, name, optional, lookup)
        if key in data:
            return data[key].decode()
        if optional:
            return None
        namespace = pod["metadata"]["namespace"]
        raise ConfigError(f"couldn't find key {key} in {kind} {namespace}/{name}")
    if "fieldRef" in source:
        return _field(pod, source["fieldRef"]["fieldPath"])
    raise ConfigError(f"the devkit cluster does not know valueFrom {', '.join(source)}")


def _field(pod: Object, path: str) -> str:
    match = re.match(r"^metadata\.(labels|annotations)\['(.+)'\]$", path)
    if match:
        return str((pod["metadata"].get(match[1]) or {}).get(match[2], ""))
    value: Any = pod
    for key in path.split("."):
        value = (value or {}).get(key)
    return "" if value is None else str(value)


def _data(kind: str, name: str, optional: bool, lookup: Lookup) -> dict[str, bytes]:
    found = lookup(kind, name)
    if found is None:
        if optional:
            return {}
        raise ConfigError(f'{kind.lower()} "{name}" not found')
    data = found.get("data") or {}
    if kind == "Secret":
        return {key: base64.b64decode(value) for key, value in data.items()}
    binary = found.get("binaryData") or {}
    return {
        **{key: value.encode() for key, value in data.items()},
        **{key: base64.b64decode(value) for key, value in binary.items()},
    }


def volume_name(pod: Object, volume: str) -> str:
    """Return the name of the Docker volume behind an emptyDir."""
    return f"devkit-{pod['metadata']['uid']}-{volume}"


def empty_dirs(pod: Object) -> list[str]:
    """Return the names of the pod's emptyDir volumes."""
    return [item["name"] for item in pod["spec"].get("volumes") or [] if "emptyDir" in item]


def _empty_dirs(pod: Object, container: Object) -> list[str]:
    names = empty_dirs(pod)
    return [
        f"{volume_name(pod, mount['name'])}:{mount['mountPath']}"
        for mount in container.get("volumeMounts") or []
        if mount["name"] in names
    ]


def files(pod: Object, container: Object, lookup: Lookup) -> bytes | None:
    """Return a tar archive, for the container's root, of its ConfigMap and Secret volumes.

    Files are copied at start: a later change of the ConfigMap does not reach a running container.
    Raises ConfigError for a missing object and for volume types that the devkit does not have.
    """
    volumes = {item["name"]: item for item in pod["spec"].get("volumes") or []}
    buffer = io.BytesIO()
    count = 0
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for mount in container.get("volumeMounts") or []:
            volume = volumes.get(mount["name"])
            if volume is None:
                raise ConfigError(f'volume "{mount["name"]}" is not declared in the pod')
            if "emptyDir" in volume:
                continue
            for path, content, mode in _volume_files(volume, mount, lookup):
                member = tarfile.TarInfo(path.lstrip("/"))
                member.size, member.mode = len(content), mode
                archive.addfile(member, io.BytesIO(content))
                count += 1
    return buffer.getvalue() if count else None


def _volume_files(volume: Object, mount: Object, lookup: Lookup) -> list[tuple[str, bytes, int]]:
    if "configMap" in volume:
        source = volume["configMap"]
        data = _data("ConfigMap", source["name"], source.get("optional", False), lookup)
    elif "secret" in volume:
        source = volume["secret"]
        data = _data("Secret", source["secretName"], source.get("optional", False), lookup)
    else:
        kind = next((key for key in volume if key != "name"), "unknown")
        raise ConfigError(f'the devkit cluster has no volumes of type "{kind}"')
    mode = source.get("defaultMode", 0o644)
    if source.get("items"):
        data = {item["path"]: data[item["key"]] for item in source["items"] if item["key"] in data}
    base = mount["mountPath"].rstrip("/")
    if mount.get("subPath"):
        content = data.get(mount["subPath"])
        return [] if content is None else [(base, content, mode)]
    return [(f"{base}/{key}", content, mode) for key, content in data.items()]
