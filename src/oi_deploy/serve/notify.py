"""What systemd wants to know from a unit of `Type=notify` (sd_notify(3))."""

import socket
from collections.abc import Mapping
from contextlib import suppress

_LONGEST_S = 1.0


def notify(env: Mapping[str, str], **state: str) -> None:
    """Tell the service manager, such as `READY="1"`; nothing happens where none wants to know."""
    address = env.get("NOTIFY_SOCKET", "")
    if address:
        # A manager that does not read must not keep us from serving, or from ending.
        text = "\n".join(f"{name}={' '.join(value.split())}" for name, value in state.items())
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, suppress(OSError):
            sender.settimeout(_LONGEST_S)
            # `@` stands for the NUL byte of a name that is in no file system.
            sender.sendto(text.encode(), address.replace("@", "\0", 1))
