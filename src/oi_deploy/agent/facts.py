"""What the model is told instead of having to find it out; the facts of one turn.

Only what the task calls for is shown: a small model runs what it is shown.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from oi_deploy.agent import (
    columns,
    edits,
    gathering,
    impossible,
    intents,
    lines,
    policy_words,
    promises,
    repository,
    rest,
    unsaid,
)
from oi_deploy.agent.dockerfile.files import Dockerfile
from oi_deploy.agent.named import Image
from oi_deploy.agent.obstacle import Obstacle
from oi_deploy.agent.situation import Ask, Situation
from oi_deploy.broker.request import Policy
from oi_deploy.verify.check import Asked
from oi_deploy.verify.state import DeploymentState

_MOST_FILES = 60
_MOST_TAGS = 12
_MOST_LINES = 4
_LINE_LENGTH = 160
_EDIT = re.compile(
    # Lines of a report that are sorted, and pods that are updated, change nothing that is there.
    r"\b(?:(?<=\bbe )|(?!\w+ed\b))(?!sort by\b)(?:append|updat|adjust|chang|renam|mov|commit|edit"
    r"|modif|fix|bump|replac|add|sort|remov|delet)"
    r"(?:e|es|ed|s|y|ies|ied|ing)?\b(?!\s+nothing\b)"
    r"|改|(?<!已)(?<!滚动)更新(?!后|完|结束|了)|提交|追加|移动|移到|重命名|替换|添加|删",
    intents.FLAGS,
)
_CLUSTER = re.compile(
    r"deployment|cluster|kubectl|kubernetes|k8s|namespace|\bpods?\b|replica|集群|命名空间|副本|资源",
    intents.FLAGS,
)
# What a small model runs when it is asked for what may be left, and what that undoes or disturbs.
_AFTERWARDS = {
    "restart": ("kubectl.rollout.restart", "a restart"),
    "undo": ("kubectl.rollout.undo", "a rollback"),
    "scale": ("kubectl.scale", "another number of pods"),
}


@dataclass(frozen=True)
class Facts:
    """What holds before a turn.

    Attributes:
        commit: HEAD's abbreviated hash, or empty outside a repository.
        branch: the branch's name, or empty.
        git_tags: git tags, where the prompt speaks of them.
        languages: the programming languages of the files.
        files: paths of tracked and new files, the named and the upper ones first, cut to 60.
        paths: of all files.
        more_files: how many were left out.
        excerpts: the first lines of data files that the prompt names.
        dockerfiles: those of the repository.
        images: references that the Docker engine has.
        registry: sentences about the images that the prompt names.
        deployments: sentences about the Deployments that matter.
        policy: sentences about what is allowed.
        obstacles: what stands in the way.
        commands: complete command lines.
        asked: what else than the image a deployment may change.
        rest: whether the prompt may ask for something that no line does.
        unasked: changes of Deployments for which the prompt has no word: rules of the broker, and
            why such a command is refused once the deployment is verified.
        declined: what the prompt gives no reason for from the first turn on: rules of the broker,
            and why such a command is refused.
        chosen: names of the Deployments that the prompt is about.
        wanted: files that the prompt wants to have written, and that are not there yet; none if it
            also wants something to be changed, so that they are not the end.
        edits: texts of the files that the prompt wants changed, by path.
        beside: texts that say how a program among them is to be, by its path and theirs.
        failed: what the last build printed, if it failed.
    """

    commit: str = ""
    branch: str = ""
    git_tags: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    more_files: int = 0
    excerpts: Mapping[str, str] = field(default_factory=dict)
    dockerfiles: tuple[Dockerfile, ...] = ()
    images: tuple[str, ...] = ()
    registry: tuple[str, ...] = ()
    deployments: tuple[str, ...] = ()
    policy: tuple[str, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    commands: tuple[str, ...] = ()
    asked: Asked = field(default_factory=Asked)
    rest: bool = True
    unasked: Mapping[str, str] = field(default_factory=dict)
    declined: Mapping[str, str] = field(default_factory=dict)
    chosen: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    edits: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    failed: str = ""


def gather(ask: Ask, sources: gathering.Sources, policy: Policy) -> Facts:
    """Collect the facts of one turn."""
    return tell(gathering.situation(ask, sources, policy), policy)


def tell(world: Situation, policy: Policy) -> Facts:
    """What of a situation is said to the model."""
    checkout, ask = world.repository, world.ask
    order = sorted(
        checkout.files, key=lambda path: (path not in world.mentioned, path.count("/"), path)
    )
    found = impossible.obstacles(world)
    commands = () if found else lines.compose(world)
    if not (found or commands):
        found = unsaid.unknown(world)
    about_tags = re.search(r"git[- ]?tags?|release tags?|git ?标签", ask.text, re.IGNORECASE)
    cluster = ask.expect != "none" or _CLUSTER.search(ask.text) is not None
    shown = world.meant.chosen or (world.deployments if cluster and not found else ())
    return Facts(
        commit=checkout.commit,
        branch=checkout.branch,
        git_tags=checkout.tags if about_tags else (),
        languages=checkout.languages[:3],
        files=tuple(order[:_MOST_FILES]),
        paths=checkout.files,
        more_files=max(0, len(order) - _MOST_FILES),
        excerpts={
            path: _beginning(text, ask.text)
            for path, text in checkout.texts.items()
            if path in world.mentioned and path.endswith(repository.DATA)
        },
        dockerfiles=checkout.dockerfiles,
        images=world.images,
        registry=tuple(_of_image(world, image) for image in world.named if not world.builds),
        deployments=tuple(_of_deployment(world, item) for item in shown),
        policy=policy_words.sentences(policy) if cluster else (),
        obstacles=found,
        commands=commands,
        asked=promises.asked(world, commands),
        rest=rest.is_left(world, commands),
        unasked={
            rule: f"the deployment is done and verified, and the task has no word for {what}"
            for wish, (rule, what) in _AFTERWARDS.items()
            if wish not in world.intents.wanted
        },
        declined=promises.declined(world, commands),
        chosen=tuple(item.name for item in world.meant.chosen),
        wanted=() if _edits(ask.text) else rest.to_write(world),
        edits=(texts := {} if found else _edits_of(world, commands)),
        beside={path: edits.beside(world, path) for path in texts if edits.is_program(path)},
        failed=world.build,
    )


def _edits_of(world: Situation, commands: Sequence[str]) -> dict[str, str]:
    """Texts of the files that are to be changed, but for those that a line changes."""
    changed = {line.rpartition(" ")[2] for line in commands if line.startswith("sed ")}
    texts = world.repository.texts
    return {path: texts[path] for path in edits.wanted(world) if path not in changed}


def _edits(text: str) -> bool:
    """Whether a prompt may want what is there to be changed, which no new file shows."""
    return any(
        not intents.is_denied(clause.text, match.start())
        for clause in intents.clauses(text)
        for match in _EDIT.finditer(clause.text)
    )


def _beginning(text: str, said: str) -> str:
    lines = [line[:_LINE_LENGTH] for line in text.splitlines()[:_MOST_LINES]]
    told = columns.describe("\n".join(lines), said)
    return "\n".join([*lines, *([told] if told else [])])


def _of_image(world: Situation, image: Image) -> str:
    known = world.tags.get(image.repository, ())
    some = ", ".join(known[-_MOST_TAGS:]) or "none"
    return f"{image.repository} has these tags in the registry: {some}."


def _of_deployment(world: Situation, item: DeploymentState) -> str:
    """Name, pods, containers, the state of the rollout, and earlier revisions if they matter."""
    if item.name not in {known.name for known in world.deployments}:
        text = f"Deployment {item.name}: does not exist yet; a manifest of the repository makes it"
    else:
        text = (
            f"Deployment {item.name} in namespace {item.namespace}: {item.replicas} replicas, "
            f"{item.ready} ready"
        )
        if item.paused:
            text += ", rollout paused"
        elif item.updated < item.replicas or item.total > item.replicas:
            text += f", rollout under way ({item.updated} of {item.replicas} pods are new)"
    text += "".join(f", container {c.name} runs {c.image}" for c in item.containers)
    earlier = world.revisions.get(item.name, {})
    if len(earlier) > 1:
        parts = (f"{number} with {', '.join(images)}" for number, images in earlier.items())
        text += f"; revisions: {'; '.join(parts)}"
    return f"{text}."
