"""A model hub on the host: enough of huggingface.co's API for vLLM to fetch one model by name."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from devkit import engine

REVISION = "0" * 40
_CHUNK = 1024 * 1024


class Hub:
    """What it serves, and what it was asked.

    Attributes:
        url: as containers reach it.
        breaks_after: the byte of a file at which it ends the connection; None for never.
        fetched: the names of the files that were asked for.
    """

    def __init__(self, folder: Path, port: int) -> None:
        """Serve the files of this folder as one model, whatever its name."""
        self.folder = folder
        self.url = f"http://{engine.gateway()}:{port}"
        self.breaks_after: int | None = None
        self.fetched: list[str] = []


@contextmanager
def model_hub(folder: Path) -> Iterator[Hub]:
    """A hub that serves until the end."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if "/resolve/" in path:
                self._file(hub.folder / path.rpartition("/")[2])
            elif "/tree/" in path:
                self._json(
                    [
                        {"type": "file", "path": p.name, "size": p.stat().st_size, "oid": _etag(p)}
                        for p in sorted(hub.folder.iterdir())
                    ]
                )
            elif path.startswith("/api/models/"):
                names = [{"rfilename": path.name} for path in sorted(hub.folder.iterdir())]
                self._json({"id": "acme/small", "sha": REVISION, "siblings": names})
            else:
                self._empty(404)

        def _file(self, path: Path) -> None:
            if not path.is_file():
                self._empty(404)
                return
            size = path.stat().st_size
            begin = int((self.headers["range"] or "bytes=0-").removeprefix("bytes=").split("-")[0])
            if self.command == "GET":
                hub.fetched.append(path.name)
            self.send_response(206 if begin else 200)
            self.send_header("content-length", str(size - begin))
            self.send_header("content-range", f"bytes {begin}-{size - 1}/{size}")
            self.send_header("accept-ranges", "bytes")
            self.send_header("etag", f'"{_etag(path)}"')
            self.send_header("x-repo-commit", REVISION)
            self.end_headers()
            if self.command == "HEAD":
                return
            with path.open("rb") as file, suppress(ConnectionError):  # it has got enough
                file.seek(begin)
                while data := file.read(_CHUNK):
                    if hub.breaks_after is not None and file.tell() > hub.breaks_after:
                        self.close_connection = True
                        return
                    self.wfile.write(data)

        def _json(self, answer: object) -> None:
            data = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def _empty(self, code: int) -> None:
            self.send_response(code)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer((engine.gateway(), 0), Handler)
    server.daemon_threads = True
    hub = Hub(folder, server.server_address[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def _etag(path: Path) -> str:
    return f"{path.stat().st_size:040x}"
