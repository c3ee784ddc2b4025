"""Complete command lines for reports on the cluster, written to a file."""

import re
from collections.abc import Iterable

from oi_deploy.agent import columns, intents, words
from oi_deploy.agent.chores import fields, records
from oi_deploy.agent.repository import DATA
from oi_deploy.agent.situation import Situation

_DEFAULT = {
    "Name": fields.NAME,
    "Image": fields.IMAGE,
    "Replicas": fields.REPLICAS,
    "Ready": fields.READY,
}
# What a column of Services may be called.
_OF_SERVICES = (
    (r"target|目标", ".spec.ports[*].targetPort"),
    (r"port|端口", ".spec.ports[*].port"),
    (r"type|类型", ".spec.type"),
    (r"\bip\b|address|地址", ".spec.clusterIP"),
    (r"name(?!space)|service|名", fields.NAME),
)
# Only some of them.
_SOME = re.compile(
    # "With their images" says what is told of each.
    r"\b(?:those|the ones|deployments) (?:that|which|whose|where"
    r"|with(?! (?:the |their |its )?"
    r"(?:names?|images?|replicas?|columns?|ready|status|following)\b))\b"
    r"|\bwhich (?:of (?:the|our) )?deployments?\b|哪些|哪几个"
    r"|\bonly (?:those|deployments)\b|\b(?:more|fewer|less) than\b|\bat (?:least|most)\b"
    r"|只(?:列|写|要|包含|统计)|其中|少于|多于|超过|不足|大于|小于",
    re.ASCII,
)
_N = intents.numbers()
_PODS = r"(?:replicas?|pods?|copies|copy|instances?)\b"
# Which, by the number of pods: the comparison, and how it is said.
_COUNTS = (
    ("<", rf"(?:fewer|less) than (?P<n>{_N}) {_PODS}|副本数?(?:少于|小于|不足|低于)\s*(?P<m>{_N})"),
    (">", rf"more than (?P<n>{_N}) {_PODS}|副本数?(?:多于|大于|超过|高于)\s*(?P<m>{_N})"),
    (">=", rf"at least (?P<n>{_N}) {_PODS}|副本数?(?:不少于|至少为?)\s*(?P<m>{_N})"),
    ("<=", rf"at most (?P<n>{_N}) {_PODS}|副本数?(?:不超过|至多为?|最多为?)\s*(?P<m>{_N})"),
    (
        "==",
        rf"(?:just|only|exactly|a single|with|have|has|runs?|running|scaled(?: down)? to)"
        rf" (?P<n>{_N}) {_PODS}"
        rf"|(?:只(?:配置?|设置?|开|跑|起|剩)?[了着有]?|仅有?|恰好)\s*(?P<m>{_N})\s*个?副本|副本数?(?:为|是|等于|只有)\s*(?P<k>{_N})",
    ),
)
# The heads of a table in words, and what stands between two.
_HEADS = re.compile(
    r"(?:\bcolumns?\b(?: headers?)?|列(?:出|名(?!称))?|表头|字段)\s*"
    r"(?:\b(?:are|is|be|named|called)\b|分别|依次|为|是|包括|包含)*"
    r"\s*:?\s*(?P<heads>[^.;。;\n()|]+?)"
    r"(?=\s*(?:[.;。;\n()]|$|,?\s*\b(?:for|of|to|into|in|one|sorted)\b|,\s*(?:每|写|保存|不)))",
    intents.FLAGS,
)
# Nothing but their names.
_ONLY_NAMES = re.compile(
    r"\b(?:one|a) (?:deployment )?(?:name )?(?:per|a|each|to a) line\b"
    r"|\b(?:only|just) (?:the|their) names\b"
    r"|\bnames?,? one (?:per|a|on each) line\b"
    r"|每行(?:只写)?一个(?:名[字称]|deployment)?|一行一个|只[写要列](?:出)?名[字称]",
    intents.FLAGS,
)
_LATEST = re.compile(
    r"(?:\btags?|标签)\W{0,3}(?:\b(?:is|are|of|named|called)\b|为|是|用|[:=])?\W{0,3}latest\b"
    r"|:latest\b|\blatest[`'\"”]?\s*(?:\btags?|标签)",
    intents.FLAGS,
)
_OTHERWISE = re.compile(
    r"\bcolumns? [\w`]+,|\bdrift|\bdiffer|\bcompar|表头|字段|差异|不一致|不同|对比|比对|比较",
    intents.FLAGS,
)
_UNREADY = re.compile(
    r"\b(?:not|n't|aren't|isn't) (?:all |fully |yet )*(?:ready|available|healthy)\b"
    r"|\bunready\b|\bunhealthy\b|\bfewer ready\b|(?:未|没有?|不)(?:完全|全部|都)?就绪"
    r"|就绪.{0,6}(?:少于|小于|不足|低于)",
    re.ASCII,
)


def report(world: Situation) -> Iterable[str]:
    """The state of Deployments in a file."""
    file = world.new_file
    text = world.ask.text.lower()
    cluster = re.search(r"deployment|cluster|kubectl|集群", text)
    # One that runs the named image, or is the only one, need not be meant.
    words_only = words.plain(world.ask.text, world.ask.registry)
    said = any(words.is_named(item.name, words_only) for item in world.meant.chosen)
    about = said or cluster or _other_kind(text)
    row_as = _shown_row(world.ask.text)
    names_only = not row_as and _ONLY_NAMES.search(world.ask.text)
    wanted = row_as or names_only or {"report", "table"} & world.intents.wanted
    own = tuple(records.lines(world, file)) if file else ()
    # The report is on that file, then.
    if any(path in world.repository.files and path.endswith(DATA) for path in world.mentioned):
        return
    if world.ask.expect != "none" or not (file and about and world.deployments):
        return
    if own or not wanted:
        yield from own
        return
    kind = _other_kind(text)
    described = _columns(world.ask.text, _OF_SERVICES if kind == "services" else fields.FIELDS)
    if row_as and not kind:
        described = row_as[1]
    elif names_only and not kind:
        described = {"Name": fields.NAME}
    shown = list((described or _DEFAULT).values())
    some = _condition(text, shown)
    # What is asked for is something else, or told in words that are not known.
    if (not some and _SOME.search(text)) or (not described and _OTHERWISE.search(text)):
        return
    one = len(world.meant.chosen) == 1 and not records.EVERY.search(text) and not some
    what = f"deployment {world.meant.chosen[0].name}" if one else "deployments"
    if described and kind == "services":
        what = kind
    elif not described and not some and kind:
        yield f"{world.kubectl} get {kind} -o wide > {file}"
        return
    heads = list(described or _DEFAULT)
    values = [f"${place}" for place in range(1, len(heads) + 1)]
    # `ready` may be wanted as 1/2, which is no field of its own.
    both = re.search(r"ready\s*/\s*(?:desired|replicas|total)|\b\d/\d\b", text)
    if described and both and fields.READY in shown:
        values[shown.index(fields.READY)] += f" s ${_place(fields.REPLICAS, shown)}"
    markdown = file.endswith(".md")
    marks = markdown and re.search(r"bullet|\blist of\b|列表|清单", text)
    table = "table" in world.intents or described or (markdown and not marks)
    table = table and not ((names_only or row_as) and not kind)
    between = ", b, " if table else " c " if row_as else ", "
    row = f"b, {between.join(values)}, b" if table else between.join(values)
    row = f"d, {row}" if marks and not table else row
    # In one command: of several in braces, a small model leaves out the braces.
    sign = f" -v c='{row_as[0]}'" if row_as and not table else ""
    top = f" -v h='| {' | '.join(heads)} |' -v l='|{'---|' * len(heads)}'" if table else ""
    begin = "BEGIN {print h; print l} " if table else ""
    get = (
        f"{world.kubectl} get {what} --no-headers -o custom-columns="
        + ",".join(f"C{place}:{field}" for place, field in enumerate(shown))
        + f" | awk{top}{sign}{_strings(row)} '{begin}{{gsub(/<none>/, 0)}} "
        + f"{some and some + ' '}{{print {row}}}'"
    )
    if table or marks or some or names_only or row_as:
        once = " | sort -u" if _ONCE.search(text) else ""
        yield f"{get}{once} > {file}"
    else:
        names = ",".join(f"{head.upper()}:{field}" for head, field in _DEFAULT.items())
        yield f"{world.kubectl} get {what} -o custom-columns={names} > {file}"


# How a line is to look, behind the words for that: "name: replicas", "名称 镜像".
_ROW = re.compile(
    r"(?:\b(?:line|row) (?:per|for each|for every) deployment\b[^:\n]{0,60}:"
    r"|每行(?:一个|一条)?[^:\n。;]{0,12}:|\bin the (?:form|format)[^:\n]{0,12}[:]?"
    r"|格式(?:为|是|如下)?\s*:?)"
    r"\s*[`\"“]?(?P<row>[^\n`\"”.;。]+)",
    intents.FLAGS,
)


# The same in words: "its name, its image and the number of replicas".
_LISTED_ROW = re.compile(
    r"\b(?:line|row) (?:per|for each|for every) deployment\b[^:;.]{0,60}:(?P<row>[^.;。]+)"
    r"|每个\s*deployment\s*(?:各|占)?一行[^:;。]{0,12}:(?P<zh>[^.;。]+)"
    r"|每个\s*deployment\s*的(?P<of>[^.;。,]{2,40}?)(?:写|记|列|输出|存)"
    r"|\bthe (?P<en>[\w ]{4,40}?) of (?:each|every|all) deployments?\b",
    intents.FLAGS,
)
_ONCE = re.compile(r"\bonce\b|\bdistinct\b|\bunique\b|去重|只[列写]一次|不重复", intents.FLAGS)
_IN_ORDER = re.compile(r"in (?:this|that) order|按(?:这个|此)?顺序", intents.FLAGS)


def _shown_row(prompt: str) -> tuple[str, dict[str, str]] | None:
    """The sign between the columns, and heads and fields of a line that a prompt shows."""
    for match in _ROW.finditer(prompt):
        row = re.sub(r"\([^()]*\)?", " ", match["row"]).strip().replace("<", "").replace(">", "")
        signs = set(re.findall(r"\s*[:,|/]\s*|\s+", row))
        heads = re.split(r"\s*[:,|/]\s*|\s+", row)
        found = {head: fields.of(head) for head in heads}
        if len(signs) == 1 and all(found.values()) and len(set(found.values())) == len(heads):
            return signs.pop(), found
    listed = _LISTED_ROW.search(" ".join(prompt.split()))
    row = next(filter(None, listed.groups())) if listed else ""
    parts = fields.LISTED.split(row.strip()) if row else []
    found = {part: fields.of(part) for part in parts if not _IN_ORDER.fullmatch(part)}
    if found and all(found.values()) and len(set(found.values())) == len(found):
        return columns.separator(prompt).strip("'") or " ", found
    return None


def _strings(row: str) -> str:
    """What a row of awk prints besides fields, as options: there are no double quotes in a line."""
    known = {"b": "'|'", "s": "/", "d": "-"}
    used = [name for name in known if re.search(rf"(?<!\w){name}(?!\w)", row)]
    return "".join(f" -v {name}={known[name]}" for name in used)


def _columns(prompt: str, known: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Heads and fields of the table that the prompt describes; or none.

    It does so with a line `A | B | C`, or with words: "columns: A, B and C".
    """
    # What stands behind a head in parentheses says it in another language.
    prompt = re.sub(rf"(?<=[{intents.CJK}])\([\w /-]{{1,24}}\)", "", prompt, flags=re.ASCII)
    lines = [line.strip().strip("|`").split("|") for line in prompt.splitlines()]
    told = [fields.LISTED.split(match["heads"]) for match in _HEADS.finditer(prompt)]
    for line in (*lines, *told):
        heads = [head.strip(" `'\"“”") for head in line]
        shown = [
            next((field for said, field in known if re.search(said, head.lower())), "")
            for head in heads
        ]
        plain = all(re.fullmatch(r"[\w /-]+", head) for head in heads)
        if len(heads) > 1 and all(shown) and plain:
            return dict(zip(heads, shown, strict=True))
    return {}


def _condition(text: str, shown: list[str]) -> str:
    """The condition of awk for the Deployments that are wanted; empty without one."""
    if _LATEST.search(text):
        return f"${_place(fields.IMAGE, shown)} ~ /:latest(,|$)/"
    if _UNREADY.search(text):
        return f"${_place(fields.READY, shown)} < ${_place(fields.REPLICAS, shown)}"
    for sign, said in _COUNTS:
        if match := re.search(said, text, intents.FLAGS):
            number = next(value for value in match.groups() if value)
            return f"${_place(fields.REPLICAS, shown)} {sign} {intents.number(number)}"
    return ""


def _place(field: str, shown: list[str]) -> int:
    """The column of a field, which is added if it is not there."""
    if field not in shown:
        shown.append(field)
    return shown.index(field) + 1


def _other_kind(text: str) -> str:
    """What else than Deployments a report is about; empty for Deployments."""
    if "deployment" in text:
        return ""
    kinds = {
        "pods": r"\bpods?\b",
        "services": r"\b(?:services?|svc)\b",
        "configmaps": r"\bconfigmaps?\b",
        "events": r"\bevents?\b|事件",
        "replicasets": r"\breplicasets?\b",
    }
    return next((kind for kind, said in kinds.items() if re.search(said, text, re.ASCII)), "")
