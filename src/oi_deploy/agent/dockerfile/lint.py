"""Slips in the text of a Dockerfile, which can be seen without a look at anything else."""

import difflib
import json
import re
from collections.abc import Callable, Iterator
from itertools import pairwise

from oi_deploy.agent.dockerfile.edits import (
    Edit,
    Lines,
    delete,
    in_turn,
    move_down,
    put_before,
    rewrite,
    swap,
)
from oi_deploy.agent.dockerfile.files import Dockerfile, Instruction, split_lines

_INSTRUCTIONS = (
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL"),
    *("MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
)
# Of a file of the repository, no more is read.
MOST_BYTES = 6000
_PLAIN = re.compile(r"[\w./@+=:-]+", re.ASCII)
# Names of images that are like those that people give to stages.
_IMAGES = frozenset(
    [
        *("python", "node", "nginx", "golang", "alpine", "debian", "ubuntu", "busybox", "httpd"),
        *("redis", "postgres", "php", "ruby", "rust", "maven", "gradle", "composer", "caddy"),
        *("scratch", "openjdk", "mysql", "bash"),
    ]
)
_FILL_IN = ("RUN", "ENV", "COPY", "WORKDIR")
_STARTS = re.compile(r"(?:\S*/)?(?:python[\d.]*|node|java|ruby|php|sh|bash)")
# Names that people give to stages, and not to images.
_STAGES = frozenset(
    [
        *("build", "builder", "building", "compile", "compiler", "generator", "generate", "deps"),
        *(
            "dependencies",
            "test",
            "tests",
            "assets",
            "frontend",
            "backend",
            "site",
            "dist",
            "stage",
        ),
        *(
            "base",
            "prepare",
            "prod",
            "dev",
            "release",
            "package",
            "packages",
            "install",
            "web",
            "app",
        ),
    ]
)
# Only root may do that, wherever the files are.
_FOR_ROOT = re.compile(
    r"(?:^|&&|;|\|)\s*(?:(?:\w+=\S+|exec)\s+)*(?:(?:apt-get|apt|apk|useradd|groupadd|adduser|addgroup"
    r"|chown|npm (?:install|i) (?:-g|--global))\b"
    # Deeper, the folder above may belong to the user.
    r"|mkdir (?:-\w+ )*/(?!tmp\b|home\b|dev\b|var/tmp\b)[\w.-]+/?(?=\s|$|[;&|]))"
)


def repairs(path: str, text: str) -> tuple[str, ...]:
    """Command lines for what surely makes a build fail.

    Args:
        path: of the Dockerfile.
        text: its content.
    """
    lines, _ = lines_of(text)
    return tuple(edit.command(path) for edit in in_turn(lines, [edits]))


def lines_of(text: str) -> tuple[Lines, bool]:
    """The lines of a Dockerfile, and whether it was cut; the last one may be half a line then."""
    lines = tuple(split_lines(text))
    cut = len(text.encode()) >= MOST_BYTES
    return (lines[:-1], True) if cut else (lines, False)


def edits(lines: Lines) -> Iterator[Edit]:
    """What is to be changed; those that join lines come last."""
    text = "\n".join(lines)
    # In a here-document, or with another escape character, lines mean something else.
    if "<<" in text or re.search(r"(?im)^#\s*escape\s*=", text):
        return
    for edit in (
        *_within(lines),
        *_arguments(lines),
        *_start_twice(lines),
        *_across(lines),
        *_user(lines),
    ):
        if edit is not None:
            yield edit


def _within(lines: Lines) -> Iterator[Edit | None]:
    """Edits of single lines."""
    goes_on = False
    for number, line in enumerate(lines, 1):
        first, goes_on_before = not goes_on, goes_on
        goes_on = line.rstrip().endswith("\\")
        word, _, rest = line.strip().partition(" ")
        if not word or word.startswith("#"):
            goes_on = goes_on_before
            continue
        if not first:
            continue
        if word.upper() not in _INSTRUCTIONS:
            close = difflib.get_close_matches(word.upper(), _INSTRUCTIONS, n=1, cutoff=0.7)
            if close and word.isalpha():
                yield swap(lines, number, line.find(word), word, close[0])
        elif not goes_on:
            for check in (_comment, _stage, _copy, _exec_form, _variable, _env, _path, _expose):
                yield from check(lines, number, word.upper(), rest.strip())


def _stages(lines: Lines) -> list[str]:
    found = (re.search(r"(?i)^\s*FROM\s.*\sAS\s+(\S+)", line) for line in lines)
    return [match[1] for match in found if match]


def _stage(lines: Lines, number: int, word: str, rest: str) -> Iterator[Edit | None]:
    """The name of a stage after FROM: an image without a tag that is like none that people use."""
    base = rest.split()[0] if rest else ""
    if word != "FROM" or not re.fullmatch(r"[A-Za-z][\w-]*", base) or base.lower() in _IMAGES:
        return
    earlier = _stages(lines[: number - 1])
    close = difflib.get_close_matches(base, earlier, n=1, cutoff=0.75)
    if base.lower() not in (stage.lower() for stage in earlier) and close:
        yield swap(lines, number, lines[number - 1].find(base), base, close[0])


def _copy(lines: Lines, number: int, word: str, rest: str) -> Iterator[Edit | None]:
    """COPY from a stage that has another name, or to nowhere."""
    if word not in ("COPY", "ADD"):
        return
    stages = _stages(lines)
    named = re.search(r"--from=([A-Za-z][\w-]*)(?=\s)", rest)
    if named and stages and named[1].lower() not in (stage.lower() for stage in stages):
        # What is like none of them is an image.
        close = difflib.get_close_matches(named[1], stages, n=1, cutoff=0.75)
        earlier = _stages(lines[:number])
        if not close and len(earlier) == 1 and named[1].lower() in _STAGES:
            close = earlier
        place = lines[number - 1].find(f"--from={named[1]}")
        if close and _PLAIN.fullmatch(close[0]):
            yield swap(lines, number, place, f"--from={named[1]}", f"--from={close[0]}")
    paths = [item for item in rest.split() if not item.startswith("--")]
    # Of several, the destination is a folder; docker wants to see it as one.
    if len(paths) > 2 and "[" not in rest and not paths[-1].endswith(("/", ".")):
        place = len(lines[number - 1].rstrip()) - len(paths[-1])
        yield swap(lines, number, place, paths[-1], f"{paths[-1]}/")
    if len(paths) == 1 and "[" not in rest:
        line = f"{lines[number - 1]} ./"
        yield Edit(f"-E '{number}s#$# ./#'", (*lines[: number - 1], line, *lines[number:]))


_NO_SHELL = ("COPY", "ADD", "WORKDIR", "EXPOSE", "USER", "FROM")


def _comment(lines: Lines, number: int, word: str, rest: str) -> Iterator[Edit | None]:
    """A comment behind an instruction: it is none there, but more words."""
    line = lines[number - 1]
    if word in _NO_SHELL and (match := re.search(r"\s+#\s.*$", line)):
        left = (*lines[: number - 1], line[: match.start()], *lines[number:])
        yield Edit(f"-E '{number}s|[[:space:]]+#[[:space:]].*||'", left)


def _variable(lines: Lines, number: int, word: str, rest: str) -> Iterator[Edit | None]:
    """A list with a variable as a word of its own: no shell fills it in."""
    words = _json_words(rest) if word in ("CMD", "ENTRYPOINT") else []
    shell = any(it in ("sh", "bash", "/bin/sh", "/bin/bash", "env") for it in words[:1])
    if shell or not any(re.fullmatch(r"\$\w+", it) for it in words):
        return
    if all(_PLAIN.fullmatch(it.removeprefix("$")) for it in words):
        text = f"{word} exec {' '.join(words)}"
        if _other_start(lines, number, word) is None:
            left = (*lines[: number - 1], text, *lines[number:])
            yield Edit(f"'{number}s#.*#{text}#'", left)


def _exec_form(lines: Lines, number: int, word: str, rest: str) -> Iterator[Edit | None]:
    """A list that is no JSON: a shell would look for a program called `[python3,`."""
    if word not in ("CMD", "ENTRYPOINT"):
        return
    words = _bad_list(rest)
    if not words:
        return
    other = _other_start(lines, number, word)
    if other is None:
        yield rewrite(lines, number, f"{word} exec {' '.join(words)}")
        return
    place, more = other
    # ENTRYPOINT in shell form gets no words of CMD: both become one.
    if not more or "exec" in more[:1]:
        return
    both = [*words, *more] if word == "ENTRYPOINT" else [*more, *words]
    entry, cmd = (number, place) if word == "ENTRYPOINT" else (place, number)
    text = f"ENTRYPOINT exec {' '.join(both)}"
    whole = rewrite(lines, entry, text)
    if whole is not None:
        left = delete(whole.lines, cmd).lines
        yield Edit(f"-e '{entry}s#.*#{text}#' -e '{cmd}d'", left)


def _bad_list(rest: str) -> list[str]:
    """The words of a list that is none; empty if it is one, or something else."""
    if not rest.startswith("[") or re.match(r"\[\s+[-!$\"]", rest):
        return []
    if _json_words(rest):
        return []
    # A comma of full width is one that was meant.
    inner = rest.strip().removeprefix("[").removesuffix("]").replace("\uff0c", ",")
    quotes = "'\"\u201c\u201d\u2018\u2019"
    if not re.search(rf"[{quotes},]", inner) or "]" in inner or re.search(r"[;&|$`\\]", inner):
        return []
    words = re.findall(rf"[{quotes}]([^{quotes}]*)[{quotes}]|([^\s,{quotes}]+)", inner)
    found = [one or other for one, other in words]
    return found if found and all(map(_PLAIN.fullmatch, found)) else []


def _json_words(rest: str) -> list[str]:
    try:
        words = json.loads(rest)
    except (ValueError, RecursionError):
        return []
    return [str(word) for word in words] if isinstance(words, list) else []


def _other_start(lines: Lines, number: int, word: str) -> tuple[int, list[str]] | None:
    """The line and the words of the CMD that belongs to an ENTRYPOINT, or the other way round."""
    other = "CMD" if word == "ENTRYPOINT" else "ENTRYPOINT"
    stage: list[Instruction] = []
    for part in Dockerfile("", "\n".join(lines)).instructions():
        if part.word == "FROM" and part.line > number:
            break
        stage = [] if part.word == "FROM" else [*stage, part]
    for part in stage:
        if part.word == other and part.line == part.last:
            words = _json_words(part.rest) or _bad_list(part.rest)
            return part.line, words if all(map(_PLAIN.fullmatch, words)) else []
    return None


def _env(lines: Lines, number: int, word: str, rest: str) -> Iterator[Edit | None]:
    """ENV with spaces around the sign, or with another sign."""
    if word != "ENV":
        return
    line = lines[number - 1]
    place = len(line.rstrip()) - len(rest)
    spaced = re.fullmatch(r"([A-Za-z_]\w*)(\s+=\s*|=\s+)([^\s=]+)", rest)
    other = re.fullmatch(r"([A-Z_][A-Z0-9_]*)(:\s*)([\w./:-]+)", rest)
    for match in filter(None, (spaced, other)):
        new = f"{match[1]}={match[3]}"
        yield swap(lines, number, place, rest, new)
    # Two words without the sign are the old form; after others with it, they are a slip.
    words = rest.split()
    if len(words) > 2 and "=" in words[0] and not re.search(r"['\"\\]", rest):
        lone = [at for at, it in enumerate(words) if "=" not in it]
        if len(lone) == 2 and lone[1] == lone[0] + 1 and re.fullmatch(r"[A-Z]\w*", words[lone[0]]):
            old = f"{words[lone[0]]} {words[lone[1]]}"
            yield swap(lines, number, line.find(old), old, old.replace(" ", "="))


def _path(lines: Lines, number: int, word: str, rest: str) -> Iterator[Edit | None]:
    """PATH without what it was before: no program of the system is found any more."""
    match = re.search(r"(?:^|\s)PATH=([\w./:${}-]+)$", rest)
    if word != "ENV" or match is None or re.search(r"\$\{?PATH\b|(?:^|:)/(?:usr/)?bin\b", match[1]):
        return
    line = lines[number - 1].rstrip() + ":$PATH"
    yield Edit(f"'{number}s#[ ]*$#:$PATH#'", (*lines[: number - 1], line, *lines[number:]))


def _expose(lines: Lines, number: int, word: str, rest: str) -> Iterator[Edit | None]:
    """EXPOSE of a pair of ports, of a list with commas, or with an unknown protocol."""
    if word != "EXPOSE":
        return
    new = re.sub(r"\b\d+:(\d+)\b", r"\1", rest)
    new = re.sub(r"\s*,\s*", " ", new).rstrip(" ;")
    new = re.sub(r"(?<=\d)/(?!tcp\b|udp\b|sctp\b)[A-Za-z]+", "", new)
    if new != rest and re.fullmatch(r"[\w/ -]+", new):
        yield swap(lines, number, lines[number - 1].find(rest), rest, new)


def _arguments(lines: Lines) -> Iterator[Edit | None]:
    """ARG before the first FROM holds for FROM lines only: it must be said again in the stage."""
    every = Dockerfile("", "\n".join(lines)).instructions()
    first = next((at for at, part in enumerate(every) if part.word == "FROM"), 0)
    bases = {part.rest.split()[0].lower() for part in every if part.word == "FROM" and part.rest}
    names = [part.rest.partition("=")[0] for part in every[:first] if part.word == "ARG"]
    # A stage may have it from another one.
    if bases & {stage.lower() for stage in _stages(lines)}:
        return
    for name in (it for it in names if re.fullmatch(r"[A-Za-z_]\w*", it)):
        used = re.compile(rf"\$(?:{name}\b|\{{{name}\b)")
        said = re.compile(rf"(?:^|\s){name}(?:=|\s|$)")
        stage, known = None, False
        for part in every[first:]:
            if part.word == "FROM":
                stage, known = part, False
            elif part.word in _FILL_IN and used.search(part.rest) and not known:
                own = re.search(rf"\b(?:for|read) {name}\b|(?<![\w$]){name}=(?!\$)", part.rest)
                if stage and not own:
                    yield put_before(lines, stage.last + 1, f"ARG {name}")
                break
            elif part.word in ("ARG", "ENV") and said.search(part.rest):
                known = True


def _start_twice(lines: Lines) -> Iterator[Edit | None]:
    """CMD begins with the program that ENTRYPOINT starts: it would be its own first argument."""
    every = Dockerfile("", "\n".join(lines)).instructions()
    last = max((at for at, part in enumerate(every) if part.word == "FROM"), default=0)
    starts = {part.word: part for part in every[last:] if part.word in ("CMD", "ENTRYPOINT")}
    if len(starts) < 2 or starts["ENTRYPOINT"].line != starts["ENTRYPOINT"].last:
        return
    entry, cmd = (_json_words(starts[word].rest) for word in ("ENTRYPOINT", "CMD"))
    if len(entry) == 1 and len(cmd) > 1 and cmd[0] == entry[0] and _STARTS.fullmatch(entry[0]):
        yield delete(lines, starts["ENTRYPOINT"].line)


def _across(lines: Lines) -> Iterator[Edit]:
    """The first line that should go on and does not, or does and should not."""
    instruction = ""
    for number, (line, following) in enumerate(pairwise(lines), 1):
        text, goes_on = line.strip(), line.rstrip().endswith("\\")
        if not text or text.startswith("#"):
            continue
        instruction = instruction or text.partition(" ")[0].upper()
        word = following.strip().partition(" ")[0]
        new = word.upper() in _INSTRUCTIONS or word[:1] in ("", "#")
        ends = text.endswith(("&&", "||")) and not new
        begins = word in ("&&", "||", "|")
        if (begins or ends) and not goes_on and instruction == "RUN":
            # The place of the line end among the spaces: it becomes one.
            place = len(re.findall(r"\s+", line.rstrip())) + 1
            joined = f"{line.rstrip()} {following.strip()}"
            left = (*lines[: number - 1], joined, *lines[number + 1 :])
            yield Edit(f"-E '{number}{{N;s#[[:space:]]+# #{place}}}'", left)
            return
        # In a shell, no program is called so; in quotes, it is no program.
        quoted = any(text.count(mark) % 2 for mark in "'\"")
        if goes_on and word in _INSTRUCTIONS and instruction == "RUN" and not quoted:
            left = (*lines[: number - 1], line.rstrip()[:-1].rstrip(), *lines[number:])
            yield Edit(f"-E '{number}s#[[:space:]]*.$##'", left)
            return
        if not goes_on:
            instruction = ""


def _user(lines: Lines) -> Iterator[Edit]:
    """A USER that comes before steps which only root may do: it goes to before the start."""
    if any("NPM_CONFIG_PREFIX" in line.upper() for line in lines):
        return
    found = user_before(lines, lambda part: _FOR_ROOT.search(part.rest) is not None)
    if found is not None:
        yield found


def user_before(lines: Lines, fails: Callable[[Instruction], bool]) -> Edit | None:
    """The USER of the first step that fails for it, moved to before the start of its stage.

    Args:
        lines: of the Dockerfile.
        fails: whether a RUN fails for any user but root.
    """
    user, step, last = 0, 0, 0
    for part in Dockerfile("", "\n".join(lines)).instructions():
        first, end, word, rest = part.line, part.last, part.word, part.rest
        if word == "FROM" and step:
            break
        if word in ("CMD", "ENTRYPOINT", "FROM") and step:
            break
        if word == "FROM":
            user = 0
        elif word == "USER" and not step:
            root = re.fullmatch(r"(?:root|0)(?::\w+)?", rest) or "$" in rest
            user = 0 if root or first != end else first
        elif word == "USER":
            break
        elif word == "RUN" and user and fails(part):
            step = end
        last = end
    return move_down(lines, user, last) if step else None
