"""Which system calls the kernel refuses to the model's code: no network, no way out of its process.

All calls are allowed but those named here: the list is short enough to read, and programs keep
working. libseccomp makes the filter from it, and the supervisor installs it.
"""

import errno
import os
import tempfile

# From the kernel's headers: sched.h, socket.h, ioctls.h.
_NAMESPACES = (0x20000, *(1 << bit for bit in range(25, 31)))  # CLONE_NEWNS, CLONE_NEW*
_AF_UNIX = 1
_TYPE_BITS = 0xF
_SOCK_STREAM = 1
_SOCK_SEQPACKET = 5
_TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX
_INT = 0xFFFFFFFF

_REFUSED = (
    # Rings would run the calls that are refused here, unseen.
    *("io_uring_setup", "io_uring_enter", "io_uring_register"),
    # Other processes' memory and files.
    *("ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd"),
    # Other views of the machine, in which it could be root; mounts.
    *("unshare", "setns", "mount", "umount2", "pivot_root", "move_mount", "open_tree", "fsopen"),
    *("fspick", "fsconfig", "fsmount", "mount_setattr", "open_by_handle_at"),
    # Parts of the kernel that have had holes, and that no script needs.
    *("keyctl", "add_key", "request_key", "bpf", "perf_event_open", "userfaultfd"),
    *("kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module"),
    # Memory that stays when every process has ended.
    *("shmget", "msgget", "semget", "mq_open"),
)
_OPEN_TREE_ATTR = 467  # since Linux 6.15, the same on every architecture; not in libseccomp 2.5

# As if the kernel did not know them, so that programs take another way: clone3's flags lie in
# memory, where a filter cannot read them; and memory in such files belongs to no process, so that
# nothing could limit it.
_UNKNOWN = ("clone3", "memfd_create", "memfd_secret")


def network_filter(open_network: bool, address_length: int) -> bytes:
    """The filter, as the `struct sock_filter` array that prctl takes.

    A filter cannot read a socket's address, which lies in memory, but it sees its length. In a
    container with the host's network (act gives one) everybody can connect to the abstract sockets
    of the host. So only addresses that are as long as the broker's get through; what else has
    that length must be a file, which the user's rights decide about.

    Args:
        open_network: leave the rules about sockets out.
        address_length: length of the broker's address (a path's length, and three bytes).

    Raises:
        OSError: libseccomp or the kernel does not know a call or an action.
        RuntimeError: libseccomp is not there.
    """
    import pyseccomp  # type: ignore[import-untyped]  # fails where the library is missing

    def refuse(call: "str | int", *conditions: object, code: int = errno.EPERM) -> None:
        rules.add_rule(pyseccomp.ERRNO(code), call, *conditions)

    def has(argument: int, mask: int, value: int | None = None) -> object:
        wanted = mask if value is None else value
        return pyseccomp.Arg(argument, pyseccomp.MASKED_EQ, mask, wanted)

    def differs(argument: int, value: int) -> object:
        return pyseccomp.Arg(argument, pyseccomp.NE, value)

    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    # A 32-bit program numbers its calls in another way, so a filter for ours means nothing to it.
    rules.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.KILL_PROCESS)
    for call in (*_REFUSED, _OPEN_TREE_ATTR):
        refuse(call)
    for call in _UNKNOWN:
        refuse(call, code=errno.ENOSYS)
    for flag in _NAMESPACES:
        refuse("clone", has(0, flag))
    for request in _TERMINAL_INPUT:
        refuse("ioctl", has(1, _INT, request))
    if not open_network:
        # The code that socket(2) documents; programs say "Permission denied".
        for call in ("socket", "socketpair"):
            refuse(call, differs(0, _AF_UNIX), code=errno.EACCES)
        for kind in range(_TYPE_BITS + 1):
            if kind != _SOCK_STREAM:
                refuse("socket", has(1, _TYPE_BITS, kind), code=errno.EACCES)
            # A pair of datagram sockets is no closed pipe: each end can send to any address.
            if kind not in (_SOCK_STREAM, _SOCK_SEQPACKET):
                refuse("socketpair", has(1, _TYPE_BITS, kind), code=errno.EACCES)
        refuse("connect", differs(2, address_length), code=errno.EACCES)
        # Nobody in the sandbox could connect, so who else would?
        for call in ("bind", "listen"):
            refuse(call, code=errno.EACCES)
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        return os.pread(file.fileno(), 1 << 20, 0)
