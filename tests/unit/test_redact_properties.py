"""500 random secrets, every form that they take, every way to cut a stream: none survives."""

import base64
import html
import json
import random
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from oi_deploy import surroundings
from oi_deploy.markdown import inert
from oi_deploy.redact import Redactor, secrets_of_kubeconfig
from oi_deploy.text import VisibleStream, visible

# What passwords and tokens are made of, and what encoders treat in a way of their own.
LETTERS = "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_.~!$&+/=\"'\\<>%@:|*#^(){}[],;? é密🔑ghpeyJ"
steady = settings(max_examples=500, derandomize=True, database=None, deadline=None)

ENCODERS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "url": lambda text: quote(text, safe=""),
    "url, path": quote,
    "url, form": quote_plus,
    "json": lambda text: json.dumps(text)[1:-1],
    "json, utf-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "hex": lambda text: text.encode().hex(),
    "HEX": lambda text: text.encode().hex().upper(),
    "html": html.escape,
    "html, text": lambda text: html.escape(text, quote=False),
    "markdown": inert,
    "visible": visible,
}
# A line of a secret; what is shorter would take ordinary words with it.
LINE = st.text(LETTERS, min_size=6, max_size=60).map(str.strip).filter(lambda text: len(text) >= 6)
SECRET = st.lists(LINE, min_size=1, max_size=3).map("\n".join)


def pieces(text: str, chance: random.Random) -> Iterator[str]:
    """The text, cut anywhere."""
    cuts = sorted(chance.randint(0, len(text)) for _ in range(chance.randint(0, 8)))
    for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        yield text[begin:end]


def streamed(redactor: Redactor, text: str, chance: random.Random) -> str:
    """What the console shows of a text that comes in pieces."""
    clean, redacting, shown = VisibleStream(), redactor.stream(), []
    for piece in pieces(text, chance):
        shown.append(redacting.feed(clean.feed(piece)))
    return "".join([*shown, redacting.feed(clean.flush()), redacting.flush()])


@steady
@given(SECRET, LINE, st.randoms(use_true_random=False))
def test_no_form_survives_however_it_is_cut(secret: str, other: str, chance: random.Random) -> None:
    redactor = Redactor([secret, other])
    for line in (*secret.splitlines(), other):
        for name, encode in ENCODERS.items():
            form = encode(line)
            before, after = (
                chance.choice(["", " ", "x=", '"', "\n"]),
                chance.choice(["", " ", "\n"]),
            )
            text = f"{before}{form}{after}"
            whole = redactor.text(text)
            assert form not in whole.replace("***", "\0"), name
            if visible(text) == text:
                assert streamed(redactor, text, chance) == whole, name


@steady
@given(SECRET, st.binary(max_size=5), st.binary(max_size=5), st.randoms(use_true_random=False))
def test_base64_of_it_survives_in_none_of_its_three_alignments(
    secret: str, before: bytes, after: bytes, chance: random.Random
) -> None:
    redactor = Redactor([secret])
    for line in secret.splitlines():
        raw = line.encode()
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(before + raw + after).decode()
            shown = streamed(redactor, text, chance)
            assert shown == redactor.text(text)
            # The characters that its neighbours decide too are all that may stay of it.
            assert "***" in shown
            rests = shown.split("***")
            first, last = len(before) * 8 // 6 + 1, -(-len(after) * 8 // 6) + 4
            assert len(rests[0]) <= first and len(rests[-1]) <= last


WORD = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
SHAPES = {
    "ghp_": 36, "gho_": 36, "ghu_": 36, "ghs_": 36, "ghr_": 36, "github_pat_": 59, "glpat-": 20,
    "dckr_pat_": 27, "hf_": 34, "npm_": 36, "xoxb-": 24,
}  # fmt: skip


@st.composite
def tokens(draw: st.DrawFn) -> str:
    """A token of a known shape that nobody has told us about."""
    kind = draw(st.sampled_from([*SHAPES, "jwt"]))
    if kind != "jwt":
        length = SHAPES[kind]
        return kind + draw(st.text(WORD, min_size=length, max_size=length + 8))
    parts = [draw(st.text(WORD + "-_", min_size=12, max_size=80)) for _ in range(3)]
    return "eyJ" + ".".join(parts)


@steady
@given(tokens(), st.randoms(use_true_random=False))
def test_tokens_of_known_shapes_survive_neither(token: str, chance: random.Random) -> None:
    redactor = Redactor(["unrelated-secret"])
    for form in (token, inert(token)):
        text = f"Authorization: Bearer {form}\nnext {form}"
        assert redactor.text(text) == "Authorization: Bearer ***\nnext ***"
        assert streamed(redactor, text, chance) == redactor.text(text)


@steady
@given(st.text(LETTERS + "\n_-.ghpeyJ", max_size=200), st.randoms(use_true_random=False))
def test_a_stream_shows_what_the_whole_text_shows(text: str, chance: random.Random) -> None:
    redactor = Redactor(["secret-one", "ghp_short", "eyJ.a"])
    text = visible(text)
    assert streamed(redactor, text, chance) == redactor.text(text)


@pytest.mark.parametrize(
    "text",
    [
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0ba822cd15d6c15b0f00a08",
        "docker push 172.17.0.1:5443/library/myapp:4aa6db3",
        "npm_config_registry=x ghp_ eyJ hf_hub xoxo-xoxo github_pat_",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert Redactor([]).text(text) == text


@settings(steady, max_examples=100)
@given(st.lists(LINE, min_size=4, max_size=4), st.randoms(use_true_random=False))
def test_every_secret_of_the_inputs_is_known_in_every_form(
    lines: list[str], chance: random.Random
) -> None:
    password, token, client_key, extra = lines
    key = f"-----BEGIN EC PRIVATE KEY-----\n{client_key}\n-----END EC PRIVATE KEY-----\n"
    kubeconfig = yaml.safe_dump(
        {
            "clusters": [],
            "contexts": [],
            "users": [
                {"user": {"token": token}},
                {"user": {"client-key-data": base64.b64encode(key.encode()).decode()}},
                {"user": {"auth-provider": {"config": {"id-token": extra}}}},
            ],
        }
    )
    env = {
        "INPUT_REGISTRY-USERNAME": "robot",
        "INPUT_REGISTRY-PASSWORD": password,
        "INPUT_KUBECONFIG": kubeconfig,
    }
    redactor = Redactor(surroundings.secrets(env))
    auth = base64.b64encode(f"robot:{password}".encode()).decode()
    wrapped = base64.b64encode(kubeconfig.encode()).decode()
    assert len(secrets_of_kubeconfig(kubeconfig)) == 4
    for form in (password, token, client_key, extra, auth, base64.b64encode(key.encode()).decode()):
        text = f"before {form} after"
        assert form not in redactor.text(text)
        assert streamed(redactor, text, chance) == redactor.text(text) or visible(text) != text
    assert wrapped not in redactor.text(wrapped)


BASE64 = WORD + "+/"
LABELS = ("", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED ")


@st.composite
def private_keys(draw: st.DrawFn) -> str:
    """A private key that nobody has told us about, as a file or as a string of JSON."""
    label = draw(st.sampled_from(LABELS)) + "PRIVATE KEY-----"
    lines = draw(st.lists(st.text(BASE64, min_size=16, max_size=64), min_size=1, max_size=30))
    end = draw(st.sampled_from(["\n", "\r\n", "\\n"]))
    return end.join([f"-----BEGIN {label}", *lines, f"-----END {label}"])


@steady
@given(private_keys(), st.randoms(use_true_random=False))
def test_private_keys_survive_neither(key: str, chance: random.Random) -> None:
    redactor = Redactor(["unrelated-secret"])
    text = visible(f"key: {key}, next")
    assert redactor.text(text) == "key: ***, next"
    assert streamed(redactor, text, chance) == redactor.text(text)


@steady
@given(private_keys(), st.integers(12, 200), st.randoms(use_true_random=False))
def test_a_private_key_that_is_cut_off_survives_neither(
    key: str, kept: int, chance: random.Random
) -> None:
    redactor = Redactor([])
    head, _, body = visible(key).partition("PRIVATE KEY-----")
    text = f"{head}PRIVATE KEY-----{body[: min(kept, body.index('-----'))]}"
    assert redactor.text(text) == "***"
    assert streamed(redactor, text, chance) == "***"


def test_certificates_and_public_keys_stay() -> None:
    for label in ("CERTIFICATE", "PUBLIC KEY"):
        text = f"-----BEGIN {label}-----\nMIIB\n-----END {label}-----\n"
        assert Redactor([]).text(text) == text
