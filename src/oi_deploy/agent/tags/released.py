"""A version that is released, where no word for a tag is said: "release notifier 5.3.0"."""

import functools
import re
from collections.abc import Collection

from oi_deploy.agent import intents
from oi_deploy.agent.named import RUNS_NOW

_NUMBER = r"v?\d+\.\d+\.\d[\w.-]*(?<![.-])"
_PATTERN = (
    r"(?:\b(?:release|ship|deploy|hotfix|publish|cut|bump|upgrade|update|roll out|bring|take)\s+"
    r"(?:(?:the|our|to|at|version|release|it|of|new|image|service|app|OURS)\s+)*(?P<verb>NUMBER)"
    # Any other word before it says whose version it is.
    r"|(?:^|\b(?:(?:it|this) is|as|new|the|service|image|OURS))\W*\bversion (?P<version>NUMBER)"
    # A sentence that goes on tells something of it.
    r"(?=\s*(?:$|[,.;:)]|(?:and|now|please|today|to)\b))"
    # A field, and a version that something is to be called.
    r"|(?<!old )(?<!current )(?<!previous )(?<!running )(?<![a-z] )\b(?:new |image )?"
    r"version(?: number)? (?P<field>NUMBER)(?=\s*(?:$|[,;.)]))"
    r"|\bnew tag(?: for [\w-]+)? (?P<new>NUMBER)"
    r"|(?<![旧原前的])(?:新|镜像)?版本号?\s*(?:是|定?为|定成|取|用)?\s*(?P<field_zh>NUMBER)(?=\s*(?:$|[,;。)]))"
    r"|^\W*(?:(?:and|then|please|now|so)\s+)*(?:ship|build|release|push|publish|deploy|tag)\b"
    r"[^.;]{0,30}\bas (?P<as>NUMBER)"
    r"|\bbuild (?P<build>NUMBER)(?= (?:from|of this|and)\b|,|$)"
    r"|\bthis time (?P<now>NUMBER)|这次(?:是|用|为)?\s*(?P<now_zh>NUMBER)"
    r"|构建[^,。;\d]{0,10}[为成]\s*(?P<built_zh>NUMBER)"
    r"|打(?:成|上|个|为)?\s*(?P<made>NUMBER)(?!\s*(?:的|包))"
    r"|(?:新版本?|新的?版本)\s*(?P<new_zh>NUMBER)"
    r"|从\s*v?\d[\w.-]*\s*(?:升级?|更新|换)到\s*(?P<to>NUMBER)"
    r"|\b(?:like|want|need|have) (?P<built>NUMBER) built\b"
    r"|\b(?:hotfix|fix|release)\s*:\s*(?:(?:OURS)\s+)?(?P<title>NUMBER)"
    # A database, a client or a document is none of ours.
    r"|(?:\b(?:service|deployment|image|OURS)\s*|(?<![a-z0-9])(?<![a-z0-9] )(?<![库端档赖边口]))"
    r"(?:发版|发布|发|上线|部署|更新|升级?|出|构建)\s*(?:到|至|为|成|一下)?\s*:?\s*"
    r"(?:(?:OURS)\s*)?(?:的)?(?:版本号?|新版)?\s*(?P<zh>NUMBER)"
    r"|^\W*(?:OURS)\s+(?P<alone>NUMBER)\W*$)"
    r"(?!\s*(?:of (?!(?:the )?(?:OURS)\b)"
    r"|(?:for|in|is|was|has|had|will|plan|planning|notes|branch)\b)"
    r"|\s*(?:版本?)?(?:[里中的了]|[之以]?后才))"
)


# Its value stands in the same clause then.
_HEAD = re.compile(
    r"(?P<head>\bversion(?: number)?|\bnew tag(?: for [\w-]+)?|版本号?)\s*[:=]\s*"
    r"(?P<value>v?\d[\w.-]*)(?P<end>[^\S\n]*(?:\n|$))?",
    intents.FLAGS,
)


@functools.cache
def _released(names: tuple[str, ...]) -> re.Pattern[str]:
    # What is somebody else's has a version of its own: "upgrade lodash 4.17.21".
    ours = "|".join(rf"[`'\"]?{re.escape(name)}[`'\"]?(?![\w-])" for name in names) or "(?!)"
    return re.compile(_PATTERN.replace("NUMBER", _NUMBER).replace("OURS", ours), intents.FLAGS)


def said(prompt: str, names: Collection[str]) -> str:
    """What a prompt says about its tag, in words for that; empty unless it is a single version.

    A clause with a condition, or with what runs now, says none.

    Args:
        prompt: the task, without references to images.
        names: those of the programs that it is about.
    """
    prompt = _HEAD.sub(
        lambda it: f"{it['head']} {it['value']}{';' if it['end'] is not None else ''} ", prompt
    )
    found = {
        match[match.lastgroup or 0]
        for clause in intents.clauses(RUNS_NOW.sub(" ", prompt))
        if not clause.supposed
        for match in _released(tuple(sorted(names))).finditer(clause.text)
        if not intents.is_denied(clause.text, match.start())
    }
    return f"tag {found.pop()}" if len(found) == 1 else ""
