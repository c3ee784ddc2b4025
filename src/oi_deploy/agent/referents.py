"""Names in the place of words that stand for Deployments: the canary, the others, the latter."""

import re
from collections.abc import Collection, Sequence

from oi_deploy.agent import intents, words

_CANARY = re.compile(
    r"\b(?:the|our) canary(?:'s)?(?: deployments?)?(?![\w./-])"
    # Its name follows.
    r"(?! (?:deployment )?[`'\"]?[\w-]*canary)"
    r"|(?:金丝雀|灰度)(?:版本?|实例|环境)?(?!发布|部署|验证|测试)"
    r"(?!\s*(?:deployment)?\s*[`'\"]?[\w-]*canary)",
    intents.FLAGS,
)
_AT_FIRST = re.compile(
    r"(?:^|(?<=[.;!,\n]))(?P<space>\s*)(?:and )?canary"
    r"(?= (?:is|was|went|looks?|looked|failed|works?|to|gets?|down|off|up)\b)",
    intents.FLAGS,
)
_VERB = r"(?:restart|bounce|recycle|scale|undo|roll back|update|upgrade)"
_VERB_ZH = r"(?:重启|扩容?|缩容?|回滚|更新|升级)"
_ONE = r"other one|other deployment|另外?一个"
_REST = (
    r"others|other (?:ones|deployments|services)|rest|(?:其[他它余]|剩下)的?(?:几个|所有)?|另外几个"
)
_OTHERS = re.compile(
    rf"(?P<verb>\b{_VERB} (?:all )?(?:of )?(?:the )?)(?:(?P<one>{_ONE})|{_REST})\b(?! of\b)"
    rf"|(?P<verb_zh>{_VERB_ZH}(?:一下)?\s*)(?:(?P<one_zh>{_ONE})|{_REST})(?:deployment|服务)?(?![\w键项行])"
    rf"|(?:(?P<one_before>{_ONE})|{_REST})(?:deployment|服务)?(?=\s*(?:都|全部|也)*\s*{_VERB_ZH})",
    intents.FLAGS,
)
_TWO = re.compile(r"\bthe (?P<en>former|latter)\b|(?P<zh>[前后]者)", intents.FLAGS)


_SHORT = r"(?P<name>{})(?P<tag>:(?=[\w.-]*\d|latest\b|stable\b|edge\b|nightly\b)[\w.-]*\w)(?![\w/])"


def whole(prompt: str, repositories: Collection[str]) -> str:
    """The prompt with references in full: `web:2.0` is `registry/team/web:2.0`, where that runs.

    Args:
        prompt: the task.
        repositories: those below the registry that Deployments run.
    """
    ends: dict[str, list[str]] = {}
    for repository in repositories:
        ends.setdefault(repository.rpartition("/")[2], []).append(repository)
    known = {name: found[0] for name, found in ends.items() if len(found) == 1}
    every = "|".join(map(re.escape, sorted(known, key=len, reverse=True))) or "(?!)"
    pattern = rf"(?<![\w./:-]){_SHORT.format(every)}"
    return re.sub(pattern, lambda it: f"{known[it['name']]}{it['tag']}", prompt, flags=re.ASCII)


def named(prompt: str, names: Sequence[str]) -> str:
    """The prompt with the names of Deployments where a word stands for them.

    A word that may stand for more than one, or for none, stays as it is.

    Args:
        prompt: the task.
        names: of the Deployments that the run may change.
    """
    # English begins a sentence with a capital, and no name of Kubernetes has one.
    capitals = {name.capitalize(): name for name in names if name[:1].isalpha()}
    every = "|".join(map(re.escape, capitals)) or "(?!)"
    pattern = rf"(?<![\w./-])(?:{every})(?![\w/:-]|\.\w)"
    prompt = re.sub(pattern, lambda it: capitals[it[0]], prompt, flags=re.ASCII)
    canaries = [name for name in names if re.search(r"(?:^|-)canary(?:-|$)", name)]
    if len(canaries) == 1:
        if not words.is_named(canaries[0], prompt):
            prompt = _AT_FIRST.sub(lambda it: f"{it['space']}{canaries[0]}", prompt)
        prompt = _CANARY.sub(lambda it: _spaced(it, canaries[0]), prompt)
    prompt = _TWO.sub(lambda it: _of_two(it, names), prompt)
    said = [name for name in names if words.is_named(name, _OTHERS.sub(" ", prompt))]
    rest = [name for name in names if name not in said]
    return _OTHERS.sub(lambda it: _others(it, rest), prompt) if said and rest else prompt


def _spaced(match: re.Match[str], name: str) -> str:
    """A name with no other letter beside it, and in the form of what it stands for."""
    before = " " if match.string[: match.start()][-1:].isalnum() else ""
    after = " " if match.string[match.end() :][:1].isalnum() else ""
    own = "'s" if match[0].lower().endswith("'s") else ""
    return f"{before}{name}{own}{after}"


def _of_two(match: re.Match[str], names: Sequence[str]) -> str:
    """The first or the second of the two that are named before."""
    before = words.without_references(match.string[: match.start()])
    places = {name: at.start() for name in names if (at := words.find(name, before))}
    if len(places) != 2:
        return match[0]
    first, second = sorted(places, key=lambda name: places[name])
    is_first = (match["en"] or match["zh"]).lower() in ("former", "前者")
    return _spaced(match, first if is_first else second)


def _clause_before(match: re.Match[str]) -> str:
    return re.split(r"[,.;!?\n,。;]", match.string[: match.start()])[-1]


def _others(match: re.Match[str], rest: Sequence[str]) -> str:
    if (match["one"] or match["one_zh"] or match["one_before"]) and len(rest) != 1:
        return match[0]
    # "No restart of others" names nobody, nor does "restart others: no".
    denied = re.match(
        r"\s*:\s*(?:no|none|否|无)(?![a-z])", match.string[match.end() :], intents.FLAGS
    )
    if denied or intents.word("denies").search(_clause_before(match)):
        return match[0]
    verb = match["verb"] or match["verb_zh"] or ""
    verb = re.sub(r"(?:of )?the $", "", verb)
    return verb + _spaced(match, ", ".join(rest))
