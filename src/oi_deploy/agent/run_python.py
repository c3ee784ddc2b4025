r"""Runs a Python script that is its only argument; the sandbox's Python gets this text.

Two slips of small models are mended, where the script cannot be run at all and what was meant is
certain. It writes its script inside a JSON string, and `\n` there where the script should have a
backslash and an n, so that a line ends within quotes: both lines are one, with `\n` between them.
And it uses the quotes of an f-string again within its braces, as Python 3.12 allows (PEP 701).
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
            before = lines[number - 1 : number + 1]
            if "unterminated string literal" in str(error.msg) and len(before) == 2:
                lines[number - 1 : number + 1] = ["\\n".join(before)]
            elif number and before and (line := other_quotes(before[0])) != before[0]:
                lines[number - 1] = line
            else:
                break
            code = "\n".join(lines)
    if first is not None:
        traceback.print_exception(type(first), first, None)
    sys.stderr.write("[nothing was run]\n")
    sys.exit(2)


def other_quotes(line: str) -> str:
    """A line with the other kind of quotes within the braces of its f-strings."""
    written, quote, depth, place = "", "", 0, 0
    while place < len(line):
        char = line[place]
        if char == "\\":
            written += line[place : place + 2]
            place += 2
            continue
        if quote and depth == 0 and line[place : place + 2] in ("{{", "}}"):
            written += char
            place += 1
        elif not quote:
            begins = char in "'\"" and line[:place].lower().endswith(("f", "rf", "fr"))
            quote = char if begins else ""
        elif char in "{}":
            depth += 1 if char == "{" else -1
        elif char == quote and depth:
            char = "'" if quote == '"' else '"'
        elif char == quote:
            quote = ""
        written += char
        place += 1
    return written


if __name__ == "__main__":
    exec(whole(sys.argv.pop()), {"__name__": "__main__"})  # noqa: S102 - what it is for
