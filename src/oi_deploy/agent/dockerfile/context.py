"""The folder that an image is built in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from oi_deploy.agent import named
from oi_deploy.agent.dockerfile import commands, npm
from oi_deploy.agent.dockerfile.reads import Read, is_test, names_in, reads
from oi_deploy.agent.dockerfile.told import Told


@dataclass(frozen=True)
class Context:
    """The folder that is built.

    Attributes:
        names: of its files, as git knows them.
        exists: whether something is there, whatever git says.
        texts: of its programs, as far as they were read.
        told: what the prompt tells.
        port: where pods are asked; empty if that is not known.
    """

    names: tuple[str, ...]
    exists: Callable[[str], bool]
    texts: Mapping[str, str] = field(default_factory=dict)
    told: Told = field(default_factory=Told)
    port: str = ""

    @cached_property
    def lost(self) -> tuple[tuple[str, str], ...]:
        """Files and folders that a message misses: each with its place, if that was absolute."""
        found: dict[str, str] = {}
        for path in self.told.lost:
            for name in (path, *(f"{path}{it}" for it in (".js", ".mjs", ".cjs", ".json"))):
                parts = [it for it in name.split("/") if it not in ("", ".", "..")]
                ends = ["/".join(parts[at:]) for at in range(len(parts))]
                below = [it for it in self.names if ends and it.endswith(f"/{ends[0]}")]
                there = (it for it in ends if it in self.known or it in self.folders)
                if end := next(there, below[0] if len(below) == 1 and "/" in ends[0] else ""):
                    found.setdefault(end, name if path.startswith("/") else "")
                    break
        for module in self.told.modules:
            name = module.replace(".", "/")
            if f"{name}.py" in self.known or name in self.folders:
                found.setdefault(f"{name}.py" if f"{name}.py" in self.known else name, "")
        return tuple(found.items())

    @cached_property
    def known(self) -> frozenset[str]:
        """The names, to look one up."""
        return frozenset(self.names)

    @cached_property
    def _read(self) -> dict[tuple[str, bool], tuple[Read, ...]]:
        return {}

    def reads(self, program: str, *, tested: bool = False) -> tuple[Read, ...]:
        """What a program needs of these files.

        Args:
            program: its path.
            tested: whether tests call it, so that all that it has may be run.
        """
        key = (program, tested)
        if key not in self._read:
            text = self.texts.get(program, "")
            whole = is_test(program) or (tested and self.told.amiss)
            every = self.known | self.folders
            found = tuple(reads(program, text, every, whole=whole, deep=self.told.amiss))
            # Where something is missed, also what it only names.
            more = names_in(text, self.known) if self.told.missed else ()
            named_too = (Read(it, beside=False) for it in more)
            self._read[key] = tuple(dict.fromkeys((*found, *named_too)))
        return self._read[key]

    @cached_property
    def folders(self) -> frozenset[str]:
        """All folders of files."""
        return named.folders(self.names)


def with_scripts(found: Sequence[list[str]], context: Context) -> list[list[str]]:
    """Commands, with those of package.json after the one that runs them."""
    every: list[list[str]] = []
    for words in found:
        every.append(words)
        name = (
            words[2:3]
            if words[:2] == ["npm", "run"]
            else words[1:2]
            if words[:1] == ["npm"]
            else []
        )
        if name and (text := npm.scripts(context.texts).get(name[0])):
            every += commands.split(text) or []
    return every
