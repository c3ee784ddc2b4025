"""What a package.json says."""

import json
from collections.abc import Mapping
from typing import Any

# Scripts that an installation runs.
_HOOKS = ("preinstall", "install", "postinstall", "prepare")


def package(texts: Mapping[str, str]) -> dict[str, Any] | None:
    """The content of `package.json`; what follows it, where it was cut, is left out.

    None if there is none, or it cannot be read.

    Args:
        texts: of files, by path.
    """
    try:
        content, _ = json.JSONDecoder().raw_decode(texts.get("package.json", "").lstrip())
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def scripts(texts: Mapping[str, str]) -> dict[str, str]:
    """Its scripts by name; none if it cannot be read."""
    found = (package(texts) or {}).get("scripts")
    return {str(name): str(it) for name, it in found.items()} if isinstance(found, dict) else {}


def needs_installation(texts: Mapping[str, str]) -> bool:
    """Whether `npm install` may have anything to do."""
    content = package(texts)
    if content is None:
        return True
    lists = ("dependencies", "optionalDependencies", "workspaces")
    return any(content.get(key) for key in lists) or any(it in scripts(texts) for it in _HOOKS)
