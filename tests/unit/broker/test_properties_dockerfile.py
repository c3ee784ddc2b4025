"""No Dockerfile makes the builder fetch what the policy does not allow, however it is written."""

from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oi_deploy.broker import dockerfile
from oi_deploy.broker.document import Document, Images
from oi_deploy.broker.policy import Known, Policy
from oi_deploy.broker.request import Refused
from tests.unit.broker import builder
from tests.unit.broker.settings import steady

POLICY = Policy.of(
    Path("/ws"),
    "reg.example.com/ours",
    "production",
    Document(version=1, images=Images(base=("debian", "node", "golang"))),
)
# In the registry of the policy, and outside of what may be pulled: never to be fetched.
SECRET = "reg.example.com/theirs"

IMAGES = (SECRET, "reg.example.com/ours/app:1", "debian:12", "scratch", "$B", "${B}", "${B:-x}",
          "reg.example.com/$B", f"${{B:-{SECRET}}}", '"debian"', "a", "A", "0")  # fmt: skip
FLAGS = ("--platform=linux/amd64", "--from=a", "--from=b", "--from=0", "--from=1", "--chown=1:1",
         f"--from={SECRET}", f'--fr"om"={SECRET}', f"--fr\\om={SECRET}", f"--from='{SECRET}'",
         f'--chown="a b" --from={SECRET}', "--from=$B", "--link", "--")  # fmt: skip
ARGUMENTS = ("B=debian", "B", "B=", f"B={SECRET}", f'B="{SECRET}"', "B=reg.example.com'/theirs'",
             f'B""={SECRET}', "C=$B", 'C="x B=debian y"', f"B=\\{SECRET}", "${C}B=x",
             f"'B={SECRET}'", "B=theirs")  # fmt: skip
SOURCES = ("a /b", "https://example.com/x /x", '["https://example.com/x", "/x"]', "a$B /x",
           "'https://example.com/x' /x", "ht\\tps://example.com/x /x", "<<RUN /x",
           '["a", "b"]')  # fmt: skip
ENDS = ("`\n", "\n", "\n", "\n", "\r\n", "\\\n", " \\\n", "\\ \n", "\\\r\n", "\\\r \n", "\\\\\n",
        "\n\x1c\n", "\n\x1c# x\n", "\n# x\n", "\n\n", "\n \t\n", "\n\x85\n", "\n\u2028# x\n",
        "\v\n", "\n\x0c#\n", " # x\n", "\r\n\r\n", "\x00\n", "\\\n# x\n",
        "\\\n\n", "\\\n\x1d\n")  # fmt: skip
HEADS = ("", "", "", "", "# syntax=docker/dockerfile:1\n", "# escape=`\n", "#escape = \\\n",
         "\ufeff", "\ufeff\ufeff", "# x\n# escape=`\n", " # escape=`\n")  # fmt: skip


def line(chance: Random) -> str:
    """One instruction."""
    word = chance.choice(
        ("FROM", "FROM", "from", "COPY", "ADD", "ARG", "ARG", "RUN", "ONBUILD COPY", "MAINTAINER")
    )
    kind = word.rpartition(" ")[2].upper()
    flags = [chance.choice(FLAGS)] if chance.random() < 0.3 else []
    if kind == "FROM":
        stage = chance.choice(["", "", " AS a", " as B", " AS reg"])
        words = [word, *flags, chance.choice(IMAGES) + stage]
    elif kind == "ARG":
        words = [word, *chance.choices(ARGUMENTS, k=chance.choice((1, 1, 2)))]
    elif kind in ("COPY", "ADD"):
        flags += [chance.choice(FLAGS)] if chance.random() < 0.5 else []
        words = [word, *flags, chance.choice(SOURCES)]
    else:
        words = [word, chance.choice(("x", f"FROM {SECRET}", "echo \\", "<<EOF"))]
    return chance.choice((" ", " ", " ", "  ", "\t", "\v", "\\\n ")).join(words)


def written(chance: Random) -> str:
    """A whole Dockerfile."""
    start = chance.choice(("FROM scratch AS a\n", "FROM debian\n", "ARG B=debian\n", "", ""))
    lines = (line(chance) + chance.choice(ENDS) for _ in range(chance.randint(1, 5)))
    return chance.choice(HEADS) + start + "".join(lines)


def passes(text: str, arguments: Mapping[str, str]) -> bool:
    try:
        dockerfile.check(POLICY, Known(), text.encode(), arguments)
    except Refused as no:
        no.decision.reason.encode()
        return False
    return True


def is_allowed(image: str) -> bool:
    """By the meaning of the policy."""
    return image.startswith("reg.example.com/ours/") or image.partition(":")[0] in (
        *("debian", "node", "golang"),
        "scratch",  # nothing is fetched for it
    )


@steady(500)
@given(st.integers(0, 2**32))
def test_what_passes_fetches_nothing_else(seed: int) -> None:
    chance = Random(seed)
    for _ in range(20):
        text = written(chance)
        arguments = chance.choice(({}, {}, {"B": "debian"}, {"B": SECRET}, {"C": SECRET}))
        if not passes(text, arguments):
            continue
        try:
            found = builder.fetched(text, arguments)
        except builder.BuildError:
            continue
        assert all(map(is_allowed, found.images)), text
        assert not found.urls, text


@pytest.mark.parametrize(
    "text",
    [
        f"FROM scratch\nMAINTAINER x \\\n\x1c\nFROM {SECRET}\n",
        f"FROM scratch\nMAINTAINER x \\\n\x1c# x\nFROM {SECRET}\n",
        f"FROM scratch\nMAINTAINER x \\\r \nFROM {SECRET}\n",
        f'ARG B=debian\nARG B""={SECRET}\nFROM $B\n',
        'ARG B=debian\nARG B=reg.example.com"/theirs"\nFROM $B\n',
        f'FROM scratch\nCOPY --fr"om"={SECRET} a b\n',
        f"FROM scratch\nCOPY --fr\\om={SECRET} a b\n",
        f'FROM scratch\nCOPY --chown="a b" --from={SECRET} a b\n',
        f"FROM scratch AS reg\nCOPY --from={SECRET} a b\n",
    ],
)
def test_what_a_builder_of_docker_28_was_seen_to_fetch_is_refused(text: str) -> None:
    assert builder.fetched(text, {}).images == [SECRET]
    assert not passes(text, {})


@pytest.mark.parametrize(
    "text",
    [
        "FROM debian:12\nRUN a \\\n  b\n\n# note\nCOPY --chown=1:1 a b\n",
        "# syntax=docker/dockerfile:1\r\nFROM debian:12 AS build\r\nRUN a && \\\r\n    b\r\n",
        "ARG V=12\nFROM debian:${V} AS a\nFROM reg.example.com/ours/app\nCOPY --from=a /x /y\n",
        'FROM node:22\nENV A="b c"\nCMD ["node", "x.js"]\nHEALTHCHECK CMD curl -f http://localhost/\n',
        "FROM --platform=linux/amd64 golang AS a\nFROM scratch\nCOPY --from=0 /x /\nADD a.tar /\n",
    ],
)
def test_usual_dockerfiles_pass(text: str) -> None:
    assert passes(text, {})
    assert all(map(is_allowed, builder.fetched(text, {}).images))
