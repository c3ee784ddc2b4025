"""Which images a prompt wants built and pushed, and which Deployments and containers get them."""

import re
from collections.abc import Iterable, Sequence

from oi_deploy.agent import intents, its_file, meant, named, spared, whose, words
from oi_deploy.agent.named import Image
from oi_deploy.agent.situation import Situation
from oi_deploy.verify.state import DeploymentState


def built(world: Situation) -> Iterable[tuple[DeploymentState | None, str]]:
    """What is to be built and pushed, and for which Deployment."""
    items = targets(world) if world.ask.expect == "deploy" else ()
    if world.ask.expect == "deploy" and not items:
        return
    if not items and not world.named and len(world.meant.chosen) == 1:
        items = world.meant.chosen
    if not items:
        yield from ((None, text) for item in world.named if (text := _full(world, item)))
        return
    aside = {str(image) for image in world.named if world.is_beside_new_ones(image)}
    for deployment in items:
        for text in of(world, deployment):
            if text not in aside:
                yield deployment, text
    yield from ((None, text) for item in _only_pushed(world) if (text := _full(world, item)))


# What is built on, and what somebody else pushes.
_NOT_OURS = re.compile(
    r"\b(?:base|based|on top|from)\b|基础|基于"
    r"|\b(?:is|are|was|were|gets?|got|been) (?:\w+ )?pushed\b|\bpushes\b"
    r"|\bwe (?:used to |\w+ )?push(?:ed)?\b|\bnever push|\bdon't (?:\w+ (?:or )?)*push"
    r"|由[^,。]{1,12}推送|每[天晚周日][^,。]{0,6}推送|不[要再]+推送",
    intents.FLAGS,
)


def _only_pushed(world: Situation) -> Iterable[Image]:
    """Images that are to be built and pushed beside those of Deployments."""
    runs = {named.repository_of(it.image) for item in world.deployments for it in item.containers}
    sentences = intents.sentences(world.ask.text)
    for image in world.named:
        if image.repository in runs or world.has_image(image) or not _has_own_file(world, image):
            continue
        whole = named.whole(image.repository)
        said = [it for it in sentences if whole.search(it) and not _NOT_OURS.search(it)]
        if any("push" in intents.read(it) for it in said):
            yield image


def _has_own_file(world: Situation, image: Image) -> bool:
    """Whether an image has a Dockerfile that no Deployment's image is built from."""
    own = its_file.of(world, None, _full(world, image))
    others = [its_file.of(world, item, text) for item in targets(world) for text in of(world, item)]
    return own is not None and own not in others


def targets(world: Situation) -> tuple[DeploymentState, ...]:
    """The Deployments that get an image: those that run another tag of it, if any does.

    A Deployment that runs something else has been named for another reason, unless it stands in
    one list with one of those.
    """
    chosen = world.meant.chosen
    repositories = {image.repository for image in world.named}
    using = [
        item.name
        for item in chosen
        if repositories & {named.repository_of(container.image) for container in item.containers}
    ]
    # It is for another one, which was not read as meant.
    others = tuple(
        item
        for item in world.deployments
        if repositories & {named.repository_of(it.image) for it in item.containers}
    )
    if chosen and not using and others:
        return _beside(world, others)
    found = tuple(
        item
        for item in chosen
        if not using or item.name in using or meant.is_joined(item.name, using, world.ask.text)
    )
    if not world.named and len(found) > 1 and (ordered := whose.released(world)):
        # "gateway got timeouts. Release billing."
        found = tuple(it for it in found if it.name in ordered) or found
    text, names = words.without_references(world.ask.text), {it.name for it in found}
    new = [it for it in found if not spared.keeps_its_image(it.name, text, names - {it.name})]
    # "Release web, then restart jobs."
    new = [it for it in new if not whose.is_only_changed(world, it)] or new
    return tuple(new) or found


def _beside(world: Situation, items: Sequence[DeploymentState]) -> tuple[DeploymentState, ...]:
    """Those that run a named image, where the prompt has other orders for all that it names.

    That is jobs in "scale web to 3 and deploy registry/jobs:8".
    """
    if not all(whose.is_only_changed(world, it) for it in world.meant.chosen):
        return ()
    text = world.ask.text
    left = [spared.is_spared(it.name, text) or spared.is_left_out(it.name, text) for it in items]
    return () if any(left) else tuple(items)


def _full(world: Situation, image: Image) -> str:
    tag = image.tag or world.tag
    return f"{image.repository}:{tag}" if tag else ""


def of(world: Situation, item: DeploymentState) -> list[str]:
    """The images that a Deployment is to get: one, or one for each of several containers."""
    running = {
        named.repository_of(container.image): container.image for container in item.containers
    }
    new = {
        image.repository: text
        # The last one counts: nobody runs `latest` who has another one.
        for image in sorted(_meant(world), key=lambda image: image.tag != "latest")
        if image.repository in running
        and (text := _full(world, image)) not in ("", running[image.repository])
    }
    one = _one(world, item)
    return list(new.values()) or ([one] if one else [])


def _meant(world: Situation) -> list[Image]:
    """The images that the prompt names, without what only others run: "web stays at 1.9.0"."""
    there = {
        it.image
        for other in world.deployments
        if other not in targets(world)
        for it in other.containers
    }
    found = [it for it in world.named if str(it) not in there]
    # Of a repository, another tag is named.
    kept = {it.repository for it in found if it.tag}
    return [it for it in world.named if str(it) not in there or it.repository not in kept]


def _one(world: Situation, item: DeploymentState) -> str:
    """The image that a Deployment is to get; empty if the prompt and the cluster do not say it."""
    current = [named.repository_of(container.image) for container in item.containers]
    known = _meant(world)
    candidates = [image for image in known if image.repository in current]
    called = [image for image in known if image.repository.rpartition("/")[2] == item.name]
    # The last one: what was there before is named first.
    for image in (*reversed(candidates), *reversed(called), *reversed(known)):
        if text := _full(world, image):
            return text
    host = world.ask.registry.partition("/")[0]
    ours = [name for name in dict.fromkeys(current) if host and name.startswith(f"{host}/")]
    if len(ours) > 1:
        # One for each of several containers, and no word says which one is built here.
        ours = [name for name in ours if name.rpartition("/")[2] == item.name]
    return f"{ours[0]}:{world.tag}" if ours and world.tag else ""


def containers(world: Situation, item: DeploymentState, reference: str) -> list[str]:
    """The containers that get an image: those that run another tag of it, or the named ones."""
    repository = named.repository_of(reference)
    same = [c.name for c in item.containers if named.repository_of(c.image) == repository]
    said = [
        c.name
        for c in item.containers
        if words.is_named(c.name, words.without_references(world.ask.text))
    ]
    # "warmup runs the same image, but stays as it is."
    text, every = words.without_references(world.ask.text), [c.name for c in item.containers]
    said = [name for name in said if not spared.is_left_out(name, text, every)] or said
    if same and "both" not in world.intents and (both := [name for name in same if name in said]):
        return both
    return same or said[:1] or [item.containers[0].name]
