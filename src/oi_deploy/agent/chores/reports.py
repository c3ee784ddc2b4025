"""Complete command lines for reports on the cluster, written to a file."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
# Images and nothing else: those of several containers are on lines of their own, too.
_IMAGES = re.compile(
    r"\b(?:every|all(?: of)?|each|which|distinct|unique)\s+(?:the\s+)?"
    r"(?:(?:distinct|unique|different)\s+)?"
    r"(?:container\s+)?images?\b(?=[^.;]{0,40}\b(?:use|used|uses|run|runs|running|in use)\b)"
    r"|(?:用|使用|运行|跑)(?:到|着|的|了)*\s*(?:的)?(?:所有|全部)?(?:容器)?镜像",
    intents.FLAGS,
)
_LATEST = re.compile(
    r"(?:\btags?|标签)\W{0,3}(?:\b(?:is|are|of|named|called)\b|为|是|用|[:=])?\W{0,3}latest\b"
    r"|:latest\b|\blatest[`'\"”]?\s*(?:\btags?|标签)",
    intents.FLAGS,
)
_UNTAGGED = re.compile(
    r"\b(?:no|without (?:an?|any)) (?:explicit )?tags?\b|\buntagged\b"
    r"|(?:没有?|不带|未)(?:写|打|带|指定)?\s*(?:标签|tag)",
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
    prompt, file = world.ask.text, world.new_file
    if not (file and _is_about_the_cluster(world)):
        return
    if _IMAGES.search(prompt) and _ONLY_NAMES.search(prompt):
        once = " | sort -u" if _ONCE.search(prompt.lower()) else ""
        yield (
            f"{world.kubectl} get deployments --no-headers -o custom-columns=C0:{fields.IMAGE} "
            f"| awk -F, '{{for (i = 1; i <= NF; i++) print $i}}'{once} > {file}"
        )
        return
    own = tuple(records.lines(world, file))
    kind = _other_kind(prompt.lower())
    row = _shown_row(prompt)
    names_only = not (row or fields.is_of_pods(prompt)) and bool(_ONLY_NAMES.search(prompt))
    if own or not (row or names_only or {"report", "table"} & world.intents.wanted):
        yield from own
        return
    if kind:
        described = _columns(prompt, _OF_SERVICES if kind == "services" else fields.FIELDS)
    elif row:
        described = row[1]
    else:
        described = {"Name": fields.NAME} if names_only else _columns(prompt, fields.FIELDS)
    shown = list((described or _DEFAULT).values())
    some = _condition(prompt.lower(), shown)
    # What is asked for is something else, or told in words that are not known.
    if not some and _SOME.search(prompt.lower()):
        return
    if not described and _OTHERWISE.search(prompt.lower()):
        return
    if kind and not described and not some:
        yield f"{world.kubectl} get {kind} -o wide > {file}"
        return
    one = len(world.meant.chosen) == 1 and not records.EVERY.search(prompt.lower()) and not some
    what = f"deployment {world.meant.chosen[0].name}" if one else "deployments"
    get = f"{world.kubectl} get {kind if described and kind == 'services' else what}"
    rows = not kind and (names_only or row is not None)
    listed = file.endswith(".md") and _LIST.search(prompt.lower()) is not None
    table = "table" in world.intents or described or (file.endswith(".md") and not listed)
    heads = tuple(described or _DEFAULT)
    if table and not rows:
        form = _Form(heads=heads)
    elif rows or listed or some:
        form = _Form(sign=row[0] if row and rows else "", listed=listed)
    else:
        names = ",".join(f"{head.upper()}:{field}" for head, field in _DEFAULT.items())
        yield f"{get} -o custom-columns={names} > {file}"
        return
    values = [f"${place}" for place in range(1, len(heads) + 1)]
    if described and fields.READY in shown and _READY_OF_ALL.search(prompt.lower()):
        values[shown.index(fields.READY)] += f" s ${_place(fields.REPLICAS, shown)}"
    columns_ = ",".join(f"C{place}:{field}" for place, field in enumerate(shown))
    once = " | sort -u" if _ONCE.search(prompt.lower()) else ""
    yield (
        f"{get} --no-headers -o custom-columns={columns_} | {form.awk(values, some)}{once} > {file}"
    )


_LEFT_ALONE = re.compile(
    r"(?:\bnot|n't|\bnever|\bwithout)\s+(?:touch|chang|modify|involv)"
    r"|不(?:会|要|用|许)?(?:涉及|动|碰|改)|别(?:动|碰|改)",
    intents.FLAGS,
)


def _is_about_the_cluster(world: Situation) -> bool:
    """Whether Deployments are reported on, and neither changed nor only read of in a file."""
    # "The cluster is not touched" tells of none.
    text = "\n".join(
        it.text.lower() for it in intents.clauses(world.ask.text) if not _LEFT_ALONE.search(it.text)
    )
    if world.ask.expect != "none" or not world.deployments:
        return False
    if any(path in world.repository.files and path.endswith(DATA) for path in world.mentioned):
        return False
    if re.search(r"deployment|cluster|kubectl|集群", text) or _other_kind(text):
        return True
    # One that runs the named image, or is the only one, need not be meant.
    plain = words.plain(world.ask.text, world.ask.registry)
    return any(words.is_named(item.name, plain) for item in world.meant.chosen)


@dataclass(frozen=True)
class _Form:
    """How a report looks: a table under heads, or lines.

    Attributes:
        heads: of the table; none for lines.
        sign: what stands between two values of a line; a comma and a space if empty.
        listed: whether each line is an item of a list.
    """

    heads: tuple[str, ...] = ()
    sign: str = ""
    listed: bool = False

    def awk(self, values: Sequence[str], some: str) -> str:
        """The command that prints values so, for the lines of which a condition holds.

        It is one command: of several in braces, a small model leaves out the braces.
        """
        given, begin = "", ""
        if self.heads:
            given = f" -v h='| {' | '.join(self.heads)} |' -v l='|{'---|' * len(self.heads)}'"
            begin = "BEGIN {print h; print l} "
            row = f"b, {', b, '.join(values)}, b"
        else:
            given = f" -v c='{self.sign}'" if self.sign else ""
            row = ("d, " if self.listed else "") + (" c " if self.sign else ", ").join(values)
        where = f"{some} " if some else ""
        return f"awk{given}{_strings(row)} '{begin}{{gsub(/<none>/, 0)}} {where}{{print {row}}}'"


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
# Items of a list.
_LIST = re.compile(r"bullet|\blist of\b|列表|清单")
# `ready` may be wanted as 1/2, which is no field of its own.
_READY_OF_ALL = re.compile(r"ready\s*/\s*(?:desired|replicas|total)|\b\d/\d\b")
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
        image = f"${_place(fields.IMAGE, shown)}"
        # What has none is taken as that.
        untagged = f" || {image} !~ /:[A-Za-z0-9_.-]+$/" if _UNTAGGED.search(text) else ""
        return f"({image} ~ /:latest(,|$)/{untagged})" if untagged else f"{image} ~ /:latest(,|$)/"
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
