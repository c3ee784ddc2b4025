"""Where the program of an image listens: on an address and a port that its pods are asked at."""

import re
from collections.abc import Callable, Iterator

from oi_deploy.agent import intents
from oi_deploy.agent.dockerfile.context import Context
from oi_deploy.agent.dockerfile.edits import Edit, Lines, swap, swap_word
from oi_deploy.agent.dockerfile.files import Dockerfile
from oi_deploy.agent.dockerfile.slips import last_stage

_STARTS = ("CMD", "ENTRYPOINT")
_HOST = re.compile(
    # Not that of something which it speaks to: DB_HOST.
    r"(?P<before>(?<![\w$])(?:(?:APP|SERVER|HTTP|WEB|LISTEN|BIND|SERVICE|FLASK_RUN|UVICORN)_)?"
    r"(?:HOST|BIND|ADDR(?:ESS)?|LISTEN)=|--(?:host|bind)[= \",]+)"
    r"(?P<host>127\.0\.0\.1|localhost)(?![\w.-])"
)
_ASKED = re.compile(
    r"\bprobes?\b|\brefused\b|\bports?\b|\b(?:not|n't|never)\b[^.;]{0,30}\b(?:ready|healthy)\b"
    r"|端口|探针|就绪|拒绝连接|连不上",
    intents.FLAGS,
)
_LISTENS = re.compile(
    r"(?:\bPORT[=\s]+|--port\W{1,4}|\b(?:0\.0\.0\.0|localhost|127\.0\.0\.1):)(?P<port>\d{2,5})\b"
)


def hosts(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """An address that only the container itself reaches."""
    text = "\n".join(context.texts.values())
    for part in last_stage(item):
        for number in range(part.line, part.last + 1):
            match = _HOST.search(lines[number - 1])
            if match is None or part.word not in ("ENV", *_STARTS):
                continue
            name = match["before"].rstrip("=")
            if part.word != "ENV" or re.search(rf"\b{re.escape(name)}\b", text):
                yield swap(lines, number, match.start("host"), match["host"], "0.0.0.0")  # noqa: S104


def ports(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A program that listens on another port than its pods are asked at."""
    if not context.port or not _ASKED.search(context.told.text):
        return
    for part in last_stage(item):
        for number in range(part.line, part.last + 1):
            match = _LISTENS.search(lines[number - 1])
            if match and part.word in ("ENV", *_STARTS) and match["port"] != context.port:
                yield swap(lines, number, match.start("port"), match["port"], context.port)
            # What is exposed says the same.
            alone = part.word == "EXPOSE" and part.rest.partition("/")[0] != context.port
            if alone and part.rest.isdecimal() and any(map(_is_at(context.port), lines)):
                yield swap_word(lines, (number,), part.rest, context.port)


def _is_at(port: str) -> Callable[[str], bool]:
    """Whether a line lets a program listen on a port."""
    return lambda line: any(it["port"] == port for it in _LISTENS.finditer(line))
