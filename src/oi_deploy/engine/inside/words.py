"""What the programs before the server share: their lines in its log, and vLLM's arguments."""

import sys
from collections.abc import Sequence


class Problem(Exception):  # noqa: N818 - a finding
    """Why the server cannot start, and what to do about it."""

    def __init__(self, why: str, remedy: str) -> None:
        """Take both."""
        super().__init__(f"{why} -> {remedy}")


def say(line: str) -> None:
    """Write one line into the server's log. A file's name may hold any byte."""
    text = " ".join(f"oi-deploy: {line}".splitlines())
    sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
    sys.stdout.flush()


def option(command: Sequence[str], *names: str) -> "str | None":
    """The last value of an argument; empty if it has none, None if it is not given.

    vLLM takes `--x_y` for `--x-y`, and `--x=1` for `--x 1`.
    """
    found = None
    for position, word in enumerate(command):
        name, equals, value = word.partition("=")
        if word.startswith("--"):
            name = name.replace("_", "-")
        if name in names:
            after = command[position + 1] if position + 1 < len(command) else ""
            found = value if equals else "" if after.startswith("-") else after
    return found
