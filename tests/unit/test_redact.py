"""No secret gets through, in whatever form and however it is cut into pieces."""

import base64
import json
from urllib.parse import quote

import pytest

from oi_deploy.redact import Redactor, secrets_of_kubeconfig

SECRET = 'p@ss w/ord"x+9'


def forms() -> list[str]:
    raw = SECRET.encode()
    return [
        SECRET,
        quote(SECRET, safe=""),
        json.dumps(SECRET)[1:-1],
        raw.hex(),
        base64.b64encode(raw).decode(),
        base64.b64encode(b"robot:" + raw).decode(),
        base64.b64encode(b"ab:" + raw + b"\n").decode(),
        base64.b64encode(b"a:" + raw + b"--").decode(),
    ]


@pytest.mark.parametrize("form", forms())
def test_every_form_is_replaced(form: str) -> None:
    shown = Redactor([SECRET]).text(f"before {form} after")
    assert shown.startswith("before ") and shown.endswith(" after")
    # Base64 keeps at most the characters that also depend on the neighbours.
    assert not any(form[i : i + 8] in shown for i in range(len(form) - 7) if i > 6)
    assert "***" in shown


@pytest.mark.parametrize("form", forms()[:5])
def test_every_form_is_replaced_wherever_a_stream_is_cut(form: str) -> None:
    text = f"one\nbefore {form} after\ntwo"
    whole = Redactor([SECRET]).text(text)
    for first in range(len(text)):
        stream = Redactor([SECRET]).stream()
        pieces = [stream.feed(text[:first]), stream.feed(text[first : first + 3])]
        pieces += [stream.feed(text[first + 3 :]), stream.flush()]
        assert "".join(pieces) == whole


def test_a_stream_shows_whole_lines_at_once() -> None:
    stream = Redactor(["a-long-secret-value"]).stream()
    assert stream.feed("a line\nand a") == "a line\n"


def test_each_line_of_a_secret_with_several_is_one() -> None:
    key = "-----BEGIN KEY-----\nabcdefghijkl\nmnopqrstuvwx\n-----END KEY-----\n"
    assert Redactor([key]).text("x mnopqrstuvwx y") == "x *** y"


def test_short_secrets_are_counted_and_left_alone() -> None:
    redactor = Redactor(["abc", "", "  "])
    assert (redactor.text("abc"), redactor.too_short) == ("abc", 1)


def test_a_secret_inside_another_leaves_no_rest() -> None:
    assert Redactor(["token", "token-with-more"]).text("token-with-more") == "***"


def test_a_kubeconfig_gives_its_tokens_and_keys() -> None:
    key = base64.b64encode(b"PRIVATE KEY").decode()
    content = f"users:\n- user: {{token: t0ken, client-key-data: {key}}}\n- user: {{password: pw}}"
    assert secrets_of_kubeconfig(content) == ["t0ken", key, "PRIVATE KEY", "pw"]
    assert secrets_of_kubeconfig("") == []
