"""An image that one Deployment runs and others are to run: "let web run what the canary runs"."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from oi_deploy.agent import intents, spared, words
from oi_deploy.agent.named import NAME, Image, repository_of
from oi_deploy.verify.state import DeploymentState

# What one Deployment runs, and another one is to run.
_RUNS = re.compile(
    rf"\b(?:what(?:ever)?|the (?:same )?(?:image|version|tag|build)(?: that| which)?)\s+(?:the\s+)?"
    rf"(?:deployment\s+)?(?P<runs>{NAME})\s+(?:deployment\s+)?"
    r"(?:is running|runs|uses|is using|has|is on)\b"
    rf"|\b(?:to|with|onto)\s+the (?:image|version|tag) of (?:the )?(?:deployment )?(?P<of>{NAME})"
    rf"|\b(?:promote|roll|put|move|bring) the (?:image|version|tag) of (?:the )?(?P<from_en>{NAME})"
    rf"|\bsame (?:image|version|tag|build) (?:as|that) (?:the )?(?P<same>{NAME})"
    rf"|[跟和与同]\s*(?P<like>{NAME})\s*(?:一样|相同|一致|保持一致|用?同一个|的?(?:镜像|版本)(?:一致|一样|相同))"
    rf"|(?:[换改]?用|[换改切]成|[换改]为|(?:切换?|换|升级?|更新)到)\s*(?P<use>{NAME})\s*的(?:镜像|版本)"
    rf"|(?:镜像|版本)\s*(?:[换改用]成?|换为|改为|更新[到成为]|升级?[到成为])\s*(?P<as>{NAME})\s*的"
    rf"|\b(?:the\s+)?(?P<its>{NAME})'s\s+(?:current\s+)?(?:image|version|tag)\b"
    # Of the one that was named before: "web-canary is good, roll its image out to web".
    r"|\b(?:roll|put|promote|move|bring|use|take)\s+(?P<its_own>its)\s+(?:image|version|tag)\b"
    r"(?=[^.;]{0,20}\b(?:to|on|onto|for|in)\b)"
    r"|[把将用](?P<its_zh>它)的(?:镜像|版本)(?=\s*(?:[升切推换放发同更部]|全量))"
    rf"|[把将]\s*(?P<of_zh>{NAME})\s*的(?:镜像|版本)(?=\s*[升切推换放发同更部].{{0,3}}[到给在])"
    rf"|(?P<on>{NAME})\s*(?:上|正在|现在|目前|当前|线上|那边)*(?:用|跑|运行|使用)着?的(?:那个|这个)?(?:镜像|版本)",
    intents.FLAGS,
)
# Before it or after it, its clause says that another one is to run it.
_TO_RUN = re.compile(
    r"\b(?:run|use|promote|set|put|gets?|give|deploy|switch|move|update|upgrade|bring|roll|to|onto|with|let|make)\b"
    r"|[换改升发成到给让把将]|更新|部署|保持",
    intents.FLAGS,
)
_SHALL = re.compile(
    r"\b(?:should|must|shall|goes|has to|is to|too|also)\b|[也应要都给]", intents.FLAGS
)
# What the sentence before has named is to run.
_THAT_ONE = re.compile(
    r"\b(?:run|use|get|have|put|set|deploy)s?\b[^,.;]{0,12}\b(?:the (?:very )?same|that|this)"
    r" (?:image|version|tag|one)\b"
    r"|(?:用|换成|跑|更新到|部署)[^,。;]{0,6}(?:同一个|同样的|这个|该)(?:镜像|版本)",
    intents.FLAGS,
)
_OF_IMAGES = re.compile(r"镜像|版本|标签|\btag\b", intents.FLAGS)


@dataclass(frozen=True)
class Source:
    """A Deployment of whose image a prompt speaks.

    Attributes:
        item: the Deployment; nothing is ordered for it.
        wanted: whether others are to get its image.
    """

    item: DeploymentState
    wanted: bool

    def images(self, others: Collection[DeploymentState]) -> tuple[Image, ...]:
        """Its images that others run with another tag."""
        used = {repository_of(it.image) for item in others for it in item.containers}
        images = (it.image for it in self.item.containers if "@" not in it.image)
        return tuple(
            Image(repository, name.removeprefix(f"{repository}:"))
            for name in images
            if (repository := repository_of(name)) in used - {name}
        )


def read(prompt: str, known: Sequence[DeploymentState]) -> Source | None:
    """The first one that a prompt speaks of so.

    Args:
        prompt: the task.
        known: the Deployments that exist.
    """
    for match in _RUNS.finditer(prompt):
        item = (
            _last(prompt[: match.start()], known)
            if match.lastgroup in ("its_own", "its_zh")
            else _called(match[match.lastgroup or 0], known)
        )
        rest = f"{prompt[: match.start()]},{prompt[match.end() :]}"
        if item and not _is_ordered(item.name, rest):
            return Source(item, _is_wanted(match))
    return None


# What runs, in the words of somebody who wants that and no other.
_LIVE = re.compile(
    r"\b(?:what(?:ever)?|image|version|tag|build|one)\b[^.;]{0,70}?"
    r"\b(?:is (?:now |currently )?running|runs|running|has|uses|is on|is live)\b"
    r"|(?:在|现在|正在|实际|当前|目前)\s*(?:在)?(?:跑|用|运行|使用)(?:着)?的",
    intents.FLAGS,
)


def is_asked_for(prompt: str, namespace: str) -> bool:
    """Whether a prompt wants what runs in another namespace."""
    found = (it for it in intents.sentences(prompt) if words.is_named(namespace, it))
    return any(_LIVE.search(sentence) for sentence in found)


def live(
    prompt: str, there: Sequence[DeploymentState], targets: Sequence[DeploymentState]
) -> tuple[Image, ...]:
    """The images of another namespace's Deployment, of which those that are meant run other tags.

    Args:
        prompt: the task.
        there: Deployments of that namespace.
        targets: those that are to get the images.
    """
    called = [it for it in there if words.is_named(it.name, prompt)]
    return Source(called[0], True).images(targets) if len(called) == 1 else ()


def _called(name: str, known: Sequence[DeploymentState]) -> DeploymentState | None:
    """The Deployment of a name, or the only one whose name ends with it."""
    exact = [item for item in known if item.name == name]
    found = exact or [item for item in known if item.name.endswith(f"-{name}")]
    return found[0] if len(found) == 1 else None


def _last(before: str, known: Sequence[DeploymentState]) -> DeploymentState | None:
    """The Deployment that is named last in the sentences before."""
    for sentence in reversed(intents.sentences(before)):
        found = [it for it in known if words.is_named(it.name, sentence)]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _is_ordered(name: str, text: str) -> bool:
    """Whether something is ordered for it that may be another image."""
    found = (it.text for it in intents.clauses(text) if words.is_named(name, it.text))
    return any(
        spared.orders(it, name) and not {"scale", "restart"} & intents.read(it).wanted
        for it in found
    )


def _is_wanted(match: re.Match[str]) -> bool:
    clause = spared.clause_at(match.string, match.start())
    before, _, after = clause.partition(match[0])
    if match.lastgroup == "like" and not _OF_IMAGES.search(clause):
        return False
    denied = spared.in_a_denying_clause(match.string, match.start())
    later = _THAT_ONE.search(match.string, match.end())
    goes_on = later and not spared.in_a_denying_clause(match.string, later.start())
    said = (
        match.lastgroup in ("use", "as", "of_zh", "from_en", "its_own", "its_zh")
        or _TO_RUN.search(before)
        or _SHALL.search(after)
        or goes_on
    )
    return not denied and bool(said)
