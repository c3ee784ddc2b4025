"""Secrets, in every form that they take, out of everything that is written."""

import base64
import binascii
import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

import yaml

_MASK = "***"
_SHORTEST = 4
_SHORTEST_LINE = 6


class Redactor:
    """Replaces known secrets by `***`.

    Attributes:
        too_short: how many secrets have fewer than four characters; replacing those would cut up
            ordinary words, so they are left alone and counted.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        """Prepare the forms of `secrets`; empty ones are ignored."""
        given = [secret for secret in secrets if secret.strip()]
        self.too_short = sum(len(secret.strip()) < _SHORTEST for secret in given)
        forms = {form for secret in given for form in forms_of(secret)}
        # Longest first: a secret that holds another must not leave its rest behind.
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None
        self._longest = len(ordered[0]) if ordered else 0

    def text(self, text: str) -> str:
        """The text without any secret."""
        return self._pattern.sub(_MASK, text) if self._pattern else text

    def stream(self) -> "RedactingStream":
        """A redactor for text that arrives in pieces."""
        return RedactingStream(self._pattern, self._longest)


class RedactingStream:
    """Redacts text that arrives in pieces; holds back only what could begin a secret."""

    def __init__(self, pattern: re.Pattern[str] | None, longest: int) -> None:
        """Use `pattern`, whose matches are at most `longest` characters."""
        self._pattern = pattern
        self._longest = longest
        self._held = ""

    def feed(self, text: str) -> str:
        """Take a piece; return what can be shown by now."""
        if self._pattern is None:
            return text
        held = self._pattern.sub(_MASK, self._held + text)
        # A secret never spans lines here: multi-line ones are known line by line. So whole lines
        # can go, and of the last one everything that is too far back to begin an open secret.
        cut = max(held.rfind("\n") + 1, len(held) - self._longest + 1)
        self._held = held[cut:]
        return held[:cut]

    def flush(self) -> str:
        """What is left at the end."""
        rest, self._held = self._held, ""
        return self._pattern.sub(_MASK, rest) if self._pattern else rest


def forms_of(secret: str) -> set[str]:
    """Every form in which a secret may turn up in text: as it is, line by line, and encoded."""
    values = {secret.strip()}
    if "\n" in secret.strip():
        lines = {line.strip() for line in secret.splitlines()}
        values = {line for line in lines if len(line) >= _SHORTEST_LINE}
    forms: set[str] = set()
    for value in values:
        if len(value) < _SHORTEST:
            continue
        raw = value.encode()
        forms |= {value, quote(value, safe=""), quote_plus(value), raw.hex(), raw.hex().upper()}
        forms |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
        forms |= _base64_forms(raw)
    return {form for form in forms if len(form) >= _SHORTEST}


def _base64_forms(raw: bytes) -> set[str]:
    """The characters that are the same wherever the secret stands inside encoded text.

    Base64 works on groups of three bytes, so a secret has three alignments; the characters at its
    ends that also depend on its neighbours are left off.
    """
    forms = set()
    for lead in range(3):
        padded = b"\0" * lead + raw
        first = -(-lead * 8 // 6) if lead else 0
        last = len(padded) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            core = encode(padded).decode()[first:last]
            if len(core) >= _SHORTEST_LINE:
                forms.add(core)
    return forms


def secrets_of_kubeconfig(content: str) -> list[str]:
    """Tokens, passwords and client keys of a kubeconfig, keys also decoded."""
    if not content.strip():
        return []
    try:
        document = yaml.safe_load(content)
    except yaml.YAMLError:
        return [content]
    found: list[str] = []

    def collect(node: Any) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                if key in ("token", "password", "client-key-data") and isinstance(value, str):
                    found.append(value)
                    if key == "client-key-data":
                        found.extend(_decoded(value))
                else:
                    collect(value)
        elif isinstance(node, list):
            for item in node:
                collect(item)

    collect(document)
    return found


def _decoded(value: str) -> list[str]:
    try:
        return [base64.b64decode(value).decode()]
    except (binascii.Error, UnicodeDecodeError):
        return []
