"""Which of a repository's Dockerfiles an image is built from."""

import re
from collections.abc import Sequence
from dataclasses import replace

from oi_deploy.agent import intents, named, spared, words
from oi_deploy.agent.dockerfile import files as dockerfiles
from oi_deploy.agent.dockerfile.files import Dockerfile
from oi_deploy.agent.situation import Situation
from oi_deploy.verify.state import DeploymentState


def names(item: DeploymentState | None, reference: str) -> list[str]:
    """The names of a Deployment and of its image."""
    image = re.split(r"[:@]", reference.rpartition("/")[2])[0]
    return [*([item.name] if item else []), image]


def of(world: Situation, item: DeploymentState | None, reference: str) -> Dockerfile | None:
    """The Dockerfile that is meant for an image; None if there is none.

    Args:
        world: what is known.
        item: the Deployment that gets the image, if one does.
        reference: of the image.
    """
    found = world.repository.dockerfiles
    called = names(item, reference)
    root = next((file for file in found if file.path == "Dockerfile"), None)
    clauses = (it.text for it in intents.clauses(world.ask.text))
    meant_root = any(
        (match := _IN_ROOT.search(it))
        and _USES.search(it[: match.start()])
        and not intents.is_denied(it, len(it))
        for it in clauses
    )
    if root and meant_root and len(world.named) < 2:
        return root
    if root is None:
        # Of `shop-api` and `shop-web`, the folders are often called `api` and `web`.
        called.append(called[-1].rpartition("-")[2])
    paths = _mentioned_with(world, called[: -1 if root is None else None], reference)
    others = [place for file in found for place in (file.path, file.folder)]
    meant = [path for path in paths if not spared.is_left_out(path, world.ask.text, others)]
    file = (
        _in_turn(world, reference)
        or dockerfiles.choose(found, called, meant)
        or _called_alike(world, reference)
    )
    if file is None:
        return None
    return replace(file, noted=_context(world) or file.noted or _only_place(world, file))


_TURNS = re.compile(
    r"\bformer\b.*\blatter\b|\brespectively\b|前者.*后者|分别|依次", intents.FLAGS | re.DOTALL
)


def _in_turn(world: Situation, reference: str) -> Dockerfile | None:
    """The Dockerfile of a folder that has the place in a list that the image has in its own.

    "The images are a and b; the former is made from x, the latter from y."
    """
    repositories = _repositories(world)
    for sentence in intents.sentences(world.ask.text):
        if not (turns := _TURNS.search(sentence)):
            continue
        found: dict[int, Dockerfile] = {}
        for file in world.repository.dockerfiles:
            if file.folder != "." and (match := words.find(file.folder, sentence)):
                found.setdefault(match.start(), file)
        places = sorted(found)
        # Where its own name stands beside each, that says it.
        between = sentence[places[0] : places[-1]] if places else ""
        listed = not any(it in between for it in repositories) or "者" in turns[0]
        if len(places) == len(repositories) > 1 and listed:
            own = dict(zip(repositories, (found[it] for it in places), strict=True))
            return own.get(named.repository_of(reference))
    return None


def _repositories(world: Situation) -> list[str]:
    """Those of the named images, in the order in which the prompt names them."""
    places = {
        image.repository: match.start()
        for image in world.named
        if (match := named.whole(image.repository).search(world.ask.text))
    }
    return sorted(places, key=lambda it: places[it])


def _called_alike(world: Situation, reference: str) -> Dockerfile | None:
    """Of several, the only one whose folder's name the image's begins with: `sms` of `sms-gate`."""
    name = named.repository_of(reference).rpartition("/")[2]
    found = [
        file
        for file in world.repository.dockerfiles
        if name.startswith(f"{file.folder.rpartition('/')[2]}-")
        and not spared.is_left_out(file.folder, world.ask.text)
    ]
    return found[0] if len(found) == 1 else None


def _only_place(world: Situation, file: Dockerfile) -> str:
    """The only folder that has all that a Dockerfile in a folder apart copies; empty if none has.

    That is `docker/api.Dockerfile` for what lies in `api/`.
    """
    sources = [it for it in file.copies() if not set(it) & set("*?[$") and it.strip("./")]
    own = all(world.exists(dockerfiles.inside(file.folder, it)) for it in sources)
    if file.folder == "." or not sources or own:
        return ""
    found = [
        folder
        for folder in named.folders(world.repository.files)
        if not f"{folder}/".startswith(f"{file.folder}/")
        and all(world.exists(dockerfiles.inside(folder, it)) for it in sources)
    ]
    return found[0] if len(found) == 1 else ""


_FOLDER = r"(?<![\w./-])`?(?P<{0}>[\w-]+(?:/[\w-]+)*)/?`?"
_CONTEXT = re.compile(
    r"\bbuild[- ]context\b[^.;,\n]{0,24}?(?:\b(?:is|of|be|in|at|to)|=|:)\s+(?:the\s+)?"
    rf"(?:(?:folder|directory)\s+)?{_FOLDER.format('en')}(?![\w./-])"
    # Of a cluster it is no path.
    r"|(?:^|[,;(]|\b(?:the|its|and))\s*context (?:is|has to be|must be|should be|=)\s+"
    r"`?(?P<path>[\w-]+(?:/[\w-]+)+)/?`?(?![\w./-])"
    rf"|\b(?:wants?|needs?|takes?|uses?|has|expects?|with) {_FOLDER.format('taken')}"
    r"\s+as (?:its |the )?(?:build )?context\b"
    rf"|{_FOLDER.format('said')}[\s,(]*(?:\b(?:that|which|it)(?:'s|\s+is)|\bis)\s+"
    r"(?:also\s+)?(?:the\s+|its\s+)?(?:own\s+)?build\s+context\b"
    rf"|{_FOLDER.format('called')}\s*(?:目录)?[\s,(]*(?:就|也)?(?:是|作为?)构建上下文"
    r"|(?:构建|build)\s*(?:上下文|context)(?:目录)?\s*(?:要|应该?|也|都|请)*(?:是|为|用|选|设为|指定为|:|在)\s*"
    rf"{_FOLDER.format('zh')}(?![\w./-])",
    intents.FLAGS,
)
_ROOT_CONTEXT = re.compile(
    r"\bcontext\b[^.;\n]{0,24}\b(?:root|top)\b|\b(?:root|top)\b[^.;\n]{0,24}\bcontext\b"
    r"|上下文[^。;\n]{0,8}根|根目录?[^。;\n]{0,6}上下文",
    intents.FLAGS,
)
_FORMERLY = re.compile(r"\b(?:was|were|until|used to|formerly)\b|以前|原来|之前|曾", intents.FLAGS)


def _context(world: Situation) -> str:
    """The folder that the prompt calls the build context, if it is there and the only one."""
    if _ROOT_CONTEXT.search(world.ask.text):
        return "."
    folders = named.folders(world.repository.files)
    said = {
        next(filter(None, match.groups()))
        for sentence in intents.sentences(world.ask.text)
        for match in _CONTEXT.finditer(sentence)
        if not intents.is_denied(spared.clause_at(sentence, match.start()), len(sentence))
        and not _FORMERLY.search(sentence)
    }
    found = said & folders
    return found.pop() if len(found) == 1 and len(world.named) < 2 else ""


_IN_ROOT = re.compile(
    r"根(?:目录|下)[里下中]?的?\s*`?dockerfile(?![\w.])|\broot(?:'s)? `?dockerfile(?![\w.])"
    r"|\bdockerfile(?![\w.])`? (?:in|at|from) (?:the )?(?:repo(?:sitory)?'s )?(?:root|top)\b",
    intents.FLAGS,
)
_USES = re.compile(r"\b(?:us(?:e|ing)|build|with|tak(?:e|ing))\b|用|构建|拿", intents.FLAGS)
_LIST_END = re.compile(rf"[\n;。,、]|\band\b|(?<=[{intents.CJK}]):|:\s", re.ASCII)


def _mentioned_with(world: Situation, called: Sequence[str], reference: str) -> Sequence[str]:
    """The paths that the prompt names; those of an image's own lines, if it names several.

    Args:
        world: what is known.
        called: names of the Deployment that gets the image, and of the image.
        reference: of the image.
    """
    repository = named.repository_of(reference)
    if len({image.repository for image in world.named}) < 2:
        return world.mentioned
    whole = named.whole(repository)
    every = _LIST_END.split(world.ask.text)
    places = {it for file in world.repository.dockerfiles for it in (file.path, file.folder)}
    for parts in (
        [it for it in every if whole.search(it)],
        [it for it in every if any(words.is_named(name, it) for name in called)],
    ):
        paths = [path for part in parts for path in named.paths(part, world.ask.registry)]
        if places.intersection(paths):
            return paths
    own = [
        line
        for line in world.ask.text.splitlines()
        if whole.search(line) and not any(str(it) in whole.sub(" ", line) for it in world.named)
    ]
    return [path for line in own for path in named.paths(line, world.ask.registry)]
