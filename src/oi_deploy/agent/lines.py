"""The complete command lines that a prompt calls for, with the real names.

A small model copies a placeholder letter by letter and runs what it is shown. So a line is shown
only if the prompt asks for it, the policy allows it, and every name in it is certain. There are no
double quotes and no backslashes in them: the model writes its script as a JSON string, and a small
one ends it at the first quote.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from oi_deploy.agent import (
    build_options,
    changes,
    intents,
    its_file,
    manifests,
    meant,
    named,
    retag,
    spared,
    words,
)
from oi_deploy.agent.chores import counts, disk, git_tags, reports
from oi_deploy.agent.dockerfile import anew
from oi_deploy.agent.dockerfile import files as dockerfiles
from oi_deploy.agent.dockerfile import ignored as dockerignore
from oi_deploy.agent.dockerfile import new as new_dockerfile
from oi_deploy.agent.dockerfile import repairs as dockerfile_repairs
from oi_deploy.agent.dockerfile.files import Dockerfile
from oi_deploy.agent.named import Image
from oi_deploy.agent.situation import WITHOUT_IMAGE, Situation
from oi_deploy.verify.state import DeploymentState


def compose(world: Situation) -> tuple[str, ...]:
    """All lines, in the order in which they have to run."""
    parts = (_build, manifests.apply) if _builds_first(world) else (manifests.apply, _build)
    found: list[str] = []
    for part in (*parts, *_PARTS):
        found += part(world)
    return tuple(dict.fromkeys(found))


def _builds_first(world: Situation) -> bool:
    """Whether the prompt has the build before the manifests: a small model takes its order."""
    wanted = [intents.read(it.text).wanted for it in intents.clauses(world.ask.text)]
    order = "push" if any("push" in it for it in wanted) else "build"
    build = next((place for place, it in enumerate(wanted) if order in it), None)
    apply = next((place for place, it in enumerate(wanted) if "apply" in it), None)
    return build is not None and apply is not None and build < apply


def _build(world: Situation) -> Iterable[str]:
    if not world.builds:
        return
    built: dict[str, str] = {}
    for item, reference in _references(world):
        file = its_file.of(world, item, reference)
        apart: object = False
        if file is None:
            if line := new_dockerfile.line(world, its_file.names(item, reference)):
                yield line
                path = re.search(r"^cat > (\S+)", line, re.MULTILINE)
                # Apart from what it is made of, it is named, and the root is built.
                apart = line.startswith("mkdir ") and path
                file = Dockerfile(path[1] if path else "Dockerfile", line if apart else "")
            else:
                continue
        if not apart:
            mended = list(_repairs(world, file))
            # Where nothing of it is known to be wrong, it is written anew.
            other = "" if mended else anew.line(world, file)
            yield from [other] if other else mended
        build = file.build(
            reference,
            world.exists,
            build_options.arguments(world, file),
            build_options.target(world, file, reference),
        )
        # One image under two names is built once.
        same = built.setdefault(build.replace(reference, named.repository_of(reference)), reference)
        yield f"docker tag {same} {reference}" if same != reference else build
        yield f"docker push {reference}"
        for other in retag.others(world, reference):
            yield f"docker tag {reference} {other}"
            yield f"docker push {other}"


def _repairs(world: Situation, file: Dockerfile) -> Iterable[str]:
    """What puts a Dockerfile right, and what is kept from its build."""
    gone = _gone(world)

    def exists(path: str) -> bool:
        return world.exists(path) or (path in world.new_files and path not in gone)

    files, texts = world.repository.files, world.repository.texts
    images = world.images if "base" in world.intents else ()
    yield from dockerfile_repairs.repairs(file, files, exists, images, texts, gone, world.told)
    context = file.context(world.exists)
    if rules := texts.get(dockerfiles.inside(context, ".dockerignore")):
        yield from dockerignore.repairs(file, context, rules, files, texts, world.told)


_GONE = re.compile(
    r"\b(?:gone|removed?|deleted?|dropped|no longer|any ?more|thrown out"
    r"|does not exist|not found|no such file|cannot find|split|refactored|became)\b|拆|找不到"
    r"|删|不再|去掉|移除|没有了?|不存在",
    intents.FLAGS,
)


_CREATES = re.compile(
    r"\b(?:creat|writ|mak|add|generat)(?:e|es|ing)?\b|新建|创建|写|补|生成", intents.FLAGS
)
_MOVED = re.compile(
    r"\b(?:mov(?:ed?|ing)|tid(?:ied|y)|reorgani[sz]|relocat|reshuffl|restructur)|挪|移|搬|整理|重构|调整",
    intents.FLAGS,
)


def _gone(world: Situation) -> list[str]:
    """Files that the prompt says are not there any more."""
    told = [it for it in intents.sentences(world.ask.text) if _GONE.search(it)]
    files = {path.rpartition("/")[2] for path in world.repository.files}
    made = [it for it in intents.sentences(world.ask.text) if _CREATES.search(it)]
    return [
        path
        for path in world.new_files
        if not any(words.is_named(path, it) for it in made)
        if any(words.is_named(path, it) for it in told)
        or (path.rpartition("/")[2] in files and _MOVED.search(world.ask.text))
    ]


def _references(world: Situation) -> Iterable[tuple[DeploymentState | None, str]]:
    """What is to be built and pushed, and for which Deployment."""
    targets = _targets(world) if world.ask.expect == "deploy" else ()
    if world.ask.expect == "deploy" and not targets:
        return
    if not targets and not world.named and len(world.meant.chosen) == 1:
        targets = world.meant.chosen
    if not targets:
        yield from ((None, text) for item in world.named if (text := _full(world, item)))
        return
    aside = {str(image) for image in world.named if world.is_beside_new_ones(image)}
    for deployment in targets:
        for text in references_for(world, deployment):
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
    others = [
        its_file.of(world, item, text)
        for item in _targets(world)
        for text in references_for(world, item)
    ]
    return own is not None and own not in others


def _targets(world: Situation) -> tuple[DeploymentState, ...]:
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
    runs = {named.repository_of(it.image) for other in world.deployments for it in other.containers}
    if chosen and not using and repositories & runs:
        return ()
    return tuple(
        item
        for item in chosen
        if not using or item.name in using or meant.is_joined(item.name, using, world.ask.text)
    )


def _full(world: Situation, image: Image) -> str:
    tag = image.tag or world.tag
    return f"{image.repository}:{tag}" if tag else ""


def references_for(world: Situation, item: DeploymentState) -> list[str]:
    """The images that a Deployment is to get: one, or one for each of several containers."""
    running = {
        named.repository_of(container.image): container.image for container in item.containers
    }
    new = {
        image.repository: text
        # The last one counts: nobody runs `latest` who has another one.
        for image in sorted(world.named, key=lambda image: image.tag != "latest")
        if image.repository in running
        and (text := _full(world, image)) not in ("", running[image.repository])
    }
    one = reference_for(world, item)
    return list(new.values()) or ([one] if one else [])


def reference_for(world: Situation, item: DeploymentState) -> str:
    """The image that a Deployment is to get; empty if the prompt and the cluster do not say it."""
    current = [named.repository_of(container.image) for container in item.containers]
    candidates = [image for image in world.named if image.repository in current]
    called = [image for image in world.named if image.repository.rpartition("/")[2] == item.name]
    # The last one: what was there before is named first.
    for image in (*reversed(candidates), *reversed(called), *reversed(world.named)):
        if text := _full(world, image):
            return text
    host = world.ask.registry.partition("/")[0]
    ours = [name for name in dict.fromkeys(current) if host and name.startswith(f"{host}/")]
    if len(ours) > 1:
        # One for each of several containers, and no word says which one is built here.
        ours = [name for name in ours if name.rpartition("/")[2] == item.name]
    return f"{ours[0]}:{world.tag}" if ours and world.tag else ""


def containers_for(world: Situation, item: DeploymentState, reference: str) -> list[str]:
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


_ONE_BY_ONE = re.compile(
    r"\bone (?:after the other|by one|at a time)\b|\bonly after (?:that|this)\b"
    r"|\bonly then\b.{0,40}\b(?:update|deploy|roll)"
    r"|\b(?:completely|fully) (?:rolled out|ready|through|up)\b.{0,40}\bbefore\b"
    r"|就绪[了后]*再(?:更新|部署|发|换|升)|先\s*\w+\s*后\s*\w+"
    r"|先(?:更新|部署|发布?|换|升级)[^。]{0,30}(?:再|才)(?:去)?(?:更新|部署|发布?|换|升级)|依次|逐个|一个一个",
    intents.FLAGS,
)


_ANOTHER_IMAGE = re.compile(
    r"\b(?:update|upgrade|deploy|roll|release|ship|switch|put|use|point|run)\b"
    r"|\bset\b(?!.*\b(?:replicas?|pods?)\b)|更新|升级|部署|发布|换",
    intents.FLAGS,
)


def _wants_another_image(world: Situation) -> bool:
    return any(
        not clause.supposed and not intents.is_denied(clause.text, match.start())
        for clause in intents.clauses(world.ask.text)
        for match in _ANOTHER_IMAGE.finditer(clause.text)
    )


def _rollout(world: Situation) -> Iterable[str]:
    """The image in its Deployments, and the end of the rollout."""
    if world.ask.expect != "deploy":
        return
    pair = None if world.builds else retag.pair(world)
    alone = WITHOUT_IMAGE & world.intents.wanted
    # An earlier image that no revision has is set like any other.
    if alone == {"undo"} and not any(changes.undo(world)):
        alone = frozenset()
    there = {str(image) for image in world.named if world.has_image(image)}
    changed: list[DeploymentState] = []
    one_by_one = _ONE_BY_ONE.search(world.ask.text) is not None
    targets = _targets(world)
    if one_by_one:
        text = words.plain(world.ask.text, world.ask.registry)
        # In the order in which the prompt names them.
        place = {it.name: found.start() for it in targets if (found := words.find(it.name, text))}
        targets = tuple(sorted(targets, key=lambda it: place.get(it.name, len(text))))
    for item in targets:
        references = [str(_of_pair(world, pair, item))] if pair else references_for(world, item)
        # Beside an image that is built, another container may get one that is there.
        new = [it for it in references if it not in there] or references
        built = world.builds and all(_can_be_built(world, item, it) for it in new)
        exists = there.issuperset(references) and not world.builds
        # Beside a restart or more pods of another one, an image that is named in full is meant, if
        # anything is to get another one.
        in_full = alone <= {"restart", "scale"} and all(it in world.ask.text for it in references)
        in_full = in_full and _wants_another_image(world)
        known = built or pair or (exists and (not alone or in_full))
        allowed = world.permits("deployment", item.name, "set-image")
        if references and known and allowed and item.containers:
            images = " ".join(
                f"{name}={reference}"
                for reference in references
                for name in containers_for(world, item, reference)
            )
            yield f"{world.kubectl} set image deployment/{item.name} {images}"
            if _is_mended(world, item, references):
                yield f"{world.kubectl} rollout restart deployment/{item.name}"
            if one_by_one:
                yield world.rollout_status(item)
            changed.append(item)
    yield from (world.rollout_status(item) for item in changed)


_TAKES = re.compile(r"\b(?:take|pull|retag|tag|from)\b|打|拉取|从", intents.FLAGS)


def _of_pair(world: Situation, pair: tuple[Image, Image], item: DeploymentState) -> Image:
    """Which of two names of an image a Deployment is to get: the new one, unless it says so."""
    old, new = pair
    for clause in intents.clauses(words.without_references(world.ask.text)):
        named_there = any(
            words.is_named(it, clause.text)
            for it in (item.name, *(c.name for c in item.containers))
        )
        ordered = _ANOTHER_IMAGE.search(clause.text) and not _TAKES.search(clause.text)
        told = named.RUNS_NOW.search(clause.text) or clause.supposed
        tags = [bool(named.speaks_of(it.tag, clause.text)) for it in (old, new)]
        if named_there and ordered and not told and tags == [True, False]:
            return old
    return new


def _is_mended(world: Situation, item: DeploymentState, references: Sequence[str]) -> bool:
    """Whether the tag that a Deployment names is another image now, since its pods failed."""
    if not world.failures or not world.permits("deployment", item.name, "rollout"):
        return False
    files = [file for it in references if (file := its_file.of(world, item, it))]
    named_there = {container.image for container in item.containers}.issuperset(references)
    return named_there and any(any(_repairs(world, file)) for file in files)


def _can_be_built(world: Situation, item: DeploymentState, reference: str) -> bool:
    file = its_file.of(world, item, reference)
    return file is not None or bool(new_dockerfile.line(world, its_file.names(item, reference)))


def _digest(world: Situation) -> Iterable[str]:
    file = world.new_file
    pair = retag.pair(world) if not world.builds else None
    references = [str(pair[1])] if pair else [text for _, text in _references(world)]
    if "digest" in world.intents and file and references:
        yield (
            f"docker inspect --format '{{{{index .RepoDigests 0}}}}' {references[-1]} "
            f"| sed 's/.*@//' > {file}"
        )


# A file is to say which image it is.
_ITS_NAME = re.compile(
    r"\b(?:image(?:'s)? (?:name|reference)|name of the image|(?:full|complete|whole) "
    r"(?:image )?(?:name|reference))\b"
    r"|镜像\W{0,2}(?:的)?(?:完整|全)?(?:名称?|地址|引用)|完整(?:的)?镜像",
    intents.FLAGS,
)


_BEFORE_AND_AFTER = re.compile(
    r"\bbefore (?:this|the|that|it)\b.*\bafter (?:this|the|that|it|wards?)\b|前.*后", intents.FLAGS
)


def _says_name(world: Situation) -> str:
    """The sentence that wants the image's name in a file; empty if there is none."""
    said = (
        it
        for it in intents.sentences(world.ask.text)
        if world.new_file in it and _ITS_NAME.search(it) and "table" not in intents.read(it)
    )
    return next(said, "") if world.new_file and "digest" not in world.intents else ""


def _name(world: Situation) -> Iterable[str]:
    """The image's name in a file: that of what is built, or what runs after a rollback."""
    file, chosen, said = world.new_file, world.meant.chosen, _says_name(world)
    if not said:
        return
    references = [text for _, text in _references(world)] if world.builds else []
    if len(references) == 1:
        yield f"echo {references[0]} > {file}"
    elif "undo" in world.intents and len(chosen) == 1:
        sign = ">>" if _BEFORE_AND_AFTER.search(said) else ">"
        yield f"{_running_image(world, chosen[0])} {sign} {file}"


def _name_before(world: Situation) -> Iterable[str]:
    """The name of the image that runs before a rollback, where the file is to have both."""
    chosen, said = world.meant.chosen, _says_name(world)
    if "undo" in world.intents and len(chosen) == 1 and _BEFORE_AND_AFTER.search(said):
        yield f"{_running_image(world, chosen[0])} > {world.new_file}"


def _running_image(world: Situation, item: DeploymentState) -> str:
    field = "C0:.spec.template.spec.containers[*].image"
    get = f"{world.kubectl} get deployment {item.name} --no-headers"
    return f"{get} -o custom-columns={field}"


_PARTS: tuple[Callable[[Situation], Iterable[str]], ...] = (
    _name_before,
    retag.lines,
    _digest,
    _rollout,
    changes.scale,
    changes.restart,
    changes.undo,
    changes.wait,
    _name,
    git_tags.delete,
    reports.report,
    counts.lines,
    disk.lines,
)
