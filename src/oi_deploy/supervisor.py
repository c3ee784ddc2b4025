"""Parent of one sandboxed command; a program of its own that runs as root beside the run.

It reads one line of JSON (see `Sandbox.run`) from standard input, starts the command as that user,
under a filter of system calls, and ends with its exit code. When the command ends, or standard
input is closed (the run wants it ended, or the run itself is dead), or all of its processes
together are over a limit, every process that the command has started is killed, also those that
went into sessions of their own: orphans come back to a "child subreaper", so nothing can leave the
tree.

One file, although it is long: it starts without site packages and from no place that could be
written to (`python -IS`), in a few milliseconds, so it imports the standard library alone.
"""

import base64
import ctypes
import errno
import itertools
import json
import os
import resource
import select
import signal
import stat
import sys
import time
from collections.abc import Iterator

SETPRIV = "/usr/bin/setpriv"
# The exit code of a command that could not be started, and what it says for want of the filter.
NOT_STARTED = 126
NO_FILTER = "the kernel does not take the filter of system calls"
_PR_SET_SECCOMP = 22
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2
_DROP = (
    *("--clear-groups", "--no-new-privs", "--inh-caps=-all", "--ambient-caps=-all"),
    *("--bounding-set=-all", "--"),
)
# Time between two looks at the processes: so long that looking takes a fifth of one core at most,
# and between these two. Then what single parts of a look may take, in processor time, so that a
# busy machine does not cut them short.
_LOOK_S = 0.1
_LOOK_SHARE = 5
_LOOK_MOST_S = 1.0
_AGAIN_S = 0.02
_SHARES_S = 0.5
_COUNT_S = 0.02
# Ended processes collected in a row; whoever ends processes faster must not keep us from looking.
_REAP = 500
# Rounds of killing one by one.
_ATTEMPTS = 5

libc = ctypes.CDLL(None, use_errno=True)


class Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def prctl(option: int, value: int, pointer: object = None) -> None:
    """Set an attribute of this process.

    Raises:
        OSError: the kernel refuses.
    """
    arguments = (ctypes.c_ulong(value), pointer, ctypes.c_ulong(0), ctypes.c_ulong(0))
    if libc.prctl(option, *arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def install_filter(instructions: bytes) -> None:
    """Let the kernel refuse system calls from now on; nothing can take that back.

    Without CAP_SYS_ADMIN, which a container's root lacks, that is allowed only under
    no_new_privs. setpriv can still drop what it has.
    """
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    program = Program(len(instructions) // 8, instructions)
    prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program))


def start(job: dict[str, object]) -> None:
    """In the child: become the user and the command; returns never."""
    try:
        os.setsid()
        os.umask(0o022)
        # Python ignores these two, and a command would inherit that (`yes | head` never ends).
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        null = os.open("/dev/null", os.O_RDWR)
        os.dup2(null, 0)
        # A pipe of root's could not be opened by its name (`echo text > /dev/stderr`).
        os.fchmod(1, 0o622)
        try:
            with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
                file.write("1000")  # when memory runs out, this is what the kernel kills first
        except OSError:
            pass  # not everywhere can it be written; the limits do not depend on it
        limits = job["rlimits"]
        assert isinstance(limits, dict)  # noqa: S101 - written by the sandbox
        for name, wanted in limits.items():
            limit = getattr(resource, name)
            hard = resource.getrlimit(limit)[1]
            values = [min(one, hard) if hard != resource.RLIM_INFINITY else one for one in wanted]
            resource.setrlimit(limit, (values[0], values[1]))
        os.chdir(str(job["cwd"]))
        user = (f"--reuid={job['uid']}", f"--regid={job['gid']}")
        env, argv = job["env"], job["argv"]
        assert isinstance(env, dict) and isinstance(argv, list)  # noqa: S101
        if job["filter"]:
            try:
                install_filter(base64.b64decode(str(job["filter"])))
            except OSError as error:
                os.write(2, f"{NO_FILTER}: {error.strerror}\n".encode())
                return
        os.execve(SETPRIV, [SETPRIV, *user, *_DROP, *argv], env)  # noqa: S606
    except OSError as error:
        os.write(2, f"the command cannot be started: {error}\n".encode())
    finally:
        os._exit(NOT_STARTED)


def reap(main: int) -> int | None:
    """Collect what has ended; the wait status of the command itself, when it is among them.

    Raises:
        ChildProcessError: nothing is left, neither alive nor ended.
    """
    for _ in range(_REAP):
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == main:
            return status
        if pid == 0:
            break
    return None


def fields(path: str) -> dict[bytes, bytes]:
    """The `name: value` lines of a file in /proc; none when its process has just ended."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - quick to start, no pathlib
            lines = file.read().splitlines()
    except OSError:
        return {}
    return {name: value for name, _, value in (line.partition(b":") for line in lines)}


def names(folder: str) -> list[str]:
    """What is in a folder of /proc; nothing when its process has just ended."""
    try:
        return os.listdir(folder)  # noqa: PTH208
    except OSError:
        return []


def processes() -> dict[int, tuple[int, int]]:
    """Every visible process: its parent and its user.

    Ended ones too: when a process's first thread has ended, the others may well go on.
    """
    found = {}
    for entry in names("/proc"):
        if entry.isdecimal() and (status := fields(f"/proc/{entry}/status")):
            found[int(entry)] = int(status[b"PPid"]), int(status[b"Uid"].split()[0])
    return found


def descendants(table: dict[int, tuple[int, int]], root: int) -> set[int]:
    """All children of a process, and theirs."""
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in table.items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    waiting = [root]
    while waiting:
        for pid in children.get(waiting.pop(), ()):
            if pid not in found:
                found.add(pid)
                waiting.append(pid)
    return found


def below(root: int, most: int) -> set[int]:
    """The same in less time: reads only these processes, not all of the machine.

    Where there are more than `most`, it finds some of them. It may miss one whose parent ends
    meanwhile; the next look sees it.
    """
    if not os.path.exists(f"/proc/{root}/task/{root}/children"):  # noqa: PTH110
        return descendants(processes(), root)  # a kernel without CONFIG_PROC_CHILDREN
    found: set[int] = set()
    waiting = [root, root]  # again at the end: orphans may have come to us meanwhile
    while waiting and len(found) <= most:
        pid = waiting.pop()
        for task in names(f"/proc/{pid}/task"):
            try:
                with open(f"/proc/{pid}/task/{task}/children", "rb") as file:  # noqa: PTH123
                    new = set(map(int, file.read().split())) - found
            except OSError:
                continue
            found |= new
            waiting += new
    return found


def size(number: float) -> str:
    """A number of bytes, in words."""
    for unit in ("B", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.3g} {unit}"
        number /= 1024
    return f"{number:.3g} GiB"


def memory(values: dict[bytes, bytes], *parts: bytes) -> int:
    """The sum of these fields, in bytes."""
    return sum(int(values[part].split()[0]) * 1024 for part in parts if part in values)


def free_bytes(directory: int) -> int:
    """What is left on a directory's disk for users other than root."""
    found = os.fstatvfs(directory)
    return found.f_bavail * found.f_frsize


class Disks:
    """Space that the command takes in some directories.

    Free space is quick to ask for, but it shrinks too when an engine builds an image meanwhile. So
    when it has shrunk by more than the command may use, from the most that was seen, the command's
    own files are counted, a few at each look.
    """

    def __init__(
        self, paths: list[str], user: tuple[int, int], most: int, least: int, name: str = "disk"
    ) -> None:
        """Note how much space there is before the command begins.

        Args:
            paths: directories that the user can write to, the likely ones first; missing ones are
                left out.
            user: its user and group.
            most: bytes that the command may use.
            least: bytes that must stay free.
            name: what it is that they lie on.
        """
        self._user, self._most, self._name = user, most, name
        self._paths = [path for path in paths if os.path.isdir(path)]  # noqa: PTH112
        # Open, so that nobody can put another directory there.
        opened = [os.open(path, os.O_PATH | os.O_DIRECTORY) for path in self._paths]
        free = {directory: free_bytes(directory) for directory in opened}
        # A disk that is nearly full before the command begins is not its fault.
        self._least = {one: min(least, bytes_ // 2) for one, bytes_ in free.items()}
        # What the command may take until it is counted again, and the free space that tells of it.
        self._left = most
        self._suspicious: dict[int, int] = {}
        self._note(free)
        self._since = time.time() - 1  # files have a coarser clock
        self._count: Iterator[int] = iter(())
        self._counted = 0
        self._counting = False

    def over(self, pids: list[int]) -> str:
        """What is exceeded, or nothing."""
        free = {directory: free_bytes(directory) for directory in self._least}
        for directory, least in self._least.items():
            if free[directory] < least:
                return f"less than {size(least)} of {self._name} left"
        if not self._counting:
            if all(free[one] >= line for one, line in self._suspicious.items()):
                # Where others have deleted something, that is nothing the command may take.
                self._note(free)
                return ""
            self._count, self._counted, self._counting = self._files(pids), 0, True
        until = time.process_time() + _COUNT_S
        for number in self._count:
            self._counted += number
            if self._counted > self._most:
                return f"more than {size(self._most)} of {self._name}"
            if time.process_time() > until:
                return ""
        # It was somebody else. Count again when what the command has left is gone too.
        self._counting = False
        self._left = self._most - self._counted
        self._suspicious.clear()
        self._note(free)
        return ""

    def _note(self, free: dict[int, int]) -> None:
        """From more free space than ever, the command is suspected sooner."""
        for one, bytes_ in free.items():
            line = bytes_ - self._left
            self._suspicious[one] = max(line, self._suspicious.get(one, line))

    def _files(self, pids: list[int]) -> Iterator[int]:
        """The bytes of the user's files that have changed since the command began."""
        seen: set[tuple[int, int]] = set()

        def bytes_of(found: os.stat_result) -> int:
            file = found.st_dev, found.st_ino
            if found.st_uid != self._user[0] or found.st_ctime < self._since or file in seen:
                return 0
            seen.add(file)
            return found.st_blocks * 512

        for pid in pids:
            for task in names(f"/proc/{pid}/task"):
                try:
                    yield from map(bytes_of, self._nameless(f"/proc/{pid}/task/{task}"))
                except PermissionError:
                    yield self._most + 1
        # Each directory with its owner.
        waiting = [(path, -1) for path in reversed(self._paths)]
        while waiting:
            directory, owner = waiting.pop()
            try:
                with os.scandir(directory) as entries:
                    for entry in entries:
                        try:
                            found = entry.stat(follow_symlinks=False)
                        except FileNotFoundError:
                            continue
                        if stat.S_ISDIR(found.st_mode):
                            waiting.append((entry.path, found.st_uid))
                        yield bytes_of(found)
            except OSError as error:
                # So deep only to hide something.
                if error.errno == errno.ENAMETOOLONG and owner == self._user[0]:
                    yield self._most + 1

    def _nameless(self, task: str) -> list[os.stat_result]:
        """Open files of a thread that have no name any more.

        Raises:
            PermissionError: the thread hides them.
        """
        found = []
        try:
            with Rights(self._user):
                for name in os.listdir(f"{task}/fd"):  # noqa: PTH208
                    file = os.stat(f"{task}/fd/{name}")  # noqa: PTH116
                    if stat.S_ISREG(file.st_mode) and file.st_nlink == 0:
                        found.append(file)
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has just ended, or closed one
        except PermissionError:
            status = fields(f"{task}/status")
            ended = not status or status[b"State"].split()[0] in (b"Z", b"X")
            # setpriv is still root for a moment.
            if not ended and int(status[b"Uid"].split()[0]) == self._user[0]:
                raise
        return found


class Rights:
    """Another user's rights to files, and to what /proc tells only that user.

    That is one id of several; which signals may be sent to us depends on the others.
    """

    def __init__(self, user: tuple[int, int]) -> None:
        """Take the user's and the group's number."""
        self._user = user

    def __enter__(self) -> None:
        """Take them on."""
        libc.setfsgid(self._user[1])
        libc.setfsuid(self._user[0])

    def __exit__(self, *_: object) -> None:
        """Back to ours."""
        libc.setfsuid(0)
        libc.setfsgid(0)


class Watch:
    """Says when all processes of the command together are over a limit."""

    def __init__(self, job: dict[str, object]) -> None:
        """Note how things are before the command begins."""
        limits = job["limits"]
        assert isinstance(limits, dict)  # noqa: S101 - written by the sandbox
        self._user = user = int(str(job["uid"])), int(str(job["gid"]))
        self._processes: int = limits["processes"]
        self._memory: int = limits["memory"]
        self._memory_left: int = limits["memory_left"]
        self._disks = (
            Disks(limits["paths"], user, limits["disk"], limits["disk_left"]),
            Disks(["/dev/shm"], user, self._memory, 0, "memory"),  # noqa: S108 - files in memory
        )

    def over(self) -> str:
        """The limit that is exceeded, or nothing."""
        found = self._look()
        if sum(int(status[b"Threads"]) for status in found.values()) > self._processes:
            return f"more than {self._processes} processes"
        if sum(map(upper_bound, found.values())) > self._memory:
            # Twice: a process that is just starting a program shares all of its memory with it.
            for pause in (_AGAIN_S, 0):
                if self._shares(found) <= self._memory:
                    break
                time.sleep(pause)
                found = self._look()
            else:
                return f"more than {size(self._memory)} of memory"
        for disks in self._disks:
            if over := disks.over(list(found)):
                return over
        left = memory(fields("/proc/meminfo"), b"MemAvailable")
        if 0 < left < self._memory_left:
            return f"less than {size(self._memory_left)} of the machine's memory left"
        return ""

    def _look(self) -> dict[int, dict[bytes, bytes]]:
        """The `status` of every process of the command."""
        found = {}
        for pid in below(os.getpid(), self._processes):
            status = fields(f"/proc/{pid}/status")
            # When its first thread has ended, the memory is seen only at the others.
            tasks = iter(names(f"/proc/{pid}/task") if b"RssAnon" not in status else ())
            while b"RssAnon" not in status and (task := next(tasks, "")):
                status |= fields(f"/proc/{pid}/task/{task}/status")
            if status:
                found[pid] = status
        return found

    def _shares(self, found: dict[int, dict[bytes, bytes]]) -> int:
        """The memory of all; what some have in common counts once.

        Asking takes long where there is much, so after a while that counts for each of them.
        """
        total = 0
        until = time.process_time() + _SHARES_S
        for pid, status in found.items():
            with Rights(self._user):
                late = time.process_time() > until
                shares = {} if late else fields(f"/proc/{pid}/smaps_rollup")
            if b"Pss_Anon" in shares:
                total += memory(shares, b"Pss_Anon", b"Pss_Shmem", b"SwapPss")
                total += memory(status, b"VmPTE")
            else:  # it hides itself, or the kernel is older than 5.3
                total += upper_bound(status)
        return total


def upper_bound(status: dict[bytes, bytes]) -> int:
    """A process's memory; what it shares with others counts for each of them."""
    return memory(status, b"RssAnon", b"RssShmem", b"VmSwap", b"VmPTE")


def kill_all(uid: int) -> None:
    """Kill every descendant, again and again until there is none."""
    own = os.getpid()
    for attempt in itertools.count():
        try:
            reap(0)
        except ChildProcessError:
            return
        table = processes()
        found = descendants(table, own)
        ours = all(pid in found for pid, (_, owner) in table.items() if owner == uid)
        if found and ours and attempt >= _ATTEMPTS:
            # They start new ones as fast as we kill them. The user's processes are all ours, so
            # kill the user's at one blow, which no fork outruns.
            killer = os.fork()
            if killer == 0:
                try:
                    os.setresuid(uid, uid, uid)
                    os.kill(-1, signal.SIGKILL)
                finally:
                    os._exit(0)
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.005)


def wait(child: int, watch: Watch, wake: int) -> tuple[int | None, str]:
    """Wait until the command ends, is over a limit, or the run wants it ended.

    Args:
        child: the command's process.
        watch: knows the limits.
        wake: becomes readable when a process has ended.

    Returns:
        The command's wait status if it has ended, and the limit that is exceeded, if any.
    """
    look = time.monotonic() + _LOOK_S
    poll = select.poll()
    poll.register(0, select.POLLIN | select.POLLHUP)
    poll.register(wake, select.POLLIN)
    while True:
        ready = dict(poll.poll(max(0, look - time.monotonic()) * 1000))
        if 0 in ready:
            return None, ""  # closed: nothing more is ever written to it
        if wake in ready:
            os.read(wake, 4096)
        status = reap(child)
        if status is not None:
            return status, ""
        if time.monotonic() >= look:
            before = time.process_time()
            if over := watch.over():
                return None, over
            pause = _LOOK_SHARE * (time.process_time() - before)
            look = time.monotonic() + min(max(_LOOK_S, pause), _LOOK_MOST_S)


def main() -> int:
    """Run the one command."""
    # Before anything is started: the wake-up pipe must not lose the first child's end.
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    prctl(_PR_SET_CHILD_SUBREAPER, 1)
    line = bytearray()
    while not line.endswith(b"\n"):
        part = os.read(0, 65536)
        if not part:
            return errno.EPIPE
        line += part
    job = json.loads(line)
    watch = Watch(job)
    child = os.fork()
    if child == 0:
        start(job)
    try:
        status, over = wait(child, watch, readable)
    finally:
        kill_all(int(job["uid"]))
    code = 128 + signal.SIGKILL
    if status is not None:
        code = os.waitstatus_to_exitcode(status)
        over = job["limits"]["signals"].get(str(-code), "")
    if over:
        try:
            os.set_blocking(2, True)  # the command may have changed that
            os.write(2, f"\nkilled: {over}\n".encode())
        except OSError:
            pass  # the run is gone
    return 128 - code if code < 0 else code


if __name__ == "__main__":
    sys.exit(main())
