"""What the action's container starts: one run, with the step's inputs from the environment."""

import os
import sys

# HOME is a folder of the runner, mounted. Open Interpreter and matplotlib write into it as soon as
# they are imported, and that would stay there owned by root (actions/runner#434).
os.environ["HOME"] = "/root"

from oi_deploy.cli import main

if __name__ == "__main__":
    # GitHub gives no arguments; a person may: `docker run IMAGE policy check -- docker push ...`.
    sys.exit(main(sys.argv[1:] or ["run"]))
