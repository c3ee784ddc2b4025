"""Secrets that are known by their shape, whoever they belong to.

A script can print a token that nobody told us about: its own, a colleague's, the cluster's. Those
of the common kinds have a prefix by which secret scanners know them; service accounts' are JWTs,
and private keys stand between two lines that say so (RFC 7468).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# In Markdown, `inert` writes an underscore as its entity.
_ENTITY = "&#95;"
_LETTER = f"(?:[A-Za-z0-9_-]|{_ENTITY})"
# The beginning of the entity, at the end of a text that goes on.
_CUT_ENTITY = "(?:&(?:#(?:95?)?)?)?"
# Of one part; longer than any that is in use.
_MOST = 4096
# Of a private key; RSA's with 16384 bits has 12,700 characters.
_MOST_KEY = 16384


@dataclass(frozen=True)
class Shape:
    """A prefix, then parts with dots between them.

    Attributes:
        prefix: as it is written.
        least: how many characters each part has at least.
        parts: how many there are.
    """

    prefix: str
    least: int
    parts: int = 1


_SHAPES: Sequence[Shape] = (
    # GitHub: personal, OAuth, user-to-server, server-to-server, refresh; then fine-grained ones.
    *(Shape(f"gh{kind}_", 36) for kind in "pousr"),
    Shape("github_pat_", 22),
    Shape("glpat-", 20),
    Shape("dckr_pat_", 20),
    Shape("hf_", 30),
    Shape("npm_", 36),
    *(Shape(f"xox{kind}-", 10) for kind in "abprs"),
    Shape("eyJ", 8, parts=3),
)


def _whole(shape: Shape) -> str:
    part = f"{_LETTER}{{{shape.least},{_MOST}}}"
    return _prefix(shape) + r"\.".join([part] * shape.parts)


def _prefix(shape: Shape) -> str:
    return re.escape(shape.prefix).replace("_", f"(?:_|{_ENTITY})")


def _beginnings(shape: Shape) -> Iterator[str]:
    """What a text ends with that goes on with this shape."""
    for end in range(1, len(shape.prefix) + 1):
        given = re.escape(shape.prefix[:end]).replace("_", f"(?:_|{_ENTITY})")
        yield given + (_CUT_ENTITY if shape.prefix[end : end + 1] == "_" else "")
    part = f"{_LETTER}{{{shape.least},{_MOST}}}"
    for before in range(shape.parts):
        last = f"{_LETTER}{{0,{_MOST - 1}}}{_CUT_ENTITY}"
        yield _prefix(shape) + rf"{part}\." * before + last


_KEY_LABEL = "(?:[A-Z0-9]+ ){0,3}PRIVATE KEY-----"
# Lines of base64, also with their ends escaped; a key that is cut off has no last line.
_KEY_BODY = r"[A-Za-z0-9+/=\s\\]"
_KEY = rf"-----BEGIN {_KEY_LABEL}{_KEY_BODY}{{0,{_MOST_KEY}}}(?:-----END {_KEY_LABEL})?"


def _key_beginnings() -> Iterator[str]:
    """What a text ends with that goes on as a private key."""
    word = "-----BEGIN "
    yield from (re.escape(word[:end]) for end in range(1, len(word)))
    yield rf"{word}[A-Z0-9 ]{{0,40}}-{{0,5}}"
    yield rf"{word}{_KEY_LABEL}{_KEY_BODY}{{0,{_MOST_KEY}}}(?:-{{1,5}}[A-Z0-9 ]{{0,44}}-{{0,4}})?"


SECRET = "|".join([*(_whole(shape) for shape in _SHAPES), _KEY])
BEGINNING = re.compile(
    "(?:"
    + "|".join([*(item for shape in _SHAPES for item in _beginnings(shape)), *_key_beginnings()])
    + r")\Z"
)
# What the search for a beginning need look at.
LONGEST = max(max(shape.parts for shape in _SHAPES) * (_MOST + 1), _MOST_KEY + 64) + 64
