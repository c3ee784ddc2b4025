"""Everything that a prompt has to do with, looked up before a turn."""

import datetime
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from oi_deploy.agent import (
    changes,
    described,
    intents,
    meant,
    named,
    own_versions,
    policy_words,
    referents,
    repository,
    same_image,
    scaling,
    spared,
    tags,
    words,
)
from oi_deploy.agent.named import Image
from oi_deploy.agent.repository import Look
from oi_deploy.agent.situation import Ask, Situation
from oi_deploy.agent.tags import chosen, documents, keys, newest
from oi_deploy.broker.request import Policy
from oi_deploy.verify.state import DeploymentState

_MOST_REPOSITORIES = 4


@dataclass(frozen=True)
class Sources:
    """Where facts come from.

    Attributes:
        look: runs a program in the workspace as the model's user; what it printed, or empty.
        deployments: those that the run may change, as the cluster has them now.
        revisions: images by revision of a Deployment, oldest first.
        began: how many pods each Deployment was to have before the run.
        tags: the tags of a repository of the run's registry.
        images: references of the images that the Docker engine has.
        failures: what the last verification found pods to have written before they ended.
        build: what the last build printed, if it failed.
        elsewhere: the Deployments of another namespace.
        holds: whether the run's registry has what a reference names.
        configuration: the data of a ConfigMap, empty if it is not there; None if it cannot be
            read.
    """

    look: Look
    deployments: Callable[[], Sequence[DeploymentState]] = tuple
    revisions: Callable[[DeploymentState], Mapping[str, tuple[str, ...]]] = lambda item: {}
    tags: Callable[[str], Sequence[str]] = lambda repository: ()
    began: Mapping[str, int] = field(default_factory=dict)
    images: Callable[[], Sequence[str]] = tuple
    failures: Callable[[], str] = str
    build: Callable[[], str] = str
    elsewhere: Callable[[str], Sequence[DeploymentState]] = lambda namespace: ()
    holds: Callable[[str], bool] = lambda reference: True
    configuration: Callable[[str], Mapping[str, str] | None] = lambda name: None


def situation(ask: Ask, sources: Sources, policy: Policy) -> Situation:
    """Look at everything that the prompt has to do with."""
    deployments = tuple(sources.deployments())
    there = {item.name for item in deployments}
    mentioned = named.paths(ask.text, ask.registry)
    checkout = repository.gather(sources.look, named=mentioned, namespace=ask.namespace)
    spoken = _without_slashes(ask.prompt, there, checkout)
    run = {named.repository_of(it.image) for item in deployments for it in item.containers}
    ours = {it for it in run if ask.registry and it.startswith(f"{ask.registry}/")}
    spoken = referents.whole(spoken, ours)
    ask = replace(ask, prompt=referents.named(spoken, [item.name for item in deployments]))
    looked_up = described.read(
        ask.text,
        ask.registry,
        deployments,
        lambda name: (
            sources.configuration(name)
            if policy.document.permits(policy.namespace, "configmap", name, "read")
            else None
        ),
        {path: text for path, text in checkout.texts.items() if path in mentioned},
    )
    if looked_up.prompt != ask.text:
        ask = replace(ask, prompt=looked_up.prompt)
    inside = {it.name for item in deployments for it in item.containers}
    orders = _without_names(ask.text, there, inside)
    wants = intents.read(orders)
    if "build" in wants.denied and _is_of_another(ask.text, checkout, there):
        wants = replace(wants, denied=wants.denied - {"build"})
    made = () if "apply" not in wants else checkout.made
    known = (*deployments, *(item for item in made if item.name not in there))
    images = named.images(ask.text, ask.registry, checkout.commit)
    about = meant.deployments(
        ask.text,
        known,
        registry=ask.registry,
        repositories={image.repository for image in images},
    )
    of = same_image.read(ask.text, deployments)
    several = of is not None and not of.wanted and spared.means_several(ask.text)
    if of and not several and (others := tuple(item for item in about.chosen if item != of.item)):
        about = replace(about, chosen=others)
        # What names its own image with a tag gets that one.
        itself = "build" in wants or any(image.tag for image in images)
        if of.wanted and not itself and (same := of.images(others)):
            images = (*images, *same)
            wants = replace(wants, wanted=wants.wanted | {"exists"})
    images = looked_up.images(images)
    tagged = any(image.tag for image in images)
    if not tagged and (live := _live_elsewhere(ask, sources, policy, about.chosen)):
        images = live
        wants = replace(wants, wanted=(wants.wanted - {"build"}) | {"exists"})
    if changes.reads_anew(orders):
        wants = replace(wants, wanted=wants.wanted | {"restart"})
    # A number of pods may be ordered without any word for it: "basket needs four pods, not two".
    if not images and not wants.wanted - {"wait", "both"}:
        counts = [sources.began.get(item.name, item.replicas) for item in about.chosen]
        in_table = (scaling.tabled(ask.text, item.name) is not None for item in about.chosen)
        if any(in_table) or any(scaling.is_all(orders, count) for count in counts):
            wants = replace(wants, wanted=wants.wanted | {"scale"})
    repositories = {image.repository: None for image in images}
    if not images:
        host = ask.registry.partition("/")[0]
        current = (c.image for item in about.chosen for c in item.containers)
        repositories = {
            named.repository_of(it): None for it in current if host and it.startswith(f"{host}/")
        }
    found = {name: tuple(sources.tags(name)) for name in sorted(repositories)[:_MOST_REPOSITORIES]}
    made_anew = tags.is_made(ask.text) and not {"exists", "retag", "undo"} & wants.wanted
    if "build" not in wants and not made_anew:
        images = named.tagged(ask.text, images, found)
    named_there = {path: text for path, text in checkout.texts.items() if path in mentioned}
    if "build" not in wants:
        images = chosen.filled(ask.text, images, found, named_there)
    if (of_registry := newest.filled(ask.text, images, found)) != tuple(images):
        images = of_registry
        wants = replace(wants, wanted=wants.wanted | {"exists"})
    date = ask.date or datetime.datetime.now(datetime.UTC).date().isoformat()
    paths = frozenset(checkout.files) | named.folders(checkout.files)
    text, version = keys.as_version(ask.text, named_there)
    rule = None if tags.is_made(text) else documents.rule(ask.text, named_there)
    text = text if rule is None else rule
    said = words.plain(words.with_hash(tags.spelled(text)), ask.registry)
    source = tags.Source(
        commit=checkout.commit,
        full_commit=checkout.full_commit,
        branch=checkout.branch,
        git_tags=checkout.tags_here,
        described=checkout.described,
        versions={"VERSION": version} if version else _versions_of(ask.text, checkout.versions),
        date=date,
        commit_date=checkout.commit_date,
        count=checkout.count,
        names={it.name for it in about.chosen} | {it.rpartition("/")[2] for it in repositories},
    )
    with_versions = own_versions.tagged(
        ask.text,
        images or _without_tags(about.chosen, repositories),
        source.versions,
        lambda versions: tags.wanted(said, replace(source, versions=versions)),
    )
    # Images that the prompt does not name are named for their versions only.
    if images or all(image.tag for image in with_versions):
        images = with_versions
    return Situation(
        ask=ask,
        intents=wants,
        repository=checkout,
        named=images,
        tag=looked_up.image.tag or keys.filled(ask.text, named_there) or (
            tags.wanted(said, source) if rule is None or tags.is_made(rule) else ""
        ),
        described=looked_up,
        pinned={
            it: sources.holds(it)
            for it in named.pinned(ask.text, ask.registry)
            or chosen.pinned(ask.text, images, named_there)
        },
        more_tags=tags.several(said, source)[1:],
        meant=about,
        deployments=deployments,
        tags=found,
        revisions={
            item.name: sources.revisions(item)
            for item in known
            if "undo" in wants and item.name in there
            if item in about.chosen or words.is_named(item.name, ask.text)
        },
        began=sources.began,
        images=tuple(sources.images()),
        failures=sources.failures(),
        build=sources.build(),
        mentioned=mentioned,
        permits=policy_words.permits(policy),
        exists=lambda path: path in ("", ".") or path in paths or bool(
            sources.look("ls", "-d", "--", path)
        ),
    )  # fmt: skip


def _without_tags(
    items: Sequence[DeploymentState], repositories: Collection[str]
) -> tuple[Image, ...]:
    """The images of several Deployments that a prompt names without them, if each has one."""
    found = [
        [name for it in item.containers if (name := named.repository_of(it.image)) in repositories]
        for item in items
    ]
    several = len(items) > 1 and all(len(own) == 1 for own in found)
    return tuple(Image(own[0]) for own in found) if several else ()


def _live_elsewhere(
    ask: Ask, sources: Sources, policy: Policy, targets: Sequence[DeploymentState]
) -> tuple[Image, ...]:
    """What runs in another namespace that the run may read, and is to run in this one."""
    there = [
        item
        for name in sorted(set(policy.document.namespaces or {}) - {ask.namespace})
        if same_image.is_asked_for(ask.text, name)
        for item in sources.elsewhere(name)
        if policy.document.permits(name, "deployment", item.name, "read")
    ]
    return same_image.live(ask.text, there, targets)


def _versions_of(text: str, known: Mapping[str, str]) -> Mapping[str, str]:
    """What the only file says of which the prompt speaks as of a version; else what all say."""
    basenames = [path.rpartition("/")[2] for path in known]
    said = [
        path
        for path in known
        if basenames.count(path.rpartition("/")[2]) == 1
        and any(
            words.is_named(path, it)
            and re.search(r"\bversions?\b|版本", it.replace(path, " "), re.IGNORECASE)
            for it in intents.sentences(text)
        )
    ]
    return {said[0]: known[said[0]]} if len(said) == 1 else known


def _is_of_another(text: str, checkout: repository.Repository, names: Collection[str]) -> bool:
    """Whether what is not to be built is always a service that the prompt leaves out."""
    folders = {it.folder.rpartition("/")[2] for it in checkout.dockerfiles} - {"."}
    plain = words.without_references(text)
    out = [it for it in {*folders, *names} if spared.is_left_out(it, plain)]
    denying = [it for it in intents.sentences(plain) if "build" in intents.read(it).denied]
    return bool(denying) and all(any(words.is_named(n, it) for n in out) for it in denying)


def _without_slashes(prompt: str, names: Collection[str], checkout: repository.Repository) -> str:
    """A prompt with "deployment web" for what kubectl writes as "deploy/web", if no folder is."""
    every = "|".join(map(re.escape, sorted(names))) or "(?!)"
    known = named.folders(checkout.files)

    def spoken(match: re.Match[str]) -> str:
        return match[0] if match[0] in known else f"deployment {match['name']}"

    pattern = rf"(?<![\w./-])deploy(?:ments?)?/(?P<name>{every})(?![\w./-])"
    return re.sub(pattern, spoken, prompt, flags=re.ASCII)


def _without_names(text: str, names: Collection[str], containers: Collection[str]) -> str:
    """A text in which the words of a name, as in `report-cards`, order nothing.

    A word alone is one behind what it names: "container scale".
    """
    for name in (it for it in names if "-" in it):
        text = re.sub(rf"(?<![\w./-]){re.escape(name)}(?![\w./-])", "api", text, flags=re.ASCII)
    for name in (it for it in {*names, *containers} if intents.read(it).wanted):
        text = re.sub(
            rf"(?P<what>(?:\b(?:container|deployment)s?|容器)(?: (?:called|named))?\s*[`'\"/]?)"
            rf"{re.escape(name)}(?![\w./-])",
            r"\g<what>api",
            text,
            flags=intents.FLAGS,
        )
    return text
