"""Secrets, in every form that they take, out of everything that is written."""

import base64
import binascii
import html
import json
import re
from bisect import bisect_left
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

import yaml

from oi_deploy import shapes
from oi_deploy.markdown import inert
from oi_deploy.text import visible

_MASK = "***"
_SHORTEST = 4
_SHORTEST_LINE = 6
# A kubeconfig's fields that are secret as they are (client-go's api/v1/types.go), and those of the
# auth-provider plugins that older ones still have.
_KUBECONFIG_SECRETS = frozenset(
    {"token", "password", "client-key-data", "access-token", "id-token", "refresh-token",
     "client-secret"}
)  # fmt: skip
_SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSWORD|KEY", re.IGNORECASE)


class Redactor:
    """Replaces known secrets, and those of a known shape, by `***`.

    Attributes:
        too_short: how many secrets have fewer than four characters; replacing those would cut up
            ordinary words, so they are left alone and counted.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        """Prepare the forms of `secrets`; empty ones are ignored."""
        self._given: list[str] = []
        self.too_short = 0
        self.learn(*secrets)

    def learn(self, *secrets: str) -> None:
        """Know more secrets from now on; empty ones are ignored."""
        new = [secret for secret in secrets if secret.strip()]
        self._given += new
        self.too_short += sum(len(secret.strip()) < _SHORTEST for secret in new)
        self._forms = sorted({form for secret in self._given for form in forms_of(secret)})
        # Longest first: a secret that holds another must not leave its rest behind.
        longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join([*map(re.escape, longest_first), shapes.SECRET]))
        self._longest = len(longest_first[0]) if longest_first else 0
        self._beginnings = frozenset(form[:_SHORTEST] for form in self._forms)
        self._first = frozenset(form[0] for form in self._forms)

    def text(self, text: str) -> str:
        """The text without any secret."""
        return self._pattern.sub(_MASK, text)

    def stream(self) -> "RedactingStream":
        """A redactor for text that arrives in pieces."""
        return RedactingStream(self)

    def settled(self, text: str) -> tuple[str, str]:
        """Split text that goes on into what can be shown, redacted, and what must wait.

        What waits is the shortest possible: it begins where a secret could have begun.
        """
        shown, at = [], 0
        waiting = self._open(text, 0)
        # A match that begins before `waiting` is final: were a longer one possible there, the text
        # from there on would be the beginning of a secret.
        for match in self._pattern.finditer(text):
            if match.start() >= waiting:
                break
            shown += [text[at : match.start()], _MASK]
            at = match.end()
            if at > waiting:
                waiting = self._open(text, at)
        shown.append(text[at:waiting])
        return "".join(shown), text[waiting:]

    def _open(self, text: str, begin: int) -> int:
        """Where the longest end of `text` begins that is the beginning of a secret."""
        shape = shapes.BEGINNING.search(text, max(begin, len(text) - shapes.LONGEST))
        end = shape.start() if shape else len(text)
        # No form holds a line end: secrets of several lines are known line by line.
        begin = max(begin, text.rfind("\n") + 1)
        for at in range(max(begin, len(text) - self._longest + 1), end):
            if text[at] not in self._first:
                continue
            if at + _SHORTEST <= len(text) and text[at : at + _SHORTEST] not in self._beginnings:
                continue
            rest = text[at:]
            index = bisect_left(self._forms, rest)
            if index < len(self._forms) and self._forms[index].startswith(rest):
                return at
        return end


class RedactingStream:
    """Redacts text that arrives in pieces; its output is that of `Redactor.text` on the whole."""

    def __init__(self, redactor: Redactor) -> None:
        """Use the secrets of `redactor`."""
        self._redactor = redactor
        self._held = ""

    def feed(self, text: str) -> str:
        """Take a piece; return what can be shown by now."""
        shown, self._held = self._redactor.settled(self._held + text)
        return shown

    def flush(self) -> str:
        """What is left at the end."""
        rest, self._held = self._held, ""
        return self._redactor.text(rest)


def forms_of(secret: str) -> set[str]:
    """Every form in which a secret may turn up in text: as it is, line by line, and encoded."""
    lines = [line.strip() for line in secret.strip().splitlines()]
    shortest = _SHORTEST if len(lines) == 1 else _SHORTEST_LINE
    forms: set[str] = set()
    for value in lines:
        if len(value) < shortest:
            continue
        # A variable of the environment need not be UTF-8.
        raw = value.encode(errors="surrogateescape")
        quoted = {quote(raw, safe=""), quote(raw), quote_plus(raw)}
        forms |= {value, raw.hex(), raw.hex().upper()} | quoted
        forms |= {re.sub("%..", lambda match: match[0].lower(), form) for form in quoted}
        # A byte order mark, pasted with a secret, is shown by its code; another program drops it.
        for shown in {value, visible(value), "".join(filter(str.isprintable, value))}:
            forms |= {shown, json.dumps(shown)[1:-1], json.dumps(shown, ensure_ascii=False)[1:-1]}
            forms |= {html.escape(shown), html.escape(shown, quote=False)}
            # What `inert` does to a secret's ends depends on what stands beside them.
            forms |= {inert(shown), inert(f"{shown}/")[:-1]}
            forms |= {inert(f"www{shown}")[3:], inert(f"www{shown}/")[3:-1]}
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
    """Tokens, passwords and client keys of a kubeconfig, keys also decoded.

    Of one that cannot be read, everything is taken to be secret.
    """
    if not content.strip():
        return []
    try:
        # Every scalar as it was typed: a password of digits is no number. This loader makes nothing
        # but strings, lists and dictionaries.
        document = yaml.load(content, Loader=yaml.BaseLoader)  # noqa: S506
    except yaml.YAMLError:
        return [content]
    found: list[str] = []

    def collect(node: Any) -> None:
        if isinstance(node, list):
            for item in node:
                collect(item)
        if not isinstance(node, dict):
            return
        # The environment of an `exec` plugin: a list of names and values.
        if _SECRET_NAME.search(str(node.get("name", ""))) and "value" in node:
            collect({"token": node["value"]})
        for key, value in node.items():
            if key not in _KUBECONFIG_SECRETS or not isinstance(value, str):
                collect(value)
                continue
            found.append(value)
            if key == "client-key-data":
                found.extend(_decoded(value))

    collect(document)
    return found


def _decoded(value: str) -> list[str]:
    try:
        return [base64.b64decode(value).decode()]
    except (binascii.Error, UnicodeDecodeError):
        return []
