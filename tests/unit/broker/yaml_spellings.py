"""One JSON value in many of the ways in which YAML lets one write it."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Any

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9/._-]*")
_OTHER_THAN_TEXT = re.compile(r"(?i)y|n|yes|no|on|off|true|false|null|nan|inf")


@dataclass(frozen=True)
class Pairs:
    """A mapping in which a key may be there twice."""

    pairs: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Raw:
    """YAML to be put there as it is (an anchor, an alias, a tag)."""

    text: str


def spell(chance: Random, document: Any, *, first: bool = True) -> str:
    """Write a document in block style, in flow style, or as a mixture; not the first with `---`."""
    heads = ["---\n", "--- # note\n", "---\n# note\n\n"]
    if first:
        heads += ["", "", "\ufeff", "# note\n", "%YAML 1.1\n---\n"]
    head = chance.choice(heads)
    text = _flow(chance, document) + "\n" if chance.random() < 0.3 else _block(chance, document, 0)
    return (head + text).replace("\n", chance.choice(["\n", "\n", "\n", "\r\n"]))


def as_json(chance: Random, document: Any) -> str:
    """Write a document as JSON."""
    # Some letters that JSON keeps are ends of lines for YAML, unless they are escaped.
    short = chance.random() < 0.5
    return json.dumps(
        document, indent=chance.choice([None, 1]), separators=(",", ":") if short else None
    )


def _entries(value: Any) -> Iterable[tuple[str, Any]] | None:
    if isinstance(value, Pairs):
        return value.pairs
    return value.items() if isinstance(value, dict) else None


def _is_open(value: Any) -> bool:
    """Whether the value can be lines of their own."""
    return isinstance(value, Pairs) or (isinstance(value, dict | list) and bool(value))


def _block(chance: Random, value: Any, depth: int) -> str:
    """Indented lines, each with its end."""
    pad, entries = "  " * depth, _entries(value)
    if not _is_open(value):
        return f"{pad}{_flow(chance, value)}\n"
    lines = ""
    for key, inner in entries or ():
        name = f"{pad}{_text(chance, key)}{chance.choice(['', '', ' '])}:"
        lines += f"{name}{_inside(chance, inner, depth)}"
    for item in value if entries is None else ():
        if _is_open(item) and chance.random() < 0.7:
            # `- key: value`: the first line moves up to the dash.
            lines += f"{pad}- {_block(chance, item, depth + 1).lstrip(' ')}"
        else:
            lines += f"{pad}-{_inside(chance, item, depth)}"
    return lines


def _inside(chance: Random, value: Any, depth: int) -> str:
    """What follows `key:` or `-`, with the line's end."""
    note = chance.choice(["", "", "", " # note", "  "])
    if _is_open(value) and chance.random() < 0.8:
        return f"{note}\n{_block(chance, value, depth + 1)}"
    return f" {_flow(chance, value)}{note}\n"


def _flow(chance: Random, value: Any) -> str:
    """The value in one line."""
    comma, entries = chance.choice([", ", " , ", ",  "]), _entries(value)
    if isinstance(value, Raw):
        return value.text
    if entries is not None:
        pairs = (f"{_text(chance, key)}: {_flow(chance, inner)}" for key, inner in entries)
        return "{" + comma.join(pairs) + "}"
    if isinstance(value, list):
        return "[" + comma.join(_flow(chance, item) for item in value) + "]"
    return _scalar(chance, value)


def _scalar(chance: Random, value: Any) -> str:
    if value is None:
        return chance.choice(["null", "~", "Null", "NULL"])
    if value is True:
        return chance.choice(["true", "True", "TRUE", "yes", "Yes", "on", "ON"])
    if value is False:
        return chance.choice(["false", "False", "FALSE", "no", "No", "off"])
    if isinstance(value, int):
        return chance.choice([str(value), hex(value), f"0{value:o}", f"+{value}"])
    return _text(chance, value)


def _text(chance: Random, text: str) -> str:
    """A string: plain where YAML takes it for one, or quoted, with any escapes."""
    style = chance.random()
    if style < 0.5 and _PLAIN.fullmatch(text) and not _OTHER_THAN_TEXT.fullmatch(text):
        return text
    if style < 0.65 and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(_letter(chance, letter) for letter in text) + '"'


def _letter(chance: Random, letter: str) -> str:
    code = ord(letter)
    if letter in '"\\':
        return f"\\{letter}"
    if letter.isprintable() and chance.random() < 0.7:
        return letter
    forms = [f"\\U{code:08X}"]
    if code < 0x10000:
        forms.append(f"\\u{code:04x}")
    if code < 0x100:
        forms.append(f"\\x{code:02x}")
    return chance.choice(forms)
