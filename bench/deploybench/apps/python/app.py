"""A web server that says which version it is."""

import os
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

VERSION = Path(__file__).with_name("VERSION").read_text(encoding="utf-8").strip()
GREETING = os.environ.get("GREETING", "version")


class Handler(BaseHTTPRequestHandler):
    """Answers every GET with the version."""

    def do_GET(self) -> None:
        """Answer one request."""
        body = f"{GREETING} {VERSION}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    time.sleep(float(os.environ.get("START_DELAY", "0")))
    port = int(os.environ.get("PORT", "8080"))
    HTTPServer(("0.0.0.0", port), Handler).serve_forever()  # noqa: S104 - a pod's address
