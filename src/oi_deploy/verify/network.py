"""Why a connection failed, in words that name the cause: the same for registry and cluster."""

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from oi_deploy.errors import RunError

Kind = Literal["ca", "certificate", "no-tls", "name", "refused", "timeout", "other"]


class UnreachableError(RunError):
    """No usable answer at the moment; the same request may succeed a little later."""


@dataclass(frozen=True)
class Trouble:
    """A failed connection.

    Attributes:
        kind: `ca`: the certificate's issuer is not known here; `certificate`: it is for another
            name, or expired; `no-tls`: the other side does not speak TLS; `name`: the host name
            has no address; the rest as they say.
        text: one clause for a person.
    """

    kind: Kind
    text: str


# OpenSSL's X509_V_ERR_ numbers that mean: the chain does not end in a trusted certificate.
_UNKNOWN_ISSUER = frozenset({2, 18, 19, 20, 21})


def explain(error: BaseException) -> Trouble:
    """Find the cause in an exception of httpx or urllib3, which wrap it in several layers."""
    chain = tuple(_chain(error))
    for item in chain:
        if isinstance(item, ssl.SSLCertVerificationError):
            if item.verify_code in _UNKNOWN_ISSUER:
                return Trouble("ca", "its certificate is signed by a CA that is not known here")
            return Trouble("certificate", f"its certificate is not valid: {item.verify_message}")
        if isinstance(item, ssl.SSLError):
            if item.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"):
                return Trouble("no-tls", "it answers, but does not speak TLS")
            return Trouble("other", f"the TLS handshake failed: {item.reason or item}")
        if isinstance(item, socket.gaierror):
            return Trouble("name", "its host name cannot be resolved here")
        if isinstance(item, ConnectionRefusedError):
            return Trouble("refused", "nothing listens there (connection refused)")
    if any(isinstance(item, TimeoutError) or "Timeout" in type(item).__name__ for item in chain):
        return Trouble("timeout", "it did not answer in time")
    return Trouble("other", str(chain[-1]) or type(chain[-1]).__name__)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and everything below it, also where only an argument holds the cause."""
    seen: set[int] = set()
    pending: list[BaseException] = [error]
    while pending:
        item = pending.pop(0)
        if id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        below = (item.__cause__, item.__context__, *item.args)
        pending += [cause for cause in below if isinstance(cause, BaseException)]


def is_loopback(host: str) -> bool:
    """Whether `host` (with or without a port) is this machine itself."""
    name = host.rsplit(":", 1)[0] if host.count(":") == 1 else host
    name = name.removeprefix("[").partition("]")[0]
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
