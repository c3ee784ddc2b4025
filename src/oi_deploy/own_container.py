"""Which container we are in, read from our own mounts."""

import re
from pathlib import Path

_OWN_FILES = re.compile(r"/containers/(?P<id>[0-9a-f]{64})/(?:hostname|hosts|resolv\.conf) ")


def own_container() -> str:
    """See `container_id`, for this process."""
    return container_id(Path("/proc/self/mountinfo").read_text(encoding="utf-8"))


def container_id(mountinfo: str) -> str:
    """The id of the container whose network we use; empty if we are in none.

    Docker mounts /etc/hostname, /etc/hosts and /etc/resolv.conf from a folder that is named after
    the container. With `--network container:X`, as act starts a step, they come from X's folder;
    that is the container to join, since a network can only be joined at its owner.

    Args:
        mountinfo: the content of /proc/self/mountinfo.
    """
    match = _OWN_FILES.search(mountinfo)
    return match["id"] if match else ""
