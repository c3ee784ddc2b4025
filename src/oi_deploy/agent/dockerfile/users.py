"""The user that an image is to run as, and what it has to own."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from oi_deploy.agent import intents

_NUMBER = re.compile(
    r"\bUSER\s+`?(\d+(?::\d+)?)"
    r"|(?i:\b(?:uid|user ?id|user)\b)\s*(?:is |of |=|:|为|是)?\s*`?(\d{1,6}(?::\d+)?)\b"
    r"|用户(?:\s*(?i:id))?\s*(?:为|是|用|:)?\s*`?(\d{2,6}(?::\d+)?)|(\d{2,6})\s*号用户",
    re.ASCII,
)
_NO_ROOT = re.compile(
    r"\bnon-?root\b|\b(?:not|n't|never)\b[^,.]{0,20}\bas root\b|非\s*root"
    r"|\b(?:unprivileged|ordinary)\b|非特权|普通用户|(?:不|勿|禁止)[^,。]{0,8}\broot\b",
    intents.FLAGS,
)
_WORD = r"[`'\"]?(?P<name>[a-z_][a-z0-9_-]{1,30})[`'\"]?(?![\w/.:-])"
_NAME = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        rf"\bUSER\s+{_WORD}",
        rf"\b(?:user|account)\s+(?:called|named|is|=|:)\s*{_WORD}",
        rf"\b(?:as|to|with|under|own|dedicated|system|service)\s+(?:the\s+)?(?:\S+\s+)?(?:user\s+){_WORD}",
        rf"(?:^|[,;:]\s*)(?:the )?user:? {_WORD}(?=[,.;)]|$)",
        rf"(?:用|以)\s*{_WORD}\s*(?:运行|启动|跑)",
        rf"\b(?:dedicated|own|system|new|the) user\s+{_WORD}",
        r"\b(?:as|to|under|with|create|add)\s+(?:the\s+|an?\s+)?"
        rf"(?:(?:base )?image's\s+(?:own\s+)?|built-in\s+|existing\s+)?{_WORD}\s+user\b",
        r"\b[Uu]s(?:e|ing)\s+the\s+[`'\"]?(?P<name>node|nginx|nobody|www-data)[`'\"]?\s+user\b",
        rf"\b[Uu]se\s+the\s+(?:base )?image's\s+(?:own\s+)?{_WORD}\s+user\b",
        rf"\b(?:run|start)\w*\s(?:[^,.;]{{0,40}}\s)?as\s+{_WORD}(?=[,;)]|$|\s+(?:on|not|rather|instead|and)\b)",
        rf"(?:用|以|为|叫做?|切换?到|换成|名为|自带的|内置的)\s*{_WORD}\s*(?:这个|的)?(?:非特权)?(?:用户|账号|身份)",
        rf"(?:新建|创建|建立?|添加|专门?的?)(?:一?个)?(?:普通)?(?:用户|账号)\s*{_WORD}",
        rf"(?:用户|账号)(?:名|叫做?|为|是|用|设为|:)\s*{_WORD}",
    )
)
_NO_NAME = frozenset(
    [
        *("root", "non", "non-root", "nonroot", "unprivileged", "normal", "regular", "a", "an"),
        *("the", "with", "id", "called", "named", "that", "which", "who", "must"),
        *("should", "has", "have", "and", "in", "to", "can", "uid", "gid"),
        *("is", "of", "for", "instead", "other", "it", "so", "but", "user"),
        *("ordinary", "unprivileged", "restricted", "limited", "different", "another", "non"),
        *("own", "new", "dedicated", "service", "system", "short", "plain", "before", "after"),
        *("python", "python3", "npm", "npx", "gunicorn", "uvicorn", "flask", "sh", "bash"),
        *(
            "set",
            "use",
            "run",
            "start",
            "be",
            "every",
            "each",
            "any",
            "all",
            "our",
            "your",
            "end",
            "this",
            "these",
        ),
    ]
)
# Users that some base images have.
_THERE = {"node": ("node",), "nginx": ("nginx",)}
_EVERYWHERE = ("nobody", "www-data")
_OWNED = re.compile(
    r"\b(?:own(?:ed|s)?|belongs?|writ(?:e|es|able|ten|ing))\b|可写|属主|归|写入|拥有|写",
    intents.FLAGS,
)
_PLACE = re.compile(r"(?<![\w.:/`-])`?(/[\w-][\w./-]*\w)", re.ASCII)


@dataclass(frozen=True)
class User:
    """A user of an image.

    Attributes:
        name: empty if only a number counts.
        number: with or without a group; empty if it does not matter.
        owns: folders that it can write to.
    """

    name: str = ""
    number: str = ""
    owns: tuple[str, ...] = ()

    @property
    def itself(self) -> str:
        """What stands in USER."""
        return self.name or self.number

    def lines(self, base: str) -> Iterator[str]:
        """The instructions before USER: the user is made, and gets what it owns.

        Args:
            base: the repository of the base image.
        """
        known = self.name in (*_THERE.get(base, ()), *_EVERYWHERE)
        if self.name and not known:
            number = self.number.partition(":")[0]
            if base in ("busybox", "alpine"):
                yield f"RUN adduser -D{f' -u {number}' if number else ''} {self.name}"
            else:
                yield f"RUN useradd{f' --uid {number}' if number else ''} {self.name}"
        if self.owns:
            places = " ".join(self.owns)
            yield f"RUN mkdir -p {places} && chown -R {self.itself} {places}"


def read(text: str) -> User | None:
    """The user that a prompt wants; None if it wants none."""
    number = _NUMBER.search(text)
    found = next(filter(None, number.groups())) if number else ""
    name = _name(text)
    if not (name or found or _NO_ROOT.search(text)):
        return None
    owns: list[str] = []
    for sentence in intents.sentences(text):
        before = ""
        for clause in re.split(r"[,;]", sentence):
            if _OWNED.search(clause):
                # "It keeps them in /data, and that has to be writable."
                owns += _PLACE.findall(clause) or _PLACE.findall(before)
            before = clause
    return User(name, found or ("" if name else "10001"), tuple(dict.fromkeys(owns)))


def _name(text: str) -> str:
    for sentence in intents.sentences(text):
        for pattern in _NAME:
            for match in pattern.finditer(sentence):
                clause = re.split(r"[,;:]", sentence[: match.start()])[-1]
                denied = intents.is_denied(clause, len(clause))
                if match["name"] not in _NO_NAME and not denied:
                    return match["name"]
    return ""
