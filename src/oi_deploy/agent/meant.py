"""The Deployments that a prompt is about."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from oi_deploy.agent import intents, spared, words
from oi_deploy.agent.named import GOES_ON, NAME, can_be_a_name, repository_of
from oi_deploy.verify.state import DeploymentState

# What is said of each stands in parentheses: "web (container app) and jobs".
_AND = (
    r"(?:\s*\([^()\n]{0,40}\))?"
    r"(?:\s*[,、&]\s*|\s+and\s+|\s*[和与及]\s*)(?:as\s+)?(?:the\s+)?(?:deployments?\s+)?"
)
_DEPLOYMENTS = re.compile(
    rf"(?<![\w-])deployments?(?P<mark>/|\s*:\s*|\s+(?:called|named)\s+|\s*(?:名为|叫做?)\s*|\s+)"
    rf"(?P<quote>[`\"'“「]?)(?P<first>{NAME})(?P<more>(?:{_AND}{NAME})*)",
    intents.FLAGS,
)
_BEFORE_DEPLOYMENT = re.compile(
    rf"(?:名为|叫做?)\s*[`\"'“「]?(?P<name>{NAME})[`\"'”」]?\s*(?:的|这个)*\s*"
    r"(?:deployment|部署|工作负载)",
    intents.FLAGS,
)
# It is one that surely is meant where the image has its name.
_OF_IMAGE = re.compile(
    rf"\b(?:to|of|on|update|restart|scale)\s+the\s+[`\"']?(?P<name>{NAME})[`\"']?\s+deployment\b"
)
# What is done to a Deployment, before its name; and how a sentence goes on after it.
_DONE_TO = re.compile(
    r"\b(?:update|restart|scale|set|patch|switch|change|upgrade|reduce|increase|undo|deploy|back"
    r"|to|into|of)\s+(?:the\s+)?$",
    intents.FLAGS,
)
# An order for all of them.
_ALL = re.compile(
    r"\b(?:restart|scale|update|upgrade|undo|roll(?: back)?|bounce)\s+"
    r"(?:all|every|each|both)(?: of)?(?: the| our| these)?(?: other)?"
    rf"(?: (?P<n>{intents.numbers()}))? deployments?\b"
    r"|(?:这|那)?(?P<zh_n>[两二三四五六])个\s*(?:deployment|部署)\s*[都全]"
    r"|\b(?:restart|bounce)\s+everything\b|除了?[^,;。都其跑用]{1,60}(?:都|全部)\s*(?:重启|扩|缩|回滚|更新|升级)"
    r"|(?:重启|扩容|缩容|更新|升级|回滚)(?:一下)?(?:所有|全部|每个)的?\s*(?:deployment|部署|服务)"
    r"|[把将对给](?:所有|全部|每个)的?\s*(?:deployment|部署)"
    r"|(?:所有|全部|每个|其[他它余])的?\s*(?:deployment|部署)\s*(?:都|全)*(?:重启|扩容|缩容|更新|升级|回滚)",
    intents.FLAGS,
)
# What a prompt that names nothing that is there wants changed: "scale shop to five pods".
_OBJECT = re.compile(
    rf"\b(?:let\s+(?P<let>{NAME})\s+(?=run\b|use\b)|(?:bring|take)\s+(?P<take>{NAME})\s+(?=up\b|down\b|back\b))"
    r"|\b(?:scale|resize|restart|bounce|roll(?: ?back)?|undo)\s*(?:\s|一下)\s*"
    rf"[`\"'“]?(?P<en>{NAME})[`\"'”]?"
    r"(?=\s+(?:to|back|up|down|by|out|so|and|now|please|again)\b|\s*(?:[,.;:!]|$))"
    rf"|(?:重启|扩容|缩容|回滚|回退)(?:一下)?\s*[`\"'“「]?(?P<zh>{NAME})(?![\w./-])"
    rf"|[把将给对]\s*[`\"'“「]?(?P<before>{NAME})[`\"'”」]?\s*"
    r"(?:(?:这个)?(?:deployment|部署|服务)\s*)?(?:的|扩|缩|重启|回滚|加|减|改|调|升|降|退)",
    intents.FLAGS,
)
# What is so, beside what is to be done.
_IS_SO = re.compile(
    r"\b(?:is|are|was|were|has|have|stays?|remains?)\b(?! to\b)|已经?|没有?", intents.FLAGS
)
_MARKS = " \n,.;:()`\"'"
# Where another one stands: "beside the stable deployment web there is web-canary".
_BESIDE = re.compile(
    r"\b(?:besides?|next to|alongside)\s+(?:(?:the|our)\s+)?(?:[\w-]+\s+){0,2}?"
    rf"[`'\"]?{NAME}[`'\"]?,?\s+"
    r"(?=(?:there(?:'s| is| are)|(?:we|you) (?:have|find)|runs?|stands?)\b)"
    rf"|除了?\s*[\u4e00-\u9fff]{{0,6}}\s*(?:deployment\s*)?{NAME}\s*(?:之外|以外|外)?\s*,?\s*(?=还有)",
    intents.FLAGS,
)


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
    names = {item.name: item for item in known}
    text = words.plain(prompt, registry)
    rest = _BESIDE.sub(" ", text)
    text = rest if any(words.is_named(name, rest) for name in names) else text
    explicit, absent, certain = _explicit(text, names)
    tails = {name.rpartition("/")[2] for name in repositories}
    for match in _OF_IMAGE.finditer(text):
        if match["name"] in tails - set(names):
            absent, certain = [*absent, match["name"]], True
    if ends := {name: end for name in names if (end := _the_only(name, text))}:
        # "Only web and jobs."
        and_ = r"[`'\"”」]?\s*(?:[、&和与及]|and\b)\s*(?:deployments?\s+)?"
        listed = [re.match(rf"{and_}({NAME})", text[end:]) for end in ends.values()]
        only = {*ends, *(match[1] for match in listed if match)}
        return Deployments(tuple(names[name] for name in names if name in only))
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
    # "Build services/web and roll it out": the folder of the service stands for it.
    said = said or [name for name in names if not uses and _is_folder(name, text)]
    free = [name for name in said if name not in alone]
    if chosen := [name for name in explicit if name not in alone] or free:
        chosen += _with_own_images(names, set(free) - set(chosen), repositories, chosen)
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
    if not said and not uses and (objects := _objects(text)):
        return Deployments((), objects, certain=True)
    # Named only where it is spared: then that was read wrongly. Not named: what runs the image.
    chosen = (
        [name for name in said if name in uses]
        or uses
        or said
        or (list(names) if len(names) == 1 else [])
    )
    return Deployments(tuple(names[name] for name in chosen))


def _is_folder(name: str, text: str) -> bool:
    path = rf"(?<![\w./-])(?:[\w.-]+/)+{re.escape(name)}/?(?![\w/-]|\.\w)"
    return re.search(path, text, re.ASCII) is not None


def _with_own_images(
    names: Mapping[str, DeploymentState],
    said: Collection[str],
    repositories: Collection[str],
    chosen: Sequence[str],
) -> list[str]:
    """Those that are said, and alone run an image that the prompt names."""

    def runs(name: str) -> set[str]:
        return {repository_of(it.image) for it in names[name].containers} & set(repositories)

    others = {it for name in chosen for it in runs(name)}
    return [name for name in names if name in said and others and runs(name) - others]


def _objects(text: str) -> tuple[str, ...]:
    """Names of what is to be scaled, restarted or rolled back."""
    found = (match[match.lastgroup or 0] for match in _OBJECT.finditer(text))
    return tuple(dict.fromkeys(name for name in found if can_be_a_name(name)))


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
    said = match["n"] or match["zh_n"]
    count = intents.number(said) if said else 2 if "both" in match[0].lower() else None
    return count in (None, len(names))


def _the_only(name: str, text: str) -> int:
    """Where a prompt ends to say that something is done to a Deployment only; 0 if it does not."""
    before = (
        r"(?:只|仅)(?:(?:给|对|把|将|动|改|换|发|切|更新|升级|部署|发布|重启|扩容?|缩容?|回滚)\s*)?"
        r"|\bonly\s+(?:(?:update|change|touch|deploy|roll out|restart|scale|to|for|the)\s+){0,3}"
    )
    word = r"(?:deployments?\s*)?[`\"'“「]?"
    after = r"[`\"'”」]?(?:\s+deployment)?\s+only\b(?! (?:needs?|has|runs?|wants?|gets?|uses?)\b)"
    pattern = rf"(?:{before}){word}{re.escape(name)}(?![\w-])|(?<![\w-]){re.escape(name)}{after}"
    match = re.search(pattern, text, intents.FLAGS)
    if match is None:
        return 0
    before = spared.clause_at(text, match.start()).partition(match[0])[0]
    return 0 if intents.word("denies").search(before) else match.end()


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
            found += [name for name in re.findall(NAME, match["more"]) if name in names]
        # "The web deployment calls it": it has its name before it.
        elif match["mark"].isspace() and _named_before(text[: match.start()], names):
            continue
        elif can_be_a_name(first) and not spared.in_a_spared_clause(text, match.start()):
            absent.append(first)
            marked = match["mark"].strip() not in ("", ":") or bool(match["quote"])
            # An English word within a Chinese sentence is a name.
            # The words after it may only look like a list: "x and wait".
            rest = text[match.end("first") :]
            after = rest.lstrip(_MARKS)[:1]
            before = text[: match.start()].rstrip(_MARKS)[-1:]
            chinese = re.compile(rf"[{intents.CJK}]")
            english = _DONE_TO.search(text[: match.start()]) and GOES_ON.match(rest)
            certain |= marked or bool(chinese.match(after) or chinese.match(before) or english)
    for match in _BEFORE_DEPLOYMENT.finditer(text):
        (found if match["name"] in names else absent).append(match["name"])
        certain |= match["name"] not in names
    return list(dict.fromkeys(found)), list(dict.fromkeys(absent)), certain


def _named_before(text: str, names: Collection[str]) -> bool:
    match = re.search(rf"({NAME})[`\"'”」]?\s+$", text)
    return match is not None and match[1] in names
