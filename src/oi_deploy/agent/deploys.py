"""Whether a prompt asks for an image to be brought out, in any of the words that there are for it.

"Show me the logs of web" does not; without this, what is checked out would be built for it.
"""

import re

from oi_deploy.agent import intents

_ORDER = re.compile(
    r"\b(?:re)?build|\bpackag|\bcontaineri|\bcompil|\bpush|\bupload|\bpublish"
    r"|\b(?:re)?deploy(?:s|ed|ing)?\b(?![/:])|\breleas|\bship|\blive\b|\blaunch|\bdeliver"
    r"|\broll(?:ing|ed|s)?[ -]?(?:[\w-]+ ){0,4}out\b|\bget\b.{0,40}\bout\b|\bout to\b"
    r"|\b(?:get|put|bring|send)\b.{0,40}\b(?:cluster|production|prod|staging|up)\b"
    r"|\bupdat|\bupgrad|\bdockerfile\b"
    r"|构建|打包|推送|推到|发布|发版|上线|部署|更新|升级|交付|发(?:一?下|一版|个|到|出)"
    r"|上(?:一?下|到|去|新)|投产",
    intents.FLAGS,
)
# A thing, and what may be done with it.
_THING = re.compile(
    r"\bimages?\b|\btags?\b|\bversions?\b|\bcommit|\bHEAD\b|\bcode\b|镜像|版本|标签|提交|代码",
    intents.FLAGS,
)
_DONE_WITH = re.compile(
    r"\b(?:set|put|use|switch|move|bring|gets?|give|take|run|make|point|install|change|bump|swap"
    r"|goes|needs?|wants?|should|cut|create|produce|roll|spin)\b|换|用|上|拉|改|切|设|升|让|要",
    intents.FLAGS,
)
# Something that only is to be looked at.
_LOOKS = re.compile(
    r"^\W*(?:please )?(?:wait\b|等)|^\W*(?:what|which|is|are|does|do|has|have|why|how|show|check"
    r"|see|list|describe|tell|look)\b"
    r"|看看|查看|检查|是什么|是不是|有没有|多少",
    intents.FLAGS,
)


# Of another registry: what is to be set is there already.
_FOREIGN = re.compile(r"(?<![\w./-])(?:[a-z0-9-]+\.)+[a-z]{2,}(?::\d+)?/[a-z0-9._/-]+:[\w.-]*\w")


def sets_foreign(prompt: str, registry: str) -> bool:
    """Whether a prompt names an image of another registry, and orders no build.

    Args:
        prompt: the task.
        registry: the input of that name.
    """
    host = registry.partition("/")[0]
    found = any(
        not match[0].startswith(f"{host}/") and not intents.is_denied(clause.text, match.start())
        for clause in intents.clauses(prompt)
        for match in _FOREIGN.finditer(clause.text)
    )
    return found and not {"build", "push"} & intents.read(prompt).wanted


def is_asked(prompt: str) -> bool:
    """Whether any clause orders it; the names of images are no matter here.

    Args:
        prompt: the task.
    """
    return any(
        _ORDER.search(clause.text)
        or (_THING.search(clause.text) and _DONE_WITH.search(clause.text))
        for clause in intents.clauses(prompt)
        # "If the tests pass, deploy it" may hold.
        if not _LOOKS.search(clause.text)
    )
