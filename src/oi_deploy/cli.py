"""The `oi-deploy` command."""

import argparse
import os
import sys
from collections.abc import Sequence

from oi_deploy import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; return its exit code."""
    parser = argparse.ArgumentParser(prog="oi-deploy", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "run", help="one run, with inputs from INPUT_* variables, as GitHub passes them"
    )
    parser.parse_args(argv)

    # Imported late: Open Interpreter takes seconds, which --help and --version need not pay.
    from oi_deploy.run import run

    return run(os.environ, sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
