r"""Runs a Python script that is its only argument; the sandbox's Python gets this text.

A model writes its script inside a JSON string. A small one writes `\n` there where the script
should have a backslash and an n, so that a line ends within quotes. Such a script cannot be run at
all, and what was meant is certain: both lines are one, with `\n` between them.
"""

import sys
import traceback
from types import CodeType


def whole(code: str) -> CodeType:
    """The script, compiled; the program ends if it cannot be."""
    first: SyntaxError | None = None
    for _ in range(100):
        try:
            return compile(code, "<script>", "exec")
        except SyntaxError as error:
            first = first or error
            lines, number = code.split("\n"), error.lineno or 0
            if "unterminated string literal" not in str(error.msg) or number >= len(lines):
                break
            lines[number - 1 : number + 1] = [lines[number - 1] + "\\n" + lines[number]]
            code = "\n".join(lines)
    if first is not None:
        traceback.print_exception(type(first), first, None)
    sys.stderr.write("[nothing was run]\n")
    sys.exit(2)


if __name__ == "__main__":
    exec(whole(sys.argv.pop()), {"__name__": "__main__"})  # noqa: S102 - what it is for
