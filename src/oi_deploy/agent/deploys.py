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
    r"|goes|needs?|wants?|should|cut|create|produce|roll|spin)\b|换|用|上|放|拉|改|切|设|升|让|要",
    intents.FLAGS,
)
# Something that only is to be looked at.
_LOOKS = re.compile(
    r"^\W*(?:please )?(?:(?:can|could) you )?"
    r"(?:wait|what|which|whether|is|are|does|do|did|has|have|was|were|why|how|who|when|show|check|see|list"
    r"|describe|tell|look|investigate|find out|explain|report|print|summari[sz]e|compare|scan"
    r"|inspect|plan|debug|run kubectl)\b"
    r"|^\W*(?:get|i want to know|write a (?:report|summary))\b"
    r".*\b(?:tags?|images?|versions?|of|which|what)\b"
    r"|^\W*(?:请|帮我?|麻烦|你|先)*(?:等|看看|看一下|查看?|查一下|检查|列出|告诉|总结|解释|统计|评估|对比|关注"
    r"|写一?份|生成)"
    r"|(?:是什么|是不是|是否|有没有|多少|哪个|哪些|吗|为什么|怎么|什么时候)\s*[?]?\s*$",
    intents.FLAGS,
)
# A deployment, a release, as things of the past or of a name; and what nobody is to do.
_NO_ORDER = re.compile(
    r"\b(?:the|this|that|a|of|last|latest|previous|next)\s+(?:last |latest |previous |next )?"
    r"(?:deploy|release|rollout|build|update|upgrade)\b(?! (?:to|on|in)\b)"
    r"|\b(?:was|were|is|been|being) (?:\w+ )?"
    r"(?:deployed|released|updated|upgraded|pushed|built|shipped)\b"
    r"|\b(?:nobody|no one|not|never|n't)\b[^,;]{0,24}?"
    r"\b(?:deploy|releas|build|roll|push|updat|ship)\w*"
    r"|\b(?:deploy|releas|build|roll|push|updat|ship)\w*\b[^,;]{0,24}\b(?:is|are) (?:not|n't)\b"
    r"|(?:上次|上一次|昨天|之前|最近一?次)[^,。;]{0,8}(?:部署|发布|上线|更新|构建)"
    r"|(?:部署|更新|发布)(?:在哪|了没)"
    # A text is no Deployment.
    r"|\bupdat\w* (?:the |our |that )?(?:readme|docs?|documentation|changelog|wiki|runbook)\b"
    r"|更新(?:一下)?\s*(?:readme|文档|说明|changelog|手册)",
    intents.FLAGS,
)
_QUESTION = re.compile(
    r"^[^,;]*(?:会|将)(?:怎么样|怎样|如何|发生什么)\??$"
    r"|^\W*(?:was|were|who|why|when|has|have|did|does|do|is (?!it possible)|are|should|how"
    r"|what|which)\b.*\?$"
    r"|^(?!.*(?:请(?!求)|帮|麻烦|把|能不能|可否|能否)).*"
    r"(?:会不会|是不是|是否|有没有|多少|什么时候|为什么|哪个|哪里|在哪|吗|了没有?)[^,。]{0,10}\??$",
    intents.FLAGS,
)
_CLEANS = re.compile(
    r"^\W*(?:please )?(?:clean(?:ing)? up|delete|remove|prune|purge)\b.*\b(?:tags?|images?)\b",
    intents.FLAGS,
)
_NOTHING = re.compile(
    r"^\W*(?:please )?(?:do not|don't|never|nobody|no one|no)\b"
    r"|^\W*(?:请|先)?(?:不要?|别|勿|无需|不用)",
    intents.FLAGS,
)


# The commands are wanted, and not what they do.
_PLANNED = re.compile(
    r"^\W*dry[- ]?run\b(?!.*\bthen\b)|\b(?:only|just) (?:an?|as a) dry[- ]?run\b"
    r"|\bdry[- ]?run only\b|\b(?:draft|give me|prepare) the commands? (?:for|to)\b"
    r"|(?:命令|脚本|步骤)[^。]{0,16}(?:不要?|别|先不)执行",
    intents.FLAGS | re.DOTALL,
)


def only_asks(prompt: str) -> bool:
    """Whether nothing is ordered: each sentence asks for something, or wants it looked up.

    Args:
        prompt: the task.
    """
    if _PLANNED.search(prompt):
        return True
    found = [
        it for it in re.split(r"(?<=[?!])\s*|(?<=。)|(?<=[.;])(?:\s+|$)|\n+", prompt) if it.strip()
    ]
    return bool(found) and all(map(_is_asking, found))


def _is_asking(sentence: str) -> bool:
    sentence = sentence.strip().rstrip(".。; ")
    parts = [
        it for it in re.split(r"[,;]|\b(?:and|but|just|only)\b|[并且]", sentence) if it.strip()
    ]
    return bool(
        _QUESTION.search(sentence)
        or _CLEANS.search(sentence)
        or all(_LOOKS.search(it) or _NOTHING.search(it) for it in parts)
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
        _ORDER.search(text) or (_THING.search(text) and _DONE_WITH.search(text))
        for clause in intents.clauses(prompt)
        # "If the tests pass, deploy it" may hold.
        if not _LOOKS.search(clause.text)
        for text in (_NO_ORDER.sub(" ", clause.text),)
    )
