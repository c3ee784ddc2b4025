"""Complete command lines for a list of Dockerfiles by their base images."""

import re
from collections.abc import Iterable

from oi_deploy.agent import columns, intents
from oi_deploy.agent.named import folders
from oi_deploy.agent.situation import Situation

_EACH = re.compile(r"\b(?:every|each|all)\b|每个|所有|全部|哪些", intents.FLAGS)
_FROM = re.compile(r"\bFROM\b|\bbase images?\b|基础镜像", re.ASCII)
_IMAGES_ONLY = re.compile(
    r"[一每]行(?:只写?)?一个(?:基础)?镜像|\bone (?:base )?image (?:per|a|on each) line\b"
    r"|\b(?:only|just) (?:the|their) (?:base )?images?\b|\b(?:unique|distinct) (?:base )?images\b",
    intents.FLAGS,
)
_IMAGE = re.compile(r"(?<![\w./:-])(?P<image>[a-z][\w./-]*(?::[\w.-]*\w)?)", re.ASCII)
_WHOSE = re.compile(
    r"\b(?:whose|that|which|still)\b[^.;]{0,40}?\b(?:uses?|names?|is|are|on|from|with)\b(?P<en>.*)"
    r"|(?:用|基于|是|为)(?P<zh>.*)",
    intents.FLAGS,
)


def lines(world: Situation) -> Iterable[str]:
    """The paths of those with a base image that the prompt names, or all with theirs."""
    text, file = world.ask.text, world.new_file
    said = [it for it in intents.sentences(text) if _FROM.search(it) and _EACH.search(it)]
    if world.ask.expect != "none" or not file or not said or "dockerfile" not in text.lower():
        return
    inside = [it for it in folders(world.repository.files) if _is_place(it, said[0])]
    paths = [
        it.path
        for it in world.repository.dockerfiles
        if not inside or any(it.path.startswith(f"{folder}/") for folder in inside)
    ]
    if not paths:
        return
    whose = _WHOSE.search(said[0])
    named_there = {
        match["image"]
        for match in _IMAGE.finditer((whose["en"] or whose["zh"]) if whose else "")
        if ":" in match["image"]
    }
    every = " ".join(sorted(paths))
    if len(named_there) == 1:
        image = named_there.pop().replace(".", "[.]")
        # Not `grep`, which fails where there is none.
        wanted = f"-v r='^FROM +(--[^ ]+ +)?{image}'"
        yield f"awk {wanted} '$0 ~ r && !s[FILENAME]++ {{print FILENAME}}' {every} > {file}"
    elif not named_there and not re.search(r"\bwhose\b|哪些", said[0]):
        if _IMAGES_ONLY.search(text):
            # A stage that another one is built on is no image.
            program = "/^FROM / && !($2 in s) {print $2} /^FROM / {s[$4]}"
            yield f"awk '{program}' {every} | sort -u > {file}"
            return
        sign = columns.separator(text)
        option = f" -v OFS={sign}" if sign else ""
        yield f"awk{option} '/^FROM /{{print FILENAME, $2}}' {every} > {file}"


def _is_place(folder: str, said: str) -> bool:
    """Whether a folder is where to look; its name may be any word."""
    name = rf"[`\"“]?{re.escape(folder)}/?(?![\w./-])"
    before = r"(?:\b(?:under|in|inside|below)|目录)\s+(?:the )?(?:folder )?"
    place = rf"{before}{name}|{name}[`\"”]?\s*(?:目录|下)"
    return re.search(rf"(?<![\w./-])(?:{place})", said, intents.FLAGS) is not None
