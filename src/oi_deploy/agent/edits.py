"""Files of the repository that a prompt wants changed.

A small model that is shown complete command lines runs them, and leaves out what no line does.
Asked for one file alone, it writes that as it is told.
"""

import re
from collections.abc import Iterable, Sequence

from oi_deploy.agent import intents, spared, words
from oi_deploy.agent.dockerfile.files import is_dockerfile, is_plain
from oi_deploy.agent.dockerfile.lint import MOST_BYTES
from oi_deploy.agent.situation import Situation

# An order; what was changed before the run is told in other forms of the word.
_CHANGE = re.compile(
    r"\b(?:change|edit|modify|set|bump|replace|rename|raise|lower|switch|turn|adjust|update|increase"
    r"|decrease)\b(?=.*?(?:\b(?:to|with|by|on|off)\b|=))(?!\W+(?:it|them|this) back\b)"
    r"|\b(?:(?:has|have|needs?|is) to|must|should|shall) (?:become|read)\b"
    r"|\b(?:add|remove|delete|append|(?<!is )(?<!are )put)\b(?! together)"
    r"|(?<!已)(?<!已经)(?<!刚)(?<!没)改(?:成|为|到|一下)(?!了)|修改(?![了过好完])|换成(?!了)"
    r"|换为|设成(?!了)|设为|设置为|置为(?!准)|调成|调到|调为|调整为|添加|删掉|去掉"
    r"|(?<!用来)(?<!用于)替换(?:成|为)?"
    r"(?!掉?(?:镜像)?(?:里|中|自带|原来)?的?(?:系统)?默认(?:的)?\s*(?:站点|配置|nginx|server|conf|default|[/(])"
    r"|掉?\s*(?:[\w./]*conf\.d/|/))|追加",
    intents.FLAGS,
)
# A program, and not what is built of it.
_MEND = re.compile(
    r"\b(?:fix|repair|correct|mend)\b(?! (?:the )?(?:build|image|dockerfile|release|deployment))"
    r"|(?<![未没必装待维])修(?!(?:复|正|好|改)?(?:[了过]|镜像|构建))|更正|纠正",
    intents.FLAGS,
)
_PROGRAM = re.compile(r"\.(?:py|js|mjs|cjs|ts|sh|go)$")
_TEST = re.compile(
    r"(?:^|/)(?:(?:__)?tests?(?:__)?/.*|tests?(?:[_-][\w-]+)?|[\w-]+[_.-](?:tests?|spec))\.\w+$"
)
# What such a word can be about besides a file.
_ELSE = re.compile(
    r"\W*(?:(?:it|this|that|them) (?:on|in|into|to|for|at) )?(?:(?:the|this|our|all|new|that) )*"
    r"(?:deployments?|images?|rollout|cluster|pods?|replicas?|containers?)\b|.{0,6}(?:deployment|镜像|集群|副本)",
    intents.FLAGS,
)
_ELSE_BEFORE = re.compile(
    r"(?:镜像|deployment|副本数?|标签)[^,。;]{0,6}$|\bdeployment\s*`?[\w-]+`?[^,。;\w]{0,6}$",
    intents.FLAGS,
)
# What was named in the sentence before is meant; Chinese leaves the pronoun out.
_IT = re.compile(r"\W*(?:(?:only|just) )?(?:it|this|that|them)\b|\W*(?:它|其)", intents.FLAGS)
_OF_IT = re.compile(r"它|其中|里面", intents.FLAGS)
_LEFT_OUT = re.compile(r"(?:请|麻烦|帮忙|需要)?你?(?:都|先)?")
# What it is to become may stand before: "the level should be debug. Change it, and apply it."
_BARE = re.compile(
    r"(?:(?:and|then|so|please)\s+)*(?:change|edit|modify|adjust)"
    r"(?: (?:it|that|this|the file))?(?: accordingly)?",
    intents.FLAGS,
)
# Without a word for a new value, it may be the tag's: "put a v in front", "append the hash".
_ADDED = re.compile(r"add|remove|delete|append|put|添加|删掉|去掉|追加", intents.FLAGS)
_OF_TAG = re.compile(
    r"(?<![\w.])v(?![\w.])|\b(?:tag|prefix|suffix|hash|sha)\b|标签|前缀|后缀|哈希", intents.FLAGS
)
_SWITCHED = re.compile(r"换成|换为|switch|replace", intents.FLAGS)
_BASE = re.compile(r"base image|基础镜像|\bFROM\b", re.ASCII)


def wanted(world: Situation) -> tuple[str, ...]:
    """Paths of the files that the prompt names and wants changed, those that are short."""
    known = world.repository.texts
    paths = [
        path
        for path in known
        if is_plain(path) and len(known[path].encode()) < MOST_BYTES // 2 and known[path].strip()
    ]
    text = world.ask.text
    called = [item.name for item in world.meant.chosen]
    return tuple(
        path
        for path in paths
        if not spared.is_left_out(path, text, paths) and _is_to_change(path, text, paths, called)
    )


def _is_to_change(path: str, text: str, others: Sequence[str], called: Sequence[str]) -> bool:
    """Whether an order to change something stands after a file's name, before the next file's.

    What speaks of a Deployment, by its name, and not of the file is about the Deployment.
    """
    about, here = False, False
    for sentence in intents.sentences(text):
        here = elsewhere = False
        for clause in intents.split(sentence):
            if names := [other for other in others if _is_named(other, clause, others)]:
                about = here = path in names
            named_there = any(words.is_named(it, clause) for it in called)
            elsewhere = not names and (elsewhere or named_there)
            if about and _orders(path, clause, here=here, elsewhere=elsewhere):
                return True
    return False


def is_program(path: str) -> bool:
    """Whether a file is one, by its ending."""
    return _PROGRAM.search(path) is not None


def beside(world: Situation, path: str) -> dict[str, str]:
    """Texts that say how a program is to be: its tests, and the documents that the prompt names."""
    texts = world.repository.texts
    name = path.rpartition("/")[2].partition(".")[0]
    shown = (".md", ".txt", ".rst")
    return {
        other: text
        for other, text in texts.items()
        if other != path
        and len(text.encode()) < MOST_BYTES // 3
        and (
            (_TEST.search(other) and words.is_named(name, text))
            or (other.endswith(shown) and _is_told_of(other, world.ask.text))
        )
    }


def _is_told_of(path: str, text: str) -> bool:
    """By its name, with its ending or without: "the rules are in the README"."""
    name = path.rpartition("/")[2]
    return words.is_named(name, text) or words.is_named(name.partition(".")[0], text)


def _is_named(path: str, clause: str, others: Iterable[str]) -> bool:
    """By its path, or by its name, if no other file has it."""
    name = path.rpartition("/")[2]
    alone = [other for other in others if other.rpartition("/")[2] == name] == [path]
    if alone:
        return words.is_named(path, clause) or words.is_named(name, clause)
    # The word alone may mean any of them.
    return "/" in path and words.is_named(path, clause)


def _orders(path: str, clause: str, *, here: bool, elsewhere: bool) -> bool:
    """Whether a clause orders a change, of the file that is named in its sentence or before.

    Behind the name of a Deployment, its image is switched, and no value in a file.
    """
    base = is_dockerfile(path) and _BASE.search(clause)
    mends = _MEND.finditer(clause) if is_program(path) else ()
    if any(
        (here or _goes_on(clause, match)) and not intents.is_denied(clause, match.start())
        for match in mends
    ):
        return True
    if _BARE.fullmatch(clause):
        return True
    return any(
        (base or not _is_about_else(clause, match))
        and not (elsewhere and _SWITCHED.fullmatch(match[0]))
        and (here or _goes_on(clause, match))
        and not (_ADDED.fullmatch(match[0]) and _OF_TAG.search(clause, match.end()))
        and not intents.is_denied(clause, match.start())
        for match in _CHANGE.finditer(clause)
    )


def _goes_on(clause: str, match: re.Match[str]) -> bool:
    """Whether an order is about what the sentence before names."""
    before = clause[: match.start()]
    left_out = not match[0].isascii() and _LEFT_OUT.fullmatch(before)
    return bool(left_out or _IT.match(clause[match.end() :]) or _OF_IT.search(before))


def _is_about_else(clause: str, match: re.Match[str]) -> bool:
    before, after = clause[: match.start()], clause[match.end() :]
    put = match[0].lower() == "put" and re.match(r"\W*(?:it|this|that|them)\b", after)
    return bool(put or _ELSE.match(after) or _ELSE_BEFORE.search(before))
