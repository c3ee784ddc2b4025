"""What a `.dockerignore` keeps from a build that needs it.

The rules are those of the engine: https://docs.docker.com/build/concepts/context/#dockerignore-files.
"""

import contextlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from posixpath import basename, dirname

from oi_deploy.agent import named
from oi_deploy.agent.dockerfile import told
from oi_deploy.agent.dockerfile.context import Context
from oi_deploy.agent.dockerfile.files import Dockerfile, inside, is_plain
from oi_deploy.agent.dockerfile.reads import is_private


def repairs(
    item: Dockerfile,
    context: str,
    text: str,
    files: Sequence[str],
    texts: Mapping[str, str] | None = None,
    prompt: str = "",
) -> tuple[str, ...]:
    """Command lines that let through what the Dockerfile needs and the `.dockerignore` keeps out.

    Args:
        item: the Dockerfile.
        context: the folder that it is built in.
        text: the content of the context's `.dockerignore`.
        files: paths of the repository's files.
        texts: of programs, by path: what they import and open is needed, too.
        prompt: so is what it says is missed.
    """
    prefix = "" if context == "." else f"{context}/"
    names = [path.removeprefix(prefix) for path in files if path.startswith(prefix)]
    own = {path.removeprefix(prefix): it for path, it in (texts or {}).items() if path in files}
    said = told.read(prompt, {*names, *named.folders(names)})
    there = Context(tuple(names), set(names).__contains__, own, said)
    rules = list(_rules(text))
    needed = dict.fromkeys((*_needed(item, names), *_read(item, there)))
    lost = [name for name in needed if _kept_out(name, names, rules)]
    lost = [_with_others(name, names, rules, prompt) for name in lost]
    file = inside(context, ".dockerignore")
    # What lies in a folder comes with it.
    alone = [it for it in dict.fromkeys(lost) if not any(it.startswith(f"{o}/") for o in lost)]
    # Where not the folder itself is kept out, but its files, the engine wants to be told of these.
    deep = {it for it in alone if it in named.folders(names) and not _ignored(it, rules)}
    return tuple(f"sed -i '$a !{it}{'/**' if it in deep else ''}' {file}" for it in alone)


def _with_others(
    name: str,
    names: Sequence[str],
    rules: Sequence[tuple[bool, re.Pattern[str]]],
    prompt: str,
) -> str:
    """A file; all of its folder that end like it, if they are kept out like it.

    What the prompt names may be what is to stay out.
    """
    ending = PurePosixPath(name).suffix
    same = [it for it in names if dirname(it) == dirname(name) and it.endswith(ending or "/")]
    data = "/" in name and ending not in (".py", ".js", ".mjs", ".cjs", ".sh")
    spoken_of = any(basename(it) in prompt for it in same if it != name)
    whole = data and len(same) > 1 and not spoken_of and not any(map(is_private, same))
    return (
        f"{dirname(name)}/*{ending}" if whole and all(_ignored(it, rules) for it in same) else name
    )


def _read(item: Dockerfile, context: Context) -> Iterable[str]:
    """What programs read, or a message misses, where everything is copied."""
    parts = item.instructions()
    if "." not in {inside(".", source) for source in item.copies()}:
        return
    yield from (name for name, _ in context.lost if is_plain(name) and not is_private(name))
    commands = " ".join(p.rest for p in parts if p.word in ("RUN", "CMD", "ENTRYPOINT"))
    modules = {it.replace(".", "/") for it in re.findall(r"-m[ \",]+([a-z_][\w.]*)", commands)}
    starts = {f"{it}{end}" for it in modules for end in (".py", "/__main__.py")}
    left = [name for name in context.texts if _is_in(name, commands) or name in starts]
    seen: set[str] = set()
    while left:
        program = left.pop()
        if program in seen:
            continue
        seen.add(program)
        for read in context.reads(program):
            left.append(read.name)
            yield read.name


def _is_in(name: str, text: str) -> bool:
    return re.search(rf"(?<![\w/.-])(?:\./)?{re.escape(name)}(?![\w/.-])", text) is not None


def _needed(item: Dockerfile, names: Sequence[str]) -> Iterable[str]:
    """Files and folders that its instructions name."""
    parts = item.instructions()
    for source in dict.fromkeys(source for part in parts for source in part.sources):
        name = inside(".", source)
        if name != "." and is_plain(name):
            yield name
    commands = " ".join(p.rest for p in parts if p.word in ("RUN", "CMD", "ENTRYPOINT"))
    copied = {inside(".", source) for source in item.copies()}
    if "." not in copied:
        return
    for name in (*names, *named.folders(names)):
        if name in commands and _is_in(name, commands) and is_plain(name):
            inner = (path for path in names if path.startswith(f"{name}/"))
            if not any(map(is_private, inner)):
                yield name


def _kept_out(
    name: str, names: Sequence[str], rules: Sequence[tuple[bool, re.Pattern[str]]]
) -> bool:
    """Whether nothing of a file or folder goes into the build."""
    inner = [path for path in names if path == name or path.startswith(f"{name}/")]
    return bool(inner) and all(_ignored(path, rules) for path in inner)


def _ignored(path: str, rules: Sequence[tuple[bool, re.Pattern[str]]]) -> bool:
    """Whether the rules keep a file or folder out."""
    return _fits(path, rules)[0]


def _fits(path: str, rules: Sequence[tuple[bool, re.Pattern[str]]]) -> tuple[bool, list[bool]]:
    """Whether a path is kept out, and which rules fit it, as the engine finds it out.

    What fits a folder fits all below it. But a rule is not even tried where it would change
    nothing: `!web` after `web/*.html` fits no page, since `web` was not kept out
    (`MatchesUsingParentResults` of github.com/moby/patternmatcher).
    """
    above = _fits(dirname(path), rules)[1] if dirname(path) else [False] * len(rules)
    out, fitting = False, list(above)
    for place, (keeps_out, pattern) in enumerate(rules):
        if not fitting[place] and keeps_out != out:
            fitting[place] = pattern.fullmatch(path) is not None
        if fitting[place]:
            out = keeps_out
    return out, fitting


def _rules(text: str) -> Iterable[tuple[bool, re.Pattern[str]]]:
    """For each line: whether it keeps out, and what it fits."""
    for line in text.splitlines():
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        out = not words.startswith("!")
        pattern = words.removeprefix("!").strip().removeprefix("./").strip("/")
        if pattern in ("", "."):
            continue
        # Several of them mean one, and take long.
        pattern = re.sub(r"(?:\*\*/)+", "**/", pattern)
        parts = re.findall(r"\*\*/|\*\*|\*|\?|\[[^]]*\]|.", pattern)
        regex = "".join(
            _PARTS.get(part, part if part.startswith("[") and len(part) > 1 else re.escape(part))
            for part in parts
        )
        with contextlib.suppress(re.error):
            yield out, re.compile(regex)


_PARTS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
