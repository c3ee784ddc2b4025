"""What the repository has, gathered as the model's user: nothing in it is run or believed."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

import yaml

from oi_deploy.agent import versions
from oi_deploy.agent.dockerfile.files import Dockerfile, is_dockerfile, is_plain
from oi_deploy.agent.dockerfile.found import context_of, is_notes, is_unit
from oi_deploy.agent.dockerfile.lint import MOST_BYTES
from oi_deploy.verify.state import DeploymentState, deployment_state

# Runs a program as the model's user in its folder; what it printed, or empty if it failed.
Look = Callable[..., str]

# One process for all that git is asked, since a sandboxed one takes as long to start as git works.
# No branch or tag has the character between the answers in it; a path with one is quoted.
_ASK_GIT = r"""
git log -1 --format='%h %H %cs' 2>/dev/null; printf '\036'
git branch --show-current 2>/dev/null; printf '\036'
git tag --points-at HEAD 2>/dev/null; printf '\036'
git tag --list 2>/dev/null; printf '\036'
list='ls-files --cached --others --exclude-standard --deduplicate'
git -c core.quotePath=false $list 2>/dev/null; printf '\036'
git describe --tags 2>/dev/null; printf '\036'
git rev-list --count HEAD 2>/dev/null || true
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
        count: how many commits lead to HEAD; as many as were fetched.
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
    count: str = ""
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
    head, branch, tags_here, tags, listing, described, count = (*answers, *[""] * 7)[:7]
    commit, full, day = (*head.split(), "", "", "")[:3]
    files = tuple(line for line in listing.splitlines() if line)
    manifests = [path for path in files if path.endswith((".yml", ".yaml")) and is_plain(path)]
    wanted = [
        *(path for path in files if is_dockerfile(path) and is_plain(path)),
        *(path for path in files if PurePosixPath(path).name in (*versions.NAMES, ".dockerignore")),
        *(path for path in files if path == versions.CHANGELOG),
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
        tags_here=tuple(tag for tag in tags_here.split() if versions.is_tag(tag.replace("/", "-"))),
        tags=tuple(tags.split()),
        described=described,
        count=count if count.isdecimal() else "",
        files=files,
        languages=languages(files),
        versions={
            path: found
            for path, text in texts.items()
            if (found := versions.version(path, text, named=path in named))
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
    # What is looked at comes without the blanks at its ends: the last file may be empty.
    rest = f"\n{look('/bin/sh', '-c', script, 'sh', *paths) or ''}\n"
    found: dict[str, str] = {}
    places = [(path, rest.find(f"\n==> {path} <==\n")) for path in paths]
    known = sorted((place, path) for path, place in places if place >= 0)
    ends = [place for place, _ in known[1:]] + [len(rest)]
    for (place, path), end in zip(known, ends, strict=False):
        found[path] = rest[place + len(f"\n==> {path} <==\n") : end].rstrip("\n") + "\n"
    return {path: found[path] for path in paths if path in found}


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
