"""Complete command lines for a list of the largest files of a folder."""

import re
from collections.abc import Iterable

from oi_deploy.agent import columns, intents
from oi_deploy.agent.named import folders
from oi_deploy.agent.situation import Situation

_LARGEST = re.compile(
    rf"\b(?:(?P<en>{intents.numbers()}) )?(?:largest|biggest) "
    rf"(?:(?P<after>{intents.numbers()}) )?(?:[*]?[.]?\w+ )?files?\b"
    rf"|最大的?\s*(?P<zh>{intents.numbers()})\s*个?文件",
    intents.FLAGS,
)
_OF_KIND = re.compile(
    r"(?<!\w)[*]?\.(?P<ending>log|txt|csv|json|gz|jar|zip|tar)\s*(?:files?|文件)", intents.FLAGS
)
_NAME_FIRST = re.compile(
    r"\b(?:name|path)\b[^.;]{0,24}\bsize\b|(?:名|路径)[^。;]{0,12}(?:大小|字节)", intents.FLAGS
)
_ONLY_NAMES = re.compile(
    r"\b(?:only|just) (?:the |their )?(?:names|paths)\b|只[写列](?:出)?(?:文件)?(?:名|路径)",
    intents.FLAGS,
)


def lines(world: Situation) -> Iterable[str]:
    """A file with the sizes in bytes and the paths of the largest files, the largest first."""
    text, file = world.ask.text, world.new_file
    match = _LARGEST.search(text)
    inside = [it for it in world.mentioned if it in folders(world.repository.files)]
    if world.ask.expect != "none" or not (file and match) or len(inside) != 1:
        return
    below = [it for it in world.repository.files if it.startswith(f"{inside[0]}/")]
    if any(re.search(r"\s", it) for it in below):
        return
    many = match["en"] or match["after"] or match["zh"]
    kind = _OF_KIND.search(text)
    name = f" -name '*.{kind['ending']}'" if kind else ""
    find = f"find {inside[0]} -type f{name} -exec stat -c '%s %n' {{}} +"
    head = f" | head -n {intents.number(many)}" if many else " | head -n 1"
    sign = columns.separator(text)
    if _ONLY_NAMES.search(text):
        row = " | awk '{print $2}'"
    elif _NAME_FIRST.search(text):
        row = f" | awk{f' -v OFS={sign}' if sign else ''} '{{print $2, $1}}'"
    else:
        row = f" | awk -v OFS={sign} '{{print $1, $2}}'" if sign else ""
    yield f"{find} | sort -k1,1nr -k2{head}{row} > {file}"
