"""Names in a Dockerfile of what has another name or place now, as the prompt or the files say."""

import re
from collections.abc import Iterator
from posixpath import basename, dirname

from oi_deploy.agent.dockerfile.context import Context
from oi_deploy.agent.dockerfile.edits import (
    Edit,
    Lines,
    everywhere,
    rewrite_as,
    swap,
    swap_word,
)
from oi_deploy.agent.dockerfile.files import Dockerfile, Instruction, is_plain
from oi_deploy.agent.dockerfile.reads import is_private


def told(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """Names that the prompt says have changed: in COPY, in commands, and in variables."""
    for old, new in context.told.renamed:
        if context.exists(old) or not (is_plain(old) and is_plain(new)):
            continue
        if not _is_used(old, item):
            continue
        if dirname(old) == dirname(new) and (edit := everywhere(lines, old, new)):
            yield edit
            continue
        for part in item.instructions():
            numbers = range(part.line, part.last + 1)
            if any(source.removeprefix("./").rstrip("/") == old for source in part.sources):
                yield swap_word(lines, numbers, old, new)
            elif dirname(old) == dirname(new) and part.word != "FROM":
                yield swap_word(lines, numbers, old, new)
                yield from _in_a_path(lines, part, old, new)


def _is_used(name: str, item: Dockerfile) -> bool:
    """Whether a name surely stands for a file, a folder or a module, and for nothing else."""
    copied = any(it.removeprefix("./").rstrip("/") == name for it in item.copies())
    module = rf"-m[\s\",]+{re.escape(name)}\b|PYTHONPATH=\S*/{re.escape(name)}\b"
    return copied or "." in name or "/" in name or re.search(module, item.text) is not None


def _in_a_path(lines: Lines, part: Instruction, old: str, new: str) -> Iterator[Edit | None]:
    """The last part of a path in the image: `/app/lib`, where a folder lib had come to."""
    for number in range(part.line, part.last + 1):
        for match in re.finditer(
            rf"(?<=[\w./])/{re.escape(old)}(?![\w.-])", lines[number - 1], re.ASCII
        ):
            yield swap(lines, number, match.start(), match[0], f"/{new}")


def with_its_folder(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """COPY of a folder to a place by its name alone, where programs look below another one."""
    texts = [text for path, text in context.texts.items() if path.endswith((".py", ".js", ".mjs"))]
    for part in item.instructions():
        words = part.rest.split()
        source = words[0].removeprefix("./").rstrip("/") if words else ""
        parts = source.split("/")
        if part.word != "COPY" or len(words) != 2 or len(parts) != 2:
            continue
        if source not in context.folders or words[1].removeprefix("./").rstrip("/") != parts[1]:
            continue
        below = re.compile(r"['\"]?\s*[/,]\s*['\"]?".join(map(re.escape, parts)))
        alone = re.compile(rf"(?<![\w/])['\"](?:\./)?{re.escape(parts[1])}['\"/]")
        kept = any(alone.search(below.sub("", it)) for it in texts)
        if any(map(below.search, texts)) and not kept:
            yield swap_word(lines, [part.line], words[1], f"./{source}/")


def _into_its_folder(
    part: Instruction, old: str, new: str, context: Context, lines: Lines
) -> Edit | None:
    """A COPY of a file that was beside the programs, and that they look for in its new folder."""
    parts, words = new.split("/"), part.rest.split()
    below = re.compile(r"['\"]?\s*[/,]\s*['\"]?".join(map(re.escape, parts)))
    texts = (text for path, text in context.texts.items() if path.endswith((".py", ".js", ".mjs")))
    flat = words[-1] in (".", "./") and not words[0].startswith(("-", "["))
    if not flat or part.line != part.last or len(parts) < 2 or not any(map(below.search, texts)):
        return None
    others = [it for it in part.sources if it != old]
    first = [f"COPY {' '.join(others)} {words[-1]}"] if others else []
    return rewrite_as(lines, part.line, [*first, f"COPY {new} ./{dirname(new)}/"])


def elsewhere(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """COPY of what lies in another folder now, and nowhere else."""
    for part in item.instructions():
        for source in part.sources:
            path = source.removeprefix("./").strip("/")
            inner = re.sub(r"^(?:\.\./)+", "", source)
            if inner != source and is_plain(inner) and context.exists(inner.rstrip("/")):
                # No build reaches what is above its folder.
                yield swap_word(lines, range(part.line, part.last + 1), source, inner)
                continue
            if not is_plain(path) or context.exists(path) or set(path) & set("*?["):
                continue
            names = (
                context.folders if path not in context.known and "." not in basename(path) else ()
            )
            found = [it for it in (*context.names, *names) if basename(it) == basename(path)]
            if not found and "/nginx/html" in part.rest.split()[-1]:
                pages = {dirname(it) for it in context.names if basename(it) == "index.html"} - {""}
                # What is deeper belongs to the site.
                found = [it for it in pages if not any(it.startswith(f"{up}/") for up in pages)]
            if len(found) == 1 and not is_private(found[0]):
                if found[0] in context.known:
                    yield _into_its_folder(part, source, found[0], context, lines)
                yield swap_word(
                    lines, range(part.line, part.last + 1), source.rstrip("/"), found[0]
                )
