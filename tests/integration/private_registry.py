"""A registry of a test's own: the real one, with a login and with TLS from an unknown CA."""

import json
import ssl
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import httpx

from devkit import engine, images, tls

USERNAME, PASSWORD = "robot", "correct horse"
HTPASSWD = "{htpasswd: {realm: test, path: /site/htpasswd}}"
_CONFIG = """\
version: 0.1
storage: {filesystem: {rootdirectory: /data}, delete: {enabled: true}}
http: {addr: "0.0.0.0:5000", tls: {certificate: /site/registry.crt, key: /site/registry.key}}
auth: AUTH
"""


def docker(*argv: str, config: Path | None = None) -> str:
    """Run docker to its end; with `config`, with the login in that folder."""
    options = ["--config", str(config)] if config else []
    done = subprocess.run(["docker", *options, *argv], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"docker {' '.join(argv)}: {done.stderr}{done.stdout}"
    return done.stdout.strip()


@dataclass(frozen=True)
class Site:
    """The registry's address, its CA's certificate, and a folder with the engine's login."""

    host: str
    ca: Path
    docker_config: Path

    def push(self, image: str) -> str:
        """Push a local image; the digest as `docker push` prints it."""
        lines = docker("push", image, config=self.docker_config).splitlines()
        return lines[-1].split("digest: ")[1].split(" ")[0]


@contextmanager
def private_registry(folder: Path, *, auth: str = HTPASSWD) -> Iterator[Site]:
    """A running registry on the default bridge's gateway, which the engine trusts meanwhile.

    `auth` is that part of its configuration; the CA's certificate is there as `/site/ca.crt`.
    """
    address = engine.gateway()
    ca, _ = tls.ensure_ca(folder / "ca")
    certificate, key = tls.issue(folder / "ca", "registry", [address])
    site = folder / "site"
    site.mkdir()
    (site / "registry.crt").write_bytes(certificate.read_bytes())
    (site / "registry.key").write_bytes(key.read_bytes())
    (site / "ca.crt").write_bytes(ca.read_bytes())
    (site / "config.yml").write_text(_CONFIG.replace("AUTH", auth))
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(rounds=4)).decode()
    (site / "htpasswd").write_text(f"{USERNAME}:{hashed}\n")
    name = docker(
        "run", "--detach", "--label", "oi-deploy.devkit=test-registry",
        "--publish", f"{address}::5000", "--volume", f"{site}:/site:ro", images.REGISTRY,
        "serve", "/site/config.yml",
    )  # fmt: skip
    try:
        host = docker("port", name, "5000/tcp").splitlines()[0]
        trusted = Path("/etc/docker/certs.d") / host
        # A run that was killed leaves the folder, and a later engine hands out its port again.
        trusted.mkdir(parents=True, exist_ok=True)
        (trusted / "ca.crt").write_bytes(ca.read_bytes())
        try:
            _wait(host, ca, name)
            yield Site(host, ca, _login(folder, host))
        finally:
            (trusted / "ca.crt").unlink()
            trusted.rmdir()
    finally:
        docker("rm", "--force", "--volumes", name)


def _login(folder: Path, host: str) -> Path:
    config = folder / "docker"
    config.mkdir()
    login = b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    (config / "config.json").write_text(json.dumps({"auths": {host: {"auth": login}}}))
    return config


def _wait(host: str, ca: Path, name: str) -> None:
    limit = time.monotonic() + 30
    context = ssl.create_default_context(cafile=str(ca))
    while True:
        try:
            httpx.get(f"https://{host}/v2/", verify=context, trust_env=False)
            return
        except httpx.HTTPError as error:
            assert time.monotonic() < limit, f"{error}: {docker('logs', name)}"
            time.sleep(0.2)
