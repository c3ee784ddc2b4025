"""What a prompt asks for that cannot be done here, known before the model is asked.

Where that is certain, the run ends with it: a small model, told that something does not exist,
takes something else instead. Where it may be a misreading of the prompt, the model is told.
"""

import re
from dataclasses import dataclass

from oi_deploy.agent import changes, intents, retag
from oi_deploy.agent.dockerfile.files import is_dockerfile
from oi_deploy.agent.intents import FLAGS, clauses, read
from oi_deploy.agent.named import Image, folders, namespaces
from oi_deploy.agent.situation import WITHOUT_IMAGE, Situation
from oi_deploy.agent.words import is_named, plain


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
            *_push(world), *_elsewhere(world), *_revisions(world), *_unknown_revisions(world),
            *_deletion(world), *_secrets(world), *_folders(world), *_manifests(world),
            *_git_tags(world), *_dockerfiles(world))  # fmt: skip


def _namespaces(world: Situation) -> list[Obstacle]:
    namespace = world.ask.namespace
    # A manifest of the repository may have a namespace's name for something else.
    found = [
        (name, certain)
        for name, certain in namespaces(world.ask.text)
        if name != namespace
        and not world.permits("namespace", name, "enter")
        and not _is_told(name, world.ask.text)
    ]
    if any(name == namespace for name, _ in namespaces(world.ask.text)):
        found = [(name, False) for name, _ in found]
    return [
        Obstacle(
            f"The namespace {name} is not allowed in this run; only {namespace} is.", certain, True
        )
        for name, certain in found
    ]


_TOLD = re.compile(
    r"\b(?:talks?|connects?|depends|listens|lives|is|are|was)\b|依赖|连接|调用", FLAGS
)


def _is_told(name: str, text: str) -> bool:
    """Whether a namespace is only named where it says what is there."""
    found = [it.text for it in clauses(text) if is_named(name, it.text)]
    return bool(found) and all(_TOLD.search(it) and not read(it).wanted for it in found)


def _deployments(world: Situation) -> list[Obstacle]:
    meant = world.meant
    # Where nothing is rolled out, "the deployment comes later" names none.
    aside = world.ask.expect == "push" and not meant.certain
    absent = [name for name in meant.absent if not aside and not _can_be_made(world, name)]
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
    r"\bcontainer\s+(?P<named>(?:called|named)\s+)?[`\"']?"
    r"(?!(?:images?|ports?|tags?|env|args|command|limits|resources|registry|runtime)\b)"
    r"(?P<after>[a-z0-9][a-z0-9-]*)[`\"']?"
    r"(?(named)|\s+(?:of|in) (?:the )?deployment)"
    r"|的\s*[`\"'“「]?(?P<before>[a-z0-9][a-z0-9-]*)[`\"'”」]?\s*容器(?=\s*(?:换|更新|改|升级|使用|用))",
    FLAGS,
)
# A clause with a container that is to be made, or that runs before the others.
_ANOTHER = re.compile(r"\b(?:add|create|new|init|sidecar)\b|添加|新增|增加|初始化", FLAGS)


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
        for match in _CONTAINER.finditer(clause.text)
        # It may be called so.
        if not _ANOTHER.search(clause.text.replace(match[0], " "))
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
    # The one that a Deployment runs may get a name that is not there yet.
    renamed = not looked_up or retag.pair(world)
    if renamed or any(world.has_image(image) for image in world.named):
        return []
    image = looked_up[0]
    known = ", ".join(world.tags[image.repository][-8:]) or "none"
    certain = "build" in world.intents.denied or {"exists", "retag"} & world.intents.wanted
    return [Obstacle(f"The registry has no {image} (its tags are: {known}).", bool(certain))]


_BASE = re.compile(
    r"(?:\bbased on|\bon top of|\bfrom|\bbase(?: image)?|\bbuild\b[^.,;]{0,30}\bon|基于|基础镜像)"
    r"\s*[:=是为]?\s*[`'\"]?$",
    FLAGS,
)


def _is_base(repository: str, text: str) -> bool:
    """Whether a repository is only named as what is built on."""
    found = re.finditer(rf"{re.escape(repository)}(?![\w./-]*\w)", text, re.ASCII)
    return all(_BASE.search(text[: match.start()]) for match in found)


def _push(world: Situation) -> list[Obstacle]:
    """No image that the prompt names may be pushed."""
    if not world.builds or any(_may_push(world, image) for image in world.named):
        return []
    names = dict.fromkeys(
        image.repository for image in world.named if not _is_base(image.repository, world.ask.text)
    )
    return [
        Obstacle(f"The policy does not allow {name} to be pushed.", True, True) for name in names
    ]


# How an order begins: what is told of somebody or of the past has other words before the verb.
_ORDER = (
    r"(?:^|\band )(?:\W|\b(?:please|pls|kindly|then|also|now|first|next|just|finally|and"
    r"|(?:could|can|would|will) you|task|todo|\d+)\b)*"
)
_ORDER_ZH = r"^(?:\W|\d|请|麻烦|帮我|帮忙|你|先|再|并|然后)*"
_REFERENCE = r"(?P<{}>[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?/[a-z0-9._/-]*[a-z0-9])(?::[\w.-]+)?"
_PUSH_TO = re.compile(
    rf"{_ORDER}(?:push|publish|upload|re-?tag|promote|copy|mirror)\b"
    rf"(?:(?!\band\b).)*?\b(?:to|as|into)\s+[`'\"“]?{_REFERENCE.format('en')}"
    rf"|{_ORDER_ZH}(?:[把将]\s*\S+\s*(?:镜像)?\s*)?(?:推送?|上传|发布|同步)[到至]\s*[`'\"“]?{_REFERENCE.format('zh')}",
    FLAGS,
)
_CODE = re.compile(r"\bgit|\bcommits?\b|\bbranch|\bcode\b|\bsource\b|代码|分支", FLAGS)


def _elsewhere(world: Situation) -> list[Obstacle]:
    """An image is to be pushed to a registry of others."""
    host = world.ask.registry.partition("/")[0]
    found = [
        match["en"] or match["zh"]
        for clause in clauses(world.ask.text)
        if host and not clause.supposed and not _CODE.search(clause.text)
        for match in _PUSH_TO.finditer(clause.text)
        if not intents.is_denied(clause.text, match.end())
    ]
    return [
        Obstacle(f"The policy does not allow {name} to be pushed.", True, True)
        for name in dict.fromkeys(found)
        if not name.startswith(f"{host}/")
        and not world.permits("image", name, "push")
        and not re.search(r"^[\w-]+\.d/|\.(?:conf|ya?ml|json|txt|env|html?)$", name)
    ]


def _may_push(world: Situation, image: Image) -> bool:
    return world.permits("image", image.repository, "push")


def _revisions(world: Situation) -> list[Obstacle]:
    if "undo" not in world.intents or world.builds:
        return []
    # What runs an image that is there needs no revision of it.
    if any(world.has_image(image) for image in world.named):
        return []
    certain = not any(item.supposed for item in clauses(world.ask.text))
    return [
        Obstacle(f"The Deployment {item.name} has no earlier revision to go back to.", certain)
        for item in world.meant.chosen
        if len(world.revisions.get(item.name, ())) == 1 and not retag.pair(world)
    ]


def _unknown_revisions(world: Situation) -> list[Obstacle]:
    """A revision or a version to go back to that there has never been."""
    known = world.revisions.get(world.meant.chosen[0].name) if world.meant.chosen else None
    if "undo" not in world.intents or world.builds or not known or len(world.meant.chosen) != 1:
        return []
    item, there = world.meant.chosen[0], ", ".join(known)
    number = changes.named_revision(world.ask.text)
    # Going back to a revision gives it a new number; those to come are surely none to go back to.
    if number and number not in known and all(map(str.isdigit, known)):
        certain = int(number) > max(map(int, known))
        text = f"The Deployment {item.name} has no revision {number} (there are: {there})."
        return [Obstacle(text, certain)]
    version = changes.named_version(world.ask.text)
    images = " ".join(image for images in known.values() for image in images)
    tags = " ".join(tag for found in world.tags.values() for tag in found)
    if not version or version in f"{images} {tags}":
        return []
    return [Obstacle(f"No revision of the Deployment {item.name} has the version {version}.", True)]


_SECRET = re.compile(
    rf"{_ORDER}(?:print|read|show|dump|get|export|decode|fetch|display|output|reveal|extract|copy)\s+"
    r"(?:me\s+)?(?:(?:\S+\s+){1,5}(?:of|from|in)\s+)?(?:(?:the|all|our)\s+)*(?:kubernetes\s+|k8s\s+)?"
    r"secrets?(?!\s+from\s+(?:the\s+)?(?:env|file|vault|mount))"
    r"(?=$|\s+(?:[`'\"“]|called|named|[a-z0-9]+(?:-[a-z0-9]+)+|in(?:to)?|to|and|with|from)\b)"
    rf"|{_ORDER_ZH}(?:读取|读出|打印|查看|导出|输出|取出|解码)(?:一下)?"
    r"(?!环境变量|文件|配置)(?:[^ ,]{0,8}的)?"
    r"\s*secret(?![\w./-])"
    r"|kubectl (?:-n \S+ )?(?:get|describe) secrets?\b",
    FLAGS,
)


def _secrets(world: Situation) -> list[Obstacle]:
    """A Secret of the cluster is to be read; files of that name are none."""
    found = any(
        _SECRET.search(clause.text)
        and not clause.supposed
        and not intents.word("denies").search(clause.text)
        for clause in clauses(world.ask.text)
    )
    return [Obstacle("Secrets of the cluster may not be read.", True, refused=True)] * found


def _deletion(world: Situation) -> list[Obstacle]:
    if "delete" not in world.intents or {"build", "scale"} & world.intents.wanted:
        return []
    if all(_OF_SOMETHING.search(it.text) for it in clauses(world.ask.text) if _deletes(it.text)):
        return []
    return [Obstacle("Nothing may be deleted from the cluster.", True, refused=True)]


# "Remove the variable from deployment web."
_OF_SOMETHING = re.compile(
    r"\b(?:remove|delete|get rid of)\b.*\b(?:from|of|in|on)\s+(?:the\s+)?(?:[\w-]+\s+)?"
    r"(?:deployment|service|pod)",
    FLAGS,
)


def _deletes(text: str) -> bool:
    return "delete" in read(text)


_PLACE = re.compile(
    r"(?:\b(?:in|under|inside|folder|directory)\s+|目录\s*|文件夹\s*|(?:构建|部署|发布|打包)\s*)"
    r"`?(?P<en>[a-z0-9][a-z0-9._-]*(?:/[a-z0-9._-]+)+)/?`?(?=\s*(?:[,.;,。;、)]|$|and\b|as\b|里|中|下|目录))",
    re.ASCII,
)


def _folders(world: Situation) -> list[Obstacle]:
    """What is to be built, deployed or applied is not in the repository."""
    known = folders(world.repository.files)
    found: list[str] = []
    for clause in clauses(world.ask.text):
        if not {"build", "apply"} & read(clause.text).wanted or clause.supposed:
            continue
        places = [match["en"].rstrip(".") for match in _PLACE.finditer(clause.text)]
        found += [
            path
            for path in places
            if path in world.mentioned
            and path not in known
            and path not in world.repository.files
            and not world.exists(path)
            # It may be made first.
            and world.ask.text.count(path) == 1
            and path not in (world.repository.branch, *world.repository.tags)
        ]
    return [Obstacle(f"The repository has no {path}.", True) for path in dict.fromkeys(found)]


_NEW = re.compile(
    r"\b(?:write|create|add|generate|make|need|new|miss|lack|there is no|has no|no|renam|remov"
    r"|delet|gone|instead|rather|render|template|save|output|produc|cop(?:y|ies)|cp)\w*\b"
    r"|写|新建|创建|生成|补|没有|缺|改名|删|渲染|保存|输出|复制",
    FLAGS,
)


def _dockerfiles(world: Situation) -> list[Obstacle]:
    """A Dockerfile that the prompt wants used, and that is not there."""
    if not world.builds:
        return []
    known = [file.lower() for file in world.repository.files]
    return [
        Obstacle(f"The repository has no {path}.", True)
        for path in world.mentioned
        if is_dockerfile(path)
        and path.rpartition("/")[2].lower() != "dockerfile"
        and not any(file == path.lower() or file.endswith(f"/{path.lower()}") for file in known)
        and not any(_NEW.search(it.text) for it in clauses(world.ask.text) if path in it.text)
        and not world.exists(path)
    ]


_APPLY = re.compile(
    r"\bapply\s+(?:-f\s+)?(?:the\s+)?(?:manifests?\s+|file\s+)?[`'\"“]?(?P<en>[\w.-]+(?:/[\w.-]+)*\.ya?ml)"
    r"|应用\s*[`'\"“]?(?P<zh>[\w.-]+(?:/[\w.-]+)*\.ya?ml)",
    FLAGS,
)


def _manifests(world: Situation) -> list[Obstacle]:
    """A manifest that is to be applied as it is, and that is not there."""
    text = world.ask.text
    found = [
        path
        for clause in clauses(text)
        if "apply" in read(clause.text).wanted and not clause.supposed
        for match in _APPLY.finditer(clause.text)
        if not world.exists(path := match["en"] or match["zh"])
        and not any(file.endswith(f"/{path}") for file in world.repository.files)
        and not any(_NEW.search(it.text) for it in clauses(text) if path in it.text)
    ]
    # What writes it may stand anywhere.
    certain = not _NEW.search(text)
    return [Obstacle(f"The repository has no {path}.", certain) for path in dict.fromkeys(found)]


_GIT_TAG = re.compile(
    r"(?<![\w-])git[- ]?(?:tag|标签)\s*[`\"'“「]?(?P<tag>v?\d+\.\d[\w.-]*\w)", FLAGS
)
_EXAMPLE = re.compile(
    r"(?:\be\.?g\b|\bfor (?:example|instance)\b|\bsuch as\b|\blike\b"
    r"|比如|例如|譬如|形如|假如).{0,24}$",
    FLAGS,
)
_MADE = re.compile(r"\b(?:create|add|make|set|push)\b|新建|创建|打上?|推送", FLAGS)


def _git_tags(world: Situation) -> list[Obstacle]:
    """The code of a git tag that the repository does not have is to be built."""
    if not world.builds:
        return []
    there = ", ".join(world.repository.tags[-8:]) or "none"
    known = {tag.rpartition("/")[2].removeprefix("v") for tag in world.repository.tags}
    return [
        Obstacle(f"The repository has no git tag {match['tag']} (there are: {there}).", True)
        for clause in clauses(world.ask.text)
        for match in _GIT_TAG.finditer(clause.text)
        if match["tag"].removeprefix("v") not in known
        and not clause.supposed
        and not intents.is_denied(clause.text, match.start())
        and not _MADE.search(clause.text)
        and not _EXAMPLE.search(world.ask.text.partition(match[0])[0])
    ]
