"""What the repository has, gathered as the model's user: nothing in it is run or believed."""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

import yaml

from oi_deploy.agent.dockerfile.files import Dockerfile, is_dockerfile, is_plain
from oi_deploy.agent.dockerfile.found import context_of, is_notes, is_unit
from oi_deploy.agent.dockerfile.lint import MOST_BYTES
from oi_deploy.verify.state import DeploymentState, deployment_state

# Runs a program as the model's user in its folder; what it printed, or empty if it failed.
Look = Callable[..., str]

# One process for all that git is asked, since a sandboxed one takes as long to start as git works.
# No branch, tag or quoted path has the character between the answers in it.
_ASK_GIT = r"""
git log -1 --format='%h %H %cs' 2>/dev/null; printf '\036'
git branch --show-current 2>/dev/null; printf '\036'
git tag --points-at HEAD 2>/dev/null; printf '\036'
git tag --list 2>/dev/null; printf '\036'
git ls-files --cached --others --exclude-standard --deduplicate 2>/dev/null; printf '\036'
git describe --tags 2>/dev/null || true
"""

_MOST_FILES_READ = 60
# Endings of programs, whose imports say what an image needs.
_PROGRAMS = (".py", ".js", ".mjs", ".cjs")
# Programs there have no ending: `bin/www`.
_OF_BIN = re.compile(r"(?:^|/)bin/[\w-]+$", re.ASCII)
# Lists of packages, which may go on in other files.
_REQUIREMENTS = re.compile(
    r"(?:^|/)requirements(?:[-_.]\w+)*\.txt$|(?:^|/)requirements/[\w.-]+\.txt$"
)
# Endings of files that hold data.
DATA = (".log", ".txt", ".csv", ".tsv", ".json", ".jsonl", ".ini", ".conf")
_VERSION_NAMES = frozenset(
    {"VERSION", "version.txt", "package.json", "pyproject.toml", "Cargo.toml", "Chart.yaml"}
)
_VERSION = re.compile(
    r"""(?:^|[{,])\s*(?:"version"\s*:|version\s*=)\s*["']([^"'\n]+)["']""", re.MULTILINE
)
# Where in a file of settings the version of the project itself stands.
_OF_PROJECT = re.compile(
    r"^\[(?:project|tool\.poetry|package|workspace\.package)\]\s*$(?P<said>(?:\n(?!\[).*)*)",
    re.MULTILINE,
)
# Files that may say a version in their own way, if a prompt names them: properties, a header of C.
_SETTINGS = (".properties", ".cfg", ".gradle", ".h", ".hpp")
_LINE = r"^[^\S\n]*(?:#[^\S\n]*define[^\S\n]+)?"
_SET = re.compile(
    rf"""{_LINE}([\w.]*version)[^\S\n]*(?:[=:][^\S\n]*|[^\S\n])["']?(\d[\w.-]*)""",
    re.MULTILINE | re.IGNORECASE,
)
_NUMBER = re.compile(
    rf"{_LINE}([\w.]*?)(major|minor|patch)[^\S\n]*(?:[=:][^\S\n]*|[^\S\n])(\d+)\b",
    re.MULTILINE | re.IGNORECASE,
)
# Of several versions in a file, the one that is the project's own.
_OWN = re.compile(r"(?:(?:app|project|release|fw|firmware)[._]?)?(?:version)?", re.IGNORECASE)
# Its newest release; what is not released yet has no number.
_CHANGELOG = "CHANGELOG.md"
_RELEASED = re.compile(r"^#+\s*\[?v?(\d+\.\d+(?:\.\d+)*(?:-[\w.]+)?)\b", re.MULTILINE)
_VERSION_PROGRAMS = frozenset({"__init__.py", "version.py", "_version.py", "__about__.py"})
_IN_PROGRAM = re.compile(r"""^__version__\s*(?::\s*\w+\s*)?=\s*["']([^"'\n]+)["']""", re.MULTILINE)
_APP_VERSION = re.compile(r"""^appVersion:\s*["']?([^"'\s]+)""", re.MULTILINE)
_LANGUAGES = {
    ".py": "Python", ".js": "JavaScript", ".mjs": "JavaScript", ".ts": "TypeScript", ".go": "Go",
    ".rs": "Rust", ".java": "Java", ".rb": "Ruby", ".php": "PHP", ".cs": "C#", ".html": "HTML",
    ".sh": "shell", ".c": "C", ".cpp": "C++",
}  # fmt: skip


@dataclass(frozen=True)
class Repository:
    """The checkout.

    Attributes:
        commit: HEAD's abbreviated hash, or empty outside a repository.
        full_commit: the whole hash.
        commit_date: the day of the commit, as 2026-01-31.
        branch: the branch's name, or empty.
        tags_here: git tags of HEAD.
        tags: all git tags.
        described: HEAD as `git describe --tags` names it.
        files: paths of tracked and new files.
        languages: the programming languages of the files, most files first.
        versions: what version files say, by path.
        dockerfiles: all of them.
        manifests: paths of Kubernetes manifests, each with its kinds.
        made: the Deployments that the manifests make.
        texts: the first bytes of files that were read.
    """

    commit: str = ""
    full_commit: str = ""
    commit_date: str = ""
    branch: str = ""
    tags_here: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    described: str = ""
    files: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    dockerfiles: tuple[Dockerfile, ...] = ()
    manifests: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    made: tuple[DeploymentState, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)


def gather(look: Look, *, named: Sequence[str] = (), namespace: str = "") -> Repository:
    """Look at the checkout.

    Args:
        look: runs a program there.
        named: paths that the prompt names; those that are text files are read.
        namespace: of manifests that name none.
    """
    answers = [answer.strip() for answer in look("/bin/sh", "-c", _ASK_GIT).split("\036")]
    head, branch, tags_here, tags, listing, described = (*answers, *[""] * 6)[:6]
    commit, full, day = (*head.split(), "", "", "")[:3]
    files = tuple(line for line in listing.splitlines() if line)
    manifests = [path for path in files if path.endswith((".yml", ".yaml")) and is_plain(path)]
    wanted = [
        *(path for path in files if is_dockerfile(path) and is_plain(path)),
        *(path for path in files if PurePosixPath(path).name in (*_VERSION_NAMES, ".dockerignore")),
        *(path for path in files if path == _CHANGELOG),
        *(path for path in files if path in named),
        *manifests,
        *(path for path in files if path.endswith(_PROGRAMS) and is_plain(path)),
        *(path for path in files if _REQUIREMENTS.search(path) and is_plain(path)),
        *(path for path in files if (is_unit(path) or is_notes(path)) and is_plain(path)),
        *(path for path in files if path.endswith(".conf") and is_plain(path)),
        *(path for path in files if _OF_BIN.search(path) and is_plain(path)),
    ]
    texts = read(look, tuple(dict.fromkeys(wanted))[:_MOST_FILES_READ])
    documents = {path: _documents(texts[path]) for path in manifests if path in texts}
    return Repository(
        commit=commit,
        full_commit=full,
        # A git before 2.25 does not know the sign for it.
        commit_date=day if re.fullmatch(r"\d{4}-\d\d-\d\d", day) else "",
        branch=branch,
        # The tags of a monorepo have a folder before them: `web/1.2.0`.
        tags_here=tuple(tag for tag in tags_here.split() if is_tag(tag.replace("/", "-"))),
        tags=tuple(tags.split()),
        described=described,
        files=files,
        languages=languages(files),
        versions={
            path: found
            for path, text in texts.items()
            if (found := version(path, text, named=path in named))
        },
        dockerfiles=tuple(
            Dockerfile(path, text, context_of(path, texts, files))
            for path, text in texts.items()
            if is_dockerfile(path)
        ),
        manifests={
            path: kinds
            for path, found in documents.items()
            if (kinds := tuple(str(item["kind"]) for item in found))
        },
        made=tuple(
            replace(deployment_state(item), namespace=namespace)
            for found in documents.values()
            for item in found
            if item["kind"] == "Deployment"
        ),
        texts=texts,
    )


def read(look: Look, paths: Sequence[str]) -> dict[str, str]:
    """The first bytes of files, in one process; one that cannot be read is left out."""
    if not paths:
        return {}
    # `head` shows what it can read and fails for one file that it cannot: a failure is no answer.
    script = f'head --verbose --bytes={MOST_BYTES} -- "$@" 2>/dev/null || true'
    rest = "\n" + (look("/bin/sh", "-c", script, "sh", *paths) or "")
    found: dict[str, str] = {}
    places = [(path, rest.find(f"\n==> {path} <==\n")) for path in paths]
    known = sorted((place, path) for path, place in places if place >= 0)
    ends = [place for place, _ in known[1:]] + [len(rest)]
    for (place, path), end in zip(known, ends, strict=False):
        found[path] = rest[place + len(f"\n==> {path} <==\n") : end].rstrip("\n") + "\n"
    return {path: found[path] for path in paths if path in found}


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
    if name == _CHANGELOG:
        match = _RELEASED.search(text)
        return match[1] if match and is_tag(match[1]) else ""
    if named and name.endswith(_SETTINGS):
        found = _of_settings(text)
        return found if is_tag(found) else ""
    if name not in _VERSION_NAMES and not (named and name.endswith((".json", ".toml"))):
        return ""
    if name == "Chart.yaml":
        # Its `version` is that of the chart.
        match = _APP_VERSION.search(text)
        return match[1] if match and is_tag(match[1]) else ""
    if name.endswith(".json") and (content := _object(text)) is not None:
        found = str(content.get("version", "")).replace("+", "-")
        return found if is_tag(found) else ""
    own = _OF_PROJECT.search(text) if name.endswith(".toml") else None
    match = (_VERSION.search(own["said"]) if own else None) or _VERSION.search(text)
    found = match[1] if match else "" if "." in name and name != "version.txt" else text.strip()
    # No tag has the sign before what was built.
    found = found.replace("+", "-")
    return found if is_tag(found) else ""


def _object(text: str) -> dict[str, object] | None:
    """The object that a text is; None if it is none, or was cut."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _of_settings(text: str) -> str:
    """The version in a file of keys and values, or in a header; empty if it is not certain."""
    parts: dict[str, dict[str, str]] = {}
    for name, part, number in _NUMBER.findall(text):
        parts.setdefault(name, {})[part.lower()] = number
    whole = {
        name: ".".join(it[part] for part in ("major", "minor", "patch"))
        for name, it in parts.items()
        if len(it) == len(("major", "minor", "patch"))
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
    return name in _VERSION_NAMES or name in _VERSION_PROGRAMS or name == _CHANGELOG


def is_tag(text: str) -> bool:
    """Whether a text can be an image's tag."""
    return re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", text) is not None


def languages(files: Sequence[str]) -> tuple[str, ...]:
    """The programming languages of files, most files first."""
    count = Counter(_LANGUAGES.get(PurePosixPath(path).suffix, "") for path in files)
    return tuple(name for name, _ in count.most_common() if name)


def _documents(text: str) -> list[dict[str, object]]:
    """The Kubernetes objects in a text; none if it is no YAML, or was cut."""
    try:
        items = [item for item in yaml.safe_load_all(text) if isinstance(item, dict)]
    except (yaml.YAMLError, RecursionError, ValueError):
        return []
    return [item for item in items if {"apiVersion", "kind", "metadata"} <= set(item)]
