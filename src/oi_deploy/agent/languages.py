"""The languages that the model may write; each call is one sandboxed process.

Open Interpreter's own shell hangs on `exit` and on a failing `set -e`, feeds its marker lines to
commands that read standard input, and never tells an exit code (core/computer/terminal/languages/
subprocess_language.py). A class of our own is its documented way out.
"""

import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any, Protocol

from oi_deploy.sandbox import Result

# bash reads and runs line by line, so a mistake in the last line would show when the others have
# run. Python and Node.js read the whole script first. The script stops at the first command that
# fails, so that a later line cannot report success.
_SHELL = (
    "/bin/bash", "--noprofile", "--norc", "-c",
    '/bin/bash --noprofile --norc -n -c "$1" script || { echo "[nothing was run]"; exit 2; }; '
    'exec /bin/bash --noprofile --norc -euo pipefail -c "$1" script',
    "check",
)  # fmt: skip
_RUN_PYTHON = files("oi_deploy.agent").joinpath("run_python.py").read_text(encoding="utf-8")
_COMMANDS: dict[str, tuple[str, ...]] = {
    "shell": _SHELL,
    "python": ("/usr/bin/python3", "-c", _RUN_PYTHON),
    "javascript": ("/usr/bin/node", "-e"),
}


class Runner(Protocol):
    """Runs an argument vector where the model's code may run."""

    def __call__(self, argv: tuple[str, ...]) -> Result:
        """Run to the end, or to a limit."""


def language_classes(run: Runner, on_result: Callable[[Result], None]) -> list[type]:
    """One class for each language, in the form that `computer.terminal.languages` takes."""
    return [_language(name, command, run, on_result) for name, command in _COMMANDS.items()]


def _language(
    language: str, command: tuple[str, ...], run: Runner, on_result: Callable[[Result], None]
) -> type:
    class Language:
        name = language
        aliases: list[str] = []  # noqa: RUF012 - Open Interpreter reads it from the class

        # Terminal._streaming_run looks at __init__.__code__, which object.__init__ lacks.
        def __init__(self) -> None:
            pass

        def run(self, code: str) -> Iterator[dict[str, Any]]:
            result = run((*command, close_documents(code) if language == "shell" else code))
            on_result(result)
            yield {"type": "console", "format": "output", "content": describe(result)}

        def stop(self) -> None:
            pass

        def terminate(self) -> None:
            pass

    return Language


def close_documents(script: str) -> str:
    """A shell script with the ends of its here-documents without quotes.

    A small model that begins one with `<<'EOF'` may end it with `EOF'`. Then all that follows would
    be part of the document, and the script would end well without having run it.
    """
    for opened in re.finditer(r"<<-?[ \t]*(['\"]?)(\w+)\1", script):
        end, rest = opened[2], script[opened.end() :]
        if not re.search(rf"(?m)^\t*{end}$", rest):
            closed = re.sub(rf"(?m)^(\t*)['\"]?{end}['\"]?[ \t]*$", rf"\g<1>{end}", rest, count=1)
            script = script[: opened.end()] + closed
    return script


def describe(result: Result) -> str:
    """What the model reads about one execution: its output and how it ended."""
    if result.timed_out:
        ending = f"[killed after {result.seconds:.0f} s: the time limit of one script]"
    elif result.exit_code is None:
        ending = "[killed]"
    else:
        ending = f"[exit code {result.exit_code}]"
    output = result.output.rstrip("\n")
    return f"{output}\n{ending}" if output else ending
