"""What a Dockerfile may start from and fetch; read as Docker's classic builder reads it.

The builder is the Docker engine, which sees more than the model's code does: it pulls FROM with the
broker's login, and fetches `ADD https://...` from the host's own network. So every image that is
named is checked, and ADD of a URL is refused. Where two versions of the builder could read a line
in different ways, it is refused.

The grammar is that of moby/buildkit: frontend/dockerfile/parser/parser.go, instructions/parse.go.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from oi_deploy.broker import images
from oi_deploy.broker.request import Known, Policy, Refused

_INSTRUCTIONS = {
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL"),
    *("MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
}
_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.*)")
# What two programs may take for white space, a line end, or neither.
_ODD = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SPACE = re.compile(r"[\t\v\f\r ]+")
_VARIABLE = re.compile(
    r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^${}\"'\\]*))?\})"
)
# Plain words: nothing in them that the builder would expand or unquote.
_PLAIN = re.compile(r"[^\s\"'\\$`]+")
_DOCKERFILE = "docker.build.dockerfile"
_FROM = "docker.build.from"
_ADD = "docker.build.add"


def check(policy: Policy, known: Known, content: bytes, arguments: Mapping[str, str]) -> None:
    """Check a whole Dockerfile.

    Args:
        policy: what is allowed.
        known: for the images that this run has built.
        content: the Dockerfile.
        arguments: values of `--build-arg`.

    Raises:
        Refused: naming the first instruction that is not allowed.
    """
    stages: list[str] = []
    values: dict[str, str] = {}
    for word, rest in _instructions(content):
        while word == "ONBUILD":
            word, rest = _split(rest)
        if word == "ARG" and not stages:
            _declare(rest, arguments, values)
        elif word == "FROM":
            name, stage = _from(rest, values)
            if name.lower() not in stages:
                _require_base(policy, known, name)
            # A stage without a name is only known by its number.
            stages.append(stage.lower())
        elif word in ("COPY", "ADD"):
            # The stage itself cannot be copied from: its own name means an image there.
            _copy(policy, known, word, rest, stages[:-1])
        elif word == "RUN" and rest.startswith("--"):
            raise Refused(_DOCKERFILE, f"RUN {rest}: its flags need BuildKit, which is not used")


def _instructions(content: bytes) -> Iterator[tuple[str, str]]:
    """Each instruction's word, in capitals, and the rest of its line."""
    try:
        text = content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise Refused(_DOCKERFILE, "the Dockerfile is not UTF-8 text") from None
    text = text.replace("\r\n", "\n").removesuffix("\r")
    if odd := _ODD.search(text):
        raise Refused(_DOCKERFILE, f"the Dockerfile has the character U+{ord(odd[0]):04X}")
    lines = text.split("\n")
    _directives(lines)
    pending = ""
    for line in lines:
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue  # also between the lines of one instruction
        if re.search(r"\\\\\s*$", line):
            raise Refused(_DOCKERFILE, f"a line must not end in two backslashes: {stripped}")
        continued = re.search(r"\\[ \t\r]*$", line)
        pending += line[: continued.start()] if continued else line
        if not continued:
            yield _split(pending)
            pending = ""
    if pending:
        yield _split(pending)


def _directives(lines: Sequence[str]) -> None:
    """The comments at the top may change how the rest is read."""
    for line in lines:
        match = _DIRECTIVE.fullmatch(line.strip())
        if match is None:
            return
        if match[1].lower() == "escape" and match[2] != "\\":
            raise Refused(_DOCKERFILE, "the directive `# escape=` is not allowed")


def _split(line: str) -> tuple[str, str]:
    word, _, rest = _SPACE.sub(" ", line.strip()).partition(" ")
    if word.upper() not in _INSTRUCTIONS:
        raise Refused(
            _DOCKERFILE,
            f"the Dockerfile has the unknown instruction {word!r} "
            "(here-documents cannot be built here)",
        )
    return word.upper(), rest


def _declare(rest: str, given: Mapping[str, str], values: dict[str, str]) -> None:
    """Take in an ARG before the first FROM; a build argument wins over its default.

    A value that is not plain is kept as `$`, which no image's name can have.
    """
    for word in rest.split(" "):
        name, _, value = word.partition("=")
        if not _NAME.fullmatch(name):
            raise Refused(_FROM, f"cannot read: ARG {rest}")
        if name in values:
            raise Refused(_FROM, f"ARG {name} is there twice before the first FROM")
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        value = given.get(name, value)
        values[name] = value if not value or _PLAIN.fullmatch(value) else "$"


def _from(rest: str, values: Mapping[str, str]) -> tuple[str, str]:
    """Image and stage of a FROM."""
    words = [word for word in rest.split(" ") if not _is_flag(word, f"FROM {rest}")]
    if len(words) not in (1, 3) or (len(words) == 3 and words[1].upper() != "AS"):
        raise Refused(_FROM, f"cannot read: FROM {rest}")

    def expand(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        value = values.get(name) or match[3] or ""
        if not value:
            raise Refused(_FROM, f"FROM {rest}: {name} has no value before the first FROM")
        return value

    image = _VARIABLE.sub(expand, words[0])
    if not _PLAIN.fullmatch(image):
        raise Refused(_FROM, f"FROM {rest}: write the image's name out")
    return image, words[2] if len(words) == 3 else ""


def _is_flag(word: str, line: str) -> bool:
    """Whether a word is a flag; the builder takes quotes and backslashes out of it."""
    if word.startswith("--") and not _PLAIN.fullmatch(word):
        raise Refused(_FROM, f"{line}: write the flags without quotes, backslashes and variables")
    return word.startswith("--")


def _require_base(policy: Policy, known: Known, name: str) -> None:
    if name.lower() == "scratch":
        return
    image = images.read(name)
    if images.is_image_id(name) and not images.built_id(known, name):
        # A few digits of an image's id are enough for the engine, whoever's image it is.
        raise Refused(_FROM, f"{name} may be the id of an image; write a tag: {name}:latest")
    if image is None or not images.may_be_base(policy, known, image):
        places = ", ".join(dict.fromkeys((*policy.pulls, *policy.document.images.base)))
        raise Refused(_FROM, f"the base image {name} is not allowed; allowed: {places or 'none'}")


def _copy(policy: Policy, known: Known, word: str, rest: str, stages: Sequence[str]) -> None:
    words = rest.split(" ")
    while words and _is_flag(words[0], f"{word} {rest}"):
        flag, _, value = words.pop(0).partition("=")
        if flag != "--from":
            continue
        if not _PLAIN.fullmatch(value):
            raise Refused(_FROM, f"{word} --from={value}: write the name out")
        number = int(value) if value.isdecimal() else len(stages)
        if number >= len(stages) and value.lower() not in stages:
            _require_base(policy, known, value)
    if word == "ADD":
        _add(rest, words)


def _add(rest: str, words: Sequence[str]) -> None:
    if rest.lstrip().startswith("["):
        try:
            words = [str(item) for item in json.loads(" ".join(words))]
        except ValueError:
            raise Refused(_ADD, f"cannot read: ADD {rest}") from None
    for word in words:
        if not _PLAIN.fullmatch(word) or "://" in word or word.startswith(("git@", "github.com/")):
            raise Refused(
                _ADD, f"ADD {rest}: only files of the build context can be added; use COPY"
            )
