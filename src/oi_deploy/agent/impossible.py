"""What a prompt asks for that cannot be done here, known before the model is asked.

Where that is certain, the run ends with it: a small model, told that something does not exist,
takes something else instead. Where it may be a misreading of the prompt, the model is told.
"""

import re
from dataclasses import dataclass

from oi_deploy.agent import intents, lines
from oi_deploy.agent.dockerfile.files import is_dockerfile
from oi_deploy.agent.intents import clauses, read
from oi_deploy.agent.named import Image, folders, namespaces
from oi_deploy.agent.situation import WITHOUT_IMAGE, Situation
from oi_deploy.agent.words import plain


@dataclass(frozen=True)
class Obstacle:
    """One thing that stands in the way.

    Attributes:
        text: what is so, in a sentence.
        certain: whether the prompt surely means it.
        refused: whether it is the policy that stands in the way.
    """

    text: str
    certain: bool
    refused: bool = False


def obstacles(world: Situation) -> tuple[Obstacle, ...]:
    """All that is known."""
    return (*_namespaces(world), *_deployments(world), *_containers(world), *_images(world),
            *_push(world), *_revisions(world), *_deletion(world), *_folders(world),
            *_git_tags(world), *_dockerfiles(world))  # fmt: skip


def _namespaces(world: Situation) -> list[Obstacle]:
    namespace = world.ask.namespace
    # A manifest of the repository may have a namespace's name for something else.
    found = [
        (name, certain)
        for name, certain in namespaces(world.ask.text)
        if name != namespace and not world.permits("namespace", name, "enter")
    ]
    if any(name == namespace for name, _ in namespaces(world.ask.text)):
        found = [(name, False) for name, _ in found]
    return [
        Obstacle(
            f"The namespace {name} is not allowed in this run; only {namespace} is.", certain, True
        )
        for name, certain in found
    ]


def _deployments(world: Situation) -> list[Obstacle]:
    meant = world.meant
    absent = [name for name in meant.absent if not _can_be_made(world, name)]
    there = ", ".join(item.name for item in world.deployments) or "none"
    return [
        Obstacle(
            f"There is no Deployment {name} that this run may change in the namespace "
            f"{world.ask.namespace} (there are: {there}).",
            meant.certain,
        )
        for name in absent
    ]


_CONTAINER = re.compile(
    r"\bcontainer\s+(?P<named>(?:called|named)\s+)?[`\"']?(?P<after>[a-z0-9][a-z0-9-]*)[`\"']?"
    r"(?(named)|\s+(?:of|in) (?:the )?deployment)"
    r"|的\s*[`\"'“「]?(?P<before>[a-z0-9][a-z0-9-]*)[`\"'”」]?\s*容器(?=\s*(?:换|更新|改|升级|使用|用))",
    intents.FLAGS,
)
# A clause with a container that is to be made, or that runs before the others.
_ANOTHER = re.compile(r"\b(?:add|create|new|init|sidecar)\b|添加|新增|增加|初始化", intents.FLAGS)


def _containers(world: Situation) -> list[Obstacle]:
    """A container that is to get an image, and that none of the Deployments has."""
    known = {c.name for item in world.meant.chosen for c in item.containers}
    if not known or world.ask.expect != "deploy" or "apply" in world.intents:
        return []
    # Some call a container by what runs in it.
    images = " ".join(c.image for item in world.meant.chosen for c in item.containers)
    found = dict.fromkeys(
        name
        for clause in clauses(plain(world.ask.text, world.ask.registry))
        if not _ANOTHER.search(clause.text)
        for match in _CONTAINER.finditer(clause.text)
        if (name := match["after"] or match["before"]) not in known and name not in images
    )
    names = ", ".join(item.name for item in world.meant.chosen)
    return [
        Obstacle(f"{names} has no container {name} (there are: {', '.join(sorted(known))}).", True)
        for name in found
    ]


def _can_be_made(world: Situation, name: str) -> bool:
    return any(world.permits("deployment", name, verb) for verb in ("apply", "create"))


def _images(world: Situation) -> list[Obstacle]:
    """Nothing is to be built, and nothing that is named is there."""
    if world.builds or world.ask.expect == "none" or WITHOUT_IMAGE & world.intents.wanted:
        return []
    looked_up = [image for image in world.named if image.tag and image.repository in world.tags]
    if not looked_up or any(world.has_image(image) for image in world.named):
        return []
    image = looked_up[0]
    known = ", ".join(world.tags[image.repository][-8:]) or "none"
    denied = "build" in world.intents.denied or "exists" in world.intents
    return [Obstacle(f"The registry has no {image} (its tags are: {known}).", denied)]


def _push(world: Situation) -> list[Obstacle]:
    """No image that the prompt names may be pushed."""
    if not world.builds or any(_may_push(world, image) for image in world.named):
        return []
    names = dict.fromkeys(image.repository for image in world.named)
    return [
        Obstacle(f"The policy does not allow {name} to be pushed.", True, True) for name in names
    ]


def _may_push(world: Situation, image: Image) -> bool:
    return world.permits("image", image.repository, "push")


def _revisions(world: Situation) -> list[Obstacle]:
    if "undo" not in world.intents or world.builds:
        return []
    plain = not any(item.supposed for item in clauses(world.ask.text))
    return [
        Obstacle(f"The Deployment {item.name} has no earlier revision to go back to.", plain)
        for item in world.meant.chosen
        if len(world.revisions.get(item.name, ())) == 1 and not lines.retagged(world)
    ]


def _deletion(world: Situation) -> list[Obstacle]:
    if "delete" not in world.intents or "build" in world.intents:
        return []
    return [Obstacle("Nothing may be deleted from the cluster.", True, refused=True)]


_PLACE = re.compile(
    r"(?:\b(?:in|from|under|inside|folder|directory)\s+|目录\s*|文件夹\s*|(?:构建|部署|发布|打包)\s*)"
    r"`?(?P<en>[a-z0-9][a-z0-9._-]*(?:/[a-z0-9._-]+)+)/?`?(?=\s*(?:[,.;,。;、)]|$|and\b|as\b|里|中|下|目录))",
    re.ASCII,
)


def _folders(world: Situation) -> list[Obstacle]:
    """What is to be built, deployed or applied is not in the repository."""
    known = folders(world.repository.files)
    found: list[str] = []
    for clause in clauses(world.ask.text):
        if not {"build", "deploy", "apply"} & read(clause.text).wanted or clause.supposed:
            continue
        places = [match["en"].rstrip(".") for match in _PLACE.finditer(clause.text)]
        found += [
            path
            for path in places
            if path in world.mentioned
            and path not in known
            and path not in world.repository.files
            and not world.exists(path)
        ]
    return [Obstacle(f"The repository has no {path}.", True) for path in dict.fromkeys(found)]


_NEW = re.compile(
    r"\b(?:write|create|add|generate|make|need|new|miss|lack|there is no|has no|no)\w*\b"
    r"|写|新建|创建|生成|补|没有|缺",
    intents.FLAGS,
)


def _dockerfiles(world: Situation) -> list[Obstacle]:
    """A Dockerfile that the prompt wants used, and that is not there."""
    if not world.builds:
        return []
    known = world.repository.files
    return [
        Obstacle(f"The repository has no {path}.", True)
        for path in world.mentioned
        if is_dockerfile(path)
        and path.rpartition("/")[2].lower() != "dockerfile"
        and path not in known
        and not any(_NEW.search(it.text) for it in clauses(world.ask.text) if path in it.text)
        and not world.exists(path)
    ]


_GIT_TAG = re.compile(
    r"(?<![\w-])git[- ]?(?:tag|标签)\s*[`\"'“「]?(?P<tag>v?\d+\.\d[\w.-]*\w)", intents.FLAGS
)
_EXAMPLE = re.compile(
    r"(?:\be\.?g\b|\bfor (?:example|instance)\b|\bsuch as\b|\blike\b"
    r"|比如|例如|譬如|形如|假如).{0,24}$",
    intents.FLAGS,
)
_MADE = re.compile(r"\b(?:create|add|make|set|push)\b|新建|创建|打上?|推送", intents.FLAGS)


def _git_tags(world: Situation) -> list[Obstacle]:
    """The code of a git tag that the repository does not have is to be built."""
    if not world.builds:
        return []
    there = ", ".join(world.repository.tags[-8:]) or "none"
    return [
        Obstacle(f"The repository has no git tag {match['tag']} (there are: {there}).", True)
        for clause in clauses(world.ask.text)
        for match in _GIT_TAG.finditer(clause.text)
        if match["tag"] not in world.repository.tags
        and not _MADE.search(clause.text)
        and not _EXAMPLE.search(world.ask.text.partition(match[0])[0])
    ]
