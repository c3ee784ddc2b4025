"""Complete command lines for changes of Deployments that need no image."""

import re
from collections.abc import Iterable, Sequence

from oi_deploy.agent import columns, intents, references, revisions, scaling, whose, words
from oi_deploy.agent.situation import Situation
from oi_deploy.verify.state import DeploymentState

# First to one number, and then to another one.
_BACK = re.compile(
    r"\b(?:then|after|afterwards)\b[^.;]{0,40}\bback (?:up |down )?to "
    rf"(?P<en>{intents.numbers()})(?!\w|\.\d)"
    rf"|先[^。;]{{1,40}}(?:然后|再|之后)[^。;]{{0,12}}[扩缩调改加][回到]+\s*(?P<zh>{intents.numbers()})\s*个",
    intents.FLAGS,
)


def scale(world: Situation) -> Iterable[str]:
    """Another number of pods."""
    if "scale" not in world.intents:
        return
    found = counts(world)
    back = _BACK.search(world.ask.text) if len(found) == 1 else None
    for item, count in found:
        allowed = world.permits("deployment", item.name, "scale")
        if count is not None and item.replicas != count and allowed:
            yield f"{world.kubectl} scale deployment/{item.name} --replicas={count}"
            yield world.rollout_status(item)
            then = intents.number(back["en"] or back["zh"]) if back else count
            if then != count:
                yield f"{world.kubectl} scale deployment/{item.name} --replicas={then}"
                yield world.rollout_status(item)


_PODS = re.compile(
    rf"\b(?:{intents.numbers()}) (?:replicas?|pods?|instances?|copies)\b"
    rf"|(?:{intents.numbers()})\s*个|[扩缩](?:容)?[到至成为]",
    intents.FLAGS,
)


def counts(world: Situation) -> list[tuple[DeploymentState, int | None]]:
    """How many pods each Deployment is to have that is to be scaled; None where it is not said."""
    model = _model(world)
    targets = [item for item in whose.targets(world, "scale") if item != model]
    if len(targets) > 1:
        # What an order has for one of them alone is for no other one.
        alone = {it.name: _alone(it, targets, world, _began(it, world)) for it in targets}
        parts = whose.parts(world)
        taken = any(count is not None for count in alone.values())
        targets = [
            it
            for it in targets
            if not taken
            or alone[it.name] is not None
            or scaling.wanted(_own(it, targets, world), _began(it, world)) is not None
            or any(whose.ALIKE.search(part) for part in parts if words.is_named(it.name, part))
        ]
    told = {item.name: _own(item, targets, world) for item in targets} if len(targets) > 1 else {}
    if any(map(_PODS.search, told.values())):
        # "Set web to 3 pods and jobs to image 8."
        targets = [it for it in targets if not whose.IMAGE.search(told[it.name])]
    return [(item, _count(item, targets, world, _began(item, world))) for item in targets]


def _began(item: DeploymentState, world: Situation) -> int:
    return world.began.get(item.name, item.replicas)


_REPLICAS = re.compile(r"\breplicas?\b|副本", intents.FLAGS)


def _of_manifest(item: DeploymentState, world: Situation) -> int | None:
    """The number that a manifest has for a Deployment, if the prompt speaks of it for that."""
    made = [it for it in world.repository.made if it.name == item.name]
    said = any(
        path in world.repository.manifests and words.is_named(path, sentence)
        for sentence in intents.sentences(world.ask.text)
        if _REPLICAS.search(sentence)
        for path in world.mentioned
    )
    return made[0].replicas if said and len(made) == 1 and "apply" not in world.intents else None


def _count(
    item: DeploymentState, targets: Sequence[DeploymentState], world: Situation, began: int
) -> int | None:
    """The number of pods that a Deployment is to have: its own of several, or the only one."""
    if model := _model(world):
        return world.began.get(model.name, model.replicas)
    if (count := scaling.tabled(world.ask.text, item.name)) is not None:
        return count
    if (alone := _alone(item, targets, world, began)) is not None:
        return alone
    own = _own(item, targets, world)
    # What is said beside its name counts before what is told elsewhere.
    beside = "" if len(targets) > 1 or _AS_IT_IS.search(own) else own
    if (count := scaling.wanted(beside, began)) is not None:
        return count
    if len(targets) > 1:
        told = re.sub(r"\([^()]*\)", " ", own)
        if bare := re.fullmatch(rf"{re.escape(item.name)}\W*(\d+)\W*", told):
            return int(bare[1])
        if (count := scaling.wanted(own, began)) is not None:
            return count
    text = world.ask.text
    if (count := _of_manifest(item, world)) is not None:
        return count
    for path in (it for it in world.mentioned if it.endswith((".csv", ".yaml", ".yml", ".md"))):
        table = columns.of_markdown(path, world.repository.texts.get(path, ""))
        own = columns.cell(table, item.name, text)
        # Else under what the prompt names: "the section eu-west".
        parts = (columns.cell(table, it, text) for it in columns.parts(table, text))
        values = {own} if own else set(parts)
        if len(values) == 1 and (value := values.pop()).isdecimal():
            return int(value)
    return scaling.wanted(_about(item, targets, world), began)


# "The same number of replicas that uploads has", "副本数和 uploads 一样".
_LIKE = re.compile(
    r"\b(?:the )?(?:same (?:number|amount|count) of|as many) (?:replicas|pods|copies|instances)\s+"
    r"(?:as|that|which)\b(?P<en>[^.;]{1,60})"
    r"|(?:和|跟|与|按|照)(?P<zh>[^,。;]{1,40}?)(?:的)?(?:副本数?)?(?:保持)?(?:一样(?:多)?|相同|一致|持平|看齐)",
    intents.FLAGS,
)


def _model(world: Situation) -> DeploymentState | None:
    """The Deployment that another one is to have as many pods as; None if none is named so."""
    match = _LIKE.search(" ".join(world.ask.text.split()))
    said = (match["en"] or match["zh"]) if match else ""
    found = [item for item in world.deployments if words.is_named(item.name, said)]
    return found[0] if len(found) == 1 else None


# What tells how many there are.
_AS_IT_IS = re.compile(
    r"\b(?:has|have|had|is|are|was|were|runs?|ran|now|currently|from|with|at \d+)\b"
    r"|现在|目前|只有|[有从是]",
    intents.FLAGS,
)


# "Web and jobs go to 5 and 3 pods respectively."
_EACH = re.compile(r"\brespectively\b|分别", intents.FLAGS)
_NUMBER = re.compile(rf"(?<![\w.-])(?:{intents.numbers()})(?![\w-]|\.\d|%)", intents.FLAGS)


def _alone(
    item: DeploymentState, targets: Sequence[DeploymentState], world: Situation, began: int
) -> int | None:
    """The number that an order has for one of several Deployments; None if it has none for it."""
    for sentence in intents.sentences(world.ask.text):
        places = {it.name: at.start() for it in targets if (at := words.find(it.name, sentence))}
        said = _NUMBER.findall(words.without_references(sentence))
        if _EACH.search(sentence) and item.name in places and len(said) == len(places) > 1:
            order = sorted(places, key=lambda name: places[name])
            return intents.number(said[order.index(item.name)])
    parts = whose.parts(world)
    for place, part in enumerate(parts):
        names = [*whose.named(world, part), *whose.spoken_of(world, part, parts[:place])]
        only = set(names) == {item.name} and "scale" in intents.read(part)
        count = scaling.wanted(part, began) if only and not _AS_IT_IS.search(part) else None
        if count is not None:
            return count
    return None


def _own(item: DeploymentState, targets: Sequence[DeploymentState], world: Situation) -> str:
    """What is said of one of several Deployments: from its name to the next one's."""
    names = [other.name for other in targets]
    pattern = rf"(?<![\w./-])(?:{'|'.join(map(re.escape, names))})(?![\w-])"
    parts = [
        part
        for sentence in intents.sentences(world.ask.text)
        for part in re.split(rf"(?={pattern})", sentence, flags=re.ASCII)
    ]
    begins = re.compile(rf"{re.escape(item.name)}(?![\w-])", re.ASCII)
    return ". ".join(part for part in parts if begins.match(part))


def _about(item: DeploymentState, targets: Sequence[DeploymentState], world: Situation) -> str:
    """What is said of a Deployment, and of none in particular."""
    names = [other.name for other in targets]
    # "cart stays at 3": what another one has is not for this one.
    others = [it.name for it in world.deployments if it.name not in names]
    return ". ".join(
        clause
        for sentence in intents.sentences(world.ask.text)
        for clause in intents.split(sentence)
        if words.is_named(item.name, clause) or not any(words.is_named(it, clause) for it in others)
    )


# Pods are to have a configuration that they read when they start.
_READ_ANEW = re.compile(
    r"\b(?:pods?|deployments?|containers?|instances?|app|service|it|they)\b[^.;]{0,30}?"
    r"\b(?:(?:use|read|pick|load|see|get)s?|runs? with)\b(?: up)?"
    r" (?:it\b|(?:the|its|their|that|these|those) (?:new |changed |updated |latest )*"
    r"(?:values?|settings?|config\w*|wording|texts?)\b)"
    r"|(?:pods?|实例|进程|服务|容器|它们?)[^,。;]{0,12}(?:读到|读取|加载|用上|用到|拿到|生效|使用)"
    r"|(?:配置|设置|新值)[^,。;]{0,6}生效",
    intents.FLAGS,
)


def reads_anew(prompt: str) -> bool:
    """Whether pods are to read what is applied, and nothing is built, so that they must restart."""
    wants = intents.read(prompt)
    settings = re.search(r"config|settings?\b|配置|设置", prompt, intents.FLAGS)
    return (
        "apply" in wants
        and not {"build", "push"} & wants.wanted
        and bool(settings and _READ_ANEW.search(" ".join(prompt.split())))
    )


def restart(world: Situation) -> Iterable[str]:
    """New pods of the same image."""
    if "restart" not in world.intents:
        return
    for item in whose.targets(world, "restart"):
        if world.permits("deployment", item.name, "rollout"):
            yield f"{world.kubectl} rollout restart deployment/{item.name}"
            yield world.rollout_status(item)


def undo(world: Situation) -> Iterable[str]:
    """An earlier revision."""
    if "undo" not in world.intents:
        return
    items = whose.targets(world, "undo")
    if world.builds:
        # Beside an image that is built, another one has to be named for it.
        new = references.targets(world)
        items = [it for it in whose.ordered(world, "undo") if it not in new]
    for item in items:
        known = world.revisions.get(item.name, {})
        if not world.permits("deployment", item.name, "rollout") or len(known) == 1:
            continue
        revision = revisions.wanted(world.ask.text, known)
        if revision is None:
            continue
        to = f" --to-revision={revision}" if revision else ""
        yield f"{world.kubectl} rollout undo deployment/{item.name}{to}"
        yield world.rollout_status(item)


def wait(world: Situation) -> Iterable[str]:
    """The end of a rollout that is under way."""
    if "wait" in world.intents and world.ask.expect == "none":
        yield from (world.rollout_status(item) for item in world.meant.chosen)
