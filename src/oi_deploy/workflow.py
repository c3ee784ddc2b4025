"""GitHub's workflow commands: what the runner reads from our output and from its files.

The forms are those of actions/toolkit (packages/core/src/command.ts and file-command.ts).
"""

import re
import secrets
import threading
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from oi_deploy.redact import Redactor

OUTPUTS: tuple[tuple[str, str], ...] = (
    ("image-tag", "the deployed image, as a full reference with its tag"),
    ("image-digest", "its digest, read back from the registry"),
    ("log-path", "the log, relative to the workspace"),
    (
        "status",
        "how the run ended: deployed, pushed, completed, refused, failed, timed-out or cancelled",
    ),
    ("changed", "whether the cluster runs another image than before: true or false"),
    ("deployment", "the Deployment that was verified"),
    ("revision", "its revision after the run"),
    ("previous-image", "the image that it ran before"),
    ("transcript-path", "the redacted transcript (JSON lines), relative to the workspace"),
    ("turns", "model answers"),
    ("prompt-tokens", "tokens sent to the model"),
    ("completion-tokens", "tokens that the model wrote"),
    ("model", "the model that answered"),
    ("engine-seconds", "seconds until the model was ready"),
    ("duration-seconds", "seconds of the whole run"),
)

# GitHub refuses a step summary of more than 1 MiB (docs: workflow commands, job summaries).
_MOST_SUMMARY = 1024 * 1024
_ESCAPE_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_].*?\x1b\\|[@-Z\\-_])"
)


def visible(text: str) -> str:
    """Text whose control characters can do nothing to a terminal or to a reader's eyes.

    Terminal escapes and control characters go; direction marks and zero-width characters, which
    can make a line look like another one, are shown by their code.
    """
    text = _ESCAPE_SEQUENCE.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character in "\n\t":
        return character
    category = unicodedata.category(character)
    if category == "Cc":
        return ""
    return f"<U+{ord(character):04X}>" if category == "Cf" else character


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


class Workflow:
    """The step's log, annotations, outputs and summary; everything redacted; thread-safe."""

    def __init__(self, env: Mapping[str, str], out: TextIO, redactor: Redactor) -> None:
        """Write commands to `out` and to the files that `env` names, where it names any."""
        self._env = env
        self._out = out
        self._redactor = redactor
        self._lock = threading.RLock()
        self._at_line_start = True

    def line(self, text: str = "") -> None:
        """One or more lines of our own words; commands in them are inert."""
        if "::" in text or "##[" in text:
            self.untrusted(text + "\n")
        else:
            self._write(self._redactor.text(visible(text)) + "\n")

    def mask(self, secret: str) -> None:
        """Tell the runner to mask a secret, and each line of one that has several."""
        for line in {secret.strip(), *secret.splitlines()}:
            if len(line.strip()) >= 4 and "\n" not in line:
                # The one place where a secret is written: the runner takes it from here.
                self._command("add-mask", line.strip(), redacted=False)

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Fold what is printed inside."""
        self._command("group", title)
        try:
            yield
        finally:
            self._command("endgroup", "")

    def error(self, message: str, title: str = "") -> None:
        """Show an error on the run's page."""
        self._command("error", message, title=title)

    def warning(self, message: str, title: str = "") -> None:
        """Show a warning on the run's page."""
        self._command("warning", message, title=title)

    def notice(self, message: str, title: str = "") -> None:
        """Show a notice on the run's page."""
        self._command("notice", message, title=title)

    def untrusted(self, text: str) -> None:
        """Print text that a model, a command or a file wrote."""
        with self.untrusted_stream() as stream:
            stream.write(text)

    @contextmanager
    def untrusted_stream(self) -> Iterator["UntrustedStream"]:
        """Print such text as it comes; the runner reads no commands until the block ends."""
        token = secrets.token_hex(16)
        with self._lock:
            self._command("stop-commands", token)
        stream = UntrustedStream(self._write, self._redactor)
        try:
            yield stream
        finally:
            stream.finish()
            with self._lock:
                self._fresh_line()
                self._write(f"::{token}::\n")

    def set_output(self, name: str, value: str) -> None:
        """Set a step output; a value of several lines is fine."""
        value = self._redactor.text(value)
        delimiter = f"ghadelimiter_{secrets.token_hex(16)}"
        self._append("GITHUB_OUTPUT", f"{name}<<{delimiter}\n{value}\n{delimiter}\n")

    def summary(self, markdown: str) -> None:
        """Add to the job summary; what is over GitHub's limit is cut, and said so."""
        data = self._redactor.text(markdown).encode()
        if len(data) > _MOST_SUMMARY:
            note = "\n\n_Cut here: GitHub shows at most 1 MiB._\n"
            data = data[: _MOST_SUMMARY - len(note) - 8] + note.encode()
        self._append("GITHUB_STEP_SUMMARY", data.decode(errors="ignore"))

    def _append(self, variable: str, text: str) -> None:
        path = self._env.get(variable, "")
        if path:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(text)

    def _command(self, name: str, message: str, *, title: str = "", redacted: bool = True) -> None:
        if redacted:
            message, title = self._redactor.text(message), self._redactor.text(title)
        properties = f" title={_property(title)}" if title else ""
        with self._lock:
            self._fresh_line()
            self._write(f"::{name}{properties}::{_data(message)}\n")

    def _fresh_line(self) -> None:
        # A command is one only at the beginning of a line.
        if not self._at_line_start:
            self._write("\n")

    def _write(self, text: str) -> None:
        if not text:
            return
        with self._lock:
            self._out.write(text)
            self._out.flush()
            self._at_line_start = text.endswith("\n")


class UntrustedStream:
    """Where untrusted text goes in pieces; see `Workflow.untrusted_stream`."""

    def __init__(self, write: Callable[[str], None], redactor: Redactor) -> None:
        """Pass cleaned text on to `write`."""
        self._write = write
        self._redacting = redactor.stream()

    def write(self, text: str) -> None:
        """Show a piece as soon as it cannot be part of a secret."""
        # Cleaned first: a control character inside a secret would hide it, then be dropped.
        self._write(self._redacting.feed(visible(text)))

    def finish(self) -> None:
        """Show what was held back."""
        self._write(self._redacting.flush())
