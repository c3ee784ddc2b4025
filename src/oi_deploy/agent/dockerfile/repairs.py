"""Command lines for what surely makes a Dockerfile's build or its start fail.

What an instruction needs and does not find is put right by the first change after which it finds
it, and nothing else is amiss that was not before.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import PurePosixPath
from posixpath import basename, dirname, relpath

from oi_deploy.agent import named
from oi_deploy.agent.dockerfile import (
    bases,
    forms,
    found,
    layout,
    lint,
    listens,
    moved,
    names,
    order,
    places,
    slips,
    told,
    usual,
)
from oi_deploy.agent.dockerfile.context import Context
from oi_deploy.agent.dockerfile.edits import (
    Edit,
    Lines,
    in_turn,
    move_down,
    move_up,
    put_before,
    rewrite,
    rewrite_as,
    swap,
    swap_word,
)
from oi_deploy.agent.dockerfile.files import (
    Dockerfile,
    Exists,
    Instruction,
    inside,
    is_plain,
    split_lines,
)
from oi_deploy.agent.dockerfile.image import Lack, lacks

Check = Callable[[Dockerfile, Lines], Iterator[Edit | None]]
# Each is tried by a look at the whole Dockerfile.
_MOST_TRIED = 40


def repairs(
    item: Dockerfile,
    paths: Sequence[str],
    exists: Exists,
    images: Sequence[str] = (),
    texts: Mapping[str, str] | None = None,
    gone: Collection[str] = (),
    prompt: str = "",
    port: str = "",
) -> tuple[str, ...]:
    """Command lines that put it right, in the order in which they have to run.

    Args:
        item: the Dockerfile.
        paths: of the repository's files.
        exists: whether something is there, files that git ignores included.
        images: what the engine has, if the base image is to be looked at too.
        texts: of programs, by path.
        gone: files that the prompt says are not there any more.
        prompt: what it tells of the Dockerfile may say more than the files.
        port: where the image's pods are asked; empty if that is not known.
    """
    folder = item.context(exists)
    prefix = "" if folder == "." else f"{folder}/"
    near = [path for path in filter(is_plain, paths) if path.startswith(prefix)]
    files = tuple(path.removeprefix(prefix) for path in near)
    said = told.read(prompt, {*files, *named.folders(files)})
    old = {name for name, _ in said.renamed}
    context = Context(
        files,
        lambda path: path not in old and exists(inside(folder, path)),
        {path.removeprefix(prefix): text for path, text in (texts or {}).items() if path in near},
        said,
        port,
    )
    lines, cut = lint.lines_of(item.text)
    checks: list[Callable[[Lines], Iterator[Edit | None]]] = [lint.edits, usual.dangling]
    if said.amiss:
        checks.append(slips.joined)
    if not cut:
        every: list[Check] = [bases.misspelt] if said.amiss else []
        every.append(partial(bases.absent, images))
        every += [partial(it, context) for it in (_IF_AMISS if said.amiss else _CHECKS)]
        every.append(partial(names.gone_sources, gone, context))
        if said.amiss:
            every += [*_PLAIN_CHECKS, forms.every, partial(forms.ends, prompt)]
        checks += [partial(_on_text, it, item.path) for it in every]
    return tuple(edit.command(item.path) for edit in in_turn(lines, checks))


def _on_text(
    check: Callable[[Dockerfile, Lines], Iterator[Edit | None]], path: str, lines: Lines
) -> Iterator[Edit]:
    """The edits of a check that reads instructions."""
    item = Dockerfile(path, "\n".join(lines) + "\n")
    yield from (edit for edit in check(item, lines) if edit is not None)


def _lacking(context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """What is needed and not there: the first change after which it is."""
    before = lacks(item, context)
    known = {(lack.part.word, lack.need.word) for lack in before}
    for lack in before[:1]:
        for edit in islice(_changes(lack, context, item, lines), _MOST_TRIED):
            if edit is None:
                continue
            after = lacks(Dockerfile(item.path, "\n".join(edit.lines) + "\n"), context)
            left = {(it.part.word, it.need.word) for it in after}
            # What a file that comes now needs itself could not be missed before.
            new = {
                (word, need)
                for word, need in left - known
                if need not in context.names and need != lack.need.word
            }
            gone = (lack.part.word, lack.need.word) not in left
            if gone and not new and (len(after) < len(before) or left - known):
                yield edit
                return


def _changes(lack: Lack, context: Context, item: Dockerfile, lines: Lines) -> Iterator[Edit | None]:
    """Changes that may bring what lacks, the likeliest first."""
    part, need = lack.part, lack.need
    stage = _stage_of(item, part)
    numbers = range(part.line, part.last + 1)
    if lack.source is not None:
        for path in lack.source.named(basename(need.paths[0])):
            new = path + ("/" if need.word.endswith("/") else "")
            yield swap_word(lines, numbers, need.word, new)
        return
    if part.word == "RUN" and part.line == part.last:
        later = [other for other in stage if other.line > part.line and other.sources]
        # A program of the project may need all that is copied.
        for other in reversed(later) if order.PROGRAM.match(part.rest) else later:
            yield move_down(lines, part.line, other.last)
    yield from _no_folder(lack, stage, lines)
    yield from layout.kept(lack, stage, context, lines)
    yield from _folder_changes(lack, stage, lines)
    yield from _kept_apart(lack, stage, context, lines)
    name = basename(need.paths[0])
    there = lack.stage.named(name)
    if not need.module and len(there) == 1:
        folder = dirname(there[0])
        below = any(
            place.startswith(f"{lack.stage.workdir.rstrip('/')}/") for place, _ in lack.stage.files
        )
        for other in stage:
            if other.word == "WORKDIR" and not below and need.word == name:
                yield swap_word(lines, [other.line], other.rest, folder)
        yield swap_word(lines, numbers, need.word, _near(there[0], lack.stage.workdir))
    if need.module:
        yield from _package_changes(lack, stage, lines)
        for other in stage:
            if other.word == "WORKDIR" and basename(other.rest) == need.word.partition(".")[0]:
                yield swap_word(lines, [other.line], other.rest, dirname(other.rest.rstrip("/")))
    if not there and not need.module and name not in map(basename, context.names):
        same = {basename(place): place for place, _ in lack.stage.files
                if PurePosixPath(place).suffix == PurePosixPath(name).suffix}  # fmt: skip
        folder = names.folder_like(name, context) if "." not in name else ""
        if folder:
            yield swap_word(lines, numbers, need.word, folder)
        if close := names.like(name, same):
            yield swap_word(lines, numbers, need.word, _near(same[close], lack.stage.workdir))
    if part.word == "CMD" and (command := _told_by_notes(part, stage, context)):
        yield rewrite(lines, part.line, f"CMD exec {command}")
    absent = name not in map(basename, context.names) or (need.module and need.word != "npm")
    if part.word in ("CMD", "ENTRYPOINT") and absent:
        program = found.program(context.texts, context.names)
        for place, path in lack.stage.files:
            if path == program:
                near = _near(place, lack.stage.workdir)
                module = near.removesuffix(".py").removesuffix("/__main__").replace("/", ".")
                known = not need.module or re.fullmatch(r"\w+(?:\.\w+)*", module)
                yield (
                    swap_word(lines, numbers, need.word, module if need.module else near)
                    if known
                    else None
                )
    # A program looks for it in one folder only.
    if not there or need.word not in part.rest:
        yield from _additions(lack, stage, context, lines)


def _told_by_notes(part: Instruction, stage: Sequence[Instruction], context: Context) -> str:
    """What a README says to start, where the image's start is a file alone that is gone."""
    words = re.findall(r'"([^"]*)"', part.rest) or part.rest.removeprefix("exec ").split()
    alone = len(words) == 2 and part.line == part.last
    kept = any(it.word == "ENTRYPOINT" for it in stage)
    if not alone or kept or words[1] in context.known or not context.told.amiss:
        return ""
    gone = not any(basename(it) == basename(words[1]) for it in context.names)
    said = found.of_notes(context.texts, context.names, pointed_to=True) if gone else None
    return said.command if said and not said.variables else ""


def _no_folder(lack: Lack, stage: Sequence[Instruction], lines: Lines) -> Iterator[Edit | None]:
    """The WORKDIR that a stage lacks: the folder that all of it comes to."""
    relative = not lack.need.word.startswith("/")
    copies = [it for it in stage if it.sources and it.line < lack.part.line]
    places = {it.rest.split()[-1].rstrip("/") for it in copies}
    works = any(it.word == "WORKDIR" for it in stage)
    if works or not relative or len(places) != 1 or len(copies) != 1:
        return
    (place,) = places
    if re.fullmatch(r"/[\w.-]+(?:/[\w.-]+)*", place) and "." not in basename(place):
        yield put_before(lines, copies[0].line, f"WORKDIR {place}")


def _kept_apart(
    lack: Lack, stage: Sequence[Instruction], context: Context, lines: Lines
) -> Iterator[Edit | None]:
    """A COPY of several folders into one place: of each, only what is in it comes there."""
    top = lack.need.word.removeprefix("./").partition("/")[0]
    for part in stage:
        words = part.rest.split()
        folders = [it for it in part.sources if it.strip("/") in context.folders]
        flat = part.word == "COPY" and words[-1:] in (["."], ["./"]) and words[0][:1] not in "[-"
        if not flat or part.line != part.last or len(part.sources) < 2:
            continue
        if top in (it.strip("/") for it in folders):
            files = [it for it in part.sources if it not in folders]
            first = [f"COPY {' '.join(files)} ./"] if files else []
            apart = [f"COPY {it.strip('/')} ./{it.strip('/')}/" for it in folders]
            yield rewrite_as(lines, part.line, [*first, *apart])


def _near(path: str, workdir: str) -> str:
    """A path as a command names it."""
    return relpath(path, workdir) if path.startswith(f"{workdir.rstrip('/')}/") else path


def _stage_of(item: Dockerfile, part: Instruction) -> list[Instruction]:
    """The instructions of the stage that one is in, without FROM."""
    found: list[Instruction] = []
    for other in item.instructions():
        if other.word == "FROM":
            if other.line > part.line:
                break
            found = []
        else:
            found.append(other)
    return found


def _folder_changes(
    lack: Lack, stage: Sequence[Instruction], lines: Lines
) -> Iterator[Edit | None]:
    """A WORKDIR that comes too late, or that a RUN tries to be."""
    users = [part for part in stage if part.word in ("RUN", "COPY", "ADD")]
    for other in stage:
        if other.word == "WORKDIR" and users and other.line > users[0].line:
            for user in reversed(users):
                if user.line < other.line:
                    yield move_up(lines, other.line, user.line)
        moved = re.fullmatch(r"cd ([\w./-]+)", other.rest) if other.word == "RUN" else None
        if moved and other.line < lack.part.line:
            yield rewrite(lines, other.line, f"WORKDIR {moved[1]}")


def _package_changes(
    lack: Lack, stage: Sequence[Instruction], lines: Lines
) -> Iterator[Edit | None]:
    """A COPY that brings what is in a package, and not the package."""
    package = lack.need.word.partition(".")[0]
    for part in stage:
        words = [word for word in part.rest.split() if not word.startswith("--")]
        if len(part.sources) != 1 or part.line != part.last or len(words) != 2:
            continue
        if part.sources[0].strip("./").rpartition("/")[2] == package and words[1] in (".", "./"):
            line = lines[part.line - 1].rstrip()
            place = len(line) - len(words[1])
            yield swap(lines, part.line, place, f" {words[1]}", f" ./{package}/") or swap(
                lines, part.line, place - 1, f" {words[1]}", f" ./{package}/"
            )


def _additions(
    lack: Lack, stage: Sequence[Instruction], context: Context, lines: Lines
) -> Iterator[Edit | None]:
    """The file or package of the repository, in a COPY that is there or in one of its own."""
    workdir = lack.stage.workdir.rstrip("/")
    for path in lack.need.paths:
        inner = path.removeprefix(f"{workdir}/")
        name = basename(path)
        candidates = [it for it in context.names if it == inner] or [
            it for it in context.names if basename(it) == name and not lack.need.module
        ]
        if inner == path or (len(candidates) != 1 and inner not in context.folders):
            continue
        top = inner.partition("/")[0]
        if "/" in inner and (lack.need.module or f"{top}/__init__.py" in context.known):
            yield put_before(lines, lack.part.line, f"COPY {top}/ ./{top}/")
            continue
        if not candidates:
            yield put_before(lines, lack.part.line, f"COPY {inner}/ ./{inner}/")
            continue
        source = candidates[0]
        for part in reversed(stage):
            if part.line < lack.part.line and dirname(inner) == "":
                yield _added(part, source, lines)
        yield put_before(
            lines, lack.part.line, f"COPY {source} ./{dirname(inner)}/".replace(".//", "./")
        )


def _added(part: Instruction, name: str, lines: Lines) -> Edit | None:
    """One more file in a COPY that goes into a folder."""
    if part.word != "COPY" or not part.sources or "[" in part.rest:
        return None
    if name in part.sources or not part.rest.split()[-1].endswith(("/", ".")):
        return None
    first = part.sources[0]
    return swap_word(lines, range(part.line, part.last + 1), first, f"{name} {first}")


# Without a word about anything that is wrong, only what surely makes a build or a start fail.
_CHECKS = (
    moved.elsewhere,
    names.missing_sources,
    names.renamed_in_commands,
    names.without_lock,
    forms.one_word,
    order.late_arguments,
    order.late,
    _lacking,
)
_IF_AMISS = (
    moved.told,
    moved.with_its_folder,
    usual.gone_folders,
    usual.gone_files,
    places.placed,
    *_CHECKS[:-1],
    places.made,
    places.globs,
    places.working_folders,
    places.started_modules,
    _lacking,
    bases.told,
    slips.variables,
    places.variables,
    places.folders,
    slips.scripts,
    places.modules,
    places.searched,
    slips.forbidden,
    slips.interpreters,
    places.servers,
    usual.packages,
    usual.pages,
    usual.site_settings,
    usual.stage_variables,
    listens.hosts,
    listens.ports,
    usual.arguments,
    usual.scripts,
)
_PLAIN_CHECKS = (
    usual.bases,
    bases.variables,
    usual.users,
    usual.programs,
    usual.settings,
    usual.late_folders,
    slips.order_of_stages,
    slips.arguments,
    slips.starts,
    slips.folders,
)


def add_to_copy(item: Dockerfile, step: int, name: str) -> str:
    """The line that lets the last COPY before a step bring one more file; empty if none can.

    Args:
        item: the Dockerfile.
        step: the number of the instruction that failed, from 1.
        name: the file, relative to the build context.
    """
    lines = tuple(split_lines(item.text))
    for part in reversed(item.instructions()[:step]):
        if part.word == "FROM":
            return ""
        if part.word == "COPY" and part.sources and "[" not in part.rest:
            edit = _added(part, name, lines)
            return edit.command(item.path) if edit else ""
    return ""
