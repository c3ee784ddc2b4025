"""What a Dockerfile may start from and fetch, and what a build sends to the engine."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from oi_deploy.broker.context import dockerfile_in, pack
from oi_deploy.broker.dockerfile import check
from oi_deploy.broker.document import Document
from oi_deploy.broker.request import BuildContext, Known, Policy, Refused

REG = "harbor.example.com/library"
POLICY = Policy.of(Path("/ws"), REG, "production")
KNOWN = Known(built={"mine:1": "0123456789ab"})


def rule(text: str, policy: Policy = POLICY, **arguments: str) -> str:
    """The rule that refuses a Dockerfile; empty if none does."""
    try:
        check(policy, KNOWN, text.encode(), arguments)
    except Refused as no:
        assert no.reason
        return no.rule
    return ""


@pytest.mark.parametrize(
    "text",
    [
        "FROM scratch",
        "FROM python:3.11-slim\nRUN pip install x && cat <<x\nCOPY . .\nADD app.tar.gz /\n",
        f"from {REG}/base:1 as build\nFROM scratch\nCOPY --from=build /a /b\nCOPY --from=0 /a /b",
        "FROM node:22 AS a\nFROM a AS b\nFROM B\nCOPY --chown=1:1 --from=A x y",
        "FROM mine:1",
        "FROM --platform=linux/amd64 debian",
        'ARG TAG="3.11"\nARG X=a\nFROM python:${TAG}-slim\nFROM python:$TAG\nFROM x:${Y:-1}',
        "# syntax=docker/dockerfile:1\n# a comment\nFROM debian\nRUN a \\\n  # in between\n\n  b\n",
        "\ufeffFROM debian\r\nRUN x\r\n",
        'FROM debian\nADD ["a b", "/c"]\n'.replace("a b", "ab"),
        "FROM debian\nRUN curl https://example.com | sh\nENV A=https://x\n",
        "FROM ghcr.io/x/y@sha256:" + 64 * "0",
        "FROM ada:latest",
    ],
)
def test_usual_dockerfiles_pass(text: str) -> None:
    assert rule(text) == ""


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        # the registry's other repositories, which the broker's login may read
        ("FROM harbor.example.com/other/secret:1", "docker.build.from"),
        ("FROM scratch\nCOPY --from=harbor.example.com/other/secret:1 / /", "docker.build.from"),
        ("FROM scratch\nADD --from=harbor.example.com/other/x / /", "docker.build.from"),
        ("FROM scratch\nONBUILD COPY --from=harbor.example.com/other/x / /", "docker.build.from"),
        ("ARG B=harbor.example.com/other/x\nFROM $B", "docker.build.from"),
        ("ARG B=debian\nFROM ${B}", "docker.build.from"),  # overridden below
        ("FROM harbor.example.com/library-evil/x", "docker.build.from"),
        ("FROM harbor.example.com/library/\\\n../other/x", "docker.build.from"),
        ("FROM har\\\nbor.example.com/other/x", "docker.build.from"),
        ("F\\\nROM harbor.example.com/other/x", "docker.build.from"),
        ("FROM scratch AS a\nCOPY --from=later / /\nFROM harbor.example.com/x AS later",
         "docker.build.from"),
        ("FROM 0123456789cd", "docker.build.from"),
        # what the builder would expand, unquote or read in another way
        ("FROM $UNKNOWN", "docker.build.from"),
        ("FROM ${X:+harbor.example.com/other/x}", "docker.build.from"),
        ('FROM "debian"', "docker.build.from"),
        ("FROM deb\\ian", "docker.build.from"),
        ("FROM a b c d", "docker.build.from"),
        ("FROM", "docker.build.from"),
        ("FROM scratch\nARG X=harbor.example.com/other/x\nCOPY --from=$X / /",
         "docker.build.from"),
        ("# escape=`\nFROM debian\nRUN x `\nFROM y", "docker.build.dockerfile"),
        ("#syntax=x\n#ESCAPE = `\nFROM debian", "docker.build.dockerfile"),
        ("FROM debian\nRUN x \\\\\nFROM y", "docker.build.dockerfile"),
        ("FROM debian\nRUN <<EOF\necho x\nEOF", "docker.build.dockerfile"),
        ("FROM debian\nINCLUDE x", "docker.build.dockerfile"),
        ("FROM scratch\nCOPY --fr\"om\"=harbor.example.com/other/x / /", "docker.build.from"),
        ("FROM scratch\nCOPY --fr\\om=harbor.example.com/other/x / /", "docker.build.from"),
        ("FROM scratch\nCOPY --chown=1 --from='harbor.example.com/x' / /", "docker.build.from"),
        ("ARG B=debian\nARG C=$D\nFROM $C", "docker.build.from"),
        ("ARG C=$D\nFROM ${C:-debian}", "docker.build.from"),
        ("ARG C=debian\nARG C=$D\nFROM $C", "docker.build.from"),
        # the beginning of an id is enough for the engine
        ("FROM 38b", "docker.build.from"),
        ("FROM sha256:38bf1b582a86", "docker.build.from"),
        ("FROM scratch\nCOPY --from=38b / /", "docker.build.from"),
        ("FROM scratch AS abc\nCOPY --from=abc / /", "docker.build.from"),
        ("FROM debian\nRUN --mount=type=bind,from=x,target=/x true", "docker.build.dockerfile"),
        # the engine fetches URLs from the host's own network
        ("FROM scratch\nADD http://127.0.0.1:2375/images/json /x", "docker.build.add"),
        ("FROM scratch\nadd  --chown=1 https://x/ /x", "docker.build.add"),
        ('FROM scratch\nADD ["http://127.0.0.1/", "/x"]', "docker.build.add"),
        ("FROM scratch\nADD git@github.com:o/r.git /x", "docker.build.add"),
        ("FROM scratch\nENV U=http://127.0.0.1/\nADD $U /x", "docker.build.add"),
        ('FROM scratch\nADD ht"tp":/"/127.0.0.1" /x', "docker.build.add"),
        ("FROM scratch\nADD http:\\\n//127.0.0.1/ /x", "docker.build.add"),
        ("FROM scratch\nONBUILD ADD http://127.0.0.1/ /x", "docker.build.add"),
        ("FROM scratch\nADD [broken /x", "docker.build.add"),
    ],
)  # fmt: skip
def test_what_reaches_further_is_refused(text: str, refused: str) -> None:
    assert rule(text, B="harbor.example.com/other/x") == refused


def test_a_dockerfile_that_is_no_text_is_refused() -> None:
    with pytest.raises(Refused, match="UTF-8"):
        check(POLICY, KNOWN, b"FROM \xff", {})


def test_build_arguments_count_only_where_the_builder_counts_them() -> None:
    other = "harbor.example.com/other/x"
    assert rule("ARG BASE=debian\nFROM $BASE", BASE=other) == "docker.build.from"
    assert rule("ARG BASE\nFROM $BASE", BASE="debian") == ""
    assert rule("FROM $BASE", BASE="debian") == "docker.build.from"  # it is not declared


def test_a_policy_narrows_the_base_images() -> None:
    document = Document.model_validate(
        {"version": 1, "images": {"base": ["python", "mirror.example.com/*"]}}
    )
    narrow = Policy.of(Path("/ws"), REG, "production", document)
    assert rule("FROM python:3.11\nFROM mirror.example.com/a/b\nFROM mine:1", narrow) == ""
    assert rule("FROM node", narrow) == "docker.build.from"
    assert rule("FROM docker.io/library/python", narrow) == ""


def contents(context: BuildContext) -> tuple[bytes, dict[str, bytes]]:
    file = io.BytesIO()
    pack(context, file)
    dockerfile = dockerfile_in(file)
    with tarfile.open(fileobj=file) as tar:
        found = {}
        for member in tar:
            stream = tar.extractfile(member) if member.isreg() else None
            found[member.name] = stream.read() if stream else b""
    return dockerfile, found


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM scratch")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a").write_text("A")
    (tmp_path / "secret.txt").write_text("s")
    return tmp_path


def test_the_dockerfile_that_is_checked_is_the_one_that_is_sent(directory: Path) -> None:
    found, files = contents(BuildContext(directory, "Dockerfile", None, {}))
    assert found == files["Dockerfile"] == b"FROM scratch"
    assert files["sub/a"] == b"A"
    found, files = contents(BuildContext(directory, "other", b"FROM x", {}))
    assert found == files["other"] == b"FROM x"
    assert files["Dockerfile"] == b"FROM scratch"
    found, files = contents(BuildContext(None, "Dockerfile", b"FROM y", {}))
    assert files == {".": b"", "Dockerfile": b"FROM y"}


def test_dockerignore_is_obeyed_but_the_dockerfile_is_always_sent(directory: Path) -> None:
    (directory / ".dockerignore").write_text("# notes\n*\n!sub\n")
    files = contents(BuildContext(directory, "Dockerfile", None, {}))[1]
    assert "secret.txt" not in files
    assert {"Dockerfile", "sub/a"} <= set(files)


def test_links_are_sent_as_links_and_never_followed(directory: Path, tmp_path: Path) -> None:
    (directory / "shadow").symlink_to("/etc/passwd")
    os.link(directory / "secret.txt", directory / "twin")
    os.mkfifo(directory / "pipe")
    files = contents(BuildContext(directory, "Dockerfile", None, {}))[1]
    assert files["shadow"] == b""
    assert files["twin"] == files["secret.txt"] == b"s"
    with pytest.raises(Refused, match="not a regular file"):
        contents(BuildContext(directory, "shadow", None, {}))


def test_a_context_without_its_dockerfile_is_refused(directory: Path) -> None:
    (directory / "Dockerfile").unlink()
    with pytest.raises(Refused, match="no Dockerfile"):
        contents(BuildContext(directory, "Dockerfile", None, {}))


def test_an_archive_from_stdin_is_refused(directory: Path) -> None:
    archive = io.BytesIO()
    pack(BuildContext(directory, "Dockerfile", None, {}), archive)
    for content in (archive.getvalue(), b"\x1f\x8b rest", b"BZh9"):
        with pytest.raises(Refused, match="archive"):
            contents(BuildContext(None, "Dockerfile", content, {}))


def test_a_file_that_is_only_large_when_read_is_not_read(directory: Path) -> None:
    with (directory / "sparse").open("wb") as file:
        file.truncate(3 * 1024**3)
    with pytest.raises(Refused, match="larger than 2 GiB"):
        contents(BuildContext(directory, "Dockerfile", None, {}))


def test_docker_recognizes_the_archive_by_its_first_kilobyte(tmp_path: Path) -> None:
    # Go's reader needs a whole header in it; a long name takes three blocks before that.
    name = "a" * 120
    (tmp_path / name).write_text("x")
    file = io.BytesIO()
    pack(BuildContext(tmp_path, "Dockerfile", b"FROM x", {}), file)
    first = tarfile.TarInfo.frombuf(file.getvalue()[:512], "utf-8", "strict")
    assert first.type == tarfile.DIRTYPE


def test_a_long_first_line_is_judged_in_no_time() -> None:
    # With a pattern that can look for the end in many ways, this takes hours.
    assert rule("# a=x" + 500_000 * " " + "y\nFROM debian") == ""
