"""Complete command lines for a list of the containers that lack a limit, a request or a probe."""

import re
from collections.abc import Iterable

from oi_deploy.agent import columns, intents
from oi_deploy.agent.chores import fields
from oi_deploy.agent.situation import Situation

_WHAT = (
    (
        r"memory limits?|limits?\.memory|内存(?:的)?(?:限制|上限|limits?)",
        ".resources.limits.memory",
    ),
    (r"cpu limits?|limits?\.cpu|cpu\s*(?:的)?(?:限制|上限)", ".resources.limits.cpu"),
    (r"memory requests?|requests?\.memory|内存(?:的)?请求", ".resources.requests.memory"),
    (r"cpu requests?|requests?\.cpu|cpu\s*(?:的)?请求", ".resources.requests.cpu"),
    (r"(?:resource )?limits?|资源(?:限制|上限)", ".resources.limits"),
    (r"(?:resource )?requests?|资源请求", ".resources.requests"),
    (r"readiness ?probes?|就绪探针", ".readinessProbe"),
    (r"liveness ?probes?|存活探针", ".livenessProbe"),
)
_NO = (
    r"(?:\b(?:no|without|lacks?|lacking|miss(?:es|ing)?"
    r"|(?:do|does)(?: not|n't) (?:have|set|define))"
    r"(?: an?| any| their| its)?\s+|(?:没有?|未|缺少?|无)(?:设置?|配置?|写|定义)?(?:任何)?\s*)"
)
_AFTER = r"\s*(?:都)?(?:没有?|未)(?:设置?|配置?|写|定义)"
_OF_EACH = re.compile(
    r"(?:<?\bdeployment(?: name)?>?|部署|<?deployment\s*名>?)(?P<sign>/|:|,| )"
    r"<?(?:container(?: name)?|容器名?)",
    intents.FLAGS,
)
_ONLY_DEPLOYMENTS = re.compile(
    r"\bwhich (?:of (?:the|our) )?deployments?\b|\bnames? of (?:the |all |every )?deployments?\b"
    r"|哪些\s*deployment|deployment\s*的?名[字称]?",
    intents.FLAGS,
)


# A table with every container: the heads that it may have.
_HEADS = re.compile(
    r"(?:\bcolumns?\b(?: headers?)?|列|表头)\s*(?:\b(?:are|is)\b|分别|依次|为|是)*"
    r"\s*:?\s*(?P<heads>[^.。;\n]+)",
    intents.FLAGS,
)
_NONE = re.compile(
    r"(?:\bword|\bor|\bwrite|写成?|用|填)\s*[`'\"“「]?(?P<word>none|n/a|-|unset|no|无|未设置|没有)(?![\w-])",
    intents.FLAGS,
)


def lines(world: Situation) -> Iterable[str]:
    """A text file with a line for each: `deployment/container`, or the Deployment's name."""
    text, file = " ".join(world.ask.text.split()), world.new_file
    if world.ask.expect == "none" and file.endswith(".md"):
        yield from _table(world, file, text)
    if world.ask.expect != "none" or not file.endswith(".txt"):
        return
    found = [
        field
        for said, field in _WHAT
        if re.search(rf"{_NO}(?:{said})|(?:{said}){_AFTER}", text, intents.FLAGS)
    ]
    if not found:
        return
    get = f"{world.kubectl} get deployments -o json"
    each, sign = _OF_EACH.search(text), columns.separator(text)
    if each:
        program = (
            ".items[] | .metadata.name as $d | .spec.template.spec.containers[]"
            f" | select({found[0]} == null) | [$d, .name] | join($s)"
        )
        sign = sign or (f"'{each['sign']}'" if each["sign"] == " " else each["sign"])
        yield f"{get} | jq -r --arg s {sign} '{program}' | sort > {file}"
    elif _ONLY_DEPLOYMENTS.search(text):
        program = (
            f".items[] | select(any(.spec.template.spec.containers[]; {found[0]} == null))"
            " | .metadata.name"
        )
        yield f"{get} | jq -r '{program}' | sort > {file}"


def _table(world: Situation, file: str, text: str) -> Iterable[str]:
    """A Markdown table with a row for each container, and what it has of that."""
    match = _HEADS.search(text)
    heads = fields.LISTED.split(match["heads"].strip()) if match else []
    values = [_cell(head) for head in heads]
    if not (all(values) and any(it not in ("$d", ".name") for it in values) and ".name" in values):
        return
    none = _NONE.search(text)
    cells = ", ".join(it if it in ("$d", ".name") else f"({it} // $n)" for it in values)
    program = (
        f".items[] | .metadata.name as $d | .spec.template.spec.containers[] | [{cells}] | join($s)"
    )
    get = f"{world.kubectl} get deployments -o json"
    rows = f"jq -r --arg s ' | ' --arg n {none['word'] if none else 'none'} '{program}'"
    head = f"| {' | '.join(heads)} |"
    rule = f"|{'---|' * len(heads)}"
    wrap = (
        f"awk -v h='{head}' -v l='{rule}' -v b='|' 'BEGIN {{print h; print l}} {{print b, $0, b}}'"
    )
    yield f"{get} | {rows} | {wrap} > {file}"


def _cell(head: str) -> str:
    """What of a container a head of the table means; empty if that is not known."""
    head = head.strip(" `'\"“”「」")
    for said, value in ((r"deployment.*|部署.*", "$d"), (r"container.*|容器.*", ".name")):
        if re.fullmatch(said, head, intents.FLAGS):
            return value
    return next((it for said, it in _WHAT if re.fullmatch(said, head, intents.FLAGS)), "")
