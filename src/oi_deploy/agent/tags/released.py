"""A version that is released, where no word for a tag is said: "release notifier 5.3.0"."""

import re

from oi_deploy.agent import intents
from oi_deploy.agent.named import RUNS_NOW

_NUMBER = r"v?\d+\.\d+\.\d[\w.-]*(?<![.-])"
# Not of something else, and not of what was there before.
_NO = (
    r"(?!(?:in|since|from|than|before|after|like|not|until|with|and|was|is|python|node|nginx|java|go"
    r"|postgres\w*|redis|kubernetes|k8s|alpine|debian|ubuntu|ruby|php|npm|pip|docker|helm|chart)\b)"
)
_WORD = rf"{_NO}[`'\"]?[a-z][\w-]*[`'\"]?\s+"
_RELEASED = re.compile(
    r"(?:\b(?:release|ship|deploy|hotfix|publish|cut|bump|upgrade|update|roll out|bring|take)\s+"
    rf"(?:(?:the|our|to|version|it|of|new|image|service)\s+)*(?:{_WORD})?"
    rf"(?:(?:to|version|at)\s+)*(?P<verb>{_NUMBER})"
    r"|(?<!from )(?<!of )(?<!in )(?<!with )(?<!since )(?<!was )(?<!old )(?<!previous )(?<!current )"
    rf"(?<!broken )(?<!than )(?<!to )(?<!for )\bversion (?P<version>{_NUMBER})"
    # A sentence that goes on tells something of it.
    r"(?=\s*(?:$|[,.;:)]|(?:and|now|please|today|to)\b))"
    rf"|\b(?:like|want|need|have) (?P<built>{_NUMBER}) built\b"
    rf"|\b(?:hotfix|fix|release)\s*:\s*(?:{_WORD})?(?P<title>{_NUMBER})"
    r"|(?:发版|发布|发|上线|部署|升级?|出|构建)\s*(?:到|至|为|成|一下)?\s*:?\s*(?:[a-z][\w-]*\s*)?(?:的)?"
    rf"(?:版本号?|新版)?\s*(?P<zh>{_NUMBER})"
    rf"|^\W*(?:{_WORD})(?P<alone>{_NUMBER})\W*$"
    rf"|(?P<this>{_NUMBER})\s*(?:这个|这一)(?:新版本?|版本|版)(?!有|坏|之前|以前))"
    r"(?!\s*(?:of|for|in|is|was|has|had)\b|\s*(?:版本?)?[里中的])",
    intents.FLAGS,
)


def said(prompt: str) -> str:
    """What a prompt says about its tag, in words for that; empty unless it is a single version.

    A clause with a condition, or with what runs now, says none.
    """
    found = {
        match[match.lastgroup or 0]
        for clause in intents.clauses(RUNS_NOW.sub(" ", prompt))
        if not clause.supposed
        for match in _RELEASED.finditer(clause.text)
        if not intents.is_denied(clause.text, match.start())
    }
    return f"tag {found.pop()}" if len(found) == 1 else ""
