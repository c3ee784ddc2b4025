"""Base images whose names or tags are not those of what is there."""

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from oi_deploy.agent.dockerfile.context import Context
from oi_deploy.agent.dockerfile.edits import Edit, Lines, swap, swap_word
from oi_deploy.agent.dockerfile.files import Dockerfile, base_of

# How much of two names of variables is the same.
_ALIKE = 0.8


def absent(images: Sequence[str], item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A base image that the engine does not have: the same without its registry, or the likest."""
    for base, changed_to in _bases(item, lines):
        if base not in images and (better := likest(base, images)):
            yield changed_to(better)


def _bases(item: Dockerfile, lines: Lines) -> Iterator[tuple[str, Callable[[str], Edit | None]]]:
    """The base images that are no stages, each with what puts another in its place.

    Of one with a variable in it, that has a default, the default is changed.
    """
    stages = item.stages()
    defaults = {
        name.strip(): (part.line, value.strip().strip("'\""))
        for part in item.instructions()
        if part.word == "ARG" and part.line == part.last
        for name, sign, value in [part.rest.partition("=")]
        if sign
    }
    for part in item.instructions():
        base = base_of(part)
        used = re.fullmatch(r"([\w./:-]*)\$(?:\{(\w+)\}|(\w+))([\w.-]*)", base)
        if used and (name := used[2] or used[3]) in defaults:
            number, value = defaults[name]
            if value:
                whole = f"{used[1]}{value}{used[4]}"
                yield whole, partial(_swap_value, lines, number, value, used[1], used[4])
        elif base and base not in stages and base != "scratch" and "$" not in base:
            yield base, partial(swap_word, lines, [part.line], base)


def _swap_value(
    lines: Lines, number: int, value: str, before: str, after: str, better: str
) -> Edit | None:
    """A variable's default is changed so that a base image becomes another, if it can be."""
    fits = better.startswith(before) and better.endswith(after)
    if not fits or len(better) <= len(before) + len(after):
        return None
    return swap_word(lines, [number], value, better[len(before) : len(better) - len(after)])


def variables(item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A variable of a FROM that no ARG has: the only one before it that is like it."""
    every = item.instructions()
    first = next((part.line for part in every if part.word == "FROM"), 0)
    known = [part.rest.partition("=")[0].strip() for part in every if part.word == "ARG"]
    given = [
        part.rest.partition("=")[0].strip()
        for part in every
        if part.word == "ARG" and part.line < first and "=" in part.rest
    ]
    for part in every:
        for match in re.finditer(r"\$\{?(\w+)\b(?!:)", base_of(part)):
            name = match[1]
            # BuildKit sets these itself.
            if name in known or re.match(r"(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT)$", name):
                continue
            close = [it for it in given if _is_like(it, name)]
            if len(close) == 1:
                at = lines[part.line - 1].find(match[0]) + match[0].find(name)
                yield swap(lines, part.line, at, name, close[0])


_TOLD_BASE = re.compile(
    r"(?:\b(?i:our base image is|(?:the )?base image (?:must|should|has to) be)"
    r"|(?<!not )(?<!n't )\b(?i:(?<!we )use|switch to|move to"
    r"|only(?: (?:has|have|keeps?|carries|the image))?)"
    r"|基础镜像(?:现在|目前|都)?(?:统一|一律|应该|应|要)(?:用|是|为|换成|改成)?"
    r"|(?:只|仅)(?:保留|提供|支持|剩下?|有|能用|允许)了?|(?<![不没])(?:改用|换成|改成))\s*`?"
    r"(?P<name>python|node|nginx|golang|debian|ubuntu|alpine):(?P<tag>\w[\w.-]*\w)",
    re.ASCII,
)


def told(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """Another tag than the one that the prompt says the base image is to have."""
    said = {(it["name"], it["tag"]) for it in _TOLD_BASE.finditer(context.told.text)}
    for base, changed_to in _bases(item, lines):
        name, _, tag = base.partition(":")
        tags = {other for one, other in said if one == name}
        if len(tags) == 1 and tag and not tags & {tag}:
            yield changed_to(f"{name}:{tags.pop()}")


# The names on Docker Hub that need no other one before them, and that people build on.
_OFFICIAL = (
    *("python", "node", "nginx", "busybox", "golang", "alpine", "debian", "ubuntu", "httpd"),
    *("caddy", "ruby", "php", "rust", "openjdk", "eclipse-temurin", "amazoncorretto", "redis"),
    *("postgres", "mysql", "mariadb", "mongo", "haproxy", "traefik", "tomcat", "maven", "gradle"),
    *("perl", "elixir", "erlang", "haskell", "julia", "swift", "dart", "bash", "memcached"),
    *("rabbitmq", "registry", "docker", "fedora", "archlinux", "amazonlinux", "oraclelinux"),
    *("pypy", "composer", "wordpress", "sonarqube", "jetty", "kong", "vault", "consul", "r-base"),
)
_SHORT = 5
_OF_ONE_KIND = ("slim", "alpine", "bookworm", "bullseye", "trixie", "buster")


def misspelt(item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A base image whose name, or the kind at its end, is misspelt."""
    stages = item.stages()
    for base, changed_to in _bases(item, lines):
        name, sign, tag = base.partition(":")
        if not re.fullmatch(r"[a-z]+", name) or name in stages:
            continue
        if name not in _OFFICIAL and sign:
            close = [it for it in _OFFICIAL if len(it) > 3 and is_misspelt(name, it)]
            if len(close) == 1:
                yield changed_to(f"{close[0]}:{tag}")
        elif name in ("python", "node", "nginx", "golang"):
            parts = tag.split("-")
            last = parts[-1]
            # Digits follow the kind of some: `alpine3.20`.
            if len(parts) < 2 or not re.fullmatch(r"[a-z]{3,}", last) or last in _OF_ONE_KIND:
                continue
            close = [it for it in _OF_ONE_KIND if is_misspelt(last, it, of_a_list=True)]
            if len(close) == 1:
                yield changed_to(f"{base.removesuffix(last)}{close[0]}")


def is_misspelt(one: str, other: str, *, of_a_list: bool = False) -> bool:
    """Whether a letter is too many, lacks, is another one, or two have changed places."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    least = min(len(one), len(other))
    at = next((it for it in range(least) if one[it] != other[it]), least)
    if len(one) != len(other) and not of_a_list and least <= _SHORT:
        return False
    if len(one) != len(other):
        longer, shorter = (one, other) if len(one) > len(other) else (other, one)
        return longer[:at] + longer[at + 1 :] == shorter
    changed = one[at + 1 : at + 2] + one[at : at + 1]
    # Of short names, too many are one letter away; of a closed list, none is.
    other_letter = (of_a_list or len(one) > _SHORT) and one[at + 1 :] == other[at + 1 :]
    return other_letter or one[:at] + changed + one[at + 2 :] == other


def likest(base: str, images: Sequence[str], cutoff: float = 0.7) -> str:
    """The image that is there and is meant by a name; empty if none is like it."""
    host, _, rest = base.partition("/")
    plain = rest.removeprefix("library/") if re.search(r"[.:]|^localhost$", host) and rest else base
    if plain in images:
        return plain
    same = [image for image in images if image.partition(":")[0] == plain.partition(":")[0]]
    close = difflib.get_close_matches(plain, same or images, n=1, cutoff=cutoff)
    return close[0] if close else ""


def _is_like(one: str, other: str) -> bool:
    return one.startswith(other) or difflib.SequenceMatcher(None, one, other).ratio() >= _ALIKE
