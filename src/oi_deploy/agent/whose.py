"""Which order of a prompt is for which Deployment: "set web to 3 pods, and jobs to image 8"."""

import re
from collections.abc import Sequence
from itertools import pairwise

from oi_deploy.agent import deploys, intents, orders, spared, words
from oi_deploy.agent.situation import Situation
from oi_deploy.verify.state import DeploymentState

# Says which image, and not how many pods.
IMAGE = re.compile(
    r"^(?!.*(?:\bscal|\breplicas?\b|\bpods?\b|\binstances?\b|\bcopies\b|副本|实例|[扩缩]|个))"
    r".*(?:\bimage\b|\bwhat(?:ever)?\b.*\bruns?\b|\btag\b|\bversion\b|\d+\.\d|镜像|标签|版本|:\w)",
    intents.FLAGS | re.DOTALL,
)
# Where one order ends and another one, or what it waits for, begins.
_PARTS = re.compile(
    rf"\s(?=and (?:then )?(?:{orders.VERB}|put|let|give|bring|take|get|run|switch|raise"
    r"|lower|increase|decrease|reduce|add|remove|bump|grow|shrink)\b"
    r"|(?:when|once|after|as soon as|until|before|because|while)\b)"
    r"|(?<=[后时])(?=[再才就]|重启|扩|缩|回滚)"
    r"|(?=并(?:且|把|将)?\s*(?:重启|扩|缩|回滚|[\w-]+\s*(?:重启|扩|缩|回滚)))",
    intents.FLAGS,
)
_WAITS = re.compile(r"\W*(?:when|once|after|as soon as|until|before|because)\b|.*[后时]$")


# What is done at another time, by others, or only if something happens.
_NOT_NOW = re.compile(
    r"\b(?:might|maybe|perhaps|later|not yet|todo|an? hour ago|hours? ago|minutes? ago|themselves"
    r"|himself|herself|did it already|decided against|not part of|follow-?up)\b"
    r"|\bmay (?:also )?need\b"
    r"|晚点|以后|可能|待办|后续|不属于|小时前|分钟前|自己(?:会)?[做来]|与本次无关|手册|需要[^,。;]{0,8}吗",
    intents.FLAGS,
)
# Its whole sentence tells of something.
_STORY = re.compile(
    r"\brunbook\b|\bon failure\b|\basked:\s*['\"]|\btimeline\b|\bnot part of\b|\bfollow-?up\b"
    r"|\btodo\b|\bthemselves\b|\bdecided against\b"
    r"|^(?:i|we)\b[^,;]{1,40}\b(?:an?|\d+) (?:hour|minute|day)s? ago\b"
    r"|^(?:is|are|does|do|should)\b(?=.*\b(?:needed|necessary|required)\b)"
    r"|手册|失败时|时间线|不属于|后续|待办|与本次无关|问:|自己(?:会)?[做来]|(?:需要|要)[^,。;]{0,8}吗"
    r"|^我们?[^,。]{0,8}(?:小时|分钟)前",
    intents.FLAGS,
)


def parts(world: Situation, *, every: bool = False) -> list[str]:
    """What is said, an order at a time; what is not for now is left out, unless all is wanted."""
    text = with_what_follows(world)
    names = "|".join(re.escape(item.name) for item in world.deployments) or "(?!)"
    and_another = (
        rf"\s(?=and (?:the )?(?:{names}) (?:gets?|is|are|should|goes|needs?|must|stays?|to be)\b)"
    )
    return [
        part
        for sentence in intents.sentences(text)
        if every or not _STORY.search(sentence)
        for clause in intents.clauses(sentence)
        if not clause.supposed
        for piece in _PARTS.split(clause.text)
        for part in re.split(and_another, piece)
        if every or not _NOT_NOW.search(part)
    ]


def with_what_follows(world: Situation) -> str:
    """The prompt, where "web: restart" is said of web in one clause."""
    names = "|".join(re.escape(item.name) for item in world.deployments) or "(?!)"
    return re.sub(rf"(?<![\w./-])({names}):\s+(?=\S)", r"\1 ", world.ask.text, flags=re.ASCII)


def ordered(world: Situation, intent: str) -> list[DeploymentState]:
    """The Deployments that stand beside the words for an order."""
    text, chosen, said = world.ask.text, world.meant.chosen, parts(world)
    own = {
        name
        for place, part in enumerate(said)
        if not _WAITS.match(part) and intent in intents.read(part)
        for name in (*named(world, part), *spoken_of(world, part, said[:place]))
    }
    return [
        item
        for item in world.deployments
        if item.name in own
        and (
            item in chosen
            or not (spared.is_spared(item.name, text) or spared.is_left_out(item.name, text))
        )
    ]


# A field that names what a ticket is about, with a list below it or beside it.
_FIELD = re.compile(
    r"(?:^|[.;,。])[^\S\n]*[-*]?[^\S\n]*"
    r"(?:services?|app(?:lication)?s?|components?|targets?|服务(?:名称?)?|应用名?|目标)"
    r"(?:[^\S\n]*[:=]|(?=[^\S\n]+[a-z]))(?P<names>[^\n.;。]*(?:\n[^\S\n]*[-*][^\n]*)*)",
    intents.FLAGS | re.MULTILINE,
)
# What is over, is done again and again, or is the reason for something.
_OVER = re.compile(
    r"\b(?:already|yesterday|last (?:week|night|month|time)|every|usually|always|on its own|was"
    r"|were|had|has been|have been|team|because|since|whenever|without|not in scope|out of scope)\b"
    r"|已经?|昨|上周|上次|每[天晚次]|由于|因为|之前|[过完]了|流程|不在范围",
    intents.FLAGS,
)
_GAP = re.compile(
    r"(?:[\s,&、和与及]|\band\b|\bas well as\b|以及|\bthe\b|\bdeployments?\b|\([^()\n]*\)|[`'\"])*",
    intents.FLAGS,
)


def released(world: Situation) -> list[str]:
    """The Deployments that stand beside an order for an image, and those in a list with them.

    None if no order names one.
    """
    text = world.ask.text
    known = [item.name for item in world.deployments]
    said = [it["names"] for it in _FIELD.finditer(text)]
    found = {name for name in known for it in said if words.is_named(name, it)}
    found |= {
        it for it in known if re.search(rf"\b{re.escape(it)}'s turn\b|轮到\s*{re.escape(it)}", text)
    }
    if not found:
        found = {
            name
            for part in parts(world)
            if not _OVER.search(part) and _orders_image(part)
            for name in named(world, part)
        }
    places = sorted(
        (at.start(), at.end(), name)
        for name in known
        for at in re.finditer(rf"(?<![\w./-]){re.escape(name)}(?![\w-])", text, re.ASCII)
    )
    # From both sides: the list may begin or end with the one that is ordered.
    for row in (places, places[::-1]):
        for one, other in pairwise(row):
            first, second = sorted((one, other))
            if one[2] in found and _GAP.fullmatch(text[first[1] : second[0]]):
                found.add(other[2])
    return [name for name in known if name in found]


def _orders_image(part: str) -> bool:
    return bool({"build", "push"} & intents.read(part).wanted) or deploys.is_asked(part)


# One that was named before; Chinese leaves it out.
_IT = re.compile(r"\bit\b|它(?!们)", intents.FLAGS)
_WITHOUT = re.compile(r"^\W*(?:并|再|然后|顺便|请)*(?:重启|扩|缩|回滚|撤销)", intents.FLAGS)
ALIKE = re.compile(r"\b(?:same|too|also|likewise|as well)\b|[也同]", intents.FLAGS)
# All that a part of a list says.
_LISTED = re.compile(
    r"\b(?:and|or|both|the|deployments?|services?|containers?|with|in|of|please)\b|\([^()]*\)"
    r"|[和与及跟都请两个把将给对]|部署|服务|容器",
    intents.FLAGS,
)


def named(world: Situation, part: str) -> list[str]:
    """The Deployments that a part of the text names."""
    return [item.name for item in world.deployments if words.is_named(item.name, part)]


def spoken_of(world: Situation, part: str, before: Sequence[str]) -> list[str]:
    """What "it" stands for: the Deployment that was named last, if it was the only one there."""
    own = [at.start() for it in world.deployments if (at := words.find(it.name, part))]
    match = _IT.search(part) or (None if own else _WITHOUT.search(part))
    # "Restart web, and wait for it": this one stands in the part itself.
    if not match or min(own, default=len(part)) < match.start():
        return []
    found = next((names for it in reversed(before) if (names := named(world, it))), [])
    return found if len(found) == 1 else []


def _says_more(world: Situation, part: str) -> bool:
    """Whether a part that names Deployments is more than a piece of a list of them."""
    if ALIKE.search(part):
        return False
    for name in named(world, part):
        part = part.replace(name, " ")
    return re.search(r"\w{2}|[\u4e00-\u9fff]", _LISTED.sub(" ", part)) is not None


def is_only_changed(world: Situation, item: DeploymentState) -> bool:
    """Whether a Deployment is named for a restart, another number of pods, or a rollback alone."""
    told = [it for it in parts(world, every=True) if words.is_named(item.name, it)]
    without = {"restart", "scale", "undo"}
    return bool(told) and all(without & intents.read(it).wanted for it in told)


def targets(world: Situation, intent: str) -> list[DeploymentState]:
    """The Deployments that an order is for, which may be others than those that get an image."""
    text, chosen = world.ask.text, world.meant.chosen
    said, beside = parts(world), ordered(world, intent)
    if not beside:
        # Told of only, it is an order for none.
        told = any(intent in intents.read(it) for it in parts(world, every=True))
        return [] if told and not any(intent in intents.read(it) for it in said) else list(chosen)

    def is_elsewhere(item: DeploymentState) -> bool:
        told = [it for it in said if words.is_named(item.name, it)]
        aside = (
            _WAITS.match(it)
            or spared.orders(it, item.name)
            or intents.read(it).wanted
            or intents.word("denies").search(it)
            or IMAGE.search(it)
            or (intent != "scale" and _says_more(world, it))
            for it in told
        )
        # Named in a condition only, it is in no part.
        return words.is_named(item.name, text) and (spared.is_spared(item.name, text) or all(aside))

    meant = (it for it in chosen if not is_elsewhere(it))
    wanted = (*beside, *meant)
    return [it for it in world.deployments if it in wanted]
