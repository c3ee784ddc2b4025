"""What a prompt tells of a Dockerfile that fails: names that changed, messages that it quotes."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from oi_deploy.agent import intents

_PATH = r"[`\"']?(?P<{0}>[\w.@-]+(?:/[\w.@-]+)*/?)[`\"']?"
_OLD, _NEW = _PATH.format("old"), _PATH.format("new")
_KIND_EN = r"(?:the )?(?:(?:folder|directory|file|package|module|script|program) )?"
_KIND = r"\s*(?:目录|文件夹|文件|包|模块|脚本)?\s*"
_RENAMED = tuple(
    re.compile(pattern, re.ASCII | re.IGNORECASE)
    for pattern in (
        rf"\b(?:mov|renam)\w+\b.{{0,40}}?\bfrom {_OLD} to {_NEW}",
        rf"\b(?:renam\w+|mov(?:ed|ing|e)|chang(?:ed|ing)) {_KIND_EN}(?:from )?{_OLD}"
        rf"(?: (?:folder|directory|file|package|module))? (?:to|into|as|under|->) {_KIND_EN}{_NEW}",
        rf"{_OLD}(?: (?:folder|directory|file|package|module))?,? (?:which )?"
        r"(?:was|is|were|has been|have been|got|now) (?:now )?(?:renamed|moved|called|named|lives?)"
        rf"(?: (?:to|into|as|in|under|over))* {_KIND_EN}{_NEW}",
        rf"{_OLD} (?:now )?(?:moved|went|became|becomes|turned into|is now)"
        rf"(?: (?:to|into|in))* {_KIND_EN}{_NEW}",
        rf"{_OLD}\s*(?:->|=>|→)\s*{_NEW}",
        rf"\b(?:refers? to|says?|names?|uses?|copies|expects?|looks for) {_OLD},?"
        rf" (?:but|while|although) [^.;,]{{0,40}}?\b(?:is|are)(?: now| called)? {_NEW}",
        rf"{_OLD}{_KIND}(?:已经?|被|都|也)*(?:改名|重命名|更名|改叫|改|移动?|挪|搬|迁移?|放)"
        rf"(?:成|为|到|至|叫|进|了)+\s*(?:了\s*)?{_NEW}",
    )
)
_NO_NAMES = frozenset(
    [
        "it",
        "this",
        "that",
        "them",
        "they",
        "he",
        "she",
        "we",
        "is",
        "was",
        "now",
        "the",
        "a",
        "an",
        "file",
        "files",
        "folder",
    ]
)
_SOME_PATH = r"(?P<path>/?[\w.-]+(?:/[\w.-]+)+|[\w-]+\.[a-z]{1,5})"
_LOST = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"No such file or directory:? ?[`'\"]?(?P<path>/?[\w.-]+(?:/[\w.-]+)*)",
        r"FileNotFoundError:?[^/\w'\",;.]*[`'\"]?(?P<path>/?(?!Errno)[\w.-]+(?:/[\w.-]+)*)",
        r"(?:Cannot find module|Could not find|can't (?:open file|read|find)"
        r"|cannot (?:open|read|find|stat))"
        r"[ :]*[`'\"]?(?P<path>[./]*[\w-][\w.-]*(?:/[\w.-]+)*)",
        r"open\(\) \"(?P<path>/[\w./-]+)\" failed",
        r"ENOENT[^`'\"]{0,60}[`'\"](?P<path>/?[\w./-]+)",
        rf"{_SOME_PATH}[`'\"]?[:,]? (?:no such file|not found|(?:file )?does not exist)",
        rf"(?:找不到|缺少?|没有找到|读不到)(?:文件|目录)?\s*[`'\"]?{_SOME_PATH}",
    )
)
_MODULE = re.compile(
    r"(?:No module named|ModuleNotFoundError:)[ :]*[`'\"]?(?P<name>(?!No module\b)[A-Za-z_][\w.]*)"
)
_FORBIDDEN = re.compile(
    r"[Pp]ermission denied|EACCES|(?:\bnot|n't)(?: be)? (?:marked )?executable|executable bit"
    r"|execut\w+ (?:permission|bit)|(?:可?执行)权限|不能执行|不可执行",
    re.ASCII,
)

_MISSED = re.compile(
    r"FileNotFound|ENOENT|\bno such file"
    r"|\b(?:not|n't|never|forg[oe]t\w*)\b.{0,24}\b(?:cop(?:y|ied)|there)\b"
    r"|没有?(?:被|有|把)?[^,。]{0,12}(?:复制|拷|带进)|忘了?[^,。]{0,8}(?:复制|拷)|漏了|找不到|缺(?:了|少)",
    intents.FLAGS,
)

# What programs have printed, as it is pasted: between fences, quoted, or set in.
PASTED = re.compile(
    r"(?ms)^```.*?^```\s*$|^(?: {4,}|>|\t)[^\n]*$"
    r"|^\s*(?:ERROR|Error|COPY failed|Traceback)\b[^\n]*$"
)
# A step as builds print it.
STEP = re.compile(r"(?m)^\s*(?:Step \d+/\d+ ?:|#\d+|=> ?|> ?)[^\n]*\b(?:COPY|ADD|RUN)\b.*$")

_AMISS = re.compile(
    r"\b(?:fix|repair|mend|correct|broke|fail|error|crash|wrong|typo|mistake|problem|complain|red\b"
    r"|stop|die|dying|unbreak|restor|adjust|updat\w+ (?:it|the dockerfile)|put (?:\w+ )?right"
    r"|sort (?:\w+ )*out|exit|denied|missing|renam|mov(?:ed|ing)\b|not found|no such|can'?t|cannot"
    r"|won't|doesn't|never|forg[oe]t|nobody|comes? (?:last|first|too)|order|swap|revers)"
    r"|修|坏|错|失败|挂|起不来|退出|找不到|不存在|不对|改|挪|移|漏|缺|没(?:有|被)?|卡|红|重启|顺序|Errno|exited",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Told:
    """What is told; empty where nothing is.

    Attributes:
        renamed: old and new names.
        lost: paths that a message says are not there, as they stand in it.
        modules: modules that it says are not there.
        forbidden: whether something may not be done, or not be started.
        amiss: whether anything is said to be wrong, or to have changed.
        missed: whether something that the repository has is not in the image.
        text: the whole prompt.
    """

    renamed: tuple[tuple[str, str], ...] = ()
    lost: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    forbidden: bool = False
    amiss: bool = False
    missed: bool = False
    text: str = ""


def read(text: str, paths: Collection[str]) -> Told:
    """What a prompt tells.

    Args:
        text: the prompt.
        paths: files and folders that are there.
    """
    # BuildKit names what a COPY misses as if the build's folder were the root.
    plain = re.sub(r"((?:checksum of ref|cache key:)[^\n]{0,80}?[\"'`])/", r"\1", text)
    lost = (match["path"].rstrip(".") for it in _LOST for match in it.finditer(plain))
    return Told(
        renamed=tuple(dict.fromkeys(_renamed(text, paths))),
        lost=tuple(dict.fromkeys(lost)),
        modules=tuple(dict.fromkeys(it["name"] for it in _MODULE.finditer(text))),
        forbidden=_FORBIDDEN.search(text) is not None,
        amiss=_AMISS.search(text) is not None,
        missed=_MISSED.search(text) is not None,
        text=text,
    )


def _renamed(text: str, paths: Collection[str]) -> Iterator[tuple[str, str]]:
    """Names that nothing has any more, each with that of something that is there."""
    for sentence in intents.sentences(text):
        for pattern in _RENAMED:
            for match in pattern.finditer(sentence):
                groups = match.groupdict()
                old, new = match["old"].strip("/"), (groups.get("new") or "").rstrip("/.")
                if old in _NO_NAMES or old in paths or not new:
                    continue
                # What was moved keeps its name.
                inner = f"{new}/{old.rpartition('/')[2]}"
                found = next((it for it in (inner, new) if it in paths), "")
                if found and found != old:
                    yield old, found
