"""What the cluster says about itself: `/api`, `/apis`, resource lists, `/version`."""

from __future__ import annotations

from typing import Any

from devkit.cluster.resources import Resource, groups

VERSION = {
    "major": "1",
    "minor": "34",
    "gitVersion": "v1.34.0+devkit",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "linux/amd64",
}


def api_versions(address: str) -> dict[str, Any]:
    """Return `/api`."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def group_list() -> dict[str, Any]:
    """Return `/apis`."""
    return {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [_group(api_version) for api_version in groups() if "/" in api_version],
    }


def group(name: str) -> dict[str, Any] | None:
    """Return `/apis/<name>`, or None."""
    for api_version in groups():
        if api_version.partition("/")[0] == name and "/" in api_version:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(api_version)}
    return None


def _group(api_version: str) -> dict[str, Any]:
    name, _, version = api_version.partition("/")
    entry = {"groupVersion": api_version, "version": version}
    return {"name": name, "versions": [entry], "preferredVersion": entry}


def resource_list(api_version: str) -> dict[str, Any] | None:
    """Return the resources of `v1`, `apps/v1`, ..., or None."""
    found = groups().get(api_version)
    if found is None:
        return None
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": api_version,
        "resources": [entry for resource in found for entry in _entries(resource)],
    }


def _entries(resource: Resource) -> list[dict[str, Any]]:
    entry: dict[str, Any] = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short:
        entry["shortNames"] = list(resource.short)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    entries = [entry]
    for name, verbs in resource.subresources.items():
        sub: dict[str, Any] = {
            "name": f"{resource.plural}/{name}",
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": "Scale" if name == "scale" else resource.kind,
            "verbs": list(verbs),
        }
        if name == "scale":
            sub |= {"group": "autoscaling", "version": "v1"}
        entries.append(sub)
    return entries
