"""What the test sees from outside: its listeners, processes, the engine, registry and cluster."""

import base64
import contextlib
import json
import os
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import docker
import httpx
from docker.errors import DockerException, NotFound

_ANSWER = b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n"
_LOOK_S = 0.2
# A layer's file that is larger is no place where a script would keep a secret.
_MOST_BYTES = 4 * 1024 * 1024


class Listeners:
    """TCP and UDP ports that nobody but an attack talks to.

    Attributes:
        hits: what came, as text.
    """

    def __init__(self, address: str) -> None:
        """Open both on this address."""
        self.hits: list[str] = []
        self._tcp = socket.create_server((address, 0), backlog=64)
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((address, 0))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def ports(self) -> tuple[int, int]:
        """TCP and UDP."""
        return self._tcp.getsockname()[1], self._udp.getsockname()[1]

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the ports."""
        self._stop.set()
        self._thread.join()
        self._tcp.close()
        self._udp.close()

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            for one in (self._tcp, self._udp):
                selector.register(one, selectors.EVENT_READ)
            while not self._stop.is_set():
                for key, _ in selector.select(0.1):
                    try:
                        self._hit(key.fileobj)
                    except OSError as error:
                        self.hits.append(f"a connection: {error}")

    def _hit(self, found: object) -> None:
        if found is self._udp:
            self.hits.append(f"datagram {self._udp.recv(2000)!r}")
            return
        client, peer = self._tcp.accept()
        with client:
            client.settimeout(1)
            data = b""
            with contextlib.suppress(TimeoutError):
                data = client.recv(2000)
            self.hits.append(f"connection from {peer[0]}: {data!r}")
            client.sendall(_ANSWER)


def forms(secrets: Mapping[str, str]) -> dict[str, bytes]:
    """Every form in which a secret must not turn up, by what it is."""
    found = {}
    for what, secret in secrets.items():
        raw = secret.encode()
        found[what] = raw
        found[f"{what} in base64"] = base64.b64encode(raw).rstrip(b"=")[:-1]
        found[f"{what} in base64 after a byte"] = base64.b64encode(b"x" + raw)[2:-4]
        found[f"{what} in hex"] = raw.hex().encode()
        found[f"{what} in a URL"] = quote(secret, safe="").encode()
        found[f"{what} in JSON"] = json.dumps(secret)[1:-1].encode()
    return found


def leaks(text: str | bytes, needles: Mapping[str, bytes]) -> list[str]:
    """Which secrets are in a text."""
    data = text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
    return [what for what, needle in needles.items() if needle in data]


class Sentinel:
    """Looks for secrets in processes, containers and new images while runs go on.

    Attributes:
        found: what was found where.
        processes: how many looks saw a process of the sandbox's user.
        containers: what the engine said about each new container that is no runner's step, by name.
        files: how many files of new layers were read.
    """

    def __init__(self, needles: Mapping[str, bytes], *, uid: int) -> None:
        """Prepare; `uid` is the user that the model's code runs as."""
        self.found: set[str] = set()
        self.processes = 0
        self.containers: dict[str, Any] = {}
        self.files = 0
        self._needles = needles
        self._uid = uid
        self._stop = threading.Event()
        self._client: Any = docker.from_env(timeout=60)
        self._base_layers: set[str] = set()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        """Begin to look."""
        for image in self._client.api.images():
            self._base_layers |= set(self._layers(image["Id"]))
        self._events = self._client.api.events(filters={"type": ["container", "image"]})
        for work in (self._watch_processes, self._watch_engine):
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop looking."""
        self._stop.set()
        self._events.close()
        for thread in self._threads:
            thread.join(5)
        self._client.close()

    def _watch_processes(self) -> None:
        while not self._stop.wait(_LOOK_S):
            for entry in Path("/proc").iterdir():
                if entry.name.isdecimal():
                    with contextlib.suppress(OSError):
                        self._look_at(entry)

    def _look_at(self, process: Path) -> None:
        command = (process / "cmdline").read_bytes()
        self._note("a command line", command, command)
        if process.stat().st_uid == self._uid:
            self.processes += 1
            self._note(
                "the environment of the model's code", (process / "environ").read_bytes(), command
            )

    def _note(self, where: str, data: bytes, command: bytes = b"") -> None:
        what = command[:80].replace(b"\0", b" ").decode(errors="replace")
        self.found |= {f"{secret} in {where} {what}" for secret in leaks(data, self._needles)}

    def _watch_engine(self) -> None:
        with contextlib.suppress(DockerException, httpx.HTTPError, OSError, ValueError):
            for line in self._events:
                for text in line.splitlines():
                    event = json.loads(text)
                    with contextlib.suppress(NotFound):
                        self._look_at_event(event)

    def _look_at_event(self, event: Mapping[str, Any]) -> None:
        name = event["Actor"]["Attributes"].get("name", "")
        if event["Type"] == "container" and event["Action"] == "create":
            known = self._client.api.inspect_container(event["Actor"]["ID"])
            # The runner gives the inputs to its step in the container's environment.
            if "GITHUB_ACTIONS=true" not in (known["Config"]["Env"] or ()):
                self.containers[name] = known
                self._note(f"container {name}", json.dumps(known).encode())
        elif event["Type"] == "image" and event["Action"] == "tag":
            self._look_at_image(name)

    def _look_at_image(self, name: str) -> None:
        self._note(f"image {name}", json.dumps(self._client.api.inspect_image(name)).encode())
        self._note(f"history {name}", json.dumps(self._client.api.history(name)).encode())
        for layer in set(self._layers(name)) - self._base_layers:
            for where, _, files in os.walk(layer):
                for file in files:
                    path = Path(where) / file
                    if path.is_file() and not path.is_symlink():
                        self.files += 1
                        with path.open("rb") as stream:
                            self._note(f"layer of {name}, {file}", stream.read(_MOST_BYTES))

    def _layers(self, name: str) -> list[str]:
        """The folders of an image's layers on this machine, as the overlay driver keeps them."""
        data = self._client.api.inspect_image(name)["GraphDriver"]["Data"] or {}
        folders = [data.get("UpperDir", ""), *data.get("LowerDir", "").split(":")]
        return [folder for folder in folders if folder]


def registry_names(values: Mapping[str, str]) -> Iterator[str]:
    """Every reference in the registry."""
    client = httpx.Client(
        base_url=f"https://{values['REGISTRY']}",
        auth=(values["REGISTRY_USERNAME"], values["REGISTRY_PASSWORD"]),
        verify=ssl.create_default_context(cafile=values["REGISTRY_CA"]),
        trust_env=False,
    )
    with client:
        for name in client.get("/v2/_catalog?n=1000").json()["repositories"]:
            for tag in client.get(f"/v2/{name}/tags/list").json().get("tags") or ():
                yield f"registry {name}:{tag}"


def engine_names() -> Iterator[str]:
    """References of images, and names and commands of containers."""
    client = docker.from_env()
    try:
        for name in engine_images(client):
            yield f"image {name}"
        for one in client.api.containers():
            yield f"container {' '.join(one['Names'])} {one['Image']} {one['Command']}"
        for volume in client.api.volumes()["Volumes"] or ():
            yield f"volume {volume['Name']}"
    finally:
        client.close()


def engine_images(client: Any) -> dict[str, str]:
    """Image ids by reference."""
    listed = client.api.images()
    return {name: one["Id"] for one in listed for name in one["RepoTags"] or ()}


def cluster_names(kubectl: Callable[..., Any]) -> Iterator[str]:
    """Kinds, namespaces and names of everything in the cluster."""
    kinds = "namespaces,deployments,pods,services,configmaps,secrets,serviceaccounts"
    for item in kubectl("get", kinds, "--all-namespaces")["items"]:
        meta = item["metadata"]
        yield f"{item['kind']} {meta.get('namespace', '')} {meta['name']}"


def state_of(kubectl: Callable[..., Any]) -> dict[str, Any]:
    """What the cluster's objects say, without what changes by itself."""
    kinds = "namespaces,deployments,services,configmaps,secrets,serviceaccounts"
    found = {}
    for item in kubectl("get", kinds, "--all-namespaces")["items"]:
        meta = item["metadata"]
        name = f"{item['kind']} {meta.get('namespace', '')}/{meta['name']}"
        found[name] = {
            "labels": meta.get("labels"),
            **{key: item[key] for key in ("spec", "data", "type") if key in item},
        }
    return found


def wait_until(done: Callable[[], bool], seconds: float) -> bool:
    """Whether it is so before the time is over."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def files_with(needles: Mapping[str, bytes], folders: Iterable[Path]) -> list[str]:
    """Which secrets are in the files of these folders."""
    found = []
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.stat().st_size < 50_000_000:
                found += [f"{what} in {path}" for what in leaks(path.read_bytes(), needles)]
    return found
