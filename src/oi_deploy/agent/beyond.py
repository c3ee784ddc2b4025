"""Changes of a Deployment that a prompt may ask for, and that only a manifest makes.

A prompt with no word for an image means one all the same ("get it live"), but not if it speaks of
these: somebody who wants a variable set wants no new image.
"""

import re

from oi_deploy.agent import intents

_SET = (
    r"\b(?:set|add|change|update|remove|unset|define|give|raise|lower|increase|decrease|reduce|limit"
    r"|make|let|put|adjust|configure|bump)\b"
)
_SET_ZH = r"(?:更新|升级|加|设|改|删|调|去掉|增|减|限制|配置|换)"
# Names with a word for an image in them.
_STRATEGY = (
    r"\b(?:(?:update|rollout|rolling|deployment) )?strategy\b|\b(?:image ?)?pull[ -]?policy\b"
    r"|(?:更新|发布|部署|滚动|(?:镜像)?拉取)策略"
)
_KINDS = (
    (
        "environment variables",
        rf"{_SET}[^.;\n]{{0,40}}\b"
        r"(?:env(?:ironment)?[ -]?var(?:iable)?s?|(?-i:[A-Z][A-Z0-9]*_[A-Z0-9_]+)\s*=)"
        rf"|{_SET_ZH}[^。;\n]{{0,12}}环境变量|环境变量[^。;\n]{{0,24}}{_SET_ZH}",
    ),
    (
        "memory or CPU",
        rf"(?:{_SET}|\buse\b)[^.;\n]{{0,40}}\b(?:memory|cpus?|ram)\b"
        rf"|{_SET_ZH}[^。;\n]{{0,12}}(?:内存|cpu)|(?:内存|cpu)[^。;\n]{{0,12}}{_SET_ZH}",
    ),
    (
        "ports and Services",
        r"\bexpose\b[^.;\n]{0,40}\b(?:ports?|services?|\d{2,5})\b"
        r"|\b(?:add|create|set up)\b[^.;\n]{0,24}\b(?:service|ingress)\b"
        r"|暴露[^。;\n]{0,16}(?:端口|服务)|(?:加|建|创建)[^。;\n]{0,8}(?:ingress|service)",
    ),
    (
        "the pausing of rollouts",
        r"\b(?:pause|resume|unpause)\b[^.;\n]{0,24}\b(?:rollouts?|deployments?)\b"
        r"|(?:暂停|恢复|继续)[^。;\n]{0,16}(?:滚动|rollout|发布流程)",
    ),
    ("autoscaling", r"\bautoscal\w+|\bhpa\b|自动(?:扩缩?容|伸缩)"),
    ("the update strategy or the pull policy", _STRATEGY),
    (
        "probes, labels or annotations",
        rf"{_SET}[^.;\n]{{0,40}}\b(?:(?:readiness|liveness|startup)[ -]?probes?|annotations?)\b"
        rf"|\b(?:label|annotate) (?:the )?deployment\b"
        rf"|{_SET_ZH}[^。;\n]{{0,12}}(?:探针|注解)",
    ),
)
# Where one of these is spoken of, such a change is told of or belongs to the image.
_IMAGE = re.compile(
    r"\b(?:re)?build|\bpush|\bdeploy(?:s|ed|ing)?\b(?![/:])|\breleas|\bship|\bpublish|\blive\b"
    r"|\broll(?:ing|ed)?[ -](?:it )?out\b|\bimages?\b|\btags?\b|\bversions?\b|\bcommit"
    r"|\bdockerfile\b|\bmanifests?\b|\.ya?ml\b|\bconfigmap\b"
    r"|构建|推送|镜像|标签|版本|发布|上线|部署|提交|清单|打包",
    intents.FLAGS,
)


# Said beside another order, it is mostly the reason for that one.
_ORDERED = re.compile(
    r"\b(?:set|add|define|unset)\b[^.;\n]{0,24}\b"
    r"(?:env(?:ironment)?[ -]?var(?:iable)?s?\b|(?-i:[A-Z]+_[A-Z_]+)\s*=)"
    r"|(?:加|设置?|新增|添加)[^。;\n]{0,8}环境变量"
    r"|\b(?:give|add|create|set up|configure|enable)\b[^.;\n]{0,24}\b(?:autoscal\w+|hpa)\b"
    r"|(?:加|建|创建|配置|开启)[^。;\n]{0,8}(?:hpa|自动(?:扩缩?容|伸缩))",
    intents.FLAGS,
)


_TOLD = re.compile(r"已经?|昨天|上周|之前|\balready\b|\byesterday\b", intents.FLAGS)


def asked(prompt: str) -> str:
    """What of a Deployment such a prompt wants changed; empty if it is none.

    Args:
        prompt: the task, without references to images.
    """
    if _IMAGE.search(re.sub(_STRATEGY, " ", prompt, flags=intents.FLAGS)):
        return ""
    # Somebody scales because of the memory, and restarts because of a variable.
    if {"restart", "scale", "undo"} & intents.read(prompt).wanted and not _ORDERED.search(prompt):
        return ""
    return next(
        (
            kind
            for kind, said in _KINDS
            for clause in intents.clauses(prompt)
            for match in re.finditer(said, clause.text, intents.FLAGS)
            if not (clause.supposed or clause.told or _TOLD.search(clause.text))
            and not intents.is_denied(clause.text, match.start())
        ),
        "",
    )
