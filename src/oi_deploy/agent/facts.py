"""What the model is told instead of having to find it out: repository, cluster, complete commands.

A small model copies a placeholder letter by letter and runs what it is shown. So a command is
shown only as a complete line with the real names, and only if the run's `expect` calls for it.
"""

import fnmatch
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import yaml

from oi_deploy.verify.state import DeploymentState

_MOST_FILES = 60
_COMMIT = "$(git rev-parse --short HEAD)"

# One process for all that git is asked, since a sandboxed one takes as long to start as git works.
# No branch and no quoted path has the character between the answers in it.
_ASK_GIT = r"""
git rev-parse --short HEAD 2>/dev/null; printf '\036'
git branch --show-current 2>/dev/null; printf '\036'
git ls-files --cached --others --exclude-standard --deduplicate 2>/dev/null
"""


@dataclass(frozen=True)
class Facts:
    """What holds before a turn.

    Attributes:
        commit: HEAD's abbreviated hash, or empty outside a repository.
        branch: the branch's name, or empty.
        files: paths of tracked and new files, cut to the first 60.
        deployments: the Deployments that the run may change.
        dockerfile_lines: a command that writes a Dockerfile, if there is none and one fits.
        commands: complete command lines.
    """

    commit: str
    branch: str
    files: tuple[str, ...]
    deployments: tuple[DeploymentState, ...]
    dockerfile_lines: str
    commands: tuple[str, ...]


def gather(
    *,
    script: Callable[[str], str],
    prompt: str,
    expect: str,
    registry: str,
    namespace: str,
    deployments: Sequence[DeploymentState],
    local_images: Sequence[str],
) -> Facts:
    """Collect the facts of one turn.

    Args:
        script: the output of a shell script that runs as the model's user.
        prompt: the task, for the names in it.
        expect: the input of that name.
        registry: the input of that name.
        namespace: where commands apply.
        deployments: those that the run may change, as the cluster has them now.
        local_images: references of the images that the Docker engine has.
    """
    answers = [answer.strip() for answer in script(_ASK_GIT).split("\036")]
    commit, branch, listing = (*answers, "", "", "")[:3]
    paths = tuple(line for line in listing.splitlines() if line)
    named = named_deployments(prompt, deployments)
    dockerfiles = [path for path in paths if _is_dockerfile(path)]
    return Facts(
        commit=commit,
        branch=branch,
        files=paths[:_MOST_FILES],
        deployments=named,
        dockerfile_lines="" if dockerfiles else dockerfile_command(paths, local_images),
        commands=commands(
            prompt=prompt,
            expect=expect,
            registry=registry,
            namespace=namespace,
            commit=commit,
            deployments=named,
            dockerfiles=dockerfiles,
        ),
    )


def _is_dockerfile(path: str) -> bool:
    name = path.rpartition("/")[2].lower()
    return name == "dockerfile" or name.startswith("dockerfile.") or name.endswith(".dockerfile")


def named_deployments(
    prompt: str, deployments: Sequence[DeploymentState]
) -> tuple[DeploymentState, ...]:
    """The Deployments whose names the prompt holds as whole words; all, if it names none."""
    named = tuple(
        item
        for item in deployments
        if re.search(rf"(?<![A-Za-z0-9-]){re.escape(item.name)}(?![A-Za-z0-9-])", prompt)
    )
    return named or tuple(deployments)


def wanted_references(prompt: str, registry: str, commit: str) -> tuple[str, ...]:
    """The image references under `registry` that the prompt spells out, the commit filled in."""
    host = registry.partition("/")[0]
    if not host:
        return ()
    text = prompt.replace(_COMMIT, commit or _COMMIT)
    pattern = rf"(?<![\w./-]){re.escape(host)}/[a-z0-9._/-]+:[A-Za-z0-9_][A-Za-z0-9_.-]*"
    found = (match.rstrip(".") for match in re.findall(pattern, text))
    return tuple(dict.fromkeys(found))


def commands(
    *,
    prompt: str,
    expect: str,
    registry: str,
    namespace: str,
    commit: str,
    deployments: Sequence[DeploymentState],
    dockerfiles: Sequence[str],
) -> tuple[str, ...]:
    """The complete lines for build, push and rollout, if the names in them are certain."""
    if expect == "none":
        return ()
    references = wanted_references(prompt, registry, commit)
    lines: list[str] = []
    for item in deployments or (None,):
        reference = _reference_for(item, references, registry, commit)
        if not reference:
            continue
        file = f" -f {dockerfiles[0]}" if dockerfiles and "Dockerfile" not in dockerfiles else ""
        lines += [f"docker build -t {reference}{file} .", f"docker push {reference}"]
        if expect == "deploy" and item is not None:
            container = _container_for(item, reference)
            lines += [
                f"kubectl -n {namespace} set image deployment/{item.name} {container}={reference}",
                f"kubectl -n {namespace} rollout status deployment/{item.name}",
            ]
    return tuple(dict.fromkeys(lines))


def _repository(reference: str) -> str:
    head, _, tail = reference.partition("@")[0].rpartition(":")
    return reference.partition("@")[0] if "/" in tail or not head else head


def _reference_for(
    item: DeploymentState | None, references: Sequence[str], registry: str, commit: str
) -> str:
    current = [_repository(container.image) for container in item.containers] if item else []
    for reference in references:
        if _repository(reference) in current:
            return reference
    if references:
        return references[0]
    ours = [name for name in current if name.startswith(registry.partition("/")[0] + "/")]
    return f"{ours[0]}:{commit}" if ours and commit else ""


def _container_for(item: DeploymentState, reference: str) -> str:
    for container in item.containers:
        if _repository(container.image) == _repository(reference):
            return container.name
    return item.containers[0].name


def dockerfile_command(paths: Sequence[str], local_images: Sequence[str]) -> str:
    """A shell command that writes a fitting Dockerfile, or empty if none of ours fits."""
    source = files("oi_deploy.agent").joinpath("prompts/dockerfiles.yaml")
    templates: list[dict[str, Any]] = yaml.safe_load(source.read_text(encoding="utf-8"))
    top = [path for path in paths if "/" not in path]
    for template in templates:
        matching = fnmatch.filter(top, template["file"])
        entries = [name for name in template.get("entries", []) if name in top]
        if not matching or ("entries" in template and not entries and len(matching) != 1):
            continue
        entry = entries[0] if entries else matching[0]
        base = _base_image(template["base"], template["tag"], local_images)
        body = template["lines"].replace("{base}", base).replace("{entry}", entry)
        return f"cat > Dockerfile <<'EOF'\n{body}EOF"
    return ""


def _base_image(repository: str, tag: str, local_images: Sequence[str]) -> str:
    """The usual base image, or one that the engine already has: offline, no other can be had."""
    usual = f"{repository}:{tag}"
    here = sorted(image for image in local_images if image.startswith(f"{repository}:"))
    return usual if usual in here or not here else here[-1]
