"""Orders for a namespace that is not the run's."""

import re

from oi_deploy.agent import deploys, intents, same_image
from oi_deploy.agent.intents import FLAGS, clauses, read, sentences
from oi_deploy.agent.named import namespaces
from oi_deploy.agent.obstacle import Obstacle
from oi_deploy.agent.situation import Situation
from oi_deploy.agent.words import find, is_named


def not_allowed(world: Situation) -> list[Obstacle]:
    """A namespace that the policy has no word for."""
    namespace = world.ask.namespace
    # A manifest of the repository may have a namespace's name for something else.
    found = [
        (name, certain)
        for name, certain in namespaces(world.ask.text)
        if name != namespace
        and not world.permits("namespace", name, "enter")
        and not _is_told(name, world)
        and not _is_the_other(name, world)
    ]
    if any(name == namespace for name, _ in namespaces(world.ask.text)):
        found = [(name, _is_joined(name, world)) for name, _ in found]
    return [
        Obstacle(
            f"The namespace {name} is not allowed in this run; only {namespace} is.", certain, True
        )
        for name, certain in found
    ]


_WHERE = re.compile(
    r"\b(?:in|to|into|on)\s+(?:(?:the|our)\s+)?(?:namespace\s+)?[`'\"]?(?P<en>[a-z][a-z0-9-]*)"
    r"|在\s*[`'\"]?(?P<zh>[a-z][a-z0-9-]*)|(?P<of>[a-z][a-z0-9-]*)[`'\"]?\s*(?:的|环境|命名空间|里)",
    FLAGS,
)
# What has been done there, and a place that the next clause has an order for.
_TRIED = re.compile(
    r"已|验证|测试|跑过|\b(?:tested|verified|passed|approved|checked|was|were|has|have|runs?|running)\b",
    FLAGS,
)
_PLACE = re.compile(
    r"^\W*(?:(?:in|on)\s+(?:(?:the|our)\s+)?(?:namespace\s+)?[\w-]+(?:\s+namespace)?|在?\s*[\w-]+\s*(?:环境|命名空间)里?)\W*$",
    FLAGS,
)
_SETS = re.compile(r"\b(?:set|put|use)\b|[换改设切]", FLAGS)


def _says_where(clause: str) -> bool:
    """Whether a clause orders something, or is the place for an order."""
    ordered = read(clause).wanted or deploys.is_asked(clause) or _SETS.search(clause)
    return bool(ordered or _PLACE.search(clause))


def only_read(world: Situation) -> list[Obstacle]:
    """An order for a namespace that the policy lets a run read only."""
    text = world.ask.text
    found = {
        match[match.lastgroup or 0]
        for clause in clauses(text)
        if not clause.supposed and not _TRIED.search(clause.text) and _says_where(clause.text)
        for match in _WHERE.finditer(clause.text)
        if not intents.is_denied(clause.text, match.start())
    }
    return [
        Obstacle(f"A run changes only {world.ask.namespace}; {name} may be read.", True, True)
        for name in sorted(found - {world.ask.namespace})
        if world.permits("namespace", name, "enter")
        and not world.permits("namespace", name, "change")
        and not same_image.is_asked_for(text, name)
        and world.ask.expect != "none"
    ]


_SAME_NAME = re.compile(
    r"同名|\bsame name\b|\bof that name\b|\bnamesake\b|\bidentically named\b", FLAGS
)


# An order is for this one, too.
_AS_WELL = (
    r"(?:以及|还有|\band\b|\bas well as\b|\bplus\b|[和与]|\balso\b)[^,.;。]{{0,20}}"
    r"(?<![\w-]){0}(?![\w-])"
)


def _is_joined(name: str, world: Situation) -> bool:
    """Whether an order for the Deployment of that name in the other namespace goes with ours."""
    also = _AS_WELL.format(re.escape(name))
    said = (it for it in sentences(world.ask.text) if _SAME_NAME.search(it))
    return any(re.search(also, it, FLAGS) for it in said)


def _is_the_other(name: str, world: Situation) -> bool:
    """Whether a namespace is only named since it has a Deployment of the same name, too."""
    ours = any(is_named(world.ask.namespace, it.text) for it in clauses(world.ask.text))
    told = [it for it in sentences(world.ask.text) if is_named(name, it)]
    same = ours and bool(told) and all(map(_SAME_NAME.search, told))
    return same and not _is_joined(name, world)


_REACHES = re.compile(r"\b(?:talks?|connects?|depends|listens)\b|依赖|连接|调用", FLAGS)
_IS_THERE = re.compile(r"(?<!\btarget )\b(?:lives|is|are|was)\b", FLAGS)
_PRONOUN = re.compile(r"(?:it|which|that)\b", FLAGS)


def _is_told(name: str, world: Situation) -> bool:
    """Whether a namespace is only named where it says what else is there."""
    texts = [it.text for it in clauses(world.ask.text)]
    told = []
    for earlier, clause in zip(["", *texts], texts, strict=False):
        if match := find(name, clause):
            before = clause[: match.start()]
            # Where one of ours is, it is to be changed.
            of = f"{earlier} {before}" if _PRONOUN.match(before) else before
            ours = any(is_named(item.name, of) for item in world.deployments)
            tells = _REACHES.search(before) or (_IS_THERE.search(before) and not ours)
            told.append(bool(tells) and not read(clause).wanted)
    return bool(told) and all(told)
