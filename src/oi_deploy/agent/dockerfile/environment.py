"""What a prompt says of the environment variables of an image."""

import re
from collections.abc import Collection, Iterator

from oi_deploy.agent import intents
from oi_deploy.agent.dockerfile import wished_files

_NAME = r"(?P<name>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z][A-Z0-9]{2,})`?"
_VALUE = r"[`\"'“]?(?P<value>[\w./:@%+~-]*[\w/])"
_PATH_OF = r"(?P<path>(?:the )?(?:full |absolute )?path (?:of|to) (?:the (?:file|folder) )?)?"
_VARIABLES = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        rf"(?<![\w$/.-])(?:{_NAME}|(?P<short>[A-Z]{{2}}))={_VALUE}",
        r"\b(?i:set|sets|setting|define|export|point)s?\s+(?:the\s+)?(?:environment\s+)?"
        rf"(?:variable\s+)?`?{_NAME}\s+(?:to|as|at)\s+{_PATH_OF}{_VALUE}",
        rf"(?<![\w$/.-]){_NAME}\s+(?:must |should |has to |needs to )?(?:be(?: set)?|is(?: set)?|"
        rf"points?|set)\s+(?:to|at)\s+{_PATH_OF}{_VALUE}",
        rf"(?<![\w$/.-]){_NAME}\s+(?:must|should|has to|needs to) be\s+{_VALUE}",
        rf"(?<![\w$/.-]){_NAME}\s*,\s*(?:please )?(?:(?:and )?set it to"
        rf"|which (?:must|should|has to|needs to) be(?: set to)?)\s+{_VALUE}",
        rf"(?<![\w$/.-]){_NAME}\s*,\s*请?[^,。;]{{0,16}}?(?:设置?|设定|配置?|写)(?:成|为|到)\s*{_VALUE}",
        rf"\bvariable\s+`?{_NAME}\s+(?:must be|should be|is|with (?:the )?value|=)\s+"
        rf"{_PATH_OF}{_VALUE}",
        rf"(?<![\w$/.-]){_NAME}\s*(?:这个)?(?:环境变量|变量)?(?:的值)?\s*(?:要|应|需要?|必须|应该)?\s*"
        rf"(?:设置?|设定|配置?|指定?|赋值?|定义?|写|=)?(?:成|为|到|向|是)\s*(?:文件|目录)?\s*{_VALUE}"
        r"(?P<zh>`?\s*(?:文件)?的(?:绝对|完整)?路径)?",
    )
)
_NO_VARIABLES = frozenset(
    [
        *("CMD", "ENV", "USER", "EXPOSE", "FROM", "COPY", "RUN", "ENTRYPOINT", "WORKDIR"),
        *("HEAD", "SHA", "README", "VERSION", "LICENSE", "PATH"),
    ]
)
_NO_VALUES = frozenset(
    [
        *("the", "a", "an", "its", "our", "your", "this", "that", "these", "those", "what"),
        *("set", "present", "defined", "there", "available", "given", "unset", "empty", "not"),
        *("in", "from", "passed", "configured", "read", "exported", "changed", "kept", "left"),
        *("whatever", "something", "it", "be", "whichever", "any"),
    ]
)
_ELSEWHERE = re.compile(
    r"\b(?:deployments?|manifests?|configmaps?|pods?|kubectl|workflow)\b|清单", intents.FLAGS
)
# They mean something whatever their value is.
_SWITCHES = ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE")


def read(text: str, paths: Collection[str]) -> dict[str, str]:
    """Names and values; a value that is a file of the repository begins with `file:`.

    Args:
        text: the prompt, or what of it is on the image.
        paths: files and folders that it may name.
    """
    return dict([*_switches(text), *_pointed(text), *_variables(text, paths)])


def _variables(text: str, paths: Collection[str]) -> Iterator[tuple[str, str]]:
    """Environment variables with a value that can stand in a Dockerfile."""
    for sentence in intents.sentences(text):
        for pattern in _VARIABLES:
            for match in pattern.finditer(sentence):
                value, groups = match["value"], match.groupdict()
                name = match["name"] or groups.get("short") or ""
                before = re.split(r"[,;(]", sentence[: match.start()])[-1]
                around = before + re.split(r"[,;)]", sentence[match.start() :])[0]
                elsewhere = _ELSEWHERE.search(around) and not wished_files.IN_IMAGE.search(around)
                denied = intents.word("denies").search(before)
                if name in _NO_VARIABLES or value.lower() in _NO_VALUES or elsewhere or denied:
                    continue
                wanted = groups.get("path") or groups.get("zh")
                known = value.strip("/") in paths and not value.startswith("/")
                if wanted and not known and not value.startswith("/"):
                    continue
                yield name, f"file:{value.strip('/')}" if wanted and known else value


def _pointed(text: str) -> Iterator[tuple[str, str]]:
    """A variable that is the place named before it: "create /data; DIR points to it"."""
    for sentence in intents.sentences(text):
        match = re.search(
            rf"(?<![\w$/.-]){_NAME}\s*(?:指向|设为|设成|points? (?:to|at)|is)\s*"
            r"(?:它|it\b|该目录|that)",
            sentence,
            re.ASCII,
        )
        before = re.findall(r"(?<![\w.:/])/[\w./-]*\w", sentence[: match.start()] if match else "")
        if match and before:
            yield match["name"], before[-1]


def _switches(text: str) -> Iterator[tuple[str, str]]:
    for name in _SWITCHES:
        found = text.find(name)
        if found >= 0 and not intents.is_denied(text[max(0, found - 24) :], min(24, found)):
            yield name, "1"
