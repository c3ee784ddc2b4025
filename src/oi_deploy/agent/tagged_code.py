"""Code that a prompt wants built, and that is not what is checked out."""

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


_NAME = r"[`'\"]?(?P<{0}>[A-Za-z0-9][\w.-]*(?:/[\w.-]+)*\w)[`'\"]?"
_BUILD = r"\b(?:build|deploy|release|ship)\s+(?:(?:the|code|from|of|on|at|what is)\s+)*"
_BRANCH = re.compile(
    rf"{_BUILD}branch\s+{_NAME.format('after')}|{_BUILD}{_NAME.format('before')}\s+branch\b"
    rf"|(?:构建|部署|发布|用|从)\s*(?:分支\s*{_NAME.format('zh_after')}|{_NAME.format('zh')}\s*分支)",
    FLAGS,
)
# The words for it may stand apart from the name.
_SOME_BRANCH = re.compile(
    rf"\bbranch\s+{_NAME.format('after')}"
    r"|(?P<before>[A-Za-z0-9][\w.-]*(?:/[\w.-]+)*/[\w.-]*\w)\s*(?:这个|这条|的)?\s*(?:branch\b|分支)"
    rf"|分支\s*{_NAME.format('zh')}",
    FLAGS,
)
_ORDERS = re.compile(
    r"\b(?:build|deploy|release|ship|check(?:ing)? out|checkout)\b|构建|部署|发布|上线|检出|切到",
    FLAGS,
)
_THAT_BRANCH = re.compile(
    r"\b(?:check(?:ing)? ?out|switch(?:ing)? to|build(?:ing)?(?: from)?|deploy(?:ing)?"
    r"|ship(?:ping)?|from)\s+(?:that|this) branch\b"
    r"|(?:切[到换至]+|检出|用|从|构建|部署)\s*(?:这个|这条|该|那个|那条)分支",
    FLAGS,
)
_AS_TAG = re.compile(r"\btag|标签|\bname\b|名|\bmerged?\b|合并|合入", FLAGS)
# Other words may say what kind of branch it is.
_A_BRANCH = re.compile(r"main|master|develop|dev|trunk|.*[/\d-].*")
_COMMIT = re.compile(
    rf"(?:{_BUILD}commit|(?:构建|部署|发布)\s*(?:提交|commit))\s*[`'\"]?(?P<hash>[0-9a-f]{{7,40}})\b",
    FLAGS,
)


def obstacles(world: Situation) -> list[Obstacle]:
    """A tag, a branch or a commit that is to be built, and that is not here."""
    return [*_tags(world), *_elsewhere(world)]


def _elsewhere(world: Situation) -> Iterator[Obstacle]:
    git = world.repository
    # "The fix is on the branch x. Build that one."
    that_one = _THAT_BRANCH.search(world.ask.text)
    for clause in clauses(world.ask.text) if world.builds else ():
        before = ""
        ordered = (_ORDERS.search(clause.text) or that_one) and not _AS_TAG.search(clause.text)
        branches = _SOME_BRANCH if ordered else _BRANCH
        for match in (*branches.finditer(clause.text), *_COMMIT.finditer(clause.text)):
            before = clause.text[: match.start()]
            name, commit = match[match.lastgroup or 0], match.re is _COMMIT
            here = git.full_commit.startswith(name) if commit else name == git.branch
            known = git.full_commit if commit else git.branch and _A_BRANCH.fullmatch(name)
            told = clause.supposed or intents.word("denies").search(before) or name in git.tags
            if known and not (here or told):
                there = git.commit if commit else f"the branch {git.branch}"
                yield Obstacle(
                    f"What is checked out is {there}, and not {name}: "
                    f"give actions/checkout `ref: {name}`.",
                    True,
                )


def _tags(world: Situation) -> list[Obstacle]:
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
