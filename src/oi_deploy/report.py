"""What a run leaves behind: deploy.log, the transcript, the job summary, the last table."""

import json
import os
import re
import secrets
import stat
import threading
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from oi_deploy.redact import Redactor
from oi_deploy.result import RunResult
from oi_deploy.workflow import visible

_PLAIN = re.compile(r"[^\s\"=\\]+")
# Lines that the model's code wrote into a file with the log's name; more are left out.
_MOST_NOTES = 200


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class DeployLog:
    """The log for auditors: one line an event, `time event key=value ...` (logfmt), UTC."""

    def __init__(self, path: Path, redactor: Redactor) -> None:
        """Append to `path`, which the model's code must not be able to reach."""
        self.path = path
        self._redactor = redactor
        self._lock = threading.Lock()

    def event(self, name: str, **fields: object) -> None:
        """Write one event; it is on disk when this returns."""
        values = (f"{key.replace('_', '-')}={self._value(value)}" for key, value in fields.items())
        _append(self.path, " ".join([_now(), name, *values]), self._lock)

    def _value(self, value: object) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, float):
            return f"{value:.1f}"
        text = self._redactor.text(visible(str(value)))
        return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


class Transcript:
    """The conversation, for people who look into a run: JSON lines, redacted.

    Every line has `time` and `kind`. Kinds: `prompt` (text), `request` (turn, message), `answer`
    (turn, reply, language, text), `result` (turn, exit_code, timed_out, seconds, output),
    `command` (tool, argv, allowed, rule, reason, exit_code, seconds), `finding` (ok, check,
    sentence), `end` (status, error).
    """

    def __init__(self, path: Path, redactor: Redactor) -> None:
        """Append to `path`, which the model's code must not be able to reach."""
        self.path = path
        self._redactor = redactor
        self._lock = threading.Lock()

    def add(self, kind: str, **fields: object) -> None:
        """Write one line; it is on disk when this returns."""
        record = {"time": _now(), "kind": kind} | {
            name: self._clean(value) for name, value in fields.items()
        }
        _append(self.path, json.dumps(record, ensure_ascii=False), self._lock)

    def _clean(self, value: object) -> Any:
        if isinstance(value, str):
            return self._redactor.text(value)
        if isinstance(value, list | tuple):
            return [self._clean(item) for item in value]
        return value if isinstance(value, bool | int | float | None) else self._clean(str(value))


def _append(path: Path, line: str, lock: threading.Lock) -> None:
    with lock, path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def publish(source: Path, workspace: Path, relative: str, *, redactor: Redactor) -> str:
    """Put a private log into the workspace, owned by the workspace's owner.

    Prompts ask for a log too, so the model's code may have written a file of the same name. Its
    lines are kept at the end under a heading, never among ours. The model's code also chooses what
    stands at that path: links are not followed, and if it is no file, another name is used.

    Returns:
        The path relative to the workspace.

    Raises:
        OSError: the file cannot be written there.
    """
    owner = workspace.stat()
    path = Path(relative)
    folder = _open_folder(workspace, path.parent, owner.st_uid, owner.st_gid)
    try:
        name = path.name
        text = source.read_text(encoding="utf-8", errors="replace")
        notes = _notes(folder, name)
        if notes is None:
            name = f"{path.stem}.{secrets.token_hex(4)}{path.suffix}"
        elif notes:
            text += "# --- written by the model's code, not by the action ---\n"
            text += "".join(f"# {redactor.text(visible(line))}\n" for line in notes)
        temporary = f".{name}.{secrets.token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        handle = os.open(temporary, flags, 0o644, dir_fd=folder)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        os.close(folder)
    return str(path.with_name(name))


def _open_folder(workspace: Path, relative: Path, uid: int, gid: int) -> int:
    """A handle on a folder in the workspace; missing ones are made, links are not followed."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    handle = os.open(workspace, flags)
    for part in relative.parts:
        try:
            os.mkdir(part, 0o755, dir_fd=handle)
            os.chown(part, uid, gid, dir_fd=handle, follow_symlinks=False)
        except FileExistsError:
            pass
        try:
            inner = os.open(part, flags, dir_fd=handle)
        finally:
            os.close(handle)
        handle = inner
    return handle


def _notes(folder: int, name: str) -> list[str] | None:
    """The lines of the file that is there already; empty without one; None if it is no file."""
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        handle = os.open(name, flags, dir_fd=folder)
    except FileNotFoundError:
        return []
    except OSError:
        # A link: replacing it does not touch what it points to.
        info = os.stat(name, dir_fd=folder, follow_symlinks=False)
        return [] if stat.S_ISLNK(info.st_mode) else None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        lines = os.read(handle, 64 * 1024).decode(errors="replace").splitlines()
    finally:
        os.close(handle)
    return lines[:_MOST_NOTES]


def outputs_of(result: RunResult) -> dict[str, str]:
    """The step's outputs, by name."""
    return {
        "image-tag": result.image_tag,
        "image-digest": result.image_digest,
        "log-path": result.log_path,
        "status": str(result.status),
        "changed": str(result.changed).lower(),
        "deployment": result.deployment,
        "revision": result.revision,
        "previous-image": result.previous_image,
        "transcript-path": result.transcript_path,
        "turns": str(result.turns),
        "prompt-tokens": str(result.prompt_tokens),
        "completion-tokens": str(result.completion_tokens),
        "model": result.model,
        "engine-seconds": f"{result.engine_seconds:.1f}",
        "duration-seconds": f"{result.duration_seconds:.1f}",
    }


def table(result: RunResult) -> str:
    """The last thing on the console: every output, aligned."""
    rows = [(name, value or "-") for name, value in outputs_of(result).items()]
    rows = [row for row in rows if row[0] == "status"] + [row for row in rows if row[0] != "status"]
    width = max(_width(name) for name, _ in rows)
    return "\n".join(f"{name}{' ' * (width - _width(name))}  {value}" for name, value in rows)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def fenced(text: str, language: str = "") -> str:
    """A Markdown code block that nothing in `text` can end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _code(text: str) -> str:
    """Text as inline code in HTML, inert in Markdown and in tables."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<code>{escaped.replace('|', '&#124;').replace('`', '&#96;')}</code>"


def _words(text: str) -> str:
    """Text on one line whose characters mean nothing to Markdown."""
    line = " ".join(text.split())
    escaped = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]()#|~!@])", r"\\\1", escaped)


def summary_markdown(result: RunResult) -> str:
    """The job summary: on failure the cause first, else what is running now."""
    parts = [f"## oi-deploy: {result.status}"]
    if result.error:
        parts += [fenced(visible(result.error), "text")]
        if result.remedy:
            parts += ["**What to do**", fenced(visible(result.remedy), "text")]
    rows = [
        ("image", result.image_tag),
        ("digest", result.image_digest),
        ("Deployment", f"{result.namespace}/{result.deployment}" if result.deployment else ""),
        ("revision", result.revision),
        ("image before", result.previous_image),
        ("changed", ("yes" if result.changed else "no") if result.image_digest else ""),
    ]
    shown = [f"| {name} | {_code(visible(value))} |" for name, value in rows if value]
    if shown:
        parts.append("\n".join(["| | |", "|---|---|", *shown]))
    if result.checks:
        lines = [f"- {'✅' if c.ok else '❌'} {_words(visible(c.sentence))}" for c in result.checks]
        parts += ["### How it was verified", "\n".join(lines)]
    changing = [item for item in result.commands if item.mutates and item.allowed]
    refused = [item for item in result.commands if not item.allowed]
    if changing:
        parts += ["### Commands that changed something"]
        parts += [fenced(visible("\n".join(item.command for item in changing)), "sh")]
    if refused:
        parts += ["### Refused commands"]
        parts += [fenced(visible("\n".join(item.command for item in refused)), "sh")]
    if result.prompt:
        parts += ["### What was asked", fenced(visible(result.prompt), "text")]
    if result.phases:
        parts += ["### Where the time went", _gantt(result)]
    parts.append(
        f"{result.turns} turns, {result.prompt_tokens} + {result.completion_tokens} tokens "
        f"(prompt + completion), {result.duration_seconds:.0f} s in all, of which "
        f"{result.engine_seconds:.0f} s until the model was ready. Model: "
        f"{_code(visible(result.model or 'none'))}. Log: {_code(visible(result.log_path))}"
    )
    return "\n\n".join(parts) + "\n"


def _gantt(result: RunResult) -> str:
    lines = ["gantt", "    dateFormat x", "    axisFormat %M:%S"]
    begin = 0
    for name, seconds in result.phases:
        end = begin + max(1, int(seconds * 1000))
        lines.append(f"    {re.sub(r'[^A-Za-z ]', '', name)} {seconds:.0f} s : {begin}, {end}")
        begin = end
    return fenced("\n".join(lines), "mermaid")
