"""What one input may say: from its text to a value, or why not.

All raise ValueError with a sentence that follows the input's name.
"""

import re
import shlex
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_HOST = re.compile(r"[a-z0-9][a-z0-9.-]*(:\d{1,5})?(/[a-z0-9._-]+)*")
_DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def parse_duration_or_zero(text: str) -> float:
    """Seconds in `90s`, `15m`, `1h30m`, `0s`.

    Raises:
        ValueError: the text is not of that form.
    """
    match = _DURATION.fullmatch(text.strip())
    if not match or not any(match.groups()):
        raise ValueError(f"`{text}` is not a duration such as 90s, 15m or 1h30m")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(hours * 3600 + minutes * 60 + seconds)


def parse_duration(text: str) -> float:
    """Seconds in `90s`, `15m`, `1h30m`.

    Raises:
        ValueError: the text is not of that form, or it is zero.
    """
    total = parse_duration_or_zero(text)
    if total == 0:
        raise ValueError("a duration of zero leaves no time for anything")
    return total


def positive(text: str) -> int:
    """A whole number above zero."""
    if not re.fullmatch(r"\d+", text.strip()) or int(text) == 0:
        raise ValueError(f"`{text}` is not a whole number above zero")
    return int(text)


def switch(text: str) -> bool:
    """`true` or `false`."""
    if text.strip() not in ("true", "false"):
        raise ValueError(f"`{text}` is neither `true` nor `false`")
    return text.strip() == "true"


def lines(text: str) -> tuple[str, ...]:
    """Words between spaces, line ends or commas."""
    return tuple(part for part in re.split(r"[\s,]+", text) if part)


def arguments(text: str) -> tuple[str, ...]:
    """Words as a shell reads them; nothing is expanded."""
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"the quoting cannot be read ({error})") from error


def registry(text: str) -> str:
    """A host with an optional port and path."""
    if text.startswith(("http://", "https://")):
        raise ValueError("an image reference has no scheme; leave out `http://` or `https://`")
    text = text.rstrip("/")
    if text and not _HOST.fullmatch(text):
        raise ValueError(f"`{text}` is not a registry host with an optional path")
    return text


def api_base(text: str) -> tuple[str, ...]:
    """Http or https URLs, without a final slash; one that is written twice counts once."""
    found = []
    for url in lines(text):
        if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", url):
            raise ValueError(f"`{url}` is not an http or https URL")
        if "@" in url.split("/")[2]:
            # It would be printed with every error.
            raise ValueError("holds a name or a password; write the key into `api-key`")
        found.append(url.rstrip("/"))
    return tuple(dict.fromkeys(found))


def gpus(text: str) -> str:
    """`all`, `none`, or GPU indexes."""
    if not re.fullmatch(r"all|none|\d+(,\d+)*", text):
        raise ValueError(f"`{text}` is none of `all`, `none` or a list of GPU indexes")
    return text


def namespace(text: str) -> str:
    """A namespace's name, or empty."""
    if text and not _DNS_LABEL.fullmatch(text):
        raise ValueError(f"`{text}` is not the name of a namespace")
    return text


def names(text: str) -> tuple[str, ...]:
    """Names of Deployments."""
    found = lines(text)
    for name in found:
        if not all(_DNS_LABEL.fullmatch(part) for part in name.split(".")):
            raise ValueError(f"`{name}` is not the name of a Deployment")
    return found


def image_names(text: str) -> tuple[str, ...]:
    """Repositories with their registry, or everything below one (`/*`)."""
    found = lines(text)
    for name in found:
        if "/" not in name or not _HOST.fullmatch(name.removesuffix("/*")):
            raise ValueError(
                f"`{name}` is not a repository with its registry, without a tag "
                "(a final `/*` allows everything below it)"
            )
    return found


def log_file(text: str) -> str:
    """A path below the workspace."""
    path = Path(text)
    if not text or path.is_absolute() or ".." in path.parts or text.endswith("/"):
        raise ValueError(f"`{text}` is not a file path relative to the workspace")
    return str(path)


Duration = Annotated[float, BeforeValidator(parse_duration)]
DurationOrZero = Annotated[float, BeforeValidator(parse_duration_or_zero)]
Count = Annotated[int, BeforeValidator(positive)]
Switch = Annotated[bool, BeforeValidator(switch)]
