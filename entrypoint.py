"""What the action's container starts: one run, with the step's inputs from the environment."""

import os
import sys

os.environ["HOME"] = "/root"

from oi_deploy.limits import catch_signals

# Before anything that takes time to import: a job can be cancelled at any moment.
catch_signals()

from oi_deploy.cli import main  # noqa: E402

if __name__ == "__main__":
    # GitHub gives no arguments; a person may: `docker run IMAGE policy check -- docker push ...`.
    sys.exit(main(sys.argv[1:] or ["run"]))
