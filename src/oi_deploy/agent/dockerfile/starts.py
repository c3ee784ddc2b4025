"""What a prompt says of ENTRYPOINT with its own arguments, of a health check, and of labels."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from oi_deploy.agent import intents

_ENTRY = re.compile(r"(?<![\w./-])(?:ENTRYPOINT|[Ee]ntry ?point)(?![\w./-]*\w)", re.ASCII)
_DEFAULTS = re.compile(r"\bCMD\b|\bdefault (?:arguments?|args|parameters?)|默认的?参数")
_IS = (
    r"(?:\s*(?:\(CMD\)|is|are|should be|must be|stays?|being|set to|=|:"
    r"|固定为|固定是|设为|为|是|用))?\s*(?:默认参数)?\s*"
)
_QUOTE = "`\"'“”"
_WORDS = (
    rf"(?:[{_QUOTE}](?P<quoted>[\w./:@=+ -]+)[{_QUOTE}]"
    r"|(?P<bare>[\w./:@=+-]*[\w/](?: (?!(?:so|and|which|that|to|as|by|then|for|in|with|the|is)\b)"
    r"[\w./:@=+-]*[\w/])*))"
)
_AFTER = re.compile(_IS + _WORDS, re.ASCII)
_BEFORE = re.compile(
    rf"{_WORDS}[{_QUOTE}]?\s*(?:(?:is|are|stays?|serves?) )?(?:as )?(?:(?:its|the|our) )?"
    r"(?:作为|当|做|用作)?\s*$",
    re.ASCII,
)
_PROGRAM = re.compile(r"(?:python3?|node|npm|(?:ba)?sh|java|\./\S+|/\S+|\S+\.sh)(?:\s|$)")
_HEALTH = re.compile(r"\bhealth ?checks?\b|健康检查", intents.FLAGS)
_CHECKER = re.compile(
    r"`(?:HEALTHCHECK )?(?:CMD )?(?P<quoted>[^`\n\"\\]+)`"
    r"|(?P<bare>(?:python3?|node|(?:ba)?sh) [\w./-]+\.(?:py|[cm]?js|sh)"
    r"|(?:wget|curl) -[\w./:@=+ -]*[\w/])",
    re.ASCII,
)
_SECONDS = re.compile(
    r"(?:\bevery|\binterval(?: of)?|每隔?|间隔)\s*=?(\d{1,4})\s*(?:s\b|sec|秒)", intents.FLAGS
)
_URL = re.compile(r"https?://[\w.:-]+(?P<place>/[\w./-]*\w)?", re.ASCII)
_PLACE = re.compile(r"(?<![\w.:/])/[\w-]+(?:/[\w-]+)*", re.ASCII)


@dataclass(frozen=True)
class Health:
    """How it is seen whether a container is well.

    Attributes:
        command: empty if it is asked at a place.
        place: of an HTTP server, with a slash.
        seconds: between two looks; empty if that is not said.
    """

    command: str
    place: str = "/"
    seconds: str = ""

    @property
    def options(self) -> str:
        """What stands before CMD."""
        return f"--interval={self.seconds}s " if self.seconds else ""


def entry(text: str, paths: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words of ENTRYPOINT and of what it gets; both are empty if none is asked for.

    Args:
        text: the prompt.
        paths: of the files that may be started.
    """
    for sentence in intents.sentences(text):
        found = _ENTRY.search(sentence)
        if found is None or intents.is_denied(sentence, found.start()):
            continue
        if words := _named(sentence, found, paths):
            more = _DEFAULTS.search(sentence, found.end())
            defaults = _words(sentence, more) if more else ()
            return words, defaults if defaults != words else ()
    return (), ()


def _named(sentence: str, found: re.Match[str], paths: Collection[str]) -> tuple[str, ...]:
    """The command that is called the entry; a script may not be executable and gets a shell."""
    words = _words(sentence, found)
    if not words or not _PROGRAM.match(" ".join(words)):
        return ()
    if len(words) == 1 and words[0].endswith(".sh"):
        name = words[0].removeprefix("./")
        same = [it for it in paths if it == name or PurePosixPath(it).name == name]
        return ("sh", same[0]) if len(same) == 1 else ()
    return words


def _words(sentence: str, found: re.Match[str]) -> tuple[str, ...]:
    """The words that stand for ENTRYPOINT or CMD: after it, or right before it."""
    after = _AFTER.match(sentence, found.end())
    before = _BEFORE.search(sentence[: found.start()])
    for match in (after, before):
        words = tuple((match["quoted"] or match["bare"]).split()) if match else ()
        if words and (found.re is _DEFAULTS or _PROGRAM.match(" ".join(words))):
            return words
    return ()


def health(text: str) -> Health | None:
    """The health check that a prompt wants; None if it wants none, or does not say how."""
    for sentence in intents.sentences(text):
        said = _HEALTH.search(sentence)
        if said is None or intents.is_denied(sentence, said.start()):
            continue
        rest = sentence[said.start() :]
        seconds = _SECONDS.search(rest)
        every = seconds[1] if seconds else ""
        if command := _CHECKER.search(rest):
            return Health((command["quoted"] or command["bare"]).strip(), seconds=every)
        if url := _URL.search(rest):
            return Health("", url["place"] or "/", every)
        if place := _PLACE.search(rest):
            return Health("", place[0], every)
    return None


_LABEL = re.compile(
    r"(?:\b[Ll]abels?|\bLABEL|标签|标记)\s*[`'\"]?(?P<name>[a-z][\w-]*(?:\.[\w-]+)+)[`'\"]?"
    r"\s*(?:=|with (?:the )?value|set to|is|must be|should be|to|:|的?值?(?:为|是|设为))*\s*"
    r"(?:[\"'`“](?P<quoted>[\w .,:/@+-]+)[\"'`”]|(?P<bare>[\w.:/@+-]*\w))",
    re.ASCII,
)


def labels(text: str) -> Iterator[tuple[str, str]]:
    """The labels that a prompt wants in an image; their names have a dot."""
    for sentence in intents.sentences(text) if re.search(r"(?i)\blabel|标签", text) else ():
        for match in (*_LABEL.finditer(sentence), *_PAIR.finditer(sentence)):
            yield match["name"], match["quoted"] or match["bare"]


_PAIR = re.compile(
    r"(?<![\w./-])(?P<name>(?:[a-z][\w-]*\.){2,}[\w-]+)="
    r"(?:[\"'`“](?P<quoted>[\w .,:/@+-]+)[\"'`”]|(?P<bare>[\w:/@+-]+))",
    re.ASCII,
)
