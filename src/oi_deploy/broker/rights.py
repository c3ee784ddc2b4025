"""Looking at files with another user's rights, in one thread."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

_libc = ctypes.CDLL(None)


@contextmanager
def rights_of(uid: int, gid: int) -> Iterator[None]:
    """Access files as this user while the block runs; only this thread does.

    The kernel keeps a user for file access apart from the others, and gives up root's file
    capabilities with it (setfsuid(2), credentials(7)). The thread stays root otherwise, so no
    process of that user can look into it, as it could into a child that became the user. A process
    that is not root has the user's rights already.
    """
    if os.geteuid() != 0:
        yield
        return
    before = os.getegid(), os.geteuid()
    _libc.setfsgid(gid)
    _libc.setfsuid(uid)
    try:
        # The call reports no failure, only who it was before.
        if _libc.setfsuid(-1) != uid or _libc.setfsgid(-1) != gid:
            raise OSError(f"cannot look at files as user {uid}")
        yield
    finally:
        _libc.setfsuid(before[1])
        _libc.setfsgid(before[0])
