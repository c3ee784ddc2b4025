"""Complete command lines for a file with a line, or a key, for each thing that is to be known."""

import re
from collections.abc import Iterable, Sequence

from oi_deploy.agent import columns, intents
from oi_deploy.agent.chores import fields
from oi_deploy.agent.situation import Situation
from oi_deploy.verify.state import DeploymentState

# "Each Deployment" is all of them, even where one of them is called like an ordinary word.
EVERY = re.compile(
    r"\b(?:each|every|all) deployments?|(?:每个|所有|全部)\s*(?:的)?\s*deployment", intents.FLAGS
)
# What each of some lines is to have.
_IN_LINES = re.compile(
    r"(?:\b(?:two|2|three|3) (?:lines|facts|things|values)\b|[两二三23]\s*[行项]"
    r"|\bwrit(?:e|ing) (?:to |into )?(?=[\w/-]+\.\w)"
    r"|写(?:一[个份])?(?=\s*[\w/-]+\.\w))"
    r"(?:(?: (?:to|in|into|of))? ?[\w./-]+(?: for [\w ]{1,24}| ?给[^,。:]{1,8})?)?\s*:\s*"
    r"(?P<heads>[^.;。\n]+)",
    intents.FLAGS,
)
# The same, one after the other: "the first line is the image, the second the number of pods".
_NTH = re.compile(
    r"(?:第\s*[一二三四1-4]\s*行|\b(?:the )?(?:first|second|third|fourth)(?: line)?\b"
    r"|\bline [1-4]\b)\s*"
    r"(?:(?:is|has|holds|says|contains|with|(?:should|must|shall) be"
    r"|写上?|是|为|放|记录?)(?![a-z])|:)?\s*(?P<head>[^,;。.\n]+)",
    intents.FLAGS,
)
# Lines as they are to stand in the file, with what is to be filled in: "image: <its full name>".
_LABELLED = re.compile(
    r"^[ \t]*(?P<label>[\w -]{1,30}?)(?P<sign>:[ \t]*|[ \t]*=[ \t]*)"
    r"(?P<head>[<{\[][^<>{}\[\]\n]+[>}\]](?:[/\u2215][<{\[][^<>{}\[\]\n]+[>}\]])?)[ \t]*$",
    re.MULTILINE,
)
# The same within a sentence: "`image: ` with its full name".
_QUOTED_LABEL = re.compile(
    r"[`\"“](?P<label>[\w -]{1,30}?)(?P<sign>:[ \t]*|[ \t]*=[ \t]*)[`\"”]\s*"
    r"(?:with|and|followed by|is|后面?(?:是|跟|写))\s*(?P<head>[^`\"“,.;。\n]+)",
    intents.FLAGS,
)
_EACH_CONTAINER = re.compile(
    r"\b(?:line|row) (?:per|for each|for every) container\b|每个容器[^,。;]{0,4}[一1][行条]",
    intents.FLAGS,
)
_OF_CONTAINERS = (
    (r"\bimages?\b|镜像", ".image"),
    (r"\bcontainer(?: name)?\b|容器", ".name"),
    (r"\bdeployment(?: name)?\b|部署", "$d"),
)
_QUOTED = re.compile(r"[`\"“](?P<key>[A-Za-z]\w*)[`\"”]")
# A key with what it is to be in parentheses.
_EXPLAINED = re.compile(r"(?<![\w./-])(?P<key>[A-Za-z]\w*)\s*(?=\([^()]+\))", re.ASCII)
_OBJECT = re.compile(r"\bkeys?\b|\bfields?\b|字段|键", intents.FLAGS)


def lines(world: Situation, file: str) -> Iterable[str]:
    """What the prompt wants to know of each container, or of the only Deployment that is meant."""
    text = world.ask.text
    plain = " ".join(text.split())
    if _EACH_CONTAINER.search(plain):
        yield from _containers(world, file, plain)
    elif len(world.meant.chosen) == 1 and not EVERY.search(text.lower()):
        item = world.meant.chosen[0]
        get = f"{world.kubectl} get deployment {item.name}"
        if content := _object(item, file, text):
            yield f"{get} -o json | jq '{content}' > {file}"
        elif parts := _parts(text):
            pods = parts[-1][1] == _PODS
            yield f"{get} --no-headers {_printed(parts[:-1] if pods else parts)} > {file}"
            if pods:
                names = (
                    f"get pods -l {item.selector} --no-headers -o custom-columns=N:{fields.NAME}"
                )
                yield f"{world.kubectl} {names} >> {file}"


def _printed(parts: Sequence[tuple[str, tuple[str, ...]]]) -> str:
    """The columns, and what prints each in a line of its own behind its label."""
    every = [field for _, own in parts for field in own]
    names = ",".join(f"C{place}:{field}" for place, field in enumerate(every))
    options, prints, place = "", [], 0
    for number, (label, own) in enumerate(parts, 1):
        values = " s ".join(f"${place + it}" for it in range(1, len(own) + 1))
        place += len(own)
        options += f" -v l{number}='{label}'" if label else ""
        prints.append(f"print l{number} {values}".rstrip() if label else f"print {values}")
    options += " -v s=/" if any(len(own) > 1 for _, own in parts) else ""
    return f"-o custom-columns={names} | awk{options} '{{gsub(/<none>/, 0); {'; '.join(prints)}}}'"


# "Note in out.txt which image it runs and how many replicas are ready."
_TOLD = re.compile(
    r"(?:\b(?:writ|not|put|record|sav)(?:e|ing)? (?:down )?(?:(?:in|into|to) )?[\w/-]+\.\w+"
    r"(?: with:?)?:? "
    r"|写(?:一[个份])?\s*[\w/-]+\.\w+,?\s*:?\s*(?:内容)?(?:包括|包含|写明|里面?写上?)\s*:?\s*)"
    r"(?P<heads>[^.;:。]+)",
    intents.FLAGS,
)


_SHOWN_PAIR = re.compile(r"`(?P<label>[\w -]+:\s*)(?P<head>[^`]+)`")
# How the rollout ended, one of two words: "complete or failed".
_OUTCOME = re.compile(
    r"(?P<good>success\w*|succeeded|complete\w*|done|ok|passed|成功|完成)\s*(?:\bor\b|或者?|/|\||\u2215)\s*"
    r"(?:[\w-]+\s*[=:]\s*)?(?:fail\w*|error|timeout|timed[- ]out|失败|超时)(?:\s*\([^()]*\))?",
    intents.FLAGS,
)
# The same, where the other word stands in parentheses.
_ENDED = re.compile(
    r"(?P<good>success(?:ful)?|succeeded|completed?|done|ok|成功|完成)", intents.FLAGS
)
# In place of fields: the names of the pods, one a line.
_PODS = ("pods",)


def _parts(prompt: str) -> list[tuple[str, tuple[str, ...]]]:
    """Label and fields of each line of the file; empty if that is not said, or of others."""
    prompt = fields.joined(prompt)
    plain = " ".join(prompt.split())
    marked, below = list(_LABELLED.finditer(prompt)), _below(prompt)
    labelled = marked or [*_QUOTED_LABEL.finditer(plain)]
    # Not each of them need be marked as something to be filled in.
    labelled = below if len(below) > len(marked) and (marked or not labelled) else labelled
    nth = list(_NTH.finditer(prompt))
    if labelled:
        parts = [
            # What it may look like is no part of it.
            (
                f"{it['label']}{it['sign'].rstrip()}{'' if it['sign'] == '=' else ' '}",
                re.sub(r"\([^()]*\)", " ", it["head"]),
            )
            for it in labelled
        ]
    elif len(nth) > 1:
        heads = [_SHOWN_PAIR.fullmatch(it["head"].strip()) or it["head"] for it in nth]
        parts = [("", it) if isinstance(it, str) else (it["label"], it["head"]) for it in heads]
    elif match := _IN_LINES.search(plain):
        parts = [("", it) for it in fields.LISTED.split(match["heads"])]
    else:
        told = _TOLD.search(re.sub(r"\([^()]*\)", " ", plain))
        parts = [("", it) for it in fields.LISTED.split(told["heads"])] if told else []
        parts = parts if len(parts) > 1 else []
    # Two numbers in one, and another label than is read here.
    if any(re.search(r"\b[A-Za-z]/[A-Za-z]\b", part) for _, part in parts):
        return []
    found: list[tuple[str, tuple[str, ...]]] = []
    for place, (label, part) in enumerate(parts, 1):
        if place == len(parts) and place > 1 and fields.is_of_pods(part):
            found.append((label, _PODS))
        elif label and (
            (outcome := _OUTCOME.fullmatch(part.strip("<>{}[] \t")))
            or (outcome := _ENDED.fullmatch(part.strip()))
        ):
            # What comes after a rollout that failed is not reached.
            found.append((f"{label}{outcome['good']}", ()))
        else:
            # "Pods of the new version/pods wanted"
            own = part.replace("/", fields.BOTH) if label and part.count("/") == 1 else part
            known = tuple(map(fields.of, own.split(fields.BOTH)))
            # "deployment: web" is to stand there as it is.
            shown = known == ("",) and label and re.fullmatch(r"\s*[\w.-]+\s*", part)
            found.append((label, (fields.of(label),) if shown else known))
    return found if all(all(own) for _, own in found) else []


_BELOW = re.compile(
    r"(?:\blines|行|格式|如下)[^:\n]{0,40}:[ \t]*\n+"
    r"(?P<lines>(?:[ \t]*[\w -]{1,30}[:=][^\n]+(?:\n|\Z)){2,4})",
    intents.FLAGS,
)
_ONE_BELOW = re.compile(
    r"^[ \t]*(?P<label>[\w -]{1,30}?)(?P<sign>:[ \t]*|=)(?P<head>[^\n]+)$", re.MULTILINE
)


def _below(prompt: str) -> list[re.Match[str]]:
    """The lines that a prompt lists as they are to be, right below the words for that."""
    found = _BELOW.search(prompt)
    return list(_ONE_BELOW.finditer(found["lines"])) if found else []


def _containers(world: Situation, file: str, text: str) -> Iterable[str]:
    """A line for each container: what the prompt names after that, in its order."""
    listed = re.search(r"(?:\s-+\s|:|\()\s*([^.;。]+)", _EACH_CONTAINER.split(text)[-1])
    places = {
        value: match.start()
        for said, value in _OF_CONTAINERS
        if listed and (match := re.search(said, listed[1], intents.FLAGS))
    }
    sign = columns.separator(text) or ("," if file.endswith(".csv") else "")
    if len(places) < 2 or not sign or not file.endswith((".txt", ".csv")):
        return
    values = ", ".join(sorted(places, key=lambda value: places[value]))
    program = (
        ".items[] | .metadata.name as $d | .spec.template.spec.containers[]"
        f" | [{values}] | join($s)"
    )
    get = f"{world.kubectl} get deployments -o json"
    yield f"{get} | jq -r --arg s {sign} '{program}' > {file}"


def _object(item: DeploymentState, file: str, text: str) -> str:
    """The program of jq for the JSON object that the prompt describes; empty if it does not.

    That is a list of keys, each with what it is to be, if its name does not say that.
    """
    if not file.endswith(".json") or len(item.containers) != 1 or not _OBJECT.search(text):
        return ""
    keys = list(_QUOTED.finditer(text)) or list(_EXPLAINED.finditer(text))
    values = {}
    for key, end in zip(keys, [*(it.start() for it in keys[1:]), len(text)], strict=False):
        told = re.split(r"[.;。;\n]", text[key.end() : end])[0]
        values[key["key"]] = fields.of(key["key"]) or fields.of(told)
    if not values or not all(values.values()):
        return ""
    # A number that is 0 is left out by the cluster.
    of_jq = {
        fields.IMAGE: fields.IMAGE.replace("[*]", "[0]"),
        **{it: f"({it} // 0)" for it in (fields.READY, fields.UPDATED, fields.AVAILABLE)},
    }
    return f"{{{', '.join(f'{key}: {of_jq.get(it, it)}' for key, it in values.items())}}}"
