"""The filter of system calls, run as the kernel runs it."""

import errno
import platform
import struct

import pyseccomp  # type: ignore[import-untyped]
import pytest

from oi_deploy.seccomp import network_filter

ALLOW, KILL_PROCESS = 0x7FFF0000, 0x80000000
LENGTH = 29
OURS = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[platform.machine()]


def verdict(program: bytes, number: int, arguments: tuple[int, ...], arch: int = OURS) -> int:
    """What the program returns for a call (classic BPF, as far as libseccomp uses it)."""
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("iIQ6Q", number, arch, 0, *(one & (2**64 - 1) for one in padded))
    instructions = list(struct.iter_unpack("HBBI", program))
    at = accumulator = 0
    while True:
        code, if_true, if_false, k = instructions[at]
        at += 1
        if code == 0x06:
            return int(k)
        if code == 0x20:
            accumulator = struct.unpack_from("I", data, k)[0]
        elif code == 0x54:
            accumulator &= k
        elif code == 0x05:
            at += k
        else:
            jumps = {0x15: accumulator == k, 0x25: accumulator > k, 0x35: accumulator >= k}
            at += if_true if jumps[code] else if_false


def decide(call: str, *arguments: int, open_network: bool = False) -> int | None:
    """The error number that a call gets, or None when it is allowed."""
    program = network_filter(open_network, LENGTH)
    number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, call)
    answer = verdict(program, number, arguments)
    if answer == ALLOW:
        return None
    assert answer >> 16 == 5, f"{call} does not end with an error: {answer:#x}"
    return answer & 0xFFFF


AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_ALG, AF_VSOCK = 1, 2, 10, 16, 17, 38, 40
STREAM, DGRAM, RAW, SEQPACKET = 1, 2, 3, 5
NONBLOCK_CLOEXEC = 0o2004000


@pytest.mark.parametrize("call", ["socket", "socketpair"])
@pytest.mark.parametrize("kind", [STREAM, DGRAM, RAW, SEQPACKET, STREAM | NONBLOCK_CLOEXEC])
@pytest.mark.parametrize(
    "family", [0, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_ALG, AF_VSOCK, 0x1_0000_0001]
)
def test_no_family_but_unix(call: str, family: int, kind: int) -> None:
    assert decide(call, family, kind) == errno.EACCES


def test_only_streams_that_nobody_can_aim_elsewhere() -> None:
    for flags in (0, NONBLOCK_CLOEXEC):
        for kind in range(16):
            for call, allowed in (("socket", {STREAM}), ("socketpair", {STREAM, SEQPACKET})):
                expected = None if kind in allowed else errno.EACCES
                assert decide(call, AF_UNIX, kind | flags) == expected, (call, kind)


def test_only_addresses_as_long_as_the_brokers() -> None:
    allowed = [length for length in range(140) if decide("connect", 3, 0, length) is None]
    assert allowed == [LENGTH]
    assert decide("connect", 3, 0, LENGTH + 2**32) == errno.EACCES
    assert decide("bind", 3, 0, LENGTH) == decide("listen", 3, 5) == errno.EACCES


def test_an_open_network_opens_the_network_only() -> None:
    for call, arguments in {
        "socket": (AF_INET, STREAM),
        "socketpair": (AF_UNIX, DGRAM),
        "connect": (3, 0, 16),
        "bind": (3, 0, 16),
        "listen": (3, 5),
    }.items():
        assert decide(call, *arguments, open_network=True) is None
    for call in ("io_uring_setup", "ptrace", "unshare", "memfd_create"):
        assert decide(call, open_network=True) is not None


@pytest.mark.parametrize(
    "call",
    [
        *("io_uring_setup", "io_uring_enter", "io_uring_register", "ptrace"),
        *("process_vm_readv", "process_vm_writev", "pidfd_getfd", "unshare", "setns", "mount"),
        *("umount2", "pivot_root", "move_mount", "open_tree", "fsopen", "fspick", "fsconfig"),
        *("fsmount", "mount_setattr", "open_by_handle_at", "keyctl", "add_key", "request_key"),
        *("bpf", "perf_event_open", "userfaultfd", "kexec_load", "kexec_file_load"),
        *("init_module", "finit_module", "delete_module", "shmget", "msgget", "semget", "mq_open"),
    ],
)
def test_what_no_script_needs_is_refused(call: str) -> None:
    assert decide(call) == errno.EPERM


def test_a_mount_call_that_libseccomp_does_not_know_yet_is_refused() -> None:
    open_tree_attr = 467
    assert verdict(network_filter(False, LENGTH), open_tree_attr, ()) == 0x50000 | errno.EPERM


@pytest.mark.parametrize("call", ["clone3", "memfd_create", "memfd_secret"])
def test_programs_take_the_other_way(call: str) -> None:
    assert decide(call) == errno.ENOSYS


def test_new_processes_but_no_new_namespaces() -> None:
    thread, fork = 0x3D0F00, 0x1200011
    assert decide("clone", thread) is decide("clone", fork) is None
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert decide("clone", fork | flag) == errno.EPERM, hex(flag)


def test_no_keys_are_typed_into_a_terminal() -> None:
    for request in (0x5412, 0x541C):
        for more in (0, 2**32):  # the kernel looks at the lower half only
            assert decide("ioctl", 0, request + more) == errno.EPERM
    get_window_size = 0x5413
    assert decide("ioctl", 0, get_window_size) is None


@pytest.mark.parametrize("call", ["openat", "execve", "clone", "prctl", "capset", "setresuid"])
def test_all_else_is_allowed(call: str) -> None:
    assert decide(call) is None


def test_another_way_to_number_calls_is_no_way_around() -> None:
    program = network_filter(False, LENGTH)
    i386, arm = 0x40000003, 0x40000028
    for arch in (i386, arm):
        for number in (1, 359, 102):
            assert verdict(program, number, (AF_INET, STREAM), arch) == KILL_PROCESS
    if platform.machine() == "x86_64":
        x32_socket = 0x40000000 | 41
        assert verdict(program, x32_socket, (AF_INET, STREAM)) == KILL_PROCESS
