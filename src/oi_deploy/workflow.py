"""GitHub's workflow commands: what the runner reads from our output and from its files.

The forms are those of actions/toolkit (packages/core/src/command.ts and file-command.ts).
"""

import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from oi_deploy.redact import Redactor
from oi_deploy.text import VisibleStream, visible

OUTPUTS: tuple[tuple[str, str], ...] = (
    ("image-tag", "the deployed image, as a full reference with its tag"),
    ("image-digest", "its digest, read back from the registry"),
    ("log-path", "the log, relative to the workspace"),
    (
        "status",
        "how the run ended: deployed, pushed, completed, ready (`mode: doctor`), rolled-back, "
        "refused, failed, timed-out or cancelled",
    ),
    ("changed", "whether the cluster runs another image than before: true or false"),
    ("deployment", "the Deployment that was verified"),
    ("revision", "its revision after the run"),
    ("previous-image", "the image that it ran before"),
    ("transcript-path", "the redacted transcript (JSON lines), relative to the workspace"),
    ("report-path", "the report, one HTML file, relative to the workspace"),
    ("turns", "model answers"),
    ("prompt-tokens", "tokens sent to the model"),
    ("completion-tokens", "tokens that the model wrote"),
    ("model", "the model that answered"),
    ("engine-seconds", "seconds until the model was ready"),
    ("duration-seconds", "seconds of the whole run"),
)

# GitHub refuses a step summary of more than 1 MiB (docs: workflow commands, job summaries).
_MOST_SUMMARY = 1024 * 1024
_CUT_NOTE = "\n\n_Cut here: GitHub shows at most 1 MiB._\n"
_FENCE = re.compile(r"`{3,}")
# Around each line that the model writes. GitHub's log shows colours; without them there still
# is the bar. No escape of the model's own comes through, so none can end ours.
_CODE, _PLAIN = "\x1b[36m│ ", "\x1b[0m"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


@dataclass
class Group:
    """A fold of the log.

    Attributes:
        ending: how it ended, in a few words; shown with the seconds that it took.
    """

    ending: str = ""


class Workflow:
    """The step's log, annotations, outputs and summary; everything redacted; thread-safe."""

    def __init__(
        self,
        env: Mapping[str, str],
        out: TextIO,
        redactor: Redactor,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Write commands to `out` and to the files that `env` names, where it names any."""
        self._env = env
        self._out = out
        self._redactor = redactor
        self._clock = clock
        self._lock = threading.RLock()
        self._at_line_start = True
        # Whether the line that is not at its end yet is the model's.
        self._in_code = False
        self._last_write = clock()
        self._annotations: set[tuple[str, str]] = set()
        # How many streams of untrusted text are open, and what ends the runner's deafness.
        self._streams = 0
        self._token = ""

    def line(self, text: str = "") -> None:
        """One or more lines of our own words; commands in them are inert."""
        # Cleaned first: a control character inside a command would hide it, then be dropped.
        text = self._clean(text)
        if "::" in text:
            self.untrusted(text + "\n")
            return
        with self._lock:
            # Another thread's stream may be in the middle of a line.
            self._fresh_line()
            self._write(text + "\n")

    def mask(self, secret: str) -> None:
        """Tell the runner to mask a secret, and each line of one that has several."""
        for line in dict.fromkeys(line.strip() for line in secret.splitlines()):
            if len(line) >= 4:
                # The one place where a secret is written: the runner takes it from here.
                self._command("add-mask", line)

    @contextmanager
    def group(self, title: str) -> Iterator[Group]:
        """Fold what is printed inside; below the fold stands how long it took."""
        self._command("group", self._clean(title))
        group, begun = Group(), self._clock()
        try:
            yield group
        except BaseException:
            group.ending = group.ending or "not finished"
            raise
        finally:
            self._command("endgroup", "")
            parts = [group.ending, f"{self._clock() - begun:.1f} s"]
            self.line(f"{title}: {', '.join(part for part in parts if part)}")

    @contextmanager
    def progress(self, doing: str, *, every_s: float = 30.0) -> Iterator[None]:
        """While the block runs, say `doing` and for how long whenever the log has been silent."""
        begun, ended = self._clock(), threading.Event()

        def tell() -> None:
            while not ended.wait(max(0.01, self._last_write + every_s - self._clock())):
                now = self._clock()
                if now - self._last_write >= every_s:
                    self.line(f"({doing}: {now - begun:.0f} s)")

        with self._lock:
            self._last_write = begun
        thread = threading.Thread(target=tell, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def error(self, message: str, title: str = "") -> None:
        """Show an error on the run's page; the same one is shown once."""
        self._annotate("error", message, title)

    def warning(self, message: str, title: str = "") -> None:
        """Show a warning on the run's page; the same one is shown once."""
        self._annotate("warning", message, title)

    def notice(self, message: str, title: str = "") -> None:
        """Show a notice on the run's page; the same one is shown once."""
        self._annotate("notice", message, title)

    def _annotate(self, level: str, message: str, title: str) -> None:
        message = self._clean(message)
        with self._lock:
            # GitHub shows ten of a kind; a repeated one would take the place of another.
            if (level, message) in self._annotations:
                return
            self._annotations.add((level, message))
        self._command(level, message, title=self._clean(title))

    def untrusted(self, text: str) -> None:
        """Print text that a model, a command or a file wrote."""
        with self.untrusted_stream() as stream:
            stream.write(text)

    @contextmanager
    def untrusted_stream(self, *, code: bool = False) -> Iterator["UntrustedStream"]:
        """Print such text as it comes; the runner reads no commands until the block ends.

        `code` marks it as what the model writes, unlike what commands print.
        """
        with self._lock:
            if self._streams == 0:
                self._stop_commands()
            self._streams += 1
        stream = UntrustedStream(self._write_code if code else self._write, self._redactor)
        try:
            yield stream
        finally:
            with self._lock:
                stream.finish()
                self._fresh_line()
                self._streams -= 1
                if self._streams == 0:
                    self._resume_commands()

    def _stop_commands(self) -> None:
        self._token = secrets.token_hex(16)
        self._fresh_line()
        self._write(f"::stop-commands::{self._token}\n")

    def _resume_commands(self) -> None:
        self._fresh_line()
        self._write(f"::{self._token}::\n")

    def set_output(self, name: str, value: str) -> None:
        """Set a step output; a value of several lines is fine."""
        value = self._clean(value)
        delimiter = f"ghadelimiter_{secrets.token_hex(16)}"
        self._append("GITHUB_OUTPUT", f"{name}<<{delimiter}\n{value}\n{delimiter}\n")

    def summary(self, markdown: str) -> None:
        """Add to the job summary; what is over GitHub's limit is cut, and said so."""
        text = self._redactor.text(markdown)
        if len(text.encode(errors="backslashreplace")) > _MOST_SUMMARY:
            text = _cut(text)
        self._append("GITHUB_STEP_SUMMARY", text)

    def _append(self, variable: str, text: str) -> None:
        path = self._env.get(variable, "")
        if path:
            with Path(path).open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)

    def _clean(self, text: str) -> str:
        return self._redactor.text(visible(text))

    def _command(self, name: str, message: str, *, title: str = "") -> None:
        properties = f" title={_property(title)}" if title else ""
        with self._lock:
            # While another thread prints untrusted text, the runner would show the command instead
            # of obeying it: a secret to be masked, of all things, would stand in the log.
            deaf = self._streams > 0
            if deaf:
                self._resume_commands()
            self._fresh_line()
            self._write(f"::{name}{properties}::{_data(message)}\n")
            if deaf:
                self._stop_commands()

    def _fresh_line(self) -> None:
        # A command is one only at the beginning of a line.
        if not self._at_line_start:
            self._write(f"{_PLAIN}\n" if self._in_code else "\n")

    def _write_code(self, text: str) -> None:
        with self._lock:
            for piece in text.splitlines(keepends=True):
                line = piece.removesuffix("\n")
                self._write((_CODE if self._at_line_start else "") + line)
                self._in_code = True
                if line != piece:
                    self._fresh_line()

    def _write(self, text: str) -> None:
        if not text:
            return
        with self._lock:
            self._out.write(text)
            self._out.flush()
            self._at_line_start = text.endswith("\n")
            self._in_code = self._in_code and not self._at_line_start
            self._last_write = self._clock()


def _cut(markdown: str) -> str:
    """As many whole lines as GitHub shows, with a note that does not end up in a code block."""
    room = _MOST_SUMMARY - len(_CUT_NOTE) - 1024
    kept = markdown.encode(errors="backslashreplace")[:room].decode(errors="ignore")
    kept = kept[: kept.rfind("\n") + 1] or kept
    fence = ""
    for line in kept.split("\n"):
        if fence:
            fence = "" if line == fence else fence
        elif found := _FENCE.match(line):
            fence = found[0]
    # A fence is one longer than what stands inside; one that long is no summary of ours.
    return kept + ("\n" + fence[:1000] if fence else "") + _CUT_NOTE


class UntrustedStream:
    """Where untrusted text goes in pieces; see `Workflow.untrusted_stream`."""

    def __init__(self, write: Callable[[str], None], redactor: Redactor) -> None:
        """Pass cleaned text on to `write`."""
        self._write = write
        self._visible = VisibleStream()
        self._redacting = redactor.stream()

    def write(self, text: str) -> None:
        """Show a piece as soon as it cannot be part of a secret or of a terminal escape."""
        # Cleaned first: a control character inside a secret would hide it, then be dropped.
        self._write(self._redacting.feed(self._visible.feed(text)))

    def finish(self) -> None:
        """Show what was held back."""
        self._write(self._redacting.feed(self._visible.flush()) + self._redacting.flush())
