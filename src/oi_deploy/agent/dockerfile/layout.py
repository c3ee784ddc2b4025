"""A program that finds its files from where it lies itself needs the repository's folders."""

import re
from collections.abc import Iterator, Sequence
from posixpath import basename, dirname, join, normpath

from oi_deploy.agent.dockerfile.context import Context
from oi_deploy.agent.dockerfile.edits import Edit, Lines
from oi_deploy.agent.dockerfile.files import Instruction
from oi_deploy.agent.dockerfile.image import Lack

_PLAIN = re.compile(r"[\w./@+=:, -]+", re.ASCII)


def kept(
    lack: Lack, stage: Sequence[Instruction], context: Context, lines: Lines
) -> Iterator[Edit | None]:
    """What is copied into the working folder, each in its folder of the repository.

    Where `src/server.py` reads `config/rates.json` beside its folder, it is started as
    `src/server.py`.

    Args:
        lack: what is missed.
        stage: the instructions of its stage.
        context: the folder that is built.
        lines: of the Dockerfile.
    """
    workdir = lack.stage.workdir.rstrip("/")
    sources = dict(lack.stage.files)
    # Programs that have left their folder, and would find what lacks if they had not.
    folders = {
        dirname(name)
        for place, name in sources.items()
        if dirname(name)
        and place == f"{workdir}/{basename(name)}"
        and any(
            normpath(join(dirname(place), _from(name, read.name))) in lack.need.paths
            for read in context.reads(name)
            if read.beside
        )
    }
    if lack.need.module or len(folders) != 1 or not workdir:
        return
    # What else has come from there may be what is started.
    moved = {
        basename(name): name
        for place, name in sources.items()
        if dirname(name) in folders and place == f"{workdir}/{basename(name)}"
    }
    scripts: list[str] = []
    after = list(lines)
    for part in stage:
        words = part.rest.split()
        into = words[-1:] in (["."], ["./"], [workdir], [f"{workdir}/"])
        if part.line != part.last:
            continue
        if part.word == "COPY" and into and "--from" not in part.rest and "[" not in part.rest:
            new = list(_apart(part, context))
            if new and new != [lines[part.line - 1].strip()]:
                first, *others = new
                scripts.append(f"-e '{part.line}s#.*#{first}#'")
                scripts += [f"-e '{part.line}a {it}'" for it in others]
                after[part.line - 1] = "\n".join(new)
        elif part.word in ("CMD", "ENTRYPOINT", "RUN"):
            line = lines[part.line - 1]
            for old, program in moved.items():
                found = list(re.finditer(rf"(?<![\w./-]){re.escape(old)}(?![\w-])", part.rest))
                if len(found) == 1 and line.count(old) == 1:
                    scripts.append(f"-e '{part.line}s#{old}#{program}#'")
                    after[part.line - 1] = line.replace(old, program)
    if scripts and all(map(_PLAIN.fullmatch, moved.values())):
        yield Edit(" ".join(scripts), tuple("\n".join(after).split("\n")))


def _from(program: str, file: str) -> str:
    """A file as it is found from a program's folder."""
    return join(*[".."] * (dirname(program).count("/") + 1), file)


def _apart(part: Instruction, context: Context) -> Iterator[str]:
    """One COPY for each folder that sources lie in; nothing if a source is no file of ours."""
    sources = [it.removeprefix("./") for it in part.sources]
    if not sources or not all(it in context.known and _PLAIN.fullmatch(it) for it in sources):
        return
    flags = "".join(f"{it} " for it in part.rest.split() if it.startswith("--"))
    for folder in dict.fromkeys(map(dirname, sources)):
        same = " ".join(it for it in sources if dirname(it) == folder)
        yield f"COPY {flags}{same} ./{folder}/".replace(".//", "./")
