"""Parent of one sandboxed command; a program of its own that runs as root beside the run.

It reads one line of JSON (`argv`, `env`, `cwd`, `uid`, `gid`, `limits`) from standard input, starts
the command as that user, and ends with its exit code. When the command ends, or standard input is
closed (the run wants it ended, or the run itself is dead), every process that the command has
started is killed, also those that went into sessions of their own: orphans come back to a
"child subreaper", so nothing can leave the tree.
"""

import ctypes
import errno
import json
import os
import resource
import select
import signal
import sys
import time

SETPRIV = "/usr/bin/setpriv"
_PR_SET_CHILD_SUBREAPER = 36
_DROP = (
    *("--clear-groups", "--no-new-privs", "--inh-caps=-all", "--ambient-caps=-all"),
    *("--bounding-set=-all", "--"),
)


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
        limits = job["limits"]
        assert isinstance(limits, dict)  # noqa: S101 - written by the sandbox
        for name, value in limits.items():
            limit = getattr(resource, name)
            hard = resource.getrlimit(limit)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(limit, (value, value))
        os.chdir(str(job["cwd"]))
        user = (f"--reuid={job['uid']}", f"--regid={job['gid']}")
        env, argv = job["env"], job["argv"]
        assert isinstance(env, dict) and isinstance(argv, list)  # noqa: S101
        os.execve(SETPRIV, [SETPRIV, *user, *_DROP, *argv], env)  # noqa: S606
    except OSError as error:
        os.write(2, f"the command cannot be started: {error}\n".encode())
    finally:
        os._exit(126)


def reap(main: int) -> int | None:
    """Collect what has ended; the wait status of the command itself, when it is among them."""
    status = None
    while True:
        try:
            pid, ended = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if pid == 0:
            return status
        if pid == main:
            status = ended


def processes() -> dict[int, tuple[int, int]]:
    """Every live process that is visible: its parent and its user."""
    found = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 - quick to start, no pathlib
        if entry.isdecimal():
            try:
                with open(f"/proc/{entry}/stat", "rb") as file:  # noqa: PTH123
                    after_name = file.read().rpartition(b")")[2].split()
                if after_name[0] not in (b"Z", b"X"):
                    owner = os.stat(f"/proc/{entry}").st_uid  # noqa: PTH116
                    found[int(entry)] = int(after_name[1]), owner
            except OSError:
                continue  # it has just ended
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


def kill_all(uid: int) -> None:
    """Kill every descendant, again and again until there is none."""
    own = os.getpid()
    while True:
        table = processes()
        below = descendants(table, own)
        if below and all(pid in below for pid, (_, owner) in table.items() if owner == uid):
            # The user's processes are all ours: kill them at one blow, which no fork outruns.
            killer = os.fork()
            if killer == 0:
                try:
                    os.setresuid(uid, uid, uid)
                    os.kill(-1, signal.SIGKILL)
                finally:
                    os._exit(0)
        for pid in below:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


def main() -> int:
    """Run the one command."""
    # Before anything is started: the wake-up pipe must not lose the first child's end.
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    line = bytearray()
    while not line.endswith(b"\n"):
        part = os.read(0, 65536)
        if not part:
            return errno.EPIPE
        line += part
    job = json.loads(line)
    child = os.fork()
    if child == 0:
        start(job)
    status = None
    poll = select.poll()
    poll.register(0, select.POLLIN | select.POLLHUP)
    poll.register(readable, select.POLLIN)
    while status is None:
        ready = dict(poll.poll())
        if readable in ready:
            os.read(readable, 4096)
            status = reap(child)
        if 0 in ready:
            break  # closed: nothing more is ever written to it
    kill_all(int(job["uid"]))
    if status is None:
        return 128 + signal.SIGKILL
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


if __name__ == "__main__":
    sys.exit(main())
