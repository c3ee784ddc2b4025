"""Steps of a Dockerfile that come before what they need is copied."""

import re
from collections.abc import Iterator, Sequence

from oi_deploy.agent.dockerfile import commands
from oi_deploy.agent.dockerfile.context import Context
from oi_deploy.agent.dockerfile.edits import Edit, Lines, move_down, move_up, put_before
from oi_deploy.agent.dockerfile.files import Dockerfile, Instruction


def late(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """A RUN that names a file which only a later COPY of its stage brings."""
    stage: list[Instruction] = []
    for part in (*item.instructions(), Instruction(0, 0, "FROM", "")):
        if part.word == "FROM":
            yield from _order_in(stage, context.names, lines)
            stage = []
        else:
            stage.append(part)


def late_arguments(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """An ARG below the FROM that uses it."""
    parts = item.instructions()
    first = next((part for part in parts if part.word == "FROM"), None)
    given = {part.rest.partition("=")[0].strip() for part in parts
             if first and part.word == "ARG" and part.line < first.line}  # fmt: skip
    for part in parts if first else ():
        name, sign, _ = part.rest.partition("=")
        place = rf"\$(?:\{{{re.escape(name)}\b|{re.escape(name)}\b)"
        uses = [it for it in parts if it.line < part.line and it.word == "FROM"
                and re.search(place, it.rest)]  # fmt: skip
        if part.word != "ARG" or not sign or name in given or not uses or not first:
            continue
        # Above a FROM, it holds for FROM alone.
        again = any(it.line > part.line and re.search(place, it.rest) for it in parts)
        if part.line == part.last:
            text = lines[part.line - 1].strip()
            yield (
                put_before(lines, first.line, text)
                if again
                else move_up(lines, part.line, first.line)
            )


def _order_in(
    stage: Sequence[Instruction], names: Sequence[str], lines: Lines
) -> Iterator[Edit | None]:
    for place, part in enumerate(stage):
        if part.word != "RUN" or part.line != part.last or commands.split(part.rest) is None:
            continue
        used = [
            name
            for name in names
            # A bare word may be anything.
            if name in part.rest
            and re.search(r"[./]|^[A-Z]", name)
            and re.search(rf"(?<![\w/.>-])(?<!> ){re.escape(name)}(?![\w.-])", part.rest)
        ]
        # A folder is one where a program gets it, and a later step copies it under that name.
        used += [
            source.strip("./")
            for other in stage[place:]
            for source in other.sources
            if _RUNS.match(part.rest)
            and source.strip("./") in _given(part.rest.split()[2:])
            and any(it.startswith(f"{source.strip('./')}/") for it in names)
        ]
        before = [it for it in stage[:place] if it.sources]
        if _SCRIPT.match(part.rest) and all(map(_is_manifest, before)):
            later = [other for other in stage[place:] if _all_of(other)]
            between = [it for it in stage[place + 1 :] if later and it.line < later[0].line]
            if later and not between:
                yield move_down(lines, part.line, later[0].last)
                return
        for name in used:
            if any(_brings(other, name) for other in stage[:place]):
                continue
            later = [other for other in stage[place:] if _brings(other, name)]
            if later:
                last = [it for it in stage[place:] if it.sources][-1]
                after = last if PROGRAM.match(part.rest) else later[0]
                yield move_down(lines, part.line, after.last)
                return


PROGRAM = re.compile(
    r"(?:npm|pnpm|yarn) (?:run \S+|test)\b|(?:python[\d.]*|node|sh|bash) [\w./-]+\.\w+"
)
_RUNS = re.compile(r"(?:python[\d.]*|node) (?!-)[\w./-]+\.\w+ ")
# It runs a script of the project, which its sources are needed for.
_SCRIPT = re.compile(r"(?:npm|pnpm|yarn) (?:run \S+|test)\b|(?:yarn|pnpm) build\b")


def _given(words: Sequence[str]) -> list[str]:
    """Arguments that are no value of an option for what is made."""
    return [
        word
        for before, word in zip(["", *words], words, strict=False)
        if not re.fullmatch(r"-o|--out\S*|--dest\S*|--target", before)
    ]


def _all_of(copy: Instruction) -> bool:
    """Whether everything is copied."""
    return "--from" not in copy.rest and any(it.strip("./") == "" for it in copy.sources)


def _is_manifest(copy: Instruction) -> bool:
    """Whether nothing but the lists of packages is copied."""
    return all(re.fullmatch(r"(?:\./)?(?:package\S*\.json|\S+lock\S*)", it) for it in copy.sources)


def _brings(copy: Instruction, name: str) -> bool:
    sources = [source.strip("./") for source in copy.sources]
    return any(it in ("", name) or name.startswith(f"{it}/") for it in sources)
