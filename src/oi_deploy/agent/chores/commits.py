"""The complete command line that writes the subjects of some commits to a file."""

import re
from collections.abc import Iterable

from oi_deploy.agent import intents, words
from oi_deploy.agent.situation import Situation

_COMMITS = re.compile(r"\bcommits?\b|\bgit (?:log|history)\b|提交", intents.FLAGS)
_SUBJECTS = re.compile(
    r"\b(?:subjects?|titles?|subject lines?|messages?|headlines?)\b|标题|说明|信息", intents.FLAGS
)
# Which of them, or how they are told apart: no one line does that.
_SOME = re.compile(
    r"\bsections?\b|\bgroup|\bheading|\bprefix|\bonly (?:those|commits)\b|\bdates?\b"
    r"|\bfeat\b|\bleft out\b|\bfolder\b|分组|分类|章节|前缀|日期"
    r"|只(?:列|写|要)[^,。;]{0,6}(?:feat|fix)",
    intents.FLAGS,
)
_NONE = re.compile(
    r"(?:\b(?:no|without(?: the)?|not the)\s+|不(?:带|要|写|含)?)"
    r"(?:[^\s,。;]+?\s*(?:,|\band\b|\bor\b|[和、])\s*){0,2}$",
    intents.FLAGS,
)
_BESIDE = re.compile(r"\b(?:short )?(?:hash(?:es)?|sha)\b|\bauthors?\b|哈希|作者", intents.FLAGS)
_BULLET = re.compile(r"[`'\"“]- ?[`'\"”]|\bbullets?\b|\bmarkdown list\b|无序列表", intents.FLAGS)
_OLDEST_FIRST = re.compile(
    r"\boldest (?:one )?first\b|\bchronological|\bfrom old(?:est)? to new"
    r"|从[旧早老]到[新晚]|正序|最[早旧]的在(?:前|最前|上)",
    intents.FLAGS,
)


def lines(world: Situation) -> Iterable[str]:
    """Those between two git tags that the prompt names, or after the only one."""
    text, file = world.ask.text, world.new_file
    plain = " ".join(text.split())
    asked = _COMMITS.search(plain) and _SUBJECTS.search(plain)
    if world.ask.expect != "none" or not file or not asked or _some(plain):
        return
    # The first one is where they begin: "after v1.4.0 and up to v1.5.0".
    places = {
        match.start(): tag for tag in world.repository.tags if (match := words.find(tag, plain))
    }
    named = [places[place] for place in sorted(places)]
    if not 1 <= len(named) <= 2:
        return
    first, last = (*named, "HEAD")[:2]
    sign = "- " if _BULLET.search(text) else ""
    order = " --reverse" if _OLDEST_FIRST.search(plain) else ""
    yield f"git log{order} --format='{sign}%s' {first}..{last} > {file}"


def _some(text: str) -> bool:
    """Whether more is wanted of a commit than its subject, or not all of them."""
    shown = (it for it in _BESIDE.finditer(text) if not _NONE.search(text[: it.start()]))
    return any(shown) or _SOME.search(text) is not None
