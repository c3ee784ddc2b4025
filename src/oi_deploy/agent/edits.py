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
    r"\b(?:change|edit|modify|set|bump|replace|rename|raise|lower|switch|turn|adjust|add"
    r"|remove|delete|append|put|update|increase|decrease)\b(?!\W+(?:it|them|this) back\b)"
    r"|(?<!已)(?<!已经)(?<!刚)(?<!没)改(?:成|为|到|一下)(?!了)|修改(?![了过好完])|换成(?!了)|换为|设成(?!了)|设为"
    r"|设置为|置为|调成|调到|调为"
    r"|调整为|加上|加一|添加|删掉|去掉|替换(?:成|为)?|追加",
    intents.FLAGS,
)
# What such a word can be about besides a file.
_ELSE = re.compile(
    r"\W*(?:the |this |our |all )?"
    r"(?:deployments?|images?|rollout|cluster|pods?|replicas?|containers?)\b|.{0,6}(?:deployment|镜像|集群|副本)",
    intents.FLAGS,
)
_ELSE_BEFORE = re.compile(r"(?:镜像|deployment|副本数?|标签)[^,。;]{0,6}$", intents.FLAGS)
# A sentence goes on about a file; Chinese leaves the pronoun out.
_PRONOUN = re.compile(
    r"\b(?:it|this|that|there)\b|它|其中|里面|这个|^(?:请|麻烦|帮忙|需要)?你?(?:都|先)?(?:改|换|替换)",
    intents.FLAGS,
)
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
    return tuple(
        path
        for path in paths
        if not spared.is_left_out(path, text, paths) and _is_to_change(path, text, paths)
    )


def _is_to_change(path: str, text: str, others: Sequence[str]) -> bool:
    """Whether an order to change something stands after a file's name, before the next file's."""
    about = False
    for sentence in intents.sentences(text):
        about = about and _PRONOUN.search(sentence) is not None
        for clause in intents.split(sentence):
            names = [other for other in others if _is_named(other, clause, others)]
            about = path in names if names else about
            if about and _orders(path, clause):
                return True
    return False


def _is_named(path: str, clause: str, others: Iterable[str]) -> bool:
    """By its path, or by its name, if no other file has it."""
    name = path.rpartition("/")[2]
    alone = [other for other in others if other.rpartition("/")[2] == name] == [path]
    if alone:
        return words.is_named(path, clause) or words.is_named(name, clause)
    # The word alone may mean any of them.
    return "/" in path and words.is_named(path, clause)


def _orders(path: str, clause: str) -> bool:
    base = is_dockerfile(path) and _BASE.search(clause)
    return any(
        (base or not _is_about_else(clause, match))
        and not intents.word("denies").search(clause[: match.start()])
        for match in _CHANGE.finditer(clause)
    )


def _is_about_else(clause: str, match: re.Match[str]) -> bool:
    before, after = clause[: match.start()], clause[match.end() :]
    return bool(_ELSE.match(after) or _ELSE_BEFORE.search(before))
