"""A private registry as a company has one: a login, and TLS from a CA of its own."""

import secrets
import time
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import httpx

from devkit import images, tls
from devkit.shell import STATE, DevkitError, call, step, works

PORT = 5443
USERNAME = "robot"

_NAME = "oi-deploy-devkit-registry"
_START_S = 30.0
_CONFIG = """\
version: 0.1
storage:
  filesystem: {rootdirectory: /data}
  delete: {enabled: true}
http:
  addr: 0.0.0.0:5000
  tls: {certificate: /site/registry.crt, key: /site/registry.key}
auth:
  htpasswd: {realm: devkit, path: /site/htpasswd}
"""


@dataclass(frozen=True)
class Registry:
    """A registry that runs: `host:port`, its account, and the CA's certificate."""

    host: str
    username: str
    password: str
    ca: Path


def up(address: str) -> Registry:
    """Start the registry on `address`; a password is made for each start.

    Raises:
        DevkitError: it does not answer, or another clone's world has the place.
    """
    if (other := _owner()) not in (None, STATE) and _runs() and (other / "world.env").exists():
        raise DevkitError(
            f"the world of {other.parent} runs on this machine, and there is room for one:"
            f" `make world-down` in that folder ends it"
        )
    host = f"{address}:{PORT}"
    password = secrets.token_urlsafe(24)
    site = STATE / "registry"
    site.mkdir(parents=True, exist_ok=True)
    ca, _ = tls.ensure_ca(STATE / "ca")
    certificate, key = tls.issue(STATE / "ca", "registry", [address])
    (site / "registry.crt").write_bytes(certificate.read_bytes())
    (site / "registry.key").write_bytes(key.read_bytes())
    (site / "config.yml").write_text(_CONFIG, encoding="utf-8")
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds=5)).decode()
    (site / "htpasswd").write_text(f"{USERNAME}:{hashed}\n", encoding="utf-8")
    with step(f"starting the registry on {host}"):
        works("docker", "rm", "--force", "--volumes", _NAME)
        # Where the engine looks for it (docs.docker.com, engine/security/certificates).
        trusted = _trusted(host)
        trusted.mkdir(parents=True, exist_ok=True)
        (trusted / "ca.crt").write_bytes(ca.read_bytes())
        (site / "host").write_text(host, encoding="utf-8")
        call(
            "docker", "run", "--detach", "--name", _NAME, "--label", "oi-deploy.devkit=registry",
            "--publish", f"{host}:5000", "--volume", f"{site}:/site:ro", images.REGISTRY,
            "serve", "/site/config.yml",
        )  # fmt: skip
        _wait(host, password, ca)
    return Registry(host, USERNAME, password, ca)


def _trusted(host: str) -> Path:
    return Path("/etc/docker/certs.d") / host


def _wait(host: str, password: str, ca: Path) -> None:
    limit = time.monotonic() + _START_S
    error: Exception | None = None
    while time.monotonic() < limit:
        try:
            with httpx.Client(verify=str(ca), trust_env=False) as client:
                client.get(f"https://{host}/v2/", auth=(USERNAME, password)).raise_for_status()
                return
        except httpx.HTTPError as caught:
            error = caught
            time.sleep(0.3)
    raise DevkitError(f"the registry on {host} does not answer: {error}")


def _owner() -> Path | None:
    """The state folder that the registry on this machine was started from."""
    mounts = '{{range .Mounts}}{{if eq .Destination "/site"}}{{.Source}}{{end}}{{end}}'
    command = ["docker", "container", "inspect", "--format", mounts, _NAME]
    return Path(call(*command).strip()).parent if works(*command) else None


def running() -> bool:
    """Whether our registry runs."""
    return _owner() == STATE and _runs()


def _runs() -> bool:
    """Whether a registry runs, whoever started it; one that died with its engine is no world."""
    command = ["docker", "container", "inspect", "--format", "{{.State.Running}}", _NAME]
    return works(*command) and call(*command).strip() == "true"


def down() -> None:
    """Stop the registry; its images go with it, and the engine no longer trusts its CA."""
    if _owner() == STATE:
        call("docker", "rm", "--force", "--volumes", _NAME)
    remembered = STATE / "registry" / "host"
    if remembered.exists():
        trusted = _trusted(remembered.read_text(encoding="utf-8"))
        (trusted / "ca.crt").unlink(missing_ok=True)
        if trusted.is_dir():
            trusted.rmdir()
        remembered.unlink()
