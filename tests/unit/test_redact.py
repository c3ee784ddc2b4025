"""No secret gets through, in whatever form and however it is cut into pieces."""

import base64
import html
import json
import random
import re
from urllib.parse import quote

import pytest

from oi_deploy.markdown import inert
from oi_deploy.redact import Redactor, secrets_of_kubeconfig
from oi_deploy.text import visible

SECRET = 'p@ss w/ord"x+9'


def forms() -> list[str]:
    raw = SECRET.encode()
    return [
        SECRET,
        quote(SECRET, safe=""),
        re.sub("%..", lambda match: match[0].lower(), quote(SECRET)),
        html.escape(SECRET),
        inert(SECRET),
        json.dumps(SECRET)[1:-1],
        raw.hex(),
        raw.hex().upper(),
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


@pytest.mark.parametrize("form", forms()[:8])
def test_every_form_is_replaced_wherever_a_stream_is_cut(form: str) -> None:
    text = f"one\nbefore {form} after\ntwo"
    whole = Redactor([SECRET]).text(text)
    for first in range(len(text)):
        stream = Redactor([SECRET]).stream()
        pieces = [stream.feed(text[:first]), stream.feed(text[first : first + 3])]
        pieces += [stream.feed(text[first + 3 :]), stream.flush()]
        assert "".join(pieces) == whole


@pytest.mark.parametrize(
    "secret",
    [
        "\ufefftopsecret",
        "top\u200bsecret",
        "top##[secret",
        "topsecret:",
        ".top<secret:",
        "<topsecret:",
    ],
)
@pytest.mark.parametrize("around", ["{}", " {}/", "www{}/x", "www{}x", ":{}"])
def test_a_secret_is_known_as_it_is_shown(secret: str, around: str) -> None:
    redactor = Redactor([secret])
    text = around.format(secret)
    for shown in (text, visible(text), inert(text), inert(visible(text))):
        assert "secret" not in redactor.text(shown)
    # A program that reads the file it was pasted into drops the byte order mark.
    assert "secret" not in redactor.text(around.format(secret.replace("\ufeff", "")))


def test_no_secret_survives_any_encoding_or_cut() -> None:
    chance = random.Random(20261124)
    letters = "abcXYZ0189-_.~!$&+/=\"'\\<>%@:|*# é密"
    for _ in range(500):
        secret = "".join(chance.choices(letters, k=chance.randint(6, 60))).strip()
        if len(secret) < 6:
            continue
        redactor = Redactor([secret, *(chance.choice([secret[:5], "unrelated"]) for _ in "ab")])
        raw = secret.encode()
        for form in (
            secret, quote(secret, safe=""), json.dumps(secret)[1:-1], raw.hex(), html.escape(secret)
        ):  # fmt: skip
            text = f"\x1f[ {form} ]\x1f{form}\n{form}"
            cuts = sorted(chance.randint(0, len(text)) for _ in range(chance.randint(0, 12)))
            stream = redactor.stream()
            edges = zip([0, *cuts], [*cuts, len(text)], strict=True)
            shown = "".join([*(stream.feed(text[a:b]) for a, b in edges), stream.flush()])
            assert form not in shown
            assert shown == redactor.text(text)


def test_a_stream_waits_for_the_longer_of_two_secrets() -> None:
    stream = Redactor(["token", "token-with-more"]).stream()
    assert stream.feed("a token") == "a "
    assert stream.feed("-with-more b") == "*** b"


def test_a_stream_shows_at_once_what_begins_no_secret() -> None:
    stream = Redactor(["a-long-secret-value"]).stream()
    assert stream.feed("a line\nand a-l") == "a line\nand "
    assert stream.feed("ot") == "a-lot"


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
    content = f"""
users:
- user: {{token: t0ken, client-key-data: {key}}}
- user: {{password: 0123}}
- user:
    exec: {{env: [{{name: AWS_PROFILE, value: prod}}, {{name: MY_TOKEN, value: from-exec}}]}}
- user: {{auth-provider: {{config: {{refresh-token: again}}}}}}
"""
    assert secrets_of_kubeconfig(content) == [
        "t0ken", key, "PRIVATE KEY", "0123", "from-exec", "again"
    ]  # fmt: skip
    assert secrets_of_kubeconfig("") == []


def test_a_kubeconfig_that_cannot_be_read_is_secret_as_a_whole() -> None:
    assert secrets_of_kubeconfig("users: [token: abc") == ["users: [token: abc"]


def test_a_secret_that_is_not_utf8_is_still_one() -> None:
    assert Redactor(["caf\udce9-secret"]).text("x 636166e92d736563726574") == "x ***"
