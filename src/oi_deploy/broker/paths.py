"""Files of a request: they must be in the workspace, whatever links say."""

import os
import stat
from pathlib import Path

from oi_deploy.broker.request import Policy, Refused, Request

MAX_FILE = 4 * 1024 * 1024


def working_directory(policy: Policy, request: Request) -> Path:
    """The request's directory, links resolved; the workspace itself when it is outside.

    A shell that went to /tmp can still say `kubectl get pods`, and a relative path is then looked
    for where the model's files are.
    """
    resolved = Path(os.path.realpath(request.cwd))
    workspace = Path(os.path.realpath(policy.workspace))
    return resolved if resolved.is_relative_to(workspace) else workspace


def inside(policy: Policy, request: Request, text: str, rule: str) -> Path:
    """Resolve a path of the request.

    Raises:
        Refused: when it leads out of the workspace.
    """
    workspace = Path(os.path.realpath(policy.workspace))
    base = Path(os.path.realpath(request.cwd))
    resolved = Path(os.path.realpath(base / text))
    if "\0" in text or not resolved.is_relative_to(workspace):
        raise Refused(
            rule,
            f"{text} is outside the workspace {policy.workspace}; work on files inside it",
            f"cd {policy.workspace}",
        )
    return resolved


def read_inside(policy: Policy, request: Request, text: str, rule: str) -> bytes:
    """Read a regular file of the workspace.

    The path is walked part by part without following links, so that nobody can put a link in
    place between our check and our reading.

    Raises:
        Refused: when it is outside, missing, too large or no regular file.
    """
    resolved = inside(policy, request, text, rule)
    workspace = Path(os.path.realpath(policy.workspace))
    parts = resolved.relative_to(workspace).parts
    directory = os.open(workspace, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            deeper = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
            os.close(directory)
            directory = deeper
        # O_NONBLOCK: opening a named pipe must not wait for its writer.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        file = os.open(parts[-1] if parts else ".", flags, dir_fd=directory)
    except OSError as error:
        raise Refused(rule, f"cannot read {text}: {error.strerror}") from None
    finally:
        os.close(directory)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise Refused(rule, f"{text} is not a regular file")
    with os.fdopen(file, "rb") as stream:
        content = stream.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise Refused(rule, f"{text} is larger than {MAX_FILE // 1024 // 1024} MiB")
    return content
