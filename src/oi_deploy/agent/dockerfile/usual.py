"""Usual mistakes of a Dockerfile that the rest of it, or a program, gives away."""

import re
from collections.abc import Iterator, Sequence
from posixpath import basename, dirname

from oi_deploy.agent.dockerfile import kinds
from oi_deploy.agent.dockerfile.bases import is_misspelt
from oi_deploy.agent.dockerfile.context import Context
from oi_deploy.agent.dockerfile.edits import Edit, Lines, move_up, put_before, swap, swap_word
from oi_deploy.agent.dockerfile.files import Dockerfile, Instruction, base_of, is_plain
from oi_deploy.agent.dockerfile.names import is_called
from oi_deploy.agent.dockerfile.reads import module_of
from oi_deploy.agent.dockerfile.slips import last_stage, words_of

_PLAIN = re.compile(r"[\w./:@=+, -]+", re.ASCII)
_STARTS = ("CMD", "ENTRYPOINT")
_WORDS = frozenset(
    [
        *("FROM", "RUN", "CMD", "COPY", "ADD", "ENV", "ARG", "USER", "EXPOSE", "WORKDIR"),
        *("ENTRYPOINT", "LABEL", "VOLUME", "HEALTHCHECK", "STOPSIGNAL", "SHELL", "ONBUILD"),
    ]
)
_PROGRAMS = (
    *("python3", "python", "node", "npm", "npx", "yarn", "nginx", "pip", "pip3", "bash"),
    *("gunicorn", "uvicorn", "flask"),
)
# Folders that a program fills before the build.
_MADE = ("dist", "build", "out", "output", "target", "public", "node_modules", "vendor")
_SETTINGS, _SITES = "/etc/nginx/nginx.conf", "/etc/nginx/conf.d"
_PAGES = "/usr/share/nginx/html"


def started(part: Instruction) -> list[str]:
    """The words of a start, in either form; empty where they are not plain."""
    if part.rest.startswith("["):
        return words_of(part.rest)
    return part.rest.removeprefix("exec ").split()


def dangling(lines: Lines) -> Iterator[Edit | None]:
    """A sign that lets a line go on, where the next one is an instruction of its own."""
    for number, line in enumerate(lines, 1):
        text = line.rstrip()
        if not text.endswith("\\") or text.lstrip().startswith("#"):
            continue
        after = next(((at, it) for at, it in enumerate(lines[number:], number) if it.strip()), None)
        if after is None or after[0] == number or after[1].split()[0] not in _WORDS:
            continue
        left = re.sub(r"[ &]*[^ ] *$", "", line)
        yield Edit(f"'{number}s#[ &]*[^ ] *$##'", (*lines[: number - 1], left, *lines[number:]))


def bases(item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A Dockerfile without any FROM: the image of the program that it starts."""
    parts = item.instructions()
    if not parts or any(part.word == "FROM" for part in parts):
        return
    words = [started(part) for part in parts if part.word in _STARTS]
    program = kinds.table()["programs"].get(words[-1][0], "") if words and words[-1] else ""
    if program:
        text = f"FROM {program}:{kinds.table()['tags'][program]}"
        yield Edit(f"'1i {text}'", (text, *lines))


def programs(item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A start, or a step, whose program is misspelt."""
    for part in item.instructions():
        if part.word not in (*_STARTS, "RUN"):
            continue
        word = next(iter(started(part)), "")
        close = [it for it in _PROGRAMS if len(it) > 3 and is_misspelt(word, it)]
        # Another version is another program.
        known = word in _PROGRAMS or word.rstrip("0123456789") in _PROGRAMS
        if re.fullmatch(r"[a-z]+\d?", word) and not known and close:
            yield swap_word(lines, range(part.line, part.last + 1), word, close[0])


def settings(item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A list that begins with a variable, which no list sets."""
    for part in last_stage(item):
        words = started(part) if part.word in _STARTS and part.rest.startswith("[") else []
        if not words or not re.fullmatch(r"[A-Z_][A-Z0-9_]*=\S*", words[0]):
            continue
        text = f"{part.word} exec env {' '.join(words)}"
        if part.line == part.last and _PLAIN.fullmatch(text) and len(words) > 1:
            left = (*lines[: part.line - 1], text, *lines[part.line :])
            yield Edit(f"'{part.line}s#.*#{text}#'", left)


_REQUIRED = re.compile(r"the following arguments are required: (--[\w-]+(?:, --[\w-]+)*)\s*$", re.M)


def arguments(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A start without an option that its message asks for: the file of that name which is named."""
    stage = last_stage(item)
    starts = [part for part in stage if part.word in _STARTS]
    said = _REQUIRED.search(context.told.text)
    if said is None or len(starts) != 1 or starts[0].line != starts[0].last:
        return
    part, words = starts[0], started(starts[0])
    for option in said[1].split(", "):
        name = re.escape(option.strip("-").partition("-")[0])
        found = [
            it for it in context.names
            if is_called(it, context.told.text) and re.search(rf"(?<![a-z]){name}", basename(it))
        ]  # fmt: skip
        if len(found) != 1 or option in words:
            return
        words += [option, found[0]]
    text = f"{part.word} exec {' '.join(words)}"
    if _PLAIN.fullmatch(text):
        left = (*lines[: part.line - 1], text, *lines[part.line :])
        yield Edit(f"'{part.line}s#.*#{text}#'", left)


def pages(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A site that comes to where nginx does not look for it."""
    stage = last_stage(item)
    base = base_of(stage[0]) if stage else ""
    if not re.fullmatch(r"(?:\S*/)?nginx(?::\S+)?", base) or "/etc/nginx" in item.text:
        return
    copies = [it for it in stage if it.word == "COPY" and "[" not in it.rest]
    if _PAGES in item.text:
        yield from _at_the_root(context, copies, lines)
        return
    for part in copies:
        words = [it for it in part.rest.split() if not it.startswith("--")]
        sources = [it.removeprefix("./").rstrip("/") for it in words[:-1]]
        site = any(f"{it}/index.html".removeprefix("./") in context.known for it in sources)
        site = site or any(it.endswith("index.html") for it in sources)
        named_so = re.search(r"/(?:www|html?|public|site)\b", words[-1] if words else "")
        site = site or ("--from" in part.rest and named_so is not None)
        if site and len(words) > 1 and words[-1].startswith("/"):
            numbers = range(part.line, part.last + 1)
            yield swap_word(lines, numbers, words[-1].rstrip("/"), _PAGES)


def _at_the_root(
    context: Context, copies: Sequence[Instruction], lines: Lines
) -> Iterator[Edit | None]:
    """A site in a folder of the pages, where nothing else is at their root."""
    into = [it for it in copies if "".join(it.rest.split()[-1:]).startswith(_PAGES)]
    for part in into if len(into) == 1 and _AT_ROOT.search(context.told.text) else ():
        words = part.rest.split()
        source = words[0].removeprefix("./").rstrip("/")
        below = words[-1].rstrip("/") != _PAGES
        if len(words) == 2 and below and f"{source}/index.html" in context.known:
            yield swap_word(lines, range(part.line, part.last + 1), words[1], f"{_PAGES}/")


_AT_ROOT = re.compile(
    r"\bat (?:the|its) root\b(?! of)|welcome to nginx|站点根|根路径|首页", re.IGNORECASE
)


def site_settings(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A file for nginx at a place where nginx does not look, or looks for another kind of it."""
    stage = last_stage(item)
    for part in stage:
        words = [it for it in part.rest.split() if not it.startswith("--")]
        text = context.texts.get(words[0].removeprefix("./"), "") if words else ""
        if part.word != "COPY" or len(words) != 2 or not words[1].startswith("/etc/nginx"):
            continue
        own = [it for it in stage if it is not part and _SETTINGS in it.rest]
        if words[1].endswith("/") or own:
            continue
        whole = re.search(r"^\s*(?:http|events)\s*\{", text, re.MULTILINE)
        site = not whole and re.search(r"^\s*server\s*\{", text, re.MULTILINE)
        right = _SETTINGS if whole else f"{_SITES}/default.conf" if site else words[1]
        # What comes into the folder of sites stands beside the image's own site.
        alone = whole or "default.conf" in part.rest or item.text.count(_SITES) > 1
        if words[1] != right and not (site and alone) and "include" not in text:
            yield swap_word(lines, range(part.line, part.last + 1), words[1].rstrip("/"), right)


def stage_variables(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A variable that a program needs in one stage, and that only another stage sets."""
    texts = "\n".join(context.texts.values())
    values = {
        name: value.strip("'\"")
        for part in item.instructions()
        if part.word == "ENV"
        for name, value in re.findall(r"([A-Z][A-Z0-9_]*)=(\S+)", part.rest)
        if re.search(rf"environ\[['\"]{name}['\"]\]|process\.env\.{name}\b", texts)
    }
    here: set[str] = set()
    for part in item.instructions():
        if part.word == "FROM":
            here = set()
        elif part.word == "ENV":
            here |= {name for name in values if f"{name}=" in part.rest}
        elif part.word == "RUN" and re.match(r"(?:python3?|node|npm|pytest)\b", part.rest):
            for name, value in values.items():
                if name not in here and name not in part.rest and name in context.told.text:
                    yield put_before(lines, part.line, f"ENV {name}={value}")


def late_folders(item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A working folder that is set only after what is started in it was copied elsewhere."""
    stage = last_stage(item)
    places = [part for part in stage if part.word == "WORKDIR"]
    before = [part for part in stage if places and part.line < places[0].line]
    copies = [
        part
        for part in before
        if part.word == "COPY" and not " ".join(part.rest.split()[-1:]).startswith("/")
    ]
    words = next((started(it) for it in stage if it.word in _STARTS), [])
    names = {basename(source) for part in copies for source in part.sources}
    if len(places) == 1 and copies and names.intersection(words):
        first = next(it for it in before if it.word in ("COPY", "ADD", "RUN"))
        yield move_up(lines, places[0].line, first.line)


def gone_folders(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """COPY of a folder that is gone: the one that has the program which is started."""
    stage = last_stage(item)
    gone = [
        (part, source)
        for part in stage
        for source in part.sources
        if source.endswith("/") or "." not in basename(source)
        if is_plain(source.strip("/")) and not context.exists(source.strip("/"))
        # A file without an ending lies elsewhere now: `VERSION`.
        if basename(source.rstrip("/")) not in map(basename, (*context.names, *context.folders))
    ]
    starts = [part for part in stage if part.word in _STARTS]
    words = started(starts[-1]) if starts else []
    programs_ = [it for it in words if it.endswith((".py", ".js", ".mjs", ".cjs"))]
    same = [it for it in context.names if programs_ and basename(it) == basename(programs_[0])]
    if gone and basename(gone[0][1].strip("/")) in _MADE:
        return
    if len(gone) != 1 or len(same) != 1 or not dirname(same[0]) or "/" in dirname(same[0]):
        return
    part, source = gone[0]
    folder = dirname(same[0])
    into = part.rest.split()[-1]
    if any(it.rstrip("/") == folder for it in item.copies()) or part.line != part.last:
        return
    module = module_of(same[0], context.texts.get(same[0], ""), context.known)
    at = words.index(programs_[0])
    if module and into in (".", "./") and starts[-1].line == starts[-1].last:
        text = f"{starts[-1].word} exec {' '.join([*words[:at], '-m', module, *words[at + 1 :]])}"
        copy = f"COPY {folder}/ ./{folder}/"
        if _PLAIN.fullmatch(text):
            left = list(lines)
            left[part.line - 1], left[starts[-1].line - 1] = copy, text
            script = f"-e '{part.line}s#.*#{copy}#' -e '{starts[-1].line}s#.*#{text}#'"
            yield Edit(script, tuple(left))
    elif not module:
        yield swap_word(lines, [part.line], source.rstrip("/"), folder)


def gone_files(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """COPY and start of a program that is gone: it has become a module of a package.

    That lies in a folder of sources, or is the only one that starts by its name.
    """
    stage = last_stage(item)
    starts = [part for part in stage if part.word in _STARTS]
    words = started(starts[-1]) if starts else []
    at = next((it for it, word in enumerate(words) if word.endswith(".py")), 0)
    copies = [part for part in stage if at and words[at] in part.sources]
    if len(copies) != 1 or context.exists(words[at]) or starts[-1].line != starts[-1].last:
        return
    part, start = copies[0], starts[-1]
    if part.rest.split()[-1] not in (".", "./") or part.line != part.last:
        return
    same = [it for it in context.names if basename(it) == basename(words[at])]
    module, top, more = "", "", []
    if len(same) == 1:
        top = same[0].partition("/")[0]
        module = module_of(same[0], context.texts.get(same[0], ""), context.known, root=top)
        folder = next((it.rest.rstrip("/") for it in stage if it.word == "WORKDIR"), "")
        module, more = module if folder else "", [f"ENV PYTHONPATH={folder}/{top}"]
    elif not same and _SPLIT.search(context.told.text):
        names = [it for it in context.names if basename(it) == "__main__.py"]
        own = [dirname(it) for it in names if it.count("/") == 1]
        module = top = own[0] if len(own) == 1 else ""
    kept = [it for it in part.sources if context.exists(it)]
    text = f"{start.word} exec {' '.join([*words[:at], '-m', module, *words[at + 1 :]])}"
    new = [*([f"COPY {' '.join(kept)} ./"] if kept else []), f"COPY {top}/ ./{top}/", *more]
    if module and all(map(_PLAIN.fullmatch, [*new, text])):
        left = list(lines)
        left[part.line - 1], left[start.line - 1] = "\n".join(new), text
        script = f"-e '{part.line}s#.*#{new[0]}#'"
        script += "".join(f" -e '{part.line}a {it}'" for it in new[1:])
        script += f" -e '{start.line}s#.*#{text}#'"
        yield Edit(script, tuple("\n".join(left).split("\n")))


_SPLIT = re.compile(r"\bpackage|\bsplit|\brefactor|\bmodule|包|拆|重构|模块", re.IGNORECASE)


_GROUPS = re.compile(r"\baddgroup((?: -S| -g \d+)+) ([a-z_][\w-]*)(?=\s|$|;|&)")
_USERS = re.compile(
    r"\badduser((?: -[SDH]| -u \d+| -G [\w-]+| -h [\w./-]+| -s [\w./-]+)+) ([a-z_][\w-]*)"
    r"(?=\s|$|;|&)"
)
_OPTIONS = {
    "-S": "--system",
    "-D": "",
    "-H": "--no-create-home",
    "-u": "--uid",
    "-G": "--gid",
    "-h": "--home-dir",
    "-s": "--shell",
    "-g": "--gid",
}


def users(item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """Users made with BusyBox's options on an image of Debian's."""
    base = ""
    for part in item.instructions():
        if part.word == "FROM":
            base = base_of(part)
        debian = re.search(r"(?:^|[/:-])(?:slim|bookworm|bullseye|trixie|debian|ubuntu)\b", base)
        if part.word != "RUN" or not debian:
            continue
        for number in range(part.line, part.last + 1):
            line = lines[number - 1]
            for pattern, program in ((_GROUPS, "groupadd"), (_USERS, "useradd")):
                if match := pattern.search(line):
                    words = [_OPTIONS.get(it, it) for it in match[1].split()]
                    new = " ".join([program, *filter(None, words), match[2]])
                    yield swap(lines, number, match.start(), match[0], new)


def scripts(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A script that is started by its name alone, and lies in the working folder."""
    stage = last_stage(item)
    for part in stage:
        word = next(iter(started(part)), "") if part.word in _STARTS else ""
        if word not in context.known or not word.endswith(".sh") or "/" in word:
            continue
        system = any(re.search(r"/s?bin\b", it.rest) for it in stage if it is not part)
        if not system and "PATH" not in item.text:
            yield swap_word(lines, range(part.line, part.last + 1), word, f"./{word}")


def packages(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A program that imports its own package by name, and is started as a file of it."""
    if "PYTHONPATH" in item.text:
        return
    for part in last_stage(item):
        words = started(part) if part.word in _STARTS else []
        at = next((it for it, word in enumerate(words) if word.endswith(".py")), 0)
        if not at or not re.fullmatch(r"python[\d.]*", words[0]) or part.line != part.last:
            continue
        # An option's value, or a module's, is not what is started.
        if not all(re.fullmatch(r"-[uBOIsEq]+", it) for it in words[1:at]):
            continue
        path = words[at].removeprefix("./")
        module = module_of(path, context.texts.get(path, ""), context.known)
        if not module or not dirname(path) or basename(path) in item.text.replace(part.rest, ""):
            continue
        command = " ".join([*words[:at], "-m", module, *words[at + 1 :]])
        text = f"{part.word} exec {command}"
        if _PLAIN.fullmatch(text) and not (part.word == "ENTRYPOINT" and "CMD" in item.text):
            left = (*lines[: part.line - 1], text, *lines[part.line :])
            yield Edit(f"'{part.line}s#.*#{text}#'", left)
