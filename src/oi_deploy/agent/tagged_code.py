"""The code of a git tag that a prompt wants built, and not what is checked out."""

import re
from collections.abc import Iterable, Iterator

from oi_deploy.agent import intents
from oi_deploy.agent.intents import FLAGS, clauses
from oi_deploy.agent.obstacle import Obstacle
from oi_deploy.agent.situation import Situation

_GIT_TAG = re.compile(
    r"(?<![\w-])git[- ]?(?:tag|标签)\s*[`\"'“「]?(?P<tag>v?\d+\.\d[\w.-]*\w)", FLAGS
)
_EXAMPLE = re.compile(
    r"(?:\be\.?g\b|\bfor (?:example|instance)\b|\bsuch as\b|\blike\b"
    r"|比如|例如|譬如|形如|假如).{0,24}$",
    FLAGS,
)
# Right before the tag: "push a new git tag v2". What is pushed further away is the image.
_MADE = re.compile(
    r"(?:\b(?:create|add|make|set|push)\s+(?:\w+\s+){0,2}|(?:新建|创建|打上?|推送)\W*(?:一?个|新的?)*\s*)$",
    FLAGS,
)
# What stands before and behind a tag whose code is meant, and not its name.
_CODE_OF = re.compile(
    r"(?:\b(?:build|check out|deploy|release|ship)\s+(?:(?:the|code|image|from|of|at)\s+)*"
    r"|\b(?:code|source|commit|state|revision)\s+(?:of|at|from|behind|under)\s+(?:the\s+)?"
    r"|(?:构建|检出|切[换到]+|部署|发布)\s*)$",
    FLAGS,
)
_ITS_CODE = re.compile(r"[`'\"”」]?\s*(?:对应|上|处|所指|指向)?的?\s*(?:那次)?(?:代码|源码|提交)")


def obstacles(world: Situation) -> list[Obstacle]:
    """A tag whose code is to be built, and that the repository does not have."""
    there = ", ".join(world.repository.tags[-8:]) or "none"
    return [
        Obstacle(f"The repository has no git tag {match['tag']} (there are: {there}).", True)
        for match in _named(world)
        if not _known(match, world)
    ]


def checkout(world: Situation) -> Iterable[str]:
    """The line that takes the tag's code, where HEAD has another one."""
    found = {
        _known(it, world)
        for it in _named(world)
        if _CODE_OF.search(it.string[: it.start()]) or _ITS_CODE.match(it.string, it.end())
    }
    if len(found) == 1 and (tag := found.pop()) and tag not in world.repository.tags_here:
        yield f"git checkout --quiet {tag}"


def _named(world: Situation) -> Iterator[re.Match[str]]:
    """Git tags that the prompt names, each in its clause."""
    for clause in clauses(world.ask.text) if world.builds else ():
        for match in _GIT_TAG.finditer(clause.text):
            before = clause.text[: match.start()]
            example = _EXAMPLE.search(world.ask.text.partition(match[0])[0])
            denied = intents.is_denied(clause.text, match.start())
            if not (clause.supposed or denied or example or _MADE.search(before)):
                yield match


def _known(match: re.Match[str], world: Situation) -> str:
    """The tag as git has it, with or without a `v`; empty if there is none."""
    names = {tag.rpartition("/")[2].removeprefix("v"): tag for tag in world.repository.tags}
    return names.get(match["tag"].removeprefix("v"), "")
