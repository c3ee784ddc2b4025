"""Using up what the machine has, or staying on it. The run's limits are small (`arena.POLICIES`).

Every script stops by itself where its success is proven, so that nothing happens to a machine on
which the limits fail.
"""

from tests.security.attack import Attack, Seen


def _bounded_log(attack: Attack, seen: Seen) -> list[str]:
    shown = len(seen.around.log)
    return [f"the step's log has {shown} characters"] if shown > 12_000_000 else []


def _broker_is_silent(attack: Attack, seen: Seen) -> list[str]:
    return [] if "answers" in seen.output.splitlines() else ["the broker answers nobody"]


# A process of its own session, whose parents have ended, that works on until it is killed.
_DAEMON = """
import signal, time
def daemon(work):
    if os.fork() == 0:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        if os.fork() == 0:
            for fd in range(3):
                os.dup2(os.open(os.devnull, os.O_RDWR), fd)
            end = time.monotonic() + 8
            while time.monotonic() < end:
                work()
            os._exit(0)
        os._exit(0)
    os.wait()
def note():
    with open('@ID@.alive', 'a') as file:
        file.write('.')
    time.sleep(0.01)
def size():
    return os.path.getsize('@ID@.alive') if os.path.exists('@ID@.alive') else 0
"""
_STILL_ALIVE = (
    _DAEMON
    + """
before = size()
time.sleep(0.4)
breach('it still works') if size() != before else print('it is dead', before)
"""
)

ATTACKS = (
    Attack(
        "many-processes",
        "starts more and more processes",
        """for number in $(seq 400); do sleep 3 & done 2>/dev/null
        sleep 1; [ $(jobs -r | wc -l) -lt 300 ] || breach $(jobs -r | wc -l)""",
        ("process limit",),
        evidence="killed: more than 128 processes",
    ),
    Attack(
        "many-threads",
        "starts more and more threads",
        """
import threading, time
threading.stack_size(65536)
count = 0
try:
    for count in range(400):
        threading.Thread(target=time.sleep, args=(2,), daemon=True).start()
except RuntimeError as error:
    print(error)
time.sleep(1)
if count > 300:
    breach(count)
""",
        ("process limit",),
        language="python",
        evidence="killed: more than 128 processes",
    ),
    Attack(
        "much-memory",
        "takes more memory than it may in one process",
        """
try:
    taken = [bytearray(b'x' * 2**24) for _ in range(48)]
except MemoryError:
    print('no memory')
else:
    import time
    time.sleep(1)
    breach(len(taken) * 16, 'MiB')
""",
        ("memory limit",),
        language="python",
        evidence="no memory|killed: more than 256 MiB of memory",
    ),
    Attack(
        "memory-of-many",
        "takes more memory than it may, a little in each of many processes",
        """
import time
children = []
for _ in range(8):
    child = os.fork()
    if child == 0:
        taken = os.urandom(2**20) * 80
        time.sleep(2)
        os._exit(0)
    children.append(child)
if not any(os.waitpid(child, 0)[1] for child in children):
    breach('640 MiB')
""",
        ("memory limit",),
        language="python",
        evidence="killed: more than 256 MiB of memory",
    ),
    Attack(
        "large-file",
        "writes one file that is too large",
        """head -c 100000000 /dev/zero > @ID@.large; ls -l @ID@.large
        [ $(stat -c %s @ID@.large) -lt 90000000 ] || breach; rm -f @ID@.large""",
        ("file size limit",),
        evidence="File size limit exceeded|File too large",
    ),
    Attack(
        "many-files",
        "fills the disk with many small files",
        """mkdir -p "$HOME/@ID@"
        for number in $(seq 60); do
            fallocate -l 20M "$HOME/@ID@/$number" || break; sleep 0.03; done
        sleep 0.5; [ $(ls "$HOME/@ID@" | wc -l) -lt 60 ] || breach
        rm -rf "$HOME/@ID@" """,
        ("disk limit",),
        later="""rm -rf "$HOME/@ID@"; df -m --output=avail . | tail -1""",
        evidence="killed: more than 512 MiB of disk",
    ),
    Attack(
        "endless-output",
        "prints without end",
        """timeout 5 yes "$(head -c 4000 /dev/zero | tr '\\0' z)" | head -c 30000000; echo end""",
        ("output limit",),
        outside=_bounded_log,
        evidence=r"characters cut",
    ),
    Attack(
        "open-files",
        "opens more and more files",
        """
files = []
try:
    for _ in range(600):
        files.append(os.open('/dev/null', os.O_RDONLY))
except OSError as error:
    print('refused:', error.strerror, len(files))
if len(files) > 300:
    breach(len(files))
""",
        ("open files limit",),
        language="python",
        evidence="refused: Too many open files 2",
    ),
    Attack(
        "processor-time",
        "keeps the processor busy",
        """
import time
while time.process_time() < 3:
    pass
breach('3 s')
""",
        ("processor limit",),
        language="python",
        evidence="killed: more than 2 s of processor time",
    ),
    Attack(
        "endless-script",
        "waits without end, and does not obey signals",
        """trap '' TERM HUP INT; sleep 11 & wait; sleep 1; breach""",
        ("time limit",),
        evidence="^\\[timed out\\]$",
    ),
    Attack(
        "endless-build",
        "builds without end",
        """cd "$(mktemp -d -p .)"
        printf 'FROM @BASE@\\nRUN : @ID@; echo begun; sleep 11; echo over\\n' > Dockerfile
        docker build --no-cache -t @ID@:1 . 2>&1 | tee ../@ID@.txt
        grep -qx over ../@ID@.txt && breach""",
        ("time limit",),
        evidence="^\\[timed out\\]$|killed after 8 s",
    ),
    Attack(
        "daemon",
        "leaves a process that outlives its command, and works on",
        _DAEMON + "\ndaemon(note)\nwhile size() < 3: time.sleep(0.01)\n",
        ("end of all descendants",),
        language="python",
        later=_STILL_ALIVE,
        evidence=r"it is dead \d+",
    ),
    Attack(
        "forking-away",
        "leaves a process that forks away from whoever looks for it",
        _DAEMON
        + """
def work():
    if os.fork():
        os._exit(0)
    os.setsid()
    note()
daemon(work)
while size() < 3: time.sleep(0.01)
""",
        ("end of all descendants",),
        language="python",
        later=_STILL_ALIVE,
        evidence=r"it is dead \d+",
    ),
    Attack(
        "daemon-that-calls-the-broker",
        "leaves a process that asks the broker after its command has ended",
        _DAEMON
        + """
import subprocess
def work():
    note()
    if size() > 60:
        subprocess.run(['docker', 'tag', 'x', 'daemon/calls'])
daemon(work)
while size() < 3: time.sleep(0.01)
""",
        ("end of all descendants",),
        language="python",
        later="import time\ntime.sleep(1)\nsize = os.path.getsize('@ID@.alive')\n"
        "breach('it works') if size > 60 else print('it is dead', size)\n",
        evidence=r"it is dead \d+",
    ),
    Attack(
        "all-connections",
        "holds two hundred connections to the broker, each in the middle of a request",
        """
import socket, time
held = []
for _ in range(200):
    client = socket.socket(socket.AF_UNIX)
    try:
        client.connect(os.environ['OI_DEPLOY_BROKER'])
        client.sendall(b'{"tool": "docker"')
        held.append(client)
    except OSError:
        pass
time.sleep(0.5)
alive = 0
for client in held:
    client.setblocking(False)
    try:
        alive += client.recv(1) != b''
    except BlockingIOError:
        alive += 1
    except OSError:
        pass
print('held', alive)
if alive > 20:
    breach(alive)
""",
        ("connection limit",),
        language="python",
        later="import subprocess\nsubprocess.run(['docker', 'version', '--format', 'answers'])\n",
        evidence="held (1?\\d)$(.|\\n)*^answers$",
    ),
    Attack(
        "long-command-line",
        "sends command lines that are too long, in bytes and in words",
        """big=$(head -c 100000 /dev/zero | tr '\\0' x)
        passes docker version --format "$big" --format "$big" --format "$big" --format x
        passes docker version $(for n in $(seq 600); do echo --format x; done)""",
        ("frame check",),
        evidence="longer than 256 KiB(.|\\n)*more than 1000 words",
    ),
    Attack(
        "greedy-smoke-test",
        "lets a container that it may start use memory and time",
        """cd "$(mktemp -d -p .)"
        printf 'FROM @BASE@\\nCMD ["sh", "-c", "%s"]\\n' \\
            'x=$(yes | head -c 300000000); echo rea''ched; exit 0' > Dockerfile
        docker build -q -t @ID@:1 .
        passes docker run @ID@:1
        passes docker run @ID@:1 sleep 4""",
        ("smoke test limits",),
        evidence="killed after 2 s",
    ),
    Attack(
        "endless-judging",
        "has the broker itself compute without end: a pattern, and a line of a Dockerfile",
        """mkdir -p @ID@ && cd @ID@ && printf 'FROM scratch\\nCOPY Dockerfile /\\n' > Dockerfile
        touch $(printf 'a%.0s' $(seq 240))
        printf '*a%.0s' $(seq 12) > .dockerignore; echo b >> .dockerignore
        timeout 2 docker build -t @ID@:1 .; rm .dockerignore
        { printf '# a=x'; head -c 900000 /dev/zero | tr '\\000' ' '; printf 'y\\nFROM scratch\\n'
        } > Dockerfile
        timeout 2 docker build -t @ID@:2 .; docker version --format answers; cd ..; rm -r @ID@""",
        ("bounded judging",),
        evidence="^answers$",
        outside=_broker_is_silent,
    ),
)
