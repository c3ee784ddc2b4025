"""What stands beside Harbor's or GitLab's registry: a service that gives tokens by account."""

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from devkit import tls

SERVICE, ISSUER = "registry", "tokens"


@contextmanager
def token_service(ca: Path, accounts: Mapping[str, tuple[str, frozenset[str]]]) -> Iterator[str]:
    """Serve tokens on the loopback address; yield the registry's `auth` configuration.

    Args:
        ca: folder of the CA, whose certificate the registry trusts.
        accounts: password and allowed actions by user.
    """
    certificate, key = tls.issue(ca, "tokens", ["127.0.0.1"])
    signing = serialization.load_pem_private_key(key.read_bytes(), None)
    assert isinstance(signing, ec.EllipticCurvePrivateKey)
    der = x509.load_pem_x509_certificate(certificate.read_bytes()).public_bytes(
        serialization.Encoding.DER
    )
    header = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(der).decode()]}

    def token(user: str, actions: frozenset[str], scopes: list[str]) -> str:
        access = []
        for scope in scopes:
            kind, name, wanted = scope.split(":")
            given = [action for action in wanted.split(",") if action in actions]
            access.append({"type": kind, "name": name, "actions": given})
        now = int(time.time())
        claims = {
            "iss": ISSUER, "sub": user, "aud": SERVICE, "jti": str(time.time_ns()),
            "iat": now, "nbf": now - 60, "exp": now + 300, "access": access,
        }  # fmt: skip
        text = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(claims).encode())}"
        r, s = decode_dss_signature(signing.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{_encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            login = base64.b64decode(self.headers.get("Authorization", "").partition(" ")[2])
            user, _, password = login.decode().partition(":")
            known, actions = accounts.get(user, ("", frozenset()))
            if not user or password != known:
                self.send_error(401)
                return
            scopes = parse_qs(urlsplit(self.path).query).get("scope", [])
            body = json.dumps({"token": token(user, actions, scopes)}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        realm = f"http://127.0.0.1:{server.server_address[1]}/token"
        yield (
            f"{{token: {{realm: '{realm}', service: {SERVICE}, issuer: {ISSUER}, "
            "rootcertbundle: /site/ca.crt}}"
        )
        server.shutdown()


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
