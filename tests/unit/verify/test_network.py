import socket
import ssl

import pytest
import urllib3

from oi_deploy.verify.network import explain, is_loopback


def unverified(code: int, message: str = "") -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, message
    return error


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (unverified(20), "ca"),
        (unverified(18), "ca"),
        (unverified(10, "certificate has expired"), "certificate"),
        (unverified(62, "Hostname mismatch"), "certificate"),
        (socket.gaierror(-2, "Name or service not known"), "name"),
        (ConnectionRefusedError(111, "refused"), "refused"),
        (TimeoutError(), "timeout"),
        (OSError(113, "No route to host"), "other"),
    ],
)
def test_finds_the_cause_wherever_a_library_hides_it(cause: Exception, kind: str) -> None:
    chained = RuntimeError("above")
    chained.__cause__ = cause
    assert explain(chained).kind == kind
    assert explain(urllib3.exceptions.SSLError(cause)).kind == kind


def test_an_expired_certificate_is_called_expired() -> None:
    assert "expired" in explain(unverified(10, "certificate has expired")).text


@pytest.mark.parametrize("host", ["localhost", "localhost:5000", "127.0.0.1", "127.9.9.9:1", "::1"])
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["172.17.0.1:5443", "localhost.example.com", "127.0.0.1.nip.io"])
def test_other_machines(host: str) -> None:
    assert not is_loopback(host)
