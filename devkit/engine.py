"""A Docker engine: the one that runs, or one that is installed and started for the time being."""

import json
import time
from pathlib import Path

from devkit.shell import (
    STATE,
    DevkitError,
    apt_install,
    call,
    detached_pid,
    say,
    start_detached,
    step,
    stop_detached,
    works,
)

_NAME = "dockerd"
_START_S = 60.0


def up() -> None:
    """Have an engine that answers.

    Raises:
        DevkitError: there is none, and none can be installed or started here.
    """
    if works("docker", "info"):
        return
    apt_install("docker.io", "iptables")
    if works("docker", "info"):  # on a machine with systemd, installing starts it
        return
    if Path("/run/systemd/system").exists():
        call("systemctl", "start", "docker")
    elif detached_pid(_NAME) is None:
        # Left by an engine that was killed; it refuses to start beside it.
        Path("/var/run/docker.pid").unlink(missing_ok=True)
        start_detached(["dockerd", "--log-level", "warn"], name=_NAME)
    with step("starting the Docker engine"):
        limit = time.monotonic() + _START_S
        while not works("docker", "info"):
            if time.monotonic() > limit:
                log = STATE / "log" / f"{_NAME}.log"
                end = log.read_text(encoding="utf-8")[-2000:] if log.exists() else ""
                raise DevkitError(f"the Docker engine does not start:\n{end}")
            time.sleep(0.5)


def down() -> None:
    """Stop the engine, if we started it."""
    if stop_detached(_NAME):
        say("stopped the Docker engine that was started for this")


def gateway() -> str:
    """The host's address on the default bridge network.

    The action's container, the engine and programs on the host all reach it; `localhost` means
    something else to each of them.
    """
    network = json.loads(call("docker", "network", "inspect", "bridge"))[0]
    for config in network["IPAM"]["Config"]:
        if config.get("Gateway"):
            return str(config["Gateway"])
    return str(config["Subnet"]).rpartition(".")[0] + ".1"
