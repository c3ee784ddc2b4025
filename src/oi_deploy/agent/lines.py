"""The complete command lines that a prompt calls for, with the real names.

A small model copies a placeholder letter by letter and runs what it is shown. So a line is shown
only if the prompt asks for it, the policy allows it, and every name in it is certain. There are no
double quotes and no backslashes in them: the model writes its script as a JSON string, and a small
one ends it at the first quote.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence

from oi_deploy.agent import (
    build_options,
    changes,
    intents,
    its_file,
    manifests,
    named,
    references,
    retag,
    tagged_code,
    unread,
    whose,
    words,
)
from oi_deploy.agent.chores import (
    bases,
    commits,
    counts,
    disk,
    file_tables,
    git_tags,
    its_image,
    lacking,
    reports,
)
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
    if world.only_asks or unread.is_needed(world):
        return ()
    parts = (_build, manifests.apply) if _builds_first(world) else (manifests.apply, _build)
    first = list(tagged_code.checkout(world))
    found = [line for part in (*parts, *_PARTS) for line in part(world)]
    # The hash that is known is that of HEAD, and not of the code that is checked out first.
    commit = world.repository.commit
    if first and commit and any(f":{commit}" in line for line in found):
        return ()
    return tuple(dict.fromkeys([*first, *found]))


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
    for item, reference in references.built(world):
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
    yield from dockerfile_repairs.repairs(
        file, files, exists, images, texts, gone, world.told, _port(world)
    )
    context = file.context(world.exists)
    if rules := texts.get(dockerfiles.inside(context, ".dockerignore")):
        yield from dockerignore.repairs(file, context, rules, files, texts, world.told)


def _port(world: Situation) -> str:
    """The only port of the pods that are meant; empty if a variable of theirs may set it."""
    templates = [json.loads(item.template or "{}") for item in world.meant.chosen]
    specs = [part.get("spec") or {} for part in templates]
    containers = [it for spec in specs for it in spec.get("containers") or ()]
    found = {
        str(port.get("containerPort", "")) for it in containers for port in it.get("ports") or ()
    }
    names = {variable.get("name") for it in containers for variable in it.get("env") or ()}
    return found.pop() if len(found) == 1 and "PORT" not in names else ""


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


_FILE_GONE = re.compile(
    r"\bfiles?\b[^.;]{0,40}\b(?:deleted|removed|gone)\b|\b(?:deleted|removed)\b[^.;]{0,24}\bfiles?\b"
    r"|删[了掉除][^。;,]{0,8}文件|文件[^。;,]{0,8}(?:删|没了|不在)",
    intents.FLAGS,
)
_UNNEEDED = re.compile(
    r"\b(?:not|n't|never|no longer)\b[^.;]{0,16}\b(?:need|used?\b|requir)|\bunused\b|\bneedless\b"
    r"|\bnothing (?:needs|uses)\b|用不[上着到]|不(?:再)?需要|没[有]?用|无用|多余",
    intents.FLAGS,
)


def _gone(world: Situation) -> list[str]:
    """Files that the prompt says are not there any more."""
    # It need not say which one, where the only one that is missed is of no use.
    if _FILE_GONE.search(world.ask.text) and _UNNEEDED.search(world.ask.text):
        missed = {
            source
            for file in world.repository.dockerfiles
            for source in file.copies()
            if not world.exists(dockerfiles.inside(file.context(world.exists), source))
        }
        if len(missed) == 1 and not re.search(r"[*?$]", "".join(missed)):
            return list(missed)
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


_ONE_BY_ONE = re.compile(
    r"\bone (?:after the other|by one|at a time)\b|\bonly after (?:that|this)\b"
    r"|\bonly then\b.{0,40}\b(?:update|deploy|roll)"
    r"|\b(?:completely|fully) (?:rolled out|ready|through|up)\b.{0,40}\bbefore\b"
    r"|就绪[了后]*再(?:更新|部署|发|换|升)|先\s*\w+\s*后\s*\w+"
    r"|先(?:更新|部署|发布?|换|升级)[^。]{0,30}(?:再|才)(?:去)?(?:更新|部署|发布?|换|升级)|依次|逐个|一个一个",
    intents.FLAGS,
)


_ANOTHER_IMAGE = re.compile(
    r"\b(?:update|upgrade|deploy|roll|release|ship|switch|put|use|point|run|gets?|move|bring"
    r"|promote)\b"
    r"|\bset\b(?!.*\b(?:replicas?|pods?)\b)|\bset\b(?=.*(?:\bto (?:the )?image\b|\d\.\d))"
    r"|\bon version\b|更新|升级|部署|发布|换|切[到成]|推广|(?<![以之])上(?:线|到)?(?=\s*[a-z\d])",
    intents.FLAGS,
)


# Something else is done before it.
_LATER = re.compile(r"\bbefore\b|之前|以前", intents.FLAGS)


def _wants_another_image(world: Situation, tags: Sequence[str] = ()) -> bool:
    """Whether an order speaks of another image, and of all these tags."""
    return any(
        not (clause.supposed or _LATER.search(clause.text))
        and not intents.is_denied(clause.text, match.start())
        for clause in intents.clauses(world.ask.text)
        if all(words.is_named(tag, clause.text) for tag in tags)
        for match in _ANOTHER_IMAGE.finditer(clause.text)
    )


# What another one has, or had, or keeps.
_HAS = re.compile(
    r"\b(?:stays?|remains?|keeps?|kept|leave|still|currently|now|already|is on|are on|was|were|runs"
    r"|has|not|never|before|from|since|until)\b|n't\b"
    r"|[仍还从不别]|保持|现在|目前|原来|之?前|以前",
    intents.FLAGS,
)


def _gets(world: Situation, item: DeploymentState, images: Sequence[str]) -> bool:
    """Whether a tag stands right behind a Deployment that runs another one: "web: 2.0.0"."""
    running = {container.image for container in item.containers}
    tags = [
        re.escape(it.rpartition(":")[2].removeprefix("v")) for it in images if it not in running
    ]
    if not tags:
        return False
    behind = re.compile(
        rf"(?P<before>[^,;。\n]{{0,12}})(?<![\w./-]){re.escape(item.name)}(?![\w-])"
        rf"(?P<between>[^,;。\n]{{0,90}}?)(?<![\w.-])v?(?:{'|'.join(tags)})(?![\w-]|\.\w)",
        intents.FLAGS,
    )
    return any(
        not (clause.supposed or _HAS.search(match["before"]) or _HAS.search(match["between"]))
        for clause in intents.clauses(whose.with_what_follows(world))
        for match in behind.finditer(clause.text)
    )


_VERSION = re.compile(r"(?<![\w.])v?\d+\.\d+[\w.-]*\w")


def _rollout(world: Situation) -> Iterable[str]:
    """The image in its Deployments, and the end of the rollout."""
    if world.ask.expect != "deploy":
        return
    pair = None if world.builds else retag.pair(world)
    # The name that it is to get besides was not understood.
    plain = words.without_references(world.ask.text)
    retags = "retag" in world.intents and not (world.builds or pair) and len(world.named) == 1
    if retags and set(_VERSION.findall(plain)) - {world.named[0].tag}:
        return
    alone = WITHOUT_IMAGE & world.intents.wanted
    # An earlier image that no revision has is set like any other.
    if alone == {"undo"} and not any(changes.undo(world)):
        alone = frozenset()
    there = {str(image) for image in world.named if world.has_image(image)}
    changed: list[DeploymentState] = []
    one_by_one = _ONE_BY_ONE.search(world.ask.text) is not None
    targets = references.targets(world)
    if one_by_one:
        text = words.plain(world.ask.text, world.ask.registry)
        # In the order in which the prompt names them.
        place = {it.name: found.start() for it in targets if (found := words.find(it.name, text))}
        targets = tuple(sorted(targets, key=lambda it: place.get(it.name, len(text))))
    for item in targets:
        images = [str(_of_pair(world, pair, item))] if pair else references.of(world, item)
        # Beside an image that is built, another container may get one that is there.
        new = [it for it in images if it not in there] or images
        built = world.builds and all(_can_be_built(world, item, it) for it in new)
        exists = there.issuperset(images) and not world.builds
        # Beside a restart or more pods, an image that is named in full is meant, if anything is to
        # get another one, and a tag of the registry, if it is named with the order. One that the
        # prompt does not name was looked up for the order.
        in_full = all(it in world.ask.text for it in images)
        named_there = (it.rpartition(":")[2] for it in images)
        tags = () if in_full else [it for it in named_there if words.is_named(it, world.ask.text)]
        others = whose.ordered(world, "undo")
        undone = "undo" in alone and (item in others or not others)
        asked = _wants_another_image(world, tags) or _gets(world, item, images)
        beside = not (undone or "delete" in alone) and asked
        # A name for an image is not yet an order to run it, beside a restart.
        known = built or (pair and (not alone or asked)) or (exists and (not alone or beside))
        allowed = world.permits("deployment", item.name, "set-image")
        if images and known and allowed and item.containers:
            pairs = " ".join(
                f"{name}={reference}"
                for reference in images
                for name in references.containers(world, item, reference)
            )
            yield f"{world.kubectl} set image deployment/{item.name} {pairs}"
            if _is_mended(world, item, images):
                yield f"{world.kubectl} rollout restart deployment/{item.name}"
            if one_by_one:
                yield world.rollout_status(item)
            changed.append(item)
    yield from (world.rollout_status(item) for item in changed)


def _pinned(world: Situation) -> Iterable[str]:
    """An image that the prompt names by its digest, where nothing is built."""
    if world.ask.expect != "deploy" or world.builds:
        return
    for reference in world.pinned:
        repository = named.repository_of(reference.partition("@")[0])
        for item in world.meant.chosen:
            runs = [it for it in item.containers if named.repository_of(it.image) == repository]
            if runs and world.permits("deployment", item.name, "set-image"):
                pairs = " ".join(f"{it.name}={reference}" for it in runs)
                yield f"{world.kubectl} set image deployment/{item.name} {pairs}"
                yield world.rollout_status(item)


_TAKES = re.compile(r"\b(?:take|pull|retag|tag|from)\b|打|拉取|从", intents.FLAGS)


_CANDIDATE = re.compile(
    r"\brelease candidates?\b|\breleases?\b(?= (?:of|is|was|has)\b)", intents.FLAGS
)


def _of_pair(world: Situation, pair: tuple[Image, Image], item: DeploymentState) -> Image:
    """Which of two names of an image a Deployment is to get: the new one, unless it says so."""
    old, new = pair
    # "Let web run web:2.0" is plain, whatever is told of the candidate.
    for clause in intents.clauses(world.ask.text):
        if words.is_named(item.name, words.without_references(clause.text)) and re.search(
            rf"{re.escape(str(new))}(?![\w.-])", clause.text
        ):
            return new
    for clause in intents.clauses(words.without_references(world.ask.text)):
        named_there = any(
            words.is_named(it, clause.text)
            for it in (item.name, *(c.name for c in item.containers))
        )
        said = _CANDIDATE.sub(" ", clause.text)
        ordered = _ANOTHER_IMAGE.search(said) and not _TAKES.search(said)
        told = named.RUNS_NOW.search(clause.text) or clause.supposed
        tags = [bool(named.speaks_of(it.tag, clause.text)) for it in (old, new)]
        if named_there and ordered and not told and tags == [True, False]:
            return old
    return new


def _is_mended(world: Situation, item: DeploymentState, images: Sequence[str]) -> bool:
    """Whether the tag that a Deployment names is another image now, since its pods failed."""
    if not world.failures or not world.permits("deployment", item.name, "rollout"):
        return False
    files = [file for it in images if (file := its_file.of(world, item, it))]
    named_there = {container.image for container in item.containers}.issuperset(images)
    return named_there and any(any(_repairs(world, file)) for file in files)


def _can_be_built(world: Situation, item: DeploymentState, reference: str) -> bool:
    file = its_file.of(world, item, reference)
    return file is not None or bool(new_dockerfile.line(world, its_file.names(item, reference)))


def _report(world: Situation) -> Iterable[str]:
    """The file that is to be written, by the first that knows what is to be in it."""
    parts = (
        *(file_tables.lines, lacking.lines, commits.lines, counts.lines, disk.lines),
        *(bases.lines, reports.report),
    )
    found = next((found for part in parts if (found := tuple(part(world)))), ())
    folder = world.new_file.rpartition("/")[0]
    # Nothing is written into a folder that is not there.
    return (
        (f"mkdir -p {folder}", *found) if found and folder and not world.exists(folder) else found
    )


_PARTS: tuple[Callable[[Situation], Iterable[str]], ...] = (
    its_image.name_before,
    retag.lines,
    its_image.digest,
    _pinned,
    _rollout,
    changes.scale,
    changes.restart,
    changes.undo,
    changes.wait,
    its_image.name,
    git_tags.delete,
    _report,
)
