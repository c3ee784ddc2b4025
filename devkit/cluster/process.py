"""The cluster as a child process, for tests and for `make world`."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devkit import tls
from devkit.cluster import authz, write_kubeconfig
from devkit.cluster.__main__ import READY_FILE

_START_SECONDS = 60.0
_STOP_SECONDS = 60.0
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class ClusterHandle:
    """A running cluster."""

    url: str
    ca_file: Path
    admin_token: str
    deploy_token: str
    namespace: str
    kubeconfig: Path
    """The administrator's."""
    deploy_kubeconfig: Path
    """The pipeline's: what authz.deployer allows."""
    log: Path
    process: subprocess.Popen[bytes]


@contextmanager
def running_cluster(
    state_dir: Path,
    listen: tuple[str, int] = ("172.17.0.1", 0),
    *,
    namespace: str = "demo",
    ca_dir: Path | None = None,
    docker_config: Path | None = None,
    label: str = "pod",
    more_accounts: Sequence[dict[str, Any]] = (),
) -> Iterator[ClusterHandle]:
    """Run a cluster while the context is open; its pods are gone afterwards.

    `namespace` is where the deploy token may act; it is not created. `more_accounts` are entries of
    the tokens file (see `authz`). Raises RuntimeError, with the
    end of the log, when the cluster does not come up.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    authority = ca_dir or state_dir / "ca"
    ca_file, _ = tls.ensure_ca(authority)
    cert, key = tls.issue(authority, "cluster", [listen[0], "127.0.0.1", "localhost"])
    admin_token, deploy_token = secrets.token_hex(16), secrets.token_hex(16)
    tokens = state_dir / "tokens.json"
    tokens.touch(mode=0o600)
    entries = [authz.admin(admin_token), authz.deployer(deploy_token, namespace)]
    entries += more_accounts
    tokens.write_text(json.dumps({"tokens": entries}), "utf-8")
    command = [sys.executable, "-m", "devkit.cluster", "--listen", f"{listen[0]}:{listen[1]}"]
    command += ["--state", str(state_dir), "--tls-cert", str(cert), "--tls-key", str(key)]
    command += ["--tokens", str(tokens), "--label", label]
    if docker_config is not None:
        command += ["--docker-config", str(docker_config)]
    log = state_dir / "cluster.log"
    (state_dir / READY_FILE).unlink(missing_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=_ROOT, stdout=output, stderr=subprocess.STDOUT)
    try:
        url = _wait_ready(process, state_dir / READY_FILE, log)
        admin, deploy = state_dir / "admin.kubeconfig", state_dir / "deploy.kubeconfig"
        ca = ca_file.read_bytes()
        for path, token in ((admin, admin_token), (deploy, deploy_token)):
            write_kubeconfig(path, server=url, ca=ca, token=token, namespace=namespace)
        yield ClusterHandle(
            url, ca_file, admin_token, deploy_token, namespace, admin, deploy, log, process
        )
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_ready(process: subprocess.Popen[bytes], ready: Path, log: Path) -> str:
    """Return the cluster's URL as soon as it serves."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if ready.exists() and (text := ready.read_text("utf-8")):
            return str(json.loads(text)["url"])
        time.sleep(0.1)
    tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-20:])
    raise RuntimeError(f"the devkit cluster did not start; its log ends with:\n{tail}")
