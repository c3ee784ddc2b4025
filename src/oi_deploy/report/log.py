"""deploy.log and the transcript, written as a run goes on."""

import json
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from oi_deploy.redact import Redactor
from oi_deploy.text import visible

Lost = Callable[[OSError], None]

_PLAIN = re.compile(r"[^\s\"=\\]+")


def _raise(error: OSError) -> None:
    raise error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class DeployLog:
    """The log for auditors: one line an event, `time event key=value ...` (logfmt), UTC."""

    def __init__(self, path: Path, redactor: Redactor, lost: Lost = _raise) -> None:
        """Append to `path`, which the model's code must not be able to reach.

        What cannot be written is told to `lost`.
        """
        self.path = path
        self._redactor = redactor
        self._append = _Lines(path, lost).append

    def event(self, name: str, **fields: object) -> None:
        """Write one event; fields that are None are left out. docs/log-format.md has all events.

        A killed run leaves whole lines: each is handed to the system in one piece.
        """
        values = (
            f"{key.replace('_', '-')}={self._value(value)}"
            for key, value in fields.items()
            if value is not None
        )
        self._append(" ".join([_now(), name, *values]))

    def _value(self, value: object) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, float):
            return f"{value:.1f}"
        text = self._redactor.text(visible(str(value)))
        return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


class Transcript:
    """The conversation, for people who look into a run: JSON lines, redacted, visible (`text.py`).

    Every line has `time` and `kind`. Kinds, whose names and fields are stable:

    - `prompt`: text
    - `request`: turn, message
    - `answer`: turn, reply, language, text
    - `result`: turn, exit_code, timed_out, seconds, output
    - `command`: tool, command, allowed, rule, reason, exit_code, seconds
    - `finding`: ok, check, sentence
    - `end`: status, error
    - `note`: text; without `time`; a line that a file of this name held before (`publish`)
    """

    def __init__(self, path: Path, redactor: Redactor, lost: Lost = _raise) -> None:
        """Append to `path`, which the model's code must not be able to reach.

        What cannot be written is told to `lost`.
        """
        self.path = path
        self._redactor = redactor
        self._append = _Lines(path, lost).append

    def add(self, kind: str, **fields: object) -> None:
        """Write one line; a killed run leaves whole lines."""
        record = {"time": _now(), "kind": kind} | {
            name: self._clean(value) for name, value in fields.items()
        }
        self._append(json.dumps(record, ensure_ascii=False))

    def _clean(self, value: object) -> Any:
        if isinstance(value, str):
            return self._redactor.text(visible(value))
        if isinstance(value, list | tuple):
            return [self._clean(item) for item in value]
        return value if isinstance(value, bool | int | float | None) else self._clean(str(value))


class _Lines:
    def __init__(self, path: Path, lost: Lost) -> None:
        self._path = path
        self._lost = lost
        self._lock = threading.Lock()

    def append(self, line: str) -> None:
        try:
            # Half a surrogate pair, which a weak model writes, becomes its JSON escape.
            with self._lock, self._path.open("a", encoding="utf-8", errors="backslashreplace") as f:
                f.write(line + "\n")
        except OSError as error:
            self._lost(error)
