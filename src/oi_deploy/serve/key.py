"""The clients' key: from a variable or a file, never from a command line."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from oi_deploy.engine.server import new_key
from oi_deploy.errors import RunError

VARIABLE = "OI_DEPLOY_API_KEY"
# It goes into a header; and a short one can be guessed by whoever reaches the port.
_KEY = re.compile(r"[\x21-\x7e]{16,512}")


def client_key(env: Mapping[str, str], path: Path) -> tuple[str, bool]:
    """The key, and whether it was made just now.

    Args:
        env: its variable wins over the file.
        path: of the file; made with a new key if there is none, for its owner's eyes only.

    Raises:
        RunError: it cannot be read or made, or it is no key.
    """
    if VARIABLE in env:
        return _checked(env[VARIABLE], f"the variable {VARIABLE}"), False
    try:
        try:
            return _checked(path.read_text(encoding="utf-8"), f"the file {path}"), False
        except FileNotFoundError:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            made = new_key()
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(made + "\n")
            return made, True
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(
            "The clients' key can be neither read nor made",
            why=str(error),
            remedy=f"Name another file: `--api-key-file PATH`, or set {VARIABLE}.",
        ) from error


def _checked(text: str, where: str) -> str:
    key = text.strip()
    if not _KEY.fullmatch(key):
        raise RunError(
            "The clients' key cannot be used",
            why=f"{where} does not hold 16 to 512 characters without spaces",
            remedy="Remove it, and one is made; or make one: `openssl rand -hex 24`",
        )
    return key
