"""Faults from outside, and one run with one of them: a proxy, a Deployment to heal, a scene."""

import base64
import contextlib
import json
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from devkit import engine, tls
from devkit.runner import Step, StepResult
from devkit.scripted_model import ScriptedModel
from devkit.scripted_replies import Reply
from devkit.shell import STATE, call
from tests.e2e.site import Site, scripted

QUOTA = "two-pods"
_UNAUTHORIZED = {
    "kind": "Status",
    "apiVersion": "v1",
    "status": "Failure",
    "message": "Unauthorized",
    "reason": "Unauthorized",
    "code": 401,
}

# Two lanes must not write the proxies' certificate at the same time.
_ISSUING = threading.Lock()


class Proxy:
    """Stands in front of registry or cluster, with a certificate of the devkit's CA.

    Attributes:
        busy: set when a connection came while the proxy hangs.
        ca: the certificate (PEM) of the CA that its clients have to trust.
    """

    def __init__(self, upstream: str, ca: str) -> None:
        """Begin to pass everything on to an `https` address whose certificate is of `ca` (PEM)."""
        self.busy = threading.Event()
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "", parts.port or 443)
        self._host = engine.gateway()
        self.ca = (STATE / "ca/ca.crt").read_text(encoding="utf-8")
        self._server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with _ISSUING:
            self._server.load_cert_chain(*tls.issue(STATE / "ca", "faults", [self._host]))
        self._client = ssl.create_default_context(cadata=ca)
        self._mode: str | int = "pass"
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._port = 0
        self._listen()

    @property
    def address(self) -> str:
        """`host:port`, for those who shall go through it."""
        return f"{self._host}:{self._port}"

    def fault(self, mode: str | int) -> None:
        """Fail from now on: `down`, `hang`, or a status that answers everything.

        Connections that are open break. `pass` ends the fault.
        """
        before, self._mode = self._mode, mode
        if mode == "down":
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        elif before == "down":
            self._listen()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End it."""
        if self._mode != "down":
            self.fault("down")

    def _listen(self) -> None:
        self._listener = socket.create_server((self._host, self._port), backlog=32)
        self._port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    @contextlib.contextmanager
    def _known(self, connection: socket.socket) -> Iterator[None]:
        with self._lock:
            self._open.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _serve(self, raw: socket.socket) -> None:
        with contextlib.suppress(OSError), self._known(raw):
            if self._mode == "hang":
                self.busy.set()
                while raw.recv(65536):
                    pass
                return
            inner = self._server.wrap_socket(raw, server_side=True)
            with self._known(inner):
                if isinstance(self._mode, int):
                    self._answer(inner, self._mode)
                    return
                outer = self._client.wrap_socket(
                    socket.create_connection(self._upstream), server_hostname=self._upstream[0]
                )
                with self._known(outer):
                    _pass_on(inner, outer)

    def _answer(self, connection: socket.socket, status: int) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65536) or b"\r\n\r\n"
        body = json.dumps({**_UNAUTHORIZED, "code": status, "message": f"fault {status}"}).encode()
        connection.sendall(
            f"HTTP/1.1 {status} Fault\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            + body
        )


def _pass_on(one: ssl.SSLSocket, other: ssl.SSLSocket) -> None:
    """Carry data in both directions, in one thread: OpenSSL does not like two at a connection."""
    for connection in (one, other):
        connection.setblocking(False)
    while True:
        pending = [connection for connection in (one, other) if connection.pending()]
        for source in pending or select.select([one, other], [], [])[0]:
            try:
                data = source.recv(65536)
            except ssl.SSLWantReadError:  # a session ticket, for example
                continue
            if not data:
                return
            target = other if source is one else one
            target.setblocking(True)
            target.sendall(data)
            target.setblocking(False)


@dataclass
class Scene:
    """One run at a site, with what makes it fail.

    Attributes:
        site: where.
        replies: what the model says.
        inputs: besides the usual ones.
        on_line: told each line of the step's log.
        on_request: told each request that the model gets.
        repeat_last: whether the model's last reply is repeated for ever.
        api_key: what the model server demands.
        step: the running step, as soon as there is one.
        model: the model, as soon as there is one.
    """

    site: Site
    replies: list[Reply] = field(default_factory=list)
    inputs: dict[str, str] = field(default_factory=dict)
    on_line: list[tuple[str, Callable[[], object]]] = field(default_factory=list)
    on_request: Callable[[int], None] = lambda number: None
    repeat_last: bool = False
    api_key: str = ""
    step: Step | None = None
    model: ScriptedModel | None = None

    def when(self, words: str, act: Callable[[], object]) -> None:
        """Do something once, beside everything else, when a line of the log begins with `words`."""
        self.on_line.append((words, act))

    def kill_model(self) -> None:
        """End the model server, whatever it is doing."""
        assert self.model is not None
        self.model.__exit__()

    def _line(self, line: str) -> None:
        for item in list(self.on_line):
            if line.strip().startswith(item[0]):
                self.on_line.remove(item)
                threading.Thread(target=item[1], daemon=True).start()

    def run(self, patience_s: float = 120) -> StepResult:
        """Let it run to its end."""
        asked = iter(range(1, 1000))

        def on_request(body: dict[str, Any]) -> None:
            self.on_request(next(asked))

        options = {"repeat_last": self.repeat_last, "api_key": self.api_key}
        with scripted(self.replies, on_request=on_request, **options) as model:
            self.model = model
            inputs = self.site.inputs(model) | self.inputs
            self.step = self.site.start(inputs, on_line=self._line)
            return self.step.wait(patience_s)


@contextlib.contextmanager
def registry_proxy(scene: Scene) -> Iterator[Proxy]:
    """A proxy in front of the registry, for the run; the Docker engine trusts it meanwhile."""
    values = scene.site.values
    ca = Path(values["REGISTRY_CA"]).read_text(encoding="utf-8")
    proxy = Proxy(f"https://{values['REGISTRY']}", ca)
    scene.inputs |= {"registry": f"{proxy.address}/library", "registry-ca": proxy.ca + ca}
    trusted = Path("/etc/docker/certs.d") / proxy.address
    trusted.mkdir(parents=True, exist_ok=True)  # a run that was killed leaves it
    file = trusted / "ca.crt"
    file.write_text(proxy.ca, encoding="utf-8")
    try:
        yield proxy
    finally:
        proxy.close()
        file.unlink()
        trusted.rmdir()


@contextlib.contextmanager
def cluster_proxy(scene: Scene) -> Iterator[Proxy]:
    """A proxy in front of the cluster, for the run."""
    document = yaml.safe_load(Path(scene.site.values["KUBECONFIG"]).read_text(encoding="utf-8"))
    cluster = document["clusters"][0]["cluster"]
    server = urlsplit(cluster["server"])
    ca = base64.b64decode(cluster["certificate-authority-data"]).decode()
    proxy = Proxy(cluster["server"], ca)
    cluster["server"] = f"https://{proxy.address}{server.path}"
    cluster["certificate-authority-data"] = base64.b64encode(proxy.ca.encode()).decode()
    scene.inputs["kubeconfig"] = yaml.safe_dump(document)
    try:
        yield proxy
    finally:
        proxy.close()


class Deployment:
    """The world's Deployment, as its administrator sees it."""

    def __init__(self, site: Site) -> None:
        """Remember how it is now.

        Raises:
            DevkitError: it does not work even now; tests that were killed may have left it so, and
                a new world (`make world-down world`) has a good one.
        """
        self._site = site
        self.settle()
        self.saved = site.kubectl("get", "deployment", "myapp")

    def admin(self, *words: str, stdin: bytes | None = None) -> str:
        """Run kubectl as the administrator."""
        values = self._site.values
        environment = {"KUBECONFIG": values["KUBECONFIG_ADMIN"]}
        command = (values["KUBECTL"], "-n", values["NAMESPACE"], *words)
        return call(*command, env=environment, stdin=stdin)

    def template(self) -> Any:
        """Its pod template; None if it is gone."""
        items = self._site.kubectl("get", "deployments")["items"]
        found = [item for item in items if item["metadata"]["name"] == "myapp"]
        return found[0]["spec"]["template"] if found else None

    def settle(self) -> None:
        """Wait until its controller has done what it was told last."""
        self.admin("rollout", "status", "deployment/myapp", "--timeout=60s")

    def heal(self) -> None:
        """Make it what it was, wherever a fault has left it."""
        self.admin("delete", "resourcequota", QUOTA, "--ignore-not-found")
        now = self.template()
        if now is None:
            metadata = {key: self.saved["metadata"][key] for key in ("name", "namespace", "labels")}
            spec = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}
            spec["spec"] = self.saved["spec"]
            self.admin("create", "-f", "-", stdin=json.dumps(spec).encode())
        elif now != self.saved["spec"]["template"]:
            patch = [{"op": "replace", "path": "/spec", "value": self.saved["spec"]}]
            self.admin("patch", "deployment", "myapp", "--type=json", "-p", json.dumps(patch))
        self.settle()


def image(site: Site, tag: str) -> str:
    """A reference of this site's own."""
    return f"{site.values['REGISTRY']}/library/myapp:{tag}-{site.version}"


def dockerfile(command: str) -> str:
    """A line of shell that writes a Dockerfile whose program is this line of Python."""
    text = f'FROM python:3.11-slim\\nCMD exec python3 -c "{command}"\\n'
    return f"printf '{text}' > Dockerfile\n"


CRASH = dockerfile("raise SystemExit(3)")
# It ends when it is told to, so that nobody waits for it.
_ENDS = "import signal, time; signal.signal(15, lambda *_: exit()); "
NEVER_READY = dockerfile(f"{_ENDS}time.sleep(600)")
SLOW = dockerfile(
    f"{_ENDS}time.sleep(25); import http.server as h; "
    "h.HTTPServer((str(), 8080), h.SimpleHTTPRequestHandler).serve_forever()"
)


def build(reference: str, *, first: str = "") -> str:
    """A script that builds."""
    return f"{first}docker build -t {reference} .\n"


def push(reference: str) -> str:
    """A script that pushes."""
    return f"docker push {reference}\n"


def set_image(reference: str, container: str = "app", deployment: str = "myapp") -> str:
    """A script that rolls out."""
    return f"kubectl -n production set image deployment/{deployment} {container}={reference}\n"


def deliver(reference: str, *, first: str = "") -> str:
    """All three."""
    return build(reference, first=first) + push(reference) + set_image(reference)


def events(result: StepResult, site: Site, name: str) -> Sequence[str]:
    """The lines of one event in the run's log."""
    path = site.folders.workspace / result.outputs["log-path"]
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if f" {name} " in line]
