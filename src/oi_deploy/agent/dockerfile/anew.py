"""A Dockerfile that fails and that no single change puts right, written anew.

What it says of its own and that is not in doubt stays: the base image, variables, the user, ports.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from posixpath import basename

from oi_deploy.agent import intents, named
from oi_deploy.agent.dockerfile import commands, kinds, new, proposal, told, users, wishes
from oi_deploy.agent.dockerfile.files import Dockerfile, Instruction, base_of, inside
from oi_deploy.agent.dockerfile.reads import is_private
from oi_deploy.agent.situation import Situation

# What else a Dockerfile has would be lost.
_KNOWN = frozenset({"FROM", "WORKDIR", "COPY", "ENV", "EXPOSE", "USER", "CMD", "ENTRYPOINT"})
_VARIABLE = re.compile(r"(?<!\S)([A-Za-z_]\w*)=(\"[^\"]*\"|\S+)")
_MAY_CHANGE = re.compile(
    r"\b(?:fix|repair|mend|correct|adjust|adapt) (?:(?:it|this|that|the|our) )*(?:\w+ )?"
    r"dockerfile\b"
    r"|\bdockerfile\b[^.;]{0,80}\b(?:fix|repair|mend|correct|adapt) (?:it|that|this)\b"
    r"|(?<!已)(?<!已经)(?:修复|修好|修正|修一下|修改|改好|改对|调整|修)(?![了过])[^。;]{0,20}dockerfile"
    r"|dockerfile[^。;]{0,20}(?<!已)(?<!已经)(?:修复|修好|修正|修一下|改好|改对)(?![了过])",
    intents.FLAGS,
)
# What another Dockerfile may mend: something is not where it is looked for.
_MISSED = re.compile(
    r"COPY failed|cache key|in build context|no such file|no module named|cannot find module"
    r"|can't open file|ENOENT|FileNotFound|ModuleNotFound|\bno \w+ (?:were )?found\b",
    re.IGNORECASE,
)


def line(world: Situation, file: Dockerfile) -> str:
    """The command that writes it; empty if something would be lost, or nothing is to be changed.

    Args:
        world: what is known.
        file: the Dockerfile whose build, or whose image's start, has failed.
    """
    parts = file.instructions()
    words = [part.word for part in parts]
    failed = _MISSED.search(f"{world.build}\n{world.failures}")
    wanted = any(
        # What is farther away may be said of the message that is quoted there.
        not intents.is_denied(text := it[max(0, match.start() - 12) : match.end()], len(text))
        for it in intents.sentences(world.ask.text)
        for match in _MAY_CHANGE.finditer(it)
    )
    if not (failed and wanted):
        return ""
    if words.count("FROM") != 1 or not _KNOWN.issuperset(words) or "--from" in file.text:
        return ""
    folder = file.context(world.exists)
    inner, texts = new.below(world, folder)
    # A message is no wish.
    asked = replace(world.ask, prompt=told.PASTED.sub("", world.ask.prompt))
    read = wishes.read(replace(world, ask=asked), {*inner, *named.folders(inner)}, texts)
    read = _with_its_own(read, parts, inner)
    found = proposal.command(inner, world.images, folder=folder, wanted=read, texts=texts)
    found = found.replace(f"cat > {inside(folder, 'Dockerfile')} ", f"cat > {file.path} ", 1)
    return "" if file.text.strip() in found else found


def _with_its_own(
    read: wishes.Wishes, parts: Sequence[Instruction], names: Sequence[str]
) -> wishes.Wishes:
    """What the prompt says, and what the Dockerfile says besides."""
    every: dict[str, list[str]] = {}
    for part in parts:
        every.setdefault(part.word, []).append(part.rest)
    begun = commands.start(*("".join(every.get(it, [])[-1:]) for it in ("ENTRYPOINT", "CMD")))
    start = " ".join(begun[0]) if begun and len(begun) == 1 else ""
    # Of a program that is there, the command is right.
    known = any(it in names for it in kinds.files_of(start))
    bases = tuple(base for part in parts if (base := base_of(part)))
    given = _VARIABLE.findall(" ".join(every.get("ENV", ())))
    variables = {name: value.strip('"') for name, value in given}
    workdir = read.workdir or next(iter(every.get("WORKDIR", ())), "")
    # Where its own files are is what has to be found anew.
    own = {
        name: value
        for name, value in variables.items()
        if not (workdir and f"{value}/".startswith(f"{workdir.rstrip('/')}/"))
    }
    # Nobody has looked at what else comes with a whole folder.
    hidden = (it for it in names if is_private(it) or basename(it).startswith(".ht"))
    ports = tuple(re.findall(r"\d+", " ".join(every.get("EXPOSE", ()))))
    user = users.read(f"USER {every['USER'][-1]}") if "USER" in every else None
    return replace(
        read,
        notes=True,
        start=start if known else read.start,
        bases=bases,
        left_out=tuple(dict.fromkeys((*read.left_out, *hidden))),
        variables=tuple({**own, **dict(read.variables)}.items()),
        ports=ports or read.ports,
        user=read.user or user,
        workdir=workdir,
    )
