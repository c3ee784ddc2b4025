"""Fuzz the decision about a command line: what passes has nothing that is forbidden in it."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import atheris  # type: ignore[import-untyped]

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a program, not with -m
with atheris.instrument_imports(include=["oi_deploy"]):
    from oi_deploy.broker.policy import Tool

from fuzz.harness import fuzz
from tests.unit.broker import test_properties_decisions as known
from tests.unit.broker.asking import ask, widest, workspace
from tests.unit.broker.commands import COMMANDS

TOOLS: tuple[Tool, ...] = ("docker", "kubectl")


def seeds() -> Iterator[bytes]:
    """Commands that pass and commands that do not: the program's letter, then words by NUL."""
    for command in COMMANDS:
        for line in (command.line, *command.hostile()):
            yield command.tool[:1].encode() + "\0".join(line.plain()).encode()


def main() -> None:
    """Fuzz in a small workspace."""
    with tempfile.TemporaryDirectory() as directory:
        policy = widest(workspace(Path(directory)))

        def test_one_input(data: bytes) -> None:
            tool = TOOLS[data[:1] == b"k"]
            words = tuple(data[1:].decode("utf-8", "ignore").split("\0"))
            known.check(tool, ask(policy, tool, words), policy)

        words = sorted({f"\0{word}\0" for word in known.EVERY_WORD})
        fuzz("commands", test_one_input, seeds=seeds(), words=words, longest=600)


if __name__ == "__main__":
    main()
