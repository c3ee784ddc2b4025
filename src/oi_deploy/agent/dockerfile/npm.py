"""What a package.json says."""

import json
from collections.abc import Mapping
from typing import Any

# Scripts that an installation runs.
_HOOKS = ("preinstall", "install", "postinstall", "prepare")


def parsed(text: str) -> dict[str, Any] | None:
    """The object that a text begins with; what follows it, where it was cut, is left out.

    None if there is none, or it cannot be read.
    """
    try:
        content, _ = json.JSONDecoder().raw_decode(text.lstrip())
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def package(texts: Mapping[str, str]) -> dict[str, Any] | None:
    """The content of `package.json`; None if there is none, or it cannot be read.

    Args:
        texts: of files, by path.
    """
    return parsed(texts.get("package.json", ""))


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
