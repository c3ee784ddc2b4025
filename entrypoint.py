"""What the action's container starts: one run, with the step's inputs from the environment."""

import gc
import os
import sys

os.environ["HOME"] = "/root"
# What is imported stays. By default the collector looks through all of it again and again, which
# takes a fifth of the processor time of a start.
gc.set_threshold(100_000)

from oi_deploy.limits import catch_signals  # noqa: E402

# Before anything that takes time to import: a job can be cancelled at any moment.
catch_signals()

from oi_deploy.cli import main  # noqa: E402

if __name__ == "__main__":
    # GitHub gives no arguments; a person may: `docker run IMAGE policy check -- docker push ...`.
    sys.exit(main(sys.argv[1:] or ["run"]))
