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


def report(world: Situation) -> Iterable[str]:
    """The state of Deployments in a file."""
    file = world.new_file
    text = world.ask.text.lower()
    cluster = re.search(r"deployment|cluster|kubectl|集群", text)
    about = world.meant.chosen or cluster or _other_kind(text)
    if world.ask.expect != "none" or not file or not about or "report" not in world.intents:
        return
    if not world.deployments:
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
