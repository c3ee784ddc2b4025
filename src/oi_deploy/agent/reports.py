"""Complete command lines for reports on the cluster, written to a file."""

import re
from collections.abc import Iterable

from oi_deploy.agent.situation import Situation

_COLUMNS = (
    "NAME:.metadata.name,IMAGE:.spec.template.spec.containers[*].image,"
    "REPLICAS:.spec.replicas,READY:.status.readyReplicas"
)
_TO_MARKDOWN = (
    "sed -e 's/ *$//' -e 's/  */ | /g' -e 's/^/| /' -e 's/$/ |/' -e '1a |---|---|---|---|'"
)


# What a column may be called, and where it is found; the first that fits.
_FIELDS = (
    (r"ready|就绪|可用", ".status.readyReplicas"),
    (r"image|镜像", ".spec.template.spec.containers[*].image"),
    (r"replica|desired|pods?$|副本|期望", ".spec.replicas"),
    (r"name(?!space)|deployment|名", ".metadata.name"),
)


# Only some of them: which, no line of ours says.
_SOME = re.compile(
    r"\b(?:those|the ones|deployments) (?:that|with|which|whose|where)\b"
    r"|\bonly (?:those|deployments)\b|\b(?:more|fewer|less) than\b|\bat (?:least|most)\b"
    r"|只(?:列|写|要|包含|统计)|其中|少于|多于|超过|不足|大于|小于",
    re.ASCII,
)


def _asked(prompt: str, kubectl: str, file: str) -> str:
    """The table with exactly the columns of a line `A | B | C` of the prompt; empty without one."""
    for line in prompt.splitlines():
        heads = [head.strip(" `") for head in line.strip().strip("|`").split("|")]
        fields = [
            next((field for words, field in _FIELDS if re.search(words, head.lower())), "")
            for head in heads
        ]
        if (
            len(heads) < 2
            or not all(fields)
            or not all(re.fullmatch(r"[\w /-]+", h) for h in heads)
        ):
            continue
        # `ready` may be wanted as 1/2, which is no field of its own.
        both = re.search(r"ready\s*/\s*(?:desired|replicas|total)|\b\d/\d\b", prompt.lower())
        ready = fields.index(_FIELDS[0][1]) if both and _FIELDS[0][1] in fields else -1
        values = [f"${place}" for place in range(1, len(fields) + 1)]
        if ready >= 0:
            fields.append(".spec.replicas")
            values[ready] += f" s ${len(fields)}"
        columns = ",".join(f"C{place}:{field}" for place, field in enumerate(fields))
        return (
            f"{{ echo '| {' | '.join(heads)} |'; echo '|{'---|' * len(heads)}'; "
            f"{kubectl} get deployments --no-headers -o custom-columns={columns} "
            f"| awk -v b='|' -v s=/ '{{gsub(/<none>/, 0); print b, {', b, '.join(values)}, b}}'"
            f"; }} > {file}"
        )
    return ""


def report(world: Situation) -> Iterable[str]:
    """The state of Deployments in a file."""
    file = world.new_file
    text = world.ask.text.lower()
    cluster = re.search(r"deployment|cluster|kubectl|集群", text)
    about = world.meant.chosen or cluster or _other_kind(text)
    wanted = {"report", "table"} & world.intents.wanted
    if world.ask.expect != "none" or not (file and about and wanted and world.deployments):
        return
    if _SOME.search(text):
        return
    if asked := _asked(world.ask.text, world.kubectl, file):
        yield asked
        return
    # "Each Deployment" is all of them, even where one of them is called like an ordinary word.
    every = re.search(
        r"\b(?:each|every|all) deployments?|(?:每个|所有|全部)\s*(?:的)?\s*deployment", text
    )
    one = world.meant.chosen[0].name if len(world.meant.chosen) == 1 and not every else ""
    what = f"deployment {one}" if one else "deployments"
    get = f"{world.kubectl} get {what} -o custom-columns={_COLUMNS}"
    if kind := _other_kind(text):
        yield f"{world.kubectl} get {kind} -o wide > {file}"
        return
    table = "table" in world.intents or file.endswith(".md")
    yield f"{get} | {_TO_MARKDOWN} > {file}" if table else f"{get} > {file}"


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
    return next((kind for kind, words in kinds.items() if re.search(words, text, re.ASCII)), "")
