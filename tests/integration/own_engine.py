"""A Docker engine of the test's own, beside the machine's: one that may be restarted."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devkit.shell import works


class OwnEngine:
    """An engine without networks, so that it does not touch the other one's."""

    def __init__(self, folder: Path) -> None:
        """Keep everything in this folder."""
        self._folder = folder
        self.url = f"unix://{folder}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    # In a network namespace of its own: an engine without a bridge removes docker0
                    # (moby/moby, daemon/daemon_unix.go, removeDefaultBridgeInterface).
                    *(
                        "unshare",
                        "--net",
                        "dockerd",
                        f"--host={self.url}",
                        f"--data-root={self._folder}/data",
                    ),
                    *(f"--exec-root={self._folder}/run", f"--pidfile={self._folder}/pid"),
                    *("--bridge=none", "--iptables=false", "--log-level=warn"),
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while not works("docker", "--host", self.url, "info"):
            assert self._process.poll() is None, (self._folder / "log").read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        """End it, and with it its containers."""
        if self._process:
            self._process.terminate()
            self._process.wait()

    def load(self, image: str) -> None:
        """Copy an image of the machine's engine."""
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saved:
            subprocess.run(
                ["docker", "--host", self.url, "load"],
                stdin=saved.stdout,
                check=True,
                capture_output=True,
            )


@contextmanager
def own_engine(folder: Path) -> Iterator[OwnEngine]:
    """An engine that runs, and that is gone in the end with all that it has started."""
    engine = OwnEngine(folder)
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()
        shutil.rmtree(folder / "data")
