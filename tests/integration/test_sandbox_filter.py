"""What the kernel refuses to the model's code, and what goes on as if nothing were refused."""

import contextlib
import platform
import shutil
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devkit import shims
from oi_deploy.errors import RunError
from oi_deploy.sandbox import FIXED_ID, Sandbox
from oi_deploy.seccomp import network_filter
from oi_deploy.supervisor import NO_FILTER
from tests.integration.contained import (
    Contained,
    contained,
    needs_root,
    open_directory,
    program,
)

pytestmark = needs_root

KILLED_BY_THE_FILTER = 128 + 31  # SIGSYS


@pytest.fixture(scope="module")
def world() -> Iterator[Contained]:
    with open_directory() as base:
        tool = program(base / "tool", 'echo "the real one got: $*"')
        with contained(base, docker=tool, kubectl=tool) as opened:
            yield opened


def python(world: Contained, code: str, *words: str) -> str:
    """What a Python program prints, with its exit code when it is not 0."""
    result = world.run("/usr/bin/python3", "-c", code, *words)
    return result.output + (f"exit code {result.exit_code}" if result.exit_code else "")


# --- the network ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        "AF_INET, SOCK_STREAM",
        "AF_INET6, SOCK_STREAM",
        "AF_INET, SOCK_DGRAM",
        "AF_INET6, SOCK_DGRAM",
        "AF_INET, SOCK_RAW, IPPROTO_ICMP",
        "AF_PACKET, SOCK_RAW",
        "AF_NETLINK, SOCK_RAW",
        "AF_VSOCK, SOCK_STREAM",
        "AF_ALG, SOCK_SEQPACKET",
        "AF_UNIX, SOCK_DGRAM",
        "AF_UNIX, SOCK_SEQPACKET",
        "AF_UNIX, SOCK_RAW",
    ],
)
def test_no_socket_for_a_network(world: Contained, kind: str) -> None:
    """The error tells the filter's refusal from that of a user without the right."""
    code = f"""from socket import *
try:
    socket({kind})
except OSError as error:
    print(error)"""
    assert python(world, code) == "[Errno 13] Permission denied\n"


SEND = """
import socket, sys
family, kind, address = socket.AddressFamily[sys.argv[1]], sys.argv[2], eval(sys.argv[3])
try:
    with socket.socket(family, socket.SocketKind[kind]) as client:
        client.connect(address)
        client.send(b"secret")
    print("sent")
except OSError as error:
    print(error)
"""


def listener(family: socket.AddressFamily, kind: socket.SocketKind, address: Any) -> socket.socket:
    """A socket of this test, with a short patience."""
    opened = socket.socket(family, kind)
    opened.bind(address)
    opened.settimeout(0.2)
    if kind == socket.SOCK_STREAM:
        opened.listen()
    return opened


@pytest.mark.parametrize(
    ("family", "kind", "host"),
    [
        (socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1"),
        (socket.AF_INET6, socket.SOCK_STREAM, "::1"),
        (socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1"),
        (socket.AF_INET6, socket.SOCK_DGRAM, "::1"),
    ],
)
def test_nothing_arrives_at_a_listener(
    world: Contained, family: socket.AddressFamily, kind: socket.SocketKind, host: str
) -> None:
    with listener(family, kind, (host, 0)) as outside:
        address = outside.getsockname()[:2]
        assert "Permission denied" in python(world, SEND, family.name, kind.name, repr(address))
        with pytest.raises(TimeoutError):
            outside.accept() if kind == socket.SOCK_STREAM else outside.recv(100)


def test_no_name_is_asked_for(world: Contained) -> None:
    """Names carry data out too: a question to a server of our own does not arrive."""
    with listener(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)) as server:
        code = """const r = new (require('dns').Resolver)({timeout: 300, tries: 1});
            r.setServers([process.argv[1]]);
            r.resolve4('secret.example.com', error => console.log(error.code));"""
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert world.run("node", "-e", code, address).output == "ECONNREFUSED\n"
        with pytest.raises(TimeoutError):
            server.recv(1000)
    code = "import socket; socket.getaddrinfo('example.com', 80)"
    assert "socket.gaierror" in python(world, code)


@pytest.mark.parametrize("name", ["/containerd-shim/" + "0" * 64, "x", "/tmp/.X11-unix/X0"])
def test_abstract_sockets_of_the_host_are_out_of_reach(world: Contained, name: str) -> None:
    """A container with the host's network sees them, and they have no rights of files."""
    address = f"\0{name}-{FIXED_ID}"
    with listener(socket.AF_UNIX, socket.SOCK_STREAM, address) as outside:
        answer = python(world, SEND, "AF_UNIX", "SOCK_STREAM", repr(address))
        assert answer == "[Errno 13] Permission denied\n"
        with pytest.raises(TimeoutError):
            outside.accept()


def test_a_pair_of_sockets_sends_nothing_elsewhere(world: Contained) -> None:
    address = f"\0datagrams-{FIXED_ID}"
    code = f"""import socket
try:
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    print(one.sendto(b"secret", {address!r}))
except OSError as error:
    print(error)"""
    with listener(socket.AF_UNIX, socket.SOCK_DGRAM, address) as outside:
        assert python(world, code) == "[Errno 13] Permission denied\n"
        with pytest.raises(TimeoutError):
            outside.recv(100)


def test_nobody_waits_for_connections(world: Contained) -> None:
    code = """import socket
one = socket.socket(socket.AF_UNIX)
for call, argument in ((one.bind, "here"), (one.bind, "\\0abstract"), (one.listen, 1)):
    try:
        call(argument)
    except OSError as error:
        print(error.strerror)"""
    assert python(world, code) == "Permission denied\n" * 3


def test_the_broker_is_reached(world: Contained) -> None:
    result = world.run("docker images")
    assert (result.exit_code, result.output) == (0, "the real one got: image ls\n")


# --- other calls ---------------------------------------------------------------------------------

CALL = """
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    result = libc.syscall(number, *[ctypes.c_long(a) for a in arguments])
    print(os.strerror(ctypes.get_errno()) if result < 0 else "works", flush=True)
"""
X86_64 = platform.machine() == "x86_64"
CLONE = 56 if X86_64 else 220
NOT_PERMITTED, UNKNOWN = "Operation not permitted\n", "Function not implemented\n"


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        pytest.param("call(425, 1, 0)", NOT_PERMITTED, id="io_uring"),
        pytest.param(f"call({101 if X86_64 else 117}, 0, 0, 0, 0)", NOT_PERMITTED, id="ptrace"),
        pytest.param(
            f"call({310 if X86_64 else 270}, os.getpid(), 0, 0, 0, 0, 0)",
            NOT_PERMITTED,
            id="process_vm_readv",
        ),
        pytest.param(
            "call(438, os.pidfd_open(os.getpid()), 0, 0)", NOT_PERMITTED, id="pidfd_getfd"
        ),
        pytest.param(
            f"call({272 if X86_64 else 97}, 0x10000000)", NOT_PERMITTED, id="unshare: new user"
        ),
        pytest.param(
            f"pid = call({CLONE}, 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)",
            NOT_PERMITTED,
            id="clone: new user",
        ),
        pytest.param("call(435, 0, 0)", UNKNOWN, id="clone3"),
        pytest.param(
            "call(428, -100, ctypes.addressof(ctypes.create_string_buffer(b'/')), 0)",
            NOT_PERMITTED,
            id="open_tree",
        ),
        pytest.param(f"call({250 if X86_64 else 219}, 0, -3, 0)", NOT_PERMITTED, id="keyctl"),
        pytest.param(f"call({298 if X86_64 else 241}, 0, 0, 0, 0, 0)", NOT_PERMITTED, id="perf"),
        pytest.param(f"call({323 if X86_64 else 282}, 1)", NOT_PERMITTED, id="userfaultfd"),
        pytest.param(f"call({29 if X86_64 else 194}, 0, 4096, 0o1600)", NOT_PERMITTED, id="shmget"),
        pytest.param(f"call({68 if X86_64 else 186}, 0, 0o1600)", NOT_PERMITTED, id="msgget"),
        pytest.param("os.memfd_create('x')", "Function not implemented", id="memfd_create"),
    ],
)
def test_calls_that_no_script_needs(world: Contained, code: str, answer: str) -> None:
    assert answer in python(world, CALL + code)


def test_no_keys_are_typed_into_a_terminal(world: Contained) -> None:
    code = """import fcntl, pty, os, sys
pid, master = pty.fork()
if pid == 0:
    try:
        fcntl.ioctl(0, 0x5412, b"x")
    except OSError as error:
        print(error.strerror)
    sys.exit()
print(os.read(master, 100).decode().strip())"""
    assert python(world, code) == NOT_PERMITTED


def test_there_is_no_terminal(world: Contained) -> None:
    assert "No such device" in world.run("exec 3<>/dev/tty").output


@pytest.mark.skipif(not X86_64, reason="this processor has no second table of system calls")
def test_calls_of_a_32_bit_program_are_no_way_around(world: Contained) -> None:
    code = """import ctypes, mmap
# push rbx; socket(AF_INET, SOCK_STREAM, 0) by int 0x80; pop rbx; ret
blob = bytes.fromhex("53 b867010000 bb02000000 b901000000 31d2 cd80 5b c3")
page = mmap.mmap(-1, 4096, prot=7)
page.write(blob)
print(ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page)))())"""
    assert python(world, code) == f"exit code {KILLED_BY_THE_FILTER}"


@pytest.mark.skipif(not X86_64, reason="this processor has no second table of system calls")
def test_x32_calls_are_no_way_around(world: Contained) -> None:
    assert python(world, f"{CALL}call(0x40000000 | 41, 2, 1, 0)") == (
        f"exit code {KILLED_BY_THE_FILTER}"
    )


def test_a_setuid_program_gives_nothing(world: Contained) -> None:
    tool = world.workspace.parent / "become-root"
    shutil.copy("/usr/bin/id", tool)
    tool.chmod(0o4755)
    assert world.run(f"{tool} -u").output == f"{FIXED_ID}\n"


def test_the_supervisor_is_out_of_reach(world: Contained) -> None:
    code = """import os, signal
parent = os.getppid()
print(open(f"/proc/{parent}/cmdline").read().rpartition("/")[2])
for name in ("environ", "mem", "maps", "fd/0"):
    try:
        open(f"/proc/{parent}/{name}").read()
        print(name)
    except OSError:
        pass
for number in (signal.SIGSTOP, signal.SIGKILL, 0):
    try:
        os.kill(parent, number)
        print(number)
    except PermissionError:
        pass"""
    assert python(world, code) == "supervisor.py\0\n"


# --- the filter itself ---------------------------------------------------------------------------

ALLOW_ALL = struct.pack("HBBI", 0x06, 0, 0, 0x7FFF0000)
INVALID = struct.pack("HBBI", 0xFFFF, 0, 0, 0)


def sandbox(base: Path, **options: Any) -> Sandbox:
    """One without a broker."""
    (base / "ws").mkdir()
    shims.install(base / "shims")
    return Sandbox(base / "ws", socket=base / "s", shims=base / "shims", shield=(), **options)


def run(opened: Sandbox, *argv: str) -> str:
    """What a command prints."""
    result = opened.run(
        argv, timeout_s=60, on_output=lambda text: None, cancelled=threading.Event()
    )
    return result.output


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (INVALID, f"{NO_FILTER}: Invalid argument"),
        (RuntimeError("Unable to find libseccomp"), "Unable to find libseccomp"),
        (ALLOW_ALL, "does not obey"),
        (network_filter(True, 0), "does not obey"),
    ],
)
def test_a_sandbox_without_its_filter_opens_only_when_that_is_accepted(
    monkeypatch: pytest.MonkeyPatch, made: bytes | Exception, why: str
) -> None:
    def make(*_: object) -> bytes:
        if isinstance(made, Exception):
            raise made
        return made

    monkeypatch.setattr("oi_deploy.sandbox.network_filter", make)
    with open_directory() as base:
        closed = sandbox(base)
        with pytest.raises(RunError) as raised, closed:
            pass
        assert why in raised.value.why
        assert "`allow-weaker-sandbox: true`" in raised.value.remedy
        shutil.rmtree(base / "ws")
        weaker = sandbox(base, allow_weaker=True)
        with weaker, listener(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)) as outside:
            assert why in weaker.weaker
            address = repr(outside.getsockname())
            answer = run(weaker, "python3", "-c", SEND, "AF_INET", "SOCK_STREAM", address)
            assert answer == "sent\n"
            assert "NoNewPrivs:\t1\n" in run(weaker, "cat", "/proc/self/status")


def test_nothing_runs_when_the_filter_cannot_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_directory() as base, sandbox(base) as opened:
        assert opened.weaker == ""
        monkeypatch.setattr(opened, "_filter", "AAAA")
        assert run(opened, "echo", "it ran") == f"{NO_FILTER}: Invalid argument\n"


def test_an_open_network_is_open_and_the_rest_stays_shut() -> None:
    with (
        open_directory() as base,
        sandbox(base, open_network=True) as opened,
        listener(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)) as outside,
    ):
        address = repr(outside.getsockname())
        answer = run(opened, "python3", "-c", SEND, "AF_INET", "SOCK_STREAM", address)
        assert answer == "sent\n"
        assert run(opened, "python3", "-c", f"{CALL}call(425, 1, 0)") == NOT_PERMITTED
        assert opened.weaker == ""


def test_a_broker_that_does_not_listen_is_seen_at_once() -> None:
    with open_directory() as base:
        closed = sandbox(base)
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(base / "s"))
        (base / "s").chmod(0o666)
        with pytest.raises(RunError, match=f"cannot reach {base}/s: Connection refused"), closed:
            pass


# --- legitimate work -----------------------------------------------------------------------------

PYTHON = """
import asyncio, concurrent.futures, multiprocessing, subprocess
from multiprocessing import shared_memory
async def child():
    process = await asyncio.create_subprocess_exec("echo", "asyncio", stdout=subprocess.PIPE)
    print((await process.communicate())[0].decode().strip())
with multiprocessing.Pool(2) as pool:
    print(pool.map(len, ["a", "bb"]))
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    print(list(pool.map(lambda i: subprocess.check_output(["echo", "-n", i]), "abc")))
with concurrent.futures.ProcessPoolExecutor(2) as pool:
    print(list(pool.map(abs, [-1, -2])))
asyncio.run(child())
memory = shared_memory.SharedMemory(create=True, size=4096)
memory.close(); memory.unlink()
"""
NODE = """
const {execSync, fork} = require('child_process'), {Worker} = require('worker_threads');
console.log(execSync('echo sync | cat').toString().trim());
const child = fork('child.js');
child.on('message', message => {
    console.log('from the child', message);
    new Worker("require('worker_threads').parentPort.postMessage(7)", {eval: true})
        .on('message', message => console.log('from the worker', message));
});
child.send({x: 1});
"""
GIT = """
git init --quiet repository && cd repository
git config user.email a@b && git config user.name x
echo 1 > file && git add . && git commit --quiet --message first
git clone --quiet . ../copy && git -C ../copy log --format=%s
git -C ../copy fsck && git gc --quiet
"""
BASH = """
diff <(echo 1) <(echo 2); cat <<< here; (sleep 0.05 & wait)
echo a b | tr ' ' '\\n' | xargs -n1 -P2 echo x | sort
coproc cat; echo over >&"${COPROC[1]}"; read -r line <&"${COPROC[0]}"; echo "$line"
echo to stderr > /dev/stderr; echo to stdout | tee /dev/stdout
"""


@pytest.mark.parametrize(
    ("argv", "output"),
    [
        pytest.param(
            ("bash", "-c", BASH),
            "1c1\n< 1\n---\n> 2\nhere\nx a\nx b\nover\nto stderr\nto stdout\nto stdout\n",
            id="bash",
        ),
        pytest.param(("bash", "-ec", GIT), "first\n", id="git"),
        pytest.param(
            ("python3", "-c", PYTHON),
            "[1, 2]\n[b'a', b'b', b'c']\n[1, 2]\nasyncio\n",
            id="python",
        ),
        pytest.param(
            ("node", "-e", NODE), "sync\nfrom the child { y: 1 }\nfrom the worker 7\n", id="node"
        ),
        pytest.param(
            ("python3", "-c", "import pty; pty.spawn(['echo', 'x'])"), "x\r\n", id="terminal"
        ),
        pytest.param(
            ("bash", "-c", "tar c . | gzip | gunzip | tar t >/dev/null; echo $?"), "0\n", id="tar"
        ),
    ],
)
def test_legitimate_work_goes_on(world: Contained, argv: tuple[str, ...], output: str) -> None:
    child = "process.on('message', ({x}) => { process.send({y: x}); process.exit(); });"
    with contextlib.suppress(FileExistsError):
        (world.workspace / "child.js").write_text(child)
    result = world.run(*argv)
    assert (result.exit_code, result.output) == (0, output)
