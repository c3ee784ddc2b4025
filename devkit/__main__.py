"""`python -m devkit world up|down|status`, `python -m devkit images`, `python -m devkit clean`."""

import argparse
import sys

from devkit import clean, engine, images, world
from devkit.shell import DevkitError


def main() -> int:
    """Run a subcommand; return its exit code."""
    parser = argparse.ArgumentParser(prog="devkit")
    commands = parser.add_subparsers(dest="command", required=True)
    world_parser = commands.add_parser("world", help="registry, cluster and sample Deployment")
    world_parser.add_argument("action", choices=["up", "down", "status"])
    world_parser.add_argument("--no-model", action="store_true", help="without vLLM and model")
    commands.add_parser("images", help="the base images that everything is built from")
    clean_parser = commands.add_parser("clean", help="remove all that the devkit made")
    clean_parser.add_argument("--caches", action="store_true", help="the downloads too")
    arguments = parser.parse_args()
    try:
        if arguments.command == "clean":
            clean.clean(caches=arguments.caches)
        elif arguments.command == "images":
            engine.up()
            images.up()
        elif arguments.action == "up":
            world.up(with_model=not arguments.no_model)
            print(f"devkit: the world is up; its addresses and logins are in {world.ENV_FILE}")
        elif arguments.action == "down":
            world.down()
        else:
            print(world.status())
    except DevkitError as error:
        print(f"devkit: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
