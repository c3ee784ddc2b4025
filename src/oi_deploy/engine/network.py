"""Which container we are in, read from our own mounts. Pure."""

import re

_OWN_FILES = re.compile(r"/containers/(?P<id>[0-9a-f]{64})/(?:hostname|hosts|resolv\.conf) ")


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
