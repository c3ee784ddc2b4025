#!/usr/bin/python3 -IS
"""`docker` and `kubectl` as the model's code sees them: hands the command line to the broker.

Stands alone: it is copied into a directory on the PATH, and only the standard library is there.
"""

import base64
import json
import os
import socket
import stat
import sys

UNREACHABLE = 125
MAX_STDIN = 4 * 1024 * 1024


def wants_stdin(tool: str, argv: "list[str]") -> bool:
    """Whether the command reads its standard input: a lone `-` says so to both programs."""
    return any(word == "-" or word.endswith(("=-", "-f-")) for word in argv)


def read_stdin() -> bytes:
    """All of standard input, when there is one to read."""
    try:
        kind = os.fstat(0).st_mode
    except OSError:
        return b""
    if stat.S_ISCHR(kind):  # a terminal, or /dev/null
        return b""
    with os.fdopen(0, "rb", closefd=False) as stream:
        return stream.read(MAX_STDIN + 1)


def fail(tool: str, text: str) -> int:
    """Say what went wrong."""
    sys.stderr.write(tool + ": " + text + "\n")
    return UNREACHABLE


def main() -> int:
    """Ask the broker, print what it streams, and end with the command's exit code."""
    tool, argv = os.path.basename(sys.argv[0]), sys.argv[1:]  # noqa: PTH119 - quick to start
    path = os.environ.get("OI_DEPLOY_BROKER", "")
    stdin = read_stdin() if wants_stdin(tool, argv) else b""
    if len(stdin) > MAX_STDIN:
        return fail(tool, "standard input is larger than 4 MiB")
    header = {"tool": tool, "argv": argv, "cwd": os.getcwd(), "stdin": len(stdin)}  # noqa: PTH109
    broker = socket.socket(socket.AF_UNIX)
    try:
        broker.connect(path)
        # The connection stays open for writing: its end tells the broker that we are gone.
        broker.sendall(json.dumps(header).encode() + b"\n" + stdin)
    except OSError as error:
        why = error.strerror or str(error)
        if not isinstance(error, BrokenPipeError):
            return fail(tool, "the broker does not answer at '" + path + "': " + why)
    exit_code = None
    try:
        for line in broker.makefile("rb"):
            frame = json.loads(line)
            if "exit" in frame:
                exit_code = frame["exit"]
                break
            for key, number in (("o", 1), ("e", 2)):
                data = base64.b64decode(frame.get(key, ""))
                while data:
                    data = data[os.write(number, data) :]
    except BrokenPipeError:
        return 141  # as a program that got SIGPIPE
    except OSError:
        pass
    if exit_code is None:
        return fail(tool, "the broker ended before the command did")
    return int(exit_code)


if __name__ == "__main__":
    sys.exit(main())
