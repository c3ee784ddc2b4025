"""What a `.dockerignore` keeps from a build that needs it.

The rules are those of the engine: https://docs.docker.com/build/concepts/context/#dockerignore-files.
"""

import contextlib
import re
from collections.abc import Iterable, Sequence

from oi_deploy.agent.dockerfile.files import Dockerfile, inside, is_plain


def repairs(item: Dockerfile, context: str, text: str, files: Sequence[str]) -> tuple[str, ...]:
    """Command lines that let through what the Dockerfile names and the `.dockerignore` keeps out.

    Args:
        item: the Dockerfile.
        context: the folder that it is built in.
        text: the content of the context's `.dockerignore`.
        files: paths of the repository's files.
    """
    prefix = "" if context == "." else f"{context}/"
    names = [path.removeprefix(prefix) for path in files if path.startswith(prefix)]
    rules = list(_rules(text))
    lost = (name for name in _needed(item, names) if _kept_out(name, names, rules))
    return tuple(f"sed -i '$a !{name}' {inside(context, '.dockerignore')}" for name in lost)


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
        word = rf"(?<![\w/.-])(?:\./)?{re.escape(name)}(?![\w/.-])"
        named = name in commands and re.search(word, commands)
        if named and "." in copied and is_plain(name):
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
