"""A web server that says which version it is."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

VERSION = Path(__file__).with_name("VERSION").read_text().strip()


class Handler(BaseHTTPRequestHandler):
    """Answers every GET with the version."""

    def do_GET(self) -> None:
        """Answer one request."""
        body = f"myapp {VERSION}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    HTTPServer(("0.0.0.0", 8080), Handler).serve_forever()  # noqa: S104
