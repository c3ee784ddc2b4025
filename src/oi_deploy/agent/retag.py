"""One more name for an image: another tag, or `latest` beside its own."""

import re
from collections.abc import Iterable

from oi_deploy.agent import intents, named, words
from oi_deploy.agent.named import Image
from oi_deploy.agent.situation import Situation


def lines(world: Situation) -> Iterable[str]:
    """An image that the registry has, under one more tag."""
    if world.builds or world.ask.expect == "none" or not world.named:
        return
    if names := pair(world):
        source, target = names
        yield f"docker pull {source}"
        for name in (target, *others(world, str(target)), *_moved(world, names)):
            yield f"docker tag {source} {name}"
            yield f"docker push {name}"


_TOO = re.compile(r"\b(?:move|too|also|as well|both)\b|同时|也|一并|移", intents.FLAGS)


def _moved(world: Situation, names: tuple[Image, Image]) -> list[Image]:
    """Further names of the new image's repository that are to go on to it."""
    source, target = names
    clauses = intents.clauses(world.ask.text)
    return [
        image
        for image in world.named
        if image.repository == target.repository
        and image.tag not in ("", source.tag, target.tag)
        and any(named.whole(str(image)).search(it.text) and _TOO.search(it.text) for it in clauses)
    ]


def pair(world: Situation) -> tuple[Image, Image] | None:
    """The image that is there and the name that it is to get."""
    if names := _running(world):
        return names
    there = [image for image in world.named if world.has_image(image)]
    new = [image for image in world.named if image.tag and not world.has_image(image)]
    if not there:
        return None
    if not new and (base := _release_of(world, there[0].tag)):
        new = [Image(there[0].repository, base)]
    if not new and ("retag" in world.intents or world.ask.expect == "push"):
        if len(there) > 1:
            new = there[1:]
        elif tag := _other_tag(world, there[0].tag):
            new = [Image(there[0].repository, tag)]
    if world.is_beside_new_ones(there[0]):
        return None
    return (there[0], new[0]) if new else None


_CANDIDATE = re.compile(r"[-.](?:rc|beta|alpha|pre|candidate)[.-]?\d*$", re.IGNORECASE)


def _release_of(world: Situation, tag: str) -> str:
    """The release that a candidate is to become: "make 2.0.0-rc1 into 2.0.0"; empty if none is."""
    base = _CANDIDATE.sub("", tag)
    image = Image(world.named[0].repository, base)
    text = words.plain(world.ask.text, world.ask.registry)
    if base == tag or world.has_image(image) or not named.speaks_of(base, text):
        return ""
    return base


# A version that an image becomes; any other word may be part of the sentence.
_BECOMES = re.compile(
    r"(?:\bunder the (?:tag|name|version)\s"
    r"|\b(?:to|as|into|be|become|(?:make|call|name|label) (?:it|this|that))\s|->|=>|→"
    r"|[加打][上个]?(?:一个)?[^,。;\d]{0,8}(?:标签|\btag)"
    r"|(?:转正|晋级|晋升|升级?)[成为到]|[打改换命名发布提升]+[成为]|改标[成为]"
    r"|\bgive it (?:the )?(?:\w+ )?tag\s|\btag (?:it|this|that|this one|that one)\s"
    r"|\bmake(?=\s+v?\d[\w.-]* (?:out of|from)\b))"
    r"\s*(?:version\s+)?(?:[`'\"“]?(?P<tag>v?\d+[.-]\d(?:[\w.-]*\w)?|[a-z]+-v?\d[\w.]*(?<!\.)"
    r"|(?:latest|stable|edge|nightly)\b)"
    r"|[`'\"“](?P<word>[a-z][\w.-]*)[`'\"”])"
    r"|[打补加贴](?:上|个|成|一个)?\s*[`'\"“]?(?P<inner>[a-z\d][\w.-]*)[`'\"”]?\s*的?(?:标签|\btag)",
    intents.FLAGS,
)


def _other_tag(world: Situation, old: str) -> str:
    """The tag that an image is to get besides the one that it has; empty if that is not certain."""
    if world.tag not in ("", world.repository.commit, old):
        return world.tag
    # Without its references, a line is shorter, and does not look wrapped any more.
    text = words.plain(intents.wrapped(world.ask.text), world.ask.registry)
    said = {
        match["tag"] or match["word"] or match["inner"]
        for clause in intents.clauses(text)
        if not clause.supposed
        for match in _BECOMES.finditer(clause.text)
        if not intents.is_denied(clause.text, match.start())
    } - {old}
    return said.pop() if len(said) == 1 and "retag" in world.intents else ""


_RUNNING = re.compile(
    r"\b(?:image|version|one|what|that)\b.{0,60}\b(?:runs|is running|running|uses|has)\b.{0,30}"
    r"\b(?:now|at (?:this|the) moment|currently|at present|today|live)\b"
    r"|\b(?:currently|now) (?:running|deployed|live)\b"
    r"|(?:现在|当前|目前|正在|线上)(?:正在|在)?(?:跑|运行|使用|用)(?:着)?的",
    intents.FLAGS,
)


def _running(world: Situation) -> tuple[Image, Image] | None:
    """The image that the Deployment runs, for the only tag that the prompt names."""
    tagged = [image for image in world.named if image.tag]
    if len(tagged) != 1 or "retag" not in world.intents or world.ask.expect != "push":
        return None
    repository = tagged[0].repository
    images = {
        container.image.partition("@")[0]
        for item in world.meant.chosen
        for container in item.containers
        if named.repository_of(container.image) == repository
    }
    if len(images) != 1 or not _RUNNING.search(" ".join(world.ask.text.split())):
        return None
    source = Image(repository, images.pop().removeprefix(f"{repository}:"))
    return (source, tagged[0]) if source.tag and source != tagged[0] else None


def others(world: Situation, reference: str) -> list[str]:
    """The same image's further names."""
    repository = named.repository_of(reference)
    tags = [*world.more_tags] if reference == f"{repository}:{world.tag}" else []
    if _is_latest_too(world, repository):
        tags.append("latest")
    others = (f"{repository}:{tag}" for tag in dict.fromkeys(tags))
    return [other for other in others if other != reference]


_LATEST_TOO = re.compile(
    r"\b(?:also|additionally|as well as|both)\b.{0,40}"
    r"(?:\btag(?:ged)? (?:it )?(?:as )?|\bas |\band )[`'\"]?latest\b(?!\s+[a-z])"
    r"|(?:标签|\btag)[^,。;]{0,16}(?:和|与|以及|加)\s*[`'\"]?latest\b"
    r"|(?:同时|另外|顺便|也)[^,。]{0,12}(?:打|推)[^,。]{0,8}\blatest\b",
    intents.FLAGS,
)


def _is_latest_too(world: Situation, repository: str) -> bool:
    """Whether an image gets the tag `latest` beside its own."""
    named_there = Image(repository, "latest") in world.named
    if named_there and named.names_latest_too(world.ask.text, repository):
        return True
    found = ((it, _LATEST_TOO.search(it.text)) for it in intents.clauses(world.ask.text))
    return any(
        match and not clause.supposed and not intents.word("denies").search(clause.text)
        for clause, match in found
    )
