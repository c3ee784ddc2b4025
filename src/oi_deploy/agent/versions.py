"""The version that a file of the repository says, as text that can be an image's tag."""

import re
from pathlib import PurePosixPath

from oi_deploy.agent.dockerfile import npm

# Files that say the version of a project whoever asks.
NAMES = frozenset(
    {
        "VERSION",
        "RELEASE",
        "version.txt",
        "package.json",
        "pyproject.toml",
        "Cargo.toml",
        "Chart.yaml",
    }
)
# Endings of files that say it in a variable.
KEYED = (".properties", ".env", ".ini", ".cfg")
_VERSION = re.compile(
    r"""(?:^|[{,])\s*(?:"version"\s*:|version\s*=)\s*["']([^"'\n]+)["']""", re.MULTILINE
)
# Where in a file of settings the version of the project itself stands.
_OF_PROJECT = re.compile(
    r"^\[(?:project|tool\.poetry|package|workspace\.package)\]\s*$(?P<said>(?:\n(?!\[).*)*)",
    re.MULTILINE,
)
# Files that may say a version in their own way, if a prompt names them: variables, a header of C.
_SETTINGS = (".properties", ".env", ".cfg", ".gradle", ".h", ".hpp", "Makefile")
_LINE = r"^[^\S\n]*(?:#[^\S\n]*define[^\S\n]+|export[^\S\n]+)?"
_SET = re.compile(
    rf"""{_LINE}([\w.]*version)[^\S\n]*(?:(?:[?:]?=|:)[^\S\n]*|[^\S\n])["']?(\d[\w.-]*)""",
    re.MULTILINE | re.IGNORECASE,
)
_PARTS = ("major", "minor", "patch")
_NUMBER = re.compile(
    rf"{_LINE}([\w.]*?)({'|'.join(_PARTS)})[^\S\n]*(?:[=:][^\S\n]*|[^\S\n])(\d+)\b",
    re.MULTILINE | re.IGNORECASE,
)
# Of several versions in a file, the one that is the project's own.
_OWN = re.compile(r"(?:(?:app|project|release|fw|firmware)[._]?)?(?:version)?", re.IGNORECASE)
# Its newest release; what is not released yet has no number.
CHANGELOG = "CHANGELOG.md"
_RELEASED = re.compile(r"^#+\s*\[?v?(\d+\.\d+(?:\.\d+)*(?:-[\w.]+)?)\b", re.MULTILINE)
_VERSION_PROGRAMS = frozenset({"__init__.py", "version.py", "_version.py", "__about__.py"})
_IN_PROGRAM = re.compile(r"""^__version__\s*(?::\s*\w+\s*)?=\s*["']([^"'\n]+)["']""", re.MULTILINE)
_APP_VERSION = re.compile(r"""^appVersion:\s*["']?([^"'\s]+)""", re.MULTILINE)


def version(path: str, text: str, *, named: bool = False) -> str:
    """The version that a file says; empty if it says none that could be a tag.

    Args:
        path: of the file.
        text: its content.
        named: whether the prompt names it; then it may be any file with a version.
    """
    name = PurePosixPath(path).name
    if name in _VERSION_PROGRAMS:
        match = _IN_PROGRAM.search(text)
        return match[1] if match and is_tag(match[1]) else ""
    if name == CHANGELOG:
        match = _RELEASED.search(text)
        return match[1] if match and is_tag(match[1]) else ""
    if named and name.endswith(_SETTINGS):
        found = _of_settings(text)
        return found if is_tag(found) else ""
    if name not in NAMES and not (named and name.endswith((".json", ".toml"))):
        return ""
    if name == "Chart.yaml":
        # Its `version` is that of the chart.
        match = _APP_VERSION.search(text)
        return match[1] if match and is_tag(match[1]) else ""
    if name.endswith(".json") and (content := npm.parsed(text)) is not None:
        found = str(content.get("version", "")).replace("+", "-")
        return found if is_tag(found) else ""
    own = _OF_PROJECT.search(text) if name.endswith(".toml") else None
    match = (_VERSION.search(own["said"]) if own else None) or _VERSION.search(text)
    found = match[1] if match else "" if "." in name and name != "version.txt" else text.strip()
    # No tag has the sign before what was built.
    found = found.replace("+", "-")
    return found if is_tag(found) else ""


def _of_settings(text: str) -> str:
    """The version in a file of keys and values, or in a header; empty if it is not certain."""
    parts: dict[str, dict[str, str]] = {}
    for name, part, number in _NUMBER.findall(text):
        parts.setdefault(name, {})[part.lower()] = number
    whole = {
        name: ".".join(it[part] for part in _PARTS)
        for name, it in parts.items()
        if len(it) == len(_PARTS)
    }
    said: dict[str, str] = {}
    for name, value in _SET.findall(text):
        said.setdefault(name, value)
    for found in (whole, said):
        own = [it for name, it in found.items() if _OWN.fullmatch(name.rstrip("._"))]
        values = own or list(found.values())
        if len(values) == 1 or own:
            return values[0]
    return ""


def is_version_file(path: str) -> bool:
    """Whether a file says the version of a project, whatever else is said of it."""
    name = PurePosixPath(path).name
    return name in NAMES or name in _VERSION_PROGRAMS or name == CHANGELOG


def is_tag(text: str) -> bool:
    """Whether a text can be an image's tag."""
    return re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", text) is not None
