"""What a prompt names: image references, Deployments, namespaces, files and folders."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from oi_deploy.agent import intents, spared, words
from oi_deploy.verify.state import DeploymentState

_CJK = "\u3000-\u303f\u4e00-\u9fff\uff00-\uffef"
_NAME = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
# A tag, or what a shell makes one of.
_TAG = r"(?::(?:[A-Za-z0-9_][A-Za-z0-9_.-]*|\$\([^()]*\)|\$\{[^{}]*\}|\$\w+|[-_.](?=[$\w]))+)?"
_AND = r"(?:\s*[,、&]\s*|\s+and\s+|\s*[和与及]\s*)(?:the\s+)?(?:deployments?\s+)?"
_DEPLOYMENTS = re.compile(
    rf"(?<![\w-])deployments?(?P<mark>/|\s*:\s*|\s+(?:called|named)\s+|\s*(?:名为|叫做?)\s*|\s+)"
    rf"(?P<quote>[`\"'“「]?)(?P<first>{_NAME})(?P<more>(?:{_AND}{_NAME})*)",
    intents.FLAGS,
)
_BEFORE_DEPLOYMENT = re.compile(
    rf"(?:名为|叫做?)\s*[`\"'“「]?(?P<name>{_NAME})[`\"'”」]?\s*(?:的|这个)*\s*"
    r"(?:deployment|部署|工作负载)",
    intents.FLAGS,
)
_NAMESPACE = re.compile(
    rf"(?:命名空间|名字空间)\s*[:]?\s*[`\"'“「]?(?P<zh>{_NAME})"
    rf"|(?P<before>{_NAME})[`\"'”」]?\s*(?:这个|的)?\s*(?:命名空间|名字空间)"
    rf"|(?:\s-n|--namespace)[ =](?P<flag>{_NAME})"
    rf"|\bnamespace\s+[`\"'“]?(?P<en>{_NAME})"
    # "in namespace x" names x, "the x namespace" too.
    rf"|\bthe\s+[`\"'“]?(?P<en_before>{_NAME})[`\"'”]?\s+namespace\b",
    re.ASCII,
)
_PATH = re.compile(r"(?<![\w./:@$-])[\w.][\w.-]*(?:/[\w.-]+)*/?", re.ASCII)
# What is done to a Deployment, before its name; and how a sentence goes on after it.
_DONE_TO = re.compile(
    r"\b(?:update|restart|scale|set|patch|switch|change|upgrade|reduce|increase|undo|deploy|back"
    r"|to|into|of)\s+(?:the\s+)?$",
    intents.FLAGS,
)
_GOES_ON = re.compile(r"\s*(?:$|[.,;:)!?]|(?:to|with|so|and|in|on|from|by|then|until)\b)")
# An order for all of them.
_ALL = re.compile(
    r"\b(?:restart|scale|update|upgrade|undo|roll(?: back)?|bounce)\s+"
    r"(?:all|every|each|both)(?: of)?(?: the| our| these)?(?: other)?"
    rf"(?: (?P<n>{intents.numbers()}))? deployments?\b"
    r"|(?:重启|扩容|缩容|更新|升级|回滚)(?:一下)?(?:所有|全部|每个)的?\s*(?:deployment|部署)"
    r"|[把将对给](?:所有|全部|每个)的?\s*(?:deployment|部署)"
    r"|(?:所有|全部|每个|其[他它余])的?\s*(?:deployment|部署)\s*(?:都|全)*(?:重启|扩容|缩容|更新|升级|回滚)",
    intents.FLAGS,
)
# Right before what is not meant.
_NOT = re.compile(
    r"(?:不是|而不是|而非|并非|\bnot|\brather than|\binstead of)[^,;。,;.\n]{0,12}$", intents.FLAGS
)
# Right before a reference that is not to be used. One that is not to be built may be meant.
_NOT_TO_USE = re.compile(
    r"(?:(?:\bnot|n't|\bnever)(?:\s+(?:ever\s+)?(?:re-?)?(?:push|publish|us|overwrit|touch|pull|tag)"
    r"(?:e|ing)?\b)?|\b(?:instead of|rather than|in place of)|(?:不要?|别|勿|禁止|严禁)(?:再|去)?"
    r"(?:推送?|用|使用|覆盖|动|碰|打)|而不是|而非|不是)"
    r"(?:\s*(?:\b(?:it|the|an?|to|as|over|with|old|existing|image|tag)\b|到|成|镜像|标签|了))*"
    r"\s*[`'\"(]*$",
    intents.FLAGS,
)
# Right after one that was no good.
_NO_GOOD = re.compile(
    r"[`'\"),]*\s*(?:(?:is|was) (?:broken|bad|wrong|faulty|buggy|outdated|stale|old"
    r"|the (?:old|broken|bad|current|previous))\b|(?:crash|fail)(?:s|ed|es)\b|ha[sd] (?:a|the) bug"
    r"|有问题|有\s*bug|坏了|挂了|是旧|是坏|已过时)",
    intents.FLAGS,
)
# What is so, beside what is to be done.
_IS_SO = re.compile(
    r"\b(?:is|are|was|were|has|have|stays?|remains?)\b(?! to\b)|已经?|没有?", intents.FLAGS
)
# A version that something has, and is not to get.
_RUNS_NOW = re.compile(
    r"\b(?:(?:is|are|was|were)(?: still| currently| now)? (?:on|at)|from)\s+v?\d[\w.-]*\w"
    r"|从\s*v?\d[\w.-]*\w",
    intents.FLAGS,
)
_MARKS = " \n,.;:()`\"'"
_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,5}$")
# They look like files.
_PRODUCT = re.compile(
    r"(?:node|next|nuxt|vue|nest|express|react|ember|backbone|three|d3|alpine)\.js"
    r"|socket\.io|(?:asp|vb)\.net",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Image:
    """An image in the run's registry that the prompt names.

    Attributes:
        repository: with the registry's host.
        tag: as it stands there, with the commit filled in; empty if there is none.
    """

    repository: str
    tag: str = ""

    def __str__(self) -> str:
        """The reference."""
        return f"{self.repository}:{self.tag}" if self.tag else self.repository


@dataclass(frozen=True)
class Deployments:
    """The Deployments that a prompt is about.

    Attributes:
        chosen: those that exist (or that a manifest of the repository makes).
        absent: names of Deployments that do not exist.
        certain: whether the absent ones are surely meant as names.
    """

    chosen: tuple[DeploymentState, ...] = ()
    absent: tuple[str, ...] = ()
    certain: bool = False


def images(prompt: str, registry: str, commit: str) -> tuple[Image, ...]:
    """The images under the registry's host that the prompt names, in order, each once."""
    host = registry.partition("/")[0]
    if not host:
        return ()
    text = re.sub(r"\$\(\s*git rev-parse --short(?:=\d+)? HEAD\s*\)", commit or r"\g<0>", prompt)
    pattern = rf"(?<![\w./-]){re.escape(host)}/(?P<path>[a-z0-9._/-]*[a-z0-9])(?P<tag>{_TAG})"
    # Chinese goes on into a reference without a space.
    found = list(re.finditer(pattern, text, re.ASCII))
    meant = [
        match
        for match in found
        if not _NOT_TO_USE.search(text[: match.start()]) and not _NO_GOOD.match(text, match.end())
    ]
    tagged = [Image(f"{host}/{match['path']}", _tag(match, text)) for match in meant]
    # What is only said not to be used still says which repository it is about.
    bare = [Image(f"{host}/{match['path']}") for match in found]
    return tuple(dict.fromkeys(tagged or bare))


def _tag(match: re.Match[str], text: str) -> str:
    """The tag of a reference; empty where a placeholder stands: `:TAG`, `:v-$TAG`, `:v-<sha>`."""
    tag = match["tag"].removeprefix(":").rstrip(".-")
    held = re.fullmatch(r"[A-Z][A-Z_]*(?:[-.][A-Z][A-Z_]*)*|.*\$(?:\w|\{\w+\}).*", tag)
    return "" if held or text[match.end() : match.end() + 1] in tuple("<{[") else tag


def tagged(
    prompt: str, found: Sequence[Image], tags: Mapping[str, Sequence[str]]
) -> tuple[Image, ...]:
    """The images, where one has no tag with the one of the registry that the prompt speaks of.

    Args:
        prompt: the task.
        found: the images that it names; if there are none, those of its Deployments are meant.
        tags: the registry's tags by repository.
    """
    text = words.without_references(prompt)
    images = list(found) or [Image(name) for name in tags]
    filled = [
        Image(image.repository, spoken[-1])
        if not image.tag and (spoken := _spoken(text, tags.get(image.repository, ())))
        else image
        for image in images
    ]
    return tuple(item for item in filled if item.tag or item in found)


def speaks_of(tag: str, text: str) -> re.Match[str] | None:
    """Where a text has a version that is meant, with or without a `v` before it."""
    number = re.sub(r"^v(?=\d)", "", tag)
    pattern = rf"(?<![\w.-])v?{re.escape(number)}(?![\w-]|\.\d)"
    found = re.finditer(pattern, text, re.ASCII)
    return next((match for match in found if not _NOT.search(text[: match.start()])), None)


def _spoken(text: str, tags: Sequence[str]) -> list[str]:
    """The tags that a text surely has as words, in its order: `1.2`, `rc-7`."""
    text = _RUNS_NOW.sub(" ", text)
    sure = (tag for tag in tags if "." in tag or re.fullmatch(r"[A-Za-z]+-\w*\d\w*", tag))
    places = {tag: match.start() for tag in sure if (match := speaks_of(tag, text))}
    return sorted(places, key=lambda tag: places[tag])


def deployments(
    prompt: str,
    known: Sequence[DeploymentState],
    *,
    registry: str,
    repositories: Collection[str],
) -> Deployments:
    """The Deployments that the prompt is about.

    Args:
        prompt: the task.
        known: those that exist, or that a manifest of the repository makes.
        registry: the input of that name.
        repositories: of the images that the prompt names.
    """
    text = words.plain(prompt, registry)
    names = {item.name: item for item in known}
    explicit, absent, certain = _explicit(text, names)
    if only := [name for name in names if _is_the_only(name, text)]:
        return Deployments(tuple(names[name] for name in only))
    uses = [
        name for name, item in names.items() if any(repository_of(c.image) in repositories
                                                    for c in item.containers)
    ]  # fmt: skip
    alone = {
        name
        for name in names
        if spared.is_spared(name, text)
        or spared.is_left_out(name, text, names)
        # What runs the image is only beside the point where another one gets it.
        or spared.is_only_told_of(
            name, text, [it for it in names if it != name and (it in uses or name not in uses)]
        )
    }
    said = [name for name in names if words.is_named(name, text)]
    free = [name for name in said if name not in alone]
    if chosen := [name for name in explicit if name not in alone] or free:
        if not explicit and uses and all(_is_beside(name, text) for name in chosen):
            chosen = [name for name in chosen if name in uses] or uses
        if not explicit and (among := [name for name in chosen if name in uses]):
            chosen = [
                name
                for name in chosen
                if name in among or (is_joined(name, among, text) and not _is_beside(name, text))
            ]
        return Deployments(tuple(names[name] for name in chosen))
    if absent:
        return Deployments((), tuple(absent), certain)
    if _is_about_all(text, names, alone):
        return Deployments(tuple(names[name] for name in names if name not in alone))
    if any(spared.is_excepted(name, text) for name in said):
        return Deployments()
    # Named only where it is spared: then that was read wrongly. Not named: what runs the image.
    chosen = (
        [name for name in said if name in uses]
        or uses
        or said
        or (list(names) if len(names) == 1 else [])
    )
    return Deployments(tuple(names[name] for name in chosen))


def _is_beside(name: str, text: str) -> bool:
    """Whether a prompt only says how the bearer of a name is: "api and worker are done"."""
    found = (it.text for it in intents.clauses(text) if words.is_named(name, it.text))
    told = all(_IS_SO.search(it) and not spared.orders(it, name) for it in found)
    return told and not spared.means_several(text)


def _is_about_all(text: str, names: Collection[str], alone: Collection[str]) -> bool:
    """Whether something is to be done to all Deployments, or to all but those left alone.

    Not if there are more or fewer than it says.
    """
    match = _ALL.search(text)
    if match is None or spared.in_a_denying_clause(text, match.start()):
        return False
    if not alone and re.search(r"other|其", match[0], intents.FLAGS):
        return False
    count = intents.number(match["n"]) if match["n"] else 2 if "both" in match[0].lower() else None
    return count in (None, len(names))


def _is_the_only(name: str, text: str) -> bool:
    """Whether a prompt says that something is done to a Deployment only."""
    before = (
        r"(?:只|仅)(?:(?:给|对|把|将|动|改|换|发|切|更新|升级|部署|发布|重启|扩容?|缩容?|回滚)\s*)?"
        r"|\bonly\s+(?:(?:update|change|touch|deploy|roll out|restart|scale|to|for|the)\s+){0,3}"
    )
    word = r"(?:deployments?\s*)?[`\"'“「]?"
    after = r"[`\"'”」]?(?:\s+deployment)?\s+only\b"
    pattern = rf"(?:{before}){word}{re.escape(name)}(?![\w-])|(?<![\w-]){re.escape(name)}{after}"
    match = re.search(pattern, text, intents.FLAGS)
    return match is not None and not intents.word("denies").search(
        spared.clause_at(text, match.start()).partition(match[0])[0]
    )


def is_joined(name: str, others: Iterable[str], text: str) -> bool:
    """Whether a name stands in one list with another one: `web and jobs`."""
    return any(
        re.search(rf"\b{re.escape(one)}{_AND}{re.escape(other)}\b", text, re.ASCII)
        for it in others
        for one, other in ((name, it), (it, name))
    )


def _explicit(
    text: str, names: Collection[str]
) -> tuple[list[str], list[str], bool]:  # fmt: skip
    """Names after the word: those that exist, those that do not, and whether that is certain."""
    found: list[str] = []
    absent: list[str] = []
    certain = False
    for match in _DEPLOYMENTS.finditer(text):
        first = match["first"]
        if first in names:
            found.append(first)
            found += [name for name in re.findall(_NAME, match["more"]) if name in names]
        # "The web deployment calls it": it has its name before it.
        elif match["mark"].isspace() and _named_before(text[: match.start()], names):
            continue
        elif _can_be_a_name(first) and not spared.in_a_spared_clause(text, match.start()):
            absent.append(first)
            marked = match["mark"].strip() not in ("", ":") or bool(match["quote"])
            # An English word within a Chinese sentence is a name.
            # The words after it may only look like a list: "x and wait".
            rest = text[match.end("first") :]
            after = rest.lstrip(_MARKS)[:1]
            before = text[: match.start()].rstrip(_MARKS)[-1:]
            chinese = re.compile(rf"[{_CJK}]")
            english = _DONE_TO.search(text[: match.start()]) and _GOES_ON.match(rest)
            certain |= marked or bool(chinese.match(after) or chinese.match(before) or english)
    for match in _BEFORE_DEPLOYMENT.finditer(text):
        (found if match["name"] in names else absent).append(match["name"])
        certain |= match["name"] not in names
    return list(dict.fromkeys(found)), list(dict.fromkeys(absent)), certain


def _named_before(text: str, names: Collection[str]) -> bool:
    match = re.search(rf"({_NAME})[`\"'”」]?\s+$", text)
    return match is not None and match[1] in names


def _can_be_a_name(word: str) -> bool:
    # In capitals, it begins a sentence or is an abbreviation.
    listed = word in intents.table()["no-names"].split()
    return word == word.lower() and not listed and not word.endswith("ly")


def repository_of(reference: str) -> str:
    """A reference without its tag and digest."""
    name = reference.partition("@")[0]
    head, _, tail = name.rpartition(":")
    return name if "/" in tail or not head else head


def namespaces(prompt: str) -> tuple[tuple[str, bool], ...]:
    """Namespaces that the prompt names and does not spare, and whether they surely are names."""
    found: dict[str, bool] = {}
    for match in _NAMESPACE.finditer(prompt):
        kind = match.lastgroup or ""
        name = match[kind]
        if _can_be_a_name(name) and not spared.in_a_spared_clause(prompt, match.start()):
            goes_on = kind == "en" and bool(_GOES_ON.match(prompt[match.end() :]))
            certain = goes_on or kind in ("zh", "before", "flag")
            found[name] = found.get(name, False) or certain
    return tuple(found.items())


def paths(prompt: str, registry: str) -> tuple[str, ...]:
    """What looks like a path: it has a slash or an ending, or may be a folder's name."""
    text = words.plain(prompt, registry)
    found = (match.rstrip("./") for match in _PATH.findall(text))
    return tuple(dict.fromkeys(item for item in found if item))


def folders(files: Iterable[str]) -> frozenset[str]:
    """All folders that files lie in, the root left out."""
    return frozenset(
        "/".join(parts[:end])
        for parts in (path.split("/") for path in files)
        for end in range(1, len(parts))
    )


def new_files(prompt: str, registry: str, files: Collection[str], log: str) -> tuple[str, ...]:
    """The files that the prompt wants to have written: they have an ending and are not there."""
    return tuple(
        path
        for path in paths(prompt, registry)
        if _ENDING.search(path)
        # ".png" is a kind of file.
        and not re.fullmatch(r"\.\w+", path)
        and not (path in files or path == log or _is_number(path) or _PRODUCT.fullmatch(path))
    )


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[vV]?\d[\d.]*", text) is not None
