"""What a prompt asks for that cannot be done here, known before the model is asked.

Where that is certain, the run ends with it: a small model, told that something does not exist,
takes something else instead. Where it may be a misreading of the prompt, the model is told.
"""

import re

from oi_deploy.agent import (
    absent,
    intents,
    other_namespaces,
    retag,
    revisions,
    tagged_code,
    unsaid,
    whose,
)
from oi_deploy.agent.intents import FLAGS, clauses, read
from oi_deploy.agent.named import Image, whole
from oi_deploy.agent.obstacle import Obstacle
from oi_deploy.agent.situation import WITHOUT_IMAGE, Situation
from oi_deploy.agent.words import plain


def obstacles(world: Situation) -> tuple[Obstacle, ...]:
    """All that is known."""
    checks = (
        *(other_namespaces.not_allowed, other_namespaces.only_read, _deployments, _containers),
        *(_images, _pinned, _renamed, _push),
        *(_elsewhere, _revisions, _unknown_revisions, _deletion, _secrets, _not_permitted),
        *(_privileges, absent.obstacles, tagged_code.obstacles, _described),
        *(unsaid.beyond, unsaid.configured, unsaid.not_out),
    )
    return tuple(dict.fromkeys(it for check in checks for it in check(world)))


def _described(world: Situation) -> list[Obstacle]:
    return [Obstacle(text, True) for text in world.described.missing]


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


_NO_CONTAINER = r"(?!(?:images?|ports?|tags?|env|args|command|limits|resources|registry|runtime)\b)"
_CONTAINER = re.compile(
    # In quotes, it is a name wherever it stands.
    r"(?:\bcontainer|容器)\s*[`\"“「](?P<quoted>[a-z0-9][a-z0-9-]*)[`\"”」]"
    r"|\b(?:set|switch|move|change|update|upgrade|bump) (?:only )?(?:the |its )?container\s+"
    rf"{_NO_CONTAINER}(?P<set>[a-z0-9][a-z0-9-]*)(?=\s+to\b)"
    r"|\bcontainer\s+(?P<named>(?:called|named)\s+)?[`\"']?"
    rf"{_NO_CONTAINER}(?P<after>[a-z0-9][a-z0-9-]*)[`\"']?"
    r"(?(named)|\s+(?:of|in) (?:the )?deployment)"
    r"|\bcontainer\s+(?P<has>[a-z0-9]+(?:-[a-z0-9]+)+)"
    r"(?=\s+(?:has to|must|should|gets?|is to|needs)\b)"
    rf"|容器\s*{_NO_CONTAINER}(?P<zh>[a-z0-9][a-z0-9-]*)(?=\s*(?:的镜像)?\s*(?:换|更新|改|升级|设))"
    r"|\bthe\s+(?P<hyphened>[a-z0-9]+(?:-[a-z0-9]+)+)\s+container"
    r"(?=\s+(?:gets?|to|should|must|of|in)\b)"
    r"|[的里中]\s*[`\"'“「]?(?P<before>[a-z0-9][a-z0-9-]*)[`\"'”」]?\s*(?:这个|那个)?容器"
    r"(?=\s*(?:的镜像)?\s*(?:换|更新|改|升级|使用|用))",
    FLAGS,
)
# A clause with a container that is to be made, or that runs before the others.
_ANOTHER = re.compile(
    r"\b(?:add|create|new(?! (?:image|version|build|tag)\b)|init|sidecar)\b|添加|新增|增加|初始化",
    FLAGS,
)


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
        if (name := match[match.lastgroup or 0]) not in known and name not in images
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


# What is to get another name.
_RENAMED = (
    r"(?:\b(?:re-?tag|promote|(?<!the )(?<!new )(?<!its )tag)\s+(?:the\s+)?(?:image\s+)?"
    r"|[把将]\s*(?:镜像\s*)?)"
    r"[`'\"]?{0}(?![\w.-])"
)


def _pinned(world: Situation) -> list[Obstacle]:
    """A digest that the registry does not have."""
    return [
        Obstacle(f"The registry has no {reference}.", True)
        for reference, there in world.pinned.items()
        if not there
    ]


def _renamed(world: Situation) -> list[Obstacle]:
    """An image that is to get another tag, and is not there."""
    if "retag" not in world.intents or "build" in world.intents:
        return []
    return [
        Obstacle(
            f"The registry has no {image} "
            f"(its tags are: {', '.join(world.tags[image.repository][-8:]) or 'none'}).",
            True,
        )
        for image in world.named
        if image.tag
        and image.repository in world.tags
        and not world.has_image(image)
        and re.search(_RENAMED.format(re.escape(str(image))), world.ask.text, FLAGS)
    ]


_VERBS = (
    ("scale", "scale", "scaled"),
    ("restart", "rollout", "restarted"),
    ("undo", "rollout", "rolled back"),
)


def _not_permitted(world: Situation) -> list[Obstacle]:
    """A change of a Deployment that is ordered by its name, and that the policy has no rule for."""
    return [
        Obstacle(f"The policy does not allow {item.name} to be {done}.", True, True)
        for intent, verb, done in _VERBS
        if intent in world.intents
        for item in whose.ordered(world, intent)
        if not world.permits("deployment", item.name, verb)
    ]


# What no rule of a policy gives a pod.
_PRIVILEGES = re.compile(
    r"(?<!un)(?<!non-)\bprivileged\b(?! (?:ports?|users?|accounts?)\b)"
    r"|\bhost(?:Path|Network|PID|IPC)\b|\bdocker\.sock\b|特权(?:容器|模式)",
    FLAGS,
)
_GIVES = re.compile(
    r"\b(?:make|run|set|add|mount|enable|give|let|patch|change|use)\b|改|设|挂|加|开|用", FLAGS
)


def _privileges(world: Situation) -> list[Obstacle]:
    """Rights on the node, which no pod gets."""
    found = [
        match[0]
        for clause in clauses(world.ask.text)
        if not clause.supposed and _GIVES.search(clause.text)
        for match in _PRIVILEGES.finditer(clause.text)
        if not intents.is_denied(clause.text, match.start())
    ]
    return [Obstacle(f"No pod may have `{it}`.", True, True) for it in dict.fromkeys(found)]


_BASE = re.compile(
    r"(?:\bbased on|\bon top of|\bfrom|\bbase(?: image)?|\bbuild\b[^.,;]{0,30}\bon|基于|基础镜像)"
    r"\s*[:=是为]?\s*[`'\"]?$",
    FLAGS,
)


def _is_base(repository: str, text: str) -> bool:
    """Whether a repository is only named as what is built on."""
    found = whole(repository).finditer(text)
    return all(_BASE.search(text[: match.start()]) for match in found)


def _push(world: Situation) -> list[Obstacle]:
    """No image that the prompt names may be pushed."""
    pair = None if world.builds else retag.pair(world)
    images = world.named if world.builds else pair[1:] if pair else ()
    if not images or any(_may_push(world, image) for image in images):
        return []
    names = dict.fromkeys(
        image.repository for image in images if not _is_base(image.repository, world.ask.text)
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
    rf"|{_ORDER}(?:push|publish|upload)\s+(?:it\s+)?(?:as\s+)?[`'\"“]?{_REFERENCE.format('as')}"
    rf"|{_ORDER_ZH}(?:[把将]\s*\S+\s*(?:镜像)?\s*)?(?:推送?|上传|发布|同步)[到至]\s*[`'\"“]?{_REFERENCE.format('zh')}",
    FLAGS,
)
_CODE = re.compile(r"\bgit|\bcommits?\b|\bbranch|\bcode\b|\bsource\b|代码|分支", FLAGS)


def _elsewhere(world: Situation) -> list[Obstacle]:
    """An image is to be pushed to a registry of others."""
    host = world.ask.registry.partition("/")[0]
    found = [
        match["en"] or match["as"] or match["zh"]
        for clause in clauses(world.ask.text)
        if host and not clause.supposed and not _CODE.search(clause.text)
        for match in _PUSH_TO.finditer(clause.text)
        if not intents.is_denied(clause.text, match.end())
    ]
    return [
        Obstacle(f"The policy does not allow {name} to be pushed.", True, True)
        for name in dict.fromkeys(found)
        if not world.ask.registry.startswith(name)
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
    number = revisions.said_number(world.ask.text)
    # Going back to a revision gives it a new number; those to come are surely none to go back to.
    if number and number not in known and all(map(str.isdigit, known)):
        certain = int(number) > max(map(int, known))
        text = f"The Deployment {item.name} has no revision {number} (there are: {there})."
        return [Obstacle(text, certain)]
    version = revisions.said_version(world.ask.text)
    images = " ".join(image for images in known.values() for image in images)
    tags = " ".join(tag for found in world.tags.values() for tag in found)
    if not version or version in f"{images} {tags}":
        return []
    return [Obstacle(f"No revision of the Deployment {item.name} has the version {version}.", True)]


_SECRET = re.compile(
    rf"{_ORDER}(?:print|read|show|dump|get|export|decode|fetch|display|output|reveal|extract|copy)\s+"
    r"(?:me\s+)?(?:(?:\S+\s+){1,8}(?:of|from|in)\s+)?(?:(?:the|all|our|same|that|this)\s+)*(?:kubernetes\s+|k8s\s+)?"
    r"secrets?(?!\s+from\s+(?:the\s+)?(?:env(?:ironment)?|files?|vault|mount(?:ed)?)(?![\w-]))"
    r"(?=$|\s+(?:[`'\"“]|called|named|[a-z0-9]+(?:-[a-z0-9]+)+|in(?:to)?|to|and|with|from)\b)"
    rf"|{_ORDER_ZH}(?:读取|读出|打印|查看|导出|输出|取出|解码)(?:一下)?"
    r"(?!(?:环境变量|文件|配置)(?:文件)?[里中内的])(?:[^ ,]{0,8}的)?"
    r"\s*secret(?![\w./-])"
    r"|从[^。;,]{0,24}?(?<![\w./-])secret\s[^。;,]{0,24}?(?:取出|读[取出]?|拿到?|解出?|提取)"
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
    found = [it.text for it in clauses(world.ask.text) if "delete" in read(it.text)]
    # What is built may be to lose something, too, but for a Deployment.
    if "build" in world.intents.wanted:
        found = [it for it in found if _DEPLOYMENT.search(it)]
    # A pod less is no deletion.
    if all(
        _OF_SOMETHING.search(it) or ("scale" in read(it) and not _DEPLOYMENT.search(it))
        for it in found
    ):
        return []
    return [Obstacle("Nothing may be deleted from the cluster.", True, refused=True)]


_DEPLOYMENT = re.compile(
    r"\bdelete\s+(?:the\s+)?(?:[\w-]+\s+)?deployment\b(?! (?:folder|directory|files?|scripts?))"
    r"|删[除掉]\s*(?:[\w-]+\s*(?:的|这个)?\s*)?deployment(?!\s*(?:目录|文件|脚本|下|里))",
    FLAGS,
)
# "Remove the variable from deployment web", and not what the cluster has.
_OF_SOMETHING = re.compile(
    r"\b(?:remove|delete|get rid of)\b"
    r"(?:(?!\b(?:deployment|service|pod|namespace|workload|configmap)s?\b).)*"
    r"\b(?:from|of|in|on)\s+(?:the\s+)?(?:[\w-]+\s+)?(?:deployment|service|pod)",
    FLAGS,
)
