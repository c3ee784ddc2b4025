"""Putting a private log into a workspace whose contents the model's code has chosen."""

import errno
import json
import os
import secrets
import stat
from pathlib import Path

from oi_deploy.redact import Redactor
from oi_deploy.text import visible

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_HEADING = (
    "--- below: this file's earlier content, written by the model's code or by an earlier step,"
    " not by this run of the action ---"
)
# Of that content; the rest is left out.
_MOST_BYTES = 64 * 1024
_MOST_LINES = 200


def publish(source: Path, workspace: Path, relative: str, *, redactor: Redactor) -> str:
    """Put a private log into the workspace, owned by the workspace's owner.

    Prompts ask for a log too, so the model's code may have written a file of the same name. Its
    lines are kept at the end under a heading, never among ours. The model's code also chooses what
    stands at that path: links are not followed. If there is no file there but a folder, a pipe or
    the like, or if a folder on the way is none, the log gets another name, and says so.

    Returns:
        The path relative to the workspace.

    Raises:
        OSError: the file cannot be written there.
    """
    owner = workspace.stat()
    path = Path(relative)
    text = source.read_text(encoding="utf-8", errors="replace")
    folder = os.open(workspace, _FOLDER)
    try:
        inner = _enter(folder, path.parent, owner)
        if inner is None:
            path = Path(path.name)
            notes = None
        else:
            os.close(folder)
            folder = inner
            notes = _notes(folder, path.name)
        if notes is None:
            path = path.with_name(f"{path.stem}.{secrets.token_hex(4)}{path.suffix}")
            notes = [f"{relative} is taken by what is no file, or a link is on the way to it"]
        elif notes:
            notes.insert(0, _HEADING)
        if source.suffix == ".html":
            # A page has no place for lines of others; what was there is replaced.
            notes = []
        note = _json_note if source.suffix == ".jsonl" else _comment
        text += "".join(f"{note(redactor.text(visible(line)))}\n" for line in notes)
        _write(folder, path.name, text, owner)
    finally:
        os.close(folder)
    return str(path)


def _comment(line: str) -> str:
    return f"# {line}"


def _json_note(line: str) -> str:
    return json.dumps({"kind": "note", "text": line}, ensure_ascii=False)


def _enter(workspace: int, relative: Path, owner: os.stat_result) -> int | None:
    """A handle on a folder in the workspace; missing ones are made, links are not followed.

    None if something on the way is no folder.
    """
    handle = os.dup(workspace)
    for part in relative.parts:
        outer = handle
        try:
            try:
                os.mkdir(part, 0o755, dir_fd=outer)
                os.chown(part, owner.st_uid, owner.st_gid, dir_fd=outer, follow_symlinks=False)
            except FileExistsError:
                pass
            handle = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=outer)
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                return None
            raise
        finally:
            os.close(outer)
    return handle


def _notes(folder: int, name: str) -> list[str] | None:
    """The lines of the file that is there already; empty without one; None if it is no file."""
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        handle = os.open(name, flags, dir_fd=folder)
    except FileNotFoundError:
        return []
    except OSError:
        # A link: replacing it does not touch what it points to.
        info = os.stat(name, dir_fd=folder, follow_symlinks=False)
        return [] if stat.S_ISLNK(info.st_mode) else None
    try:
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode):
            return None
        if info.st_nlink > 1:
            # A second name of a file that lies elsewhere and may be nobody's business.
            return []
        data = os.read(handle, _MOST_BYTES)
    finally:
        os.close(handle)
    lines = data.decode(errors="replace").splitlines()
    if len(lines) > _MOST_LINES or info.st_size > len(data):
        # Of a line that was cut, half a secret would stay.
        lines = lines[: min(_MOST_LINES, len(lines) - 1)]
        lines.append(f"(the rest of its {info.st_size} bytes is left out)")
    return lines


def _write(folder: int, name: str, text: str, owner: os.stat_result) -> None:
    """Make the file whole before it gets its name."""
    temporary = f".oi-deploy-{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(temporary, flags, 0o600, dir_fd=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o644)
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(temporary, dir_fd=folder)
        raise
