"""What a `.dockerignore` keeps from a build that needs it.

The rules are those of the engine: https://docs.docker.com/build/concepts/context/#dockerignore-files.
"""

import contextlib
import re
from collections.abc import Iterable, Mapping, Sequence

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
    lost = (name for name in needed if _kept_out(name, names, rules))
    return tuple(f"sed -i '$a !{name}' {inside(context, '.dockerignore')}" for name in lost)


def _read(item: Dockerfile, context: Context) -> Iterable[str]:
    """What programs read, or a message misses, where everything is copied."""
    parts = item.instructions()
    if "." not in {inside(".", source) for source in item.copies()}:
        return
    yield from (name for name, _ in context.lost if is_plain(name) and not is_private(name))
    commands = " ".join(p.rest for p in parts if p.word in ("RUN", "CMD", "ENTRYPOINT"))
    left = [name for name in context.texts if _is_in(name, commands)]
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
    for name in names:
        if name in commands and _is_in(name, commands) and "." in copied and is_plain(name):
            yield name


def _kept_out(
    name: str, names: Sequence[str], rules: Sequence[tuple[bool, re.Pattern[str]]]
) -> bool:
    """Whether nothing of a file or folder goes into the build."""
    inner = [path for path in names if path == name or path.startswith(f"{name}/")]
    return bool(inner) and all(_ignored(path, rules) for path in inner)


def _ignored(path: str, rules: Sequence[tuple[bool, re.Pattern[str]]]) -> bool:
    """The last rule that fits decides."""
    fitting = [out for out, pattern in rules if pattern.match(path)]
    return fitting[-1] if fitting else False


def _rules(text: str) -> Iterable[tuple[bool, re.Pattern[str]]]:
    """For each line: whether it keeps out, and what it fits; also all below a folder."""
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
            yield out, re.compile(f"(?:{regex})(?:/.*)?$")


_PARTS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
