"""The `oi-deploy` command."""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from oi_deploy import __version__
from oi_deploy.errors import RunError


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; return its exit code."""
    parser = argparse.ArgumentParser(prog="oi-deploy", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "run", help="one run, with inputs from INPUT_* variables, as GitHub passes them"
    )
    doctor = commands.add_parser(
        "doctor", help="look whether everything that a run needs is there; change nothing"
    )
    _add_with(doctor)
    _add_serve(
        commands.add_parser(
            "serve", help="keep a model server up for several jobs and machines, until a signal"
        )
    )
    policy = commands.add_parser("policy", help="look at a policy").add_subparsers(
        dest="policy_command", required=True
    )
    _add_check(policy.add_parser("check", help="what the policy says to one command"))
    arguments = parser.parse_args(argv)
    if arguments.command == "policy":
        return _check(arguments)
    if arguments.command == "doctor":
        return _doctor(arguments.inputs)
    if arguments.command == "serve":
        return _serve(arguments)

    # Imported late: the cluster's client takes seconds, which --help and --version need not pay.
    from oi_deploy.run import run

    return run(os.environ, sys.stdout)


def _add_with(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--with",
        dest="inputs",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an input, as a workflow's `with:` has it; secrets belong into INPUT_* variables",
    )


def _with(given: Sequence[str]) -> dict[str, str]:
    """The environment with these inputs in it."""
    pairs = (item.partition("=") for item in given)
    return {**os.environ, **{f"INPUT_{name.upper()}": value for name, _, value in pairs}}


def _doctor(given: Sequence[str]) -> int:
    env = {**_with(given), "INPUT_MODE": "doctor"}
    if env.get("GITHUB_ACTIONS") == "true":
        from oi_deploy.run import run

        return run(env, sys.stdout)

    from oi_deploy.doctor.terminal import show

    return show(env, sys.stdout)


def _add_serve(parser: argparse.ArgumentParser) -> None:
    _add_with(parser)
    parser.add_argument(
        "--listen",
        type=_address,
        default="127.0.0.1:8000",
        metavar="HOST:PORT",
        help="where clients reach it; default: 127.0.0.1:8000, which is for this machine only",
    )
    parser.add_argument(
        "--api-key-file",
        type=Path,
        default=Path("~/.config/oi-deploy/api-key"),
        metavar="PATH",
        help="the clients' key; a new one is written there if there is none (default: %(default)s; "
        "the variable OI_DEPLOY_API_KEY wins)",
    )
    parser.add_argument(
        "--owner",
        default="",
        help="the GitHub owner whose jobs on this machine use the server without a key, through "
        "`engine: sibling`",
    )


def _address(text: str) -> tuple[str, int]:
    match = re.fullmatch(
        r"(?:\[(?P<six>[0-9a-fA-F:]+)\]|(?P<host>[^:\s]+)):(?P<port>\d{1,5})", text
    )
    if not match or int(match["port"]) > 65535:
        raise argparse.ArgumentTypeError(f"`{text}` is no HOST:PORT such as 127.0.0.1:8000")
    return match["six"] or match["host"], int(match["port"])


def _serve(arguments: argparse.Namespace) -> int:
    from oi_deploy.serve import serve

    host, port = arguments.listen
    return serve(
        _with(arguments.inputs),
        sys.stdout,
        host=host,
        port=port,
        owner=arguments.owner,
        key_file=arguments.api_key_file.expanduser(),
    )


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--policy-file", help="the file; its path is relative to the workspace")
    parser.add_argument("--registry", default="", help="the input of that name")
    parser.add_argument("--namespace", default="default", help="the input of that name")
    parser.add_argument("--allowed-images", default="", help="the input of that name")
    parser.add_argument("--allowed-deployments", default="", help="the input of that name")
    parser.add_argument("--workspace", type=Path, default=Path.cwd(), help="default: here")
    parser.add_argument(
        "words", nargs="+", metavar="docker|kubectl ...", help="the command, after `--`"
    )


def _check(arguments: argparse.Namespace) -> int:
    from oi_deploy.broker.check import check

    try:
        return check(
            arguments.words,
            workspace=arguments.workspace,
            policy_file=arguments.policy_file or "",
            registry=arguments.registry,
            namespace=arguments.namespace,
            allowed_images=arguments.allowed_images,
            allowed_deployments=arguments.allowed_deployments,
            out=sys.stdout,
        )
    except RunError as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
