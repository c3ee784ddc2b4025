"""What one command may use, with all the processes that it starts."""

import dataclasses
import os
import platform
import subprocess
import threading
import time
from collections.abc import Iterator

import pytest

from oi_deploy import sandbox as module
from oi_deploy.sandbox import Limits
from tests.integration.contained import (
    NAP,
    Contained,
    alive,
    contained,
    needs_root,
    open_directory,
    program,
)

pytestmark = needs_root

# Files and processes are counted by their user, and another run of these tests may go on here.
OWNER = 1_000_000 + os.getpid()
MIB = 1024**2
KILLED = 137
EXIT_OF_A_THREAD = 60 if platform.machine() == "x86_64" else 93


@pytest.fixture(scope="module")
def opened() -> Iterator[Contained]:
    with open_directory() as base:
        tool = program(base / "tool", "true")
        with contained(base, docker=tool, kubectl=tool, owner=OWNER) as world:
            yield world


@pytest.fixture
def world(opened: Contained, monkeypatch: pytest.MonkeyPatch) -> Contained:
    monkeypatch.setattr(opened.sandbox, "_limits", LIMITS)
    return opened


LIMITS = Limits(
    processes=30,
    memory_bytes=200 * MIB,
    disk_bytes=60 * MIB,
    file_bytes=100 * MIB,
    open_files=100,
    cpu_seconds=1,
)


def python(world: Contained, code: str) -> tuple[int | None, str]:
    """How a Python program ends, and the last line of its output."""
    result = world.run("/usr/bin/python3", "-c", code, timeout_s=600)
    return result.exit_code, (result.output.splitlines() or [""])[-1]


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("for _ in range(40): subprocess.Popen(NAP)", id="processes"),
        pytest.param(
            "threading.stack_size(65536)\n"
            "for _ in range(40): threading.Thread(target=time.sleep, args=(60,)).start()",
            id="threads",
        ),
        pytest.param(
            "if os.fork(): time.sleep(60)\nos.setsid()\nif os.fork(): os._exit(0)\n"
            "for _ in range(40): subprocess.Popen(NAP)",
            id="of a daemon",
        ),
    ],
)
def test_too_many_processes(world: Contained, code: str) -> None:
    setup = f"import os, subprocess, threading, time\nNAP = ['sleep', '{NAP}5']\n"
    ending = python(world, f"{setup}{code}\ntime.sleep(60)")
    assert ending == (KILLED, "killed: more than 30 processes")
    assert alive(f"{NAP}5") == []


def test_a_fork_bomb(world: Contained) -> None:
    result = world.run(":(){ :|:& }; : 2>/dev/null; sleep 60")
    assert result.exit_code == KILLED
    assert result.output.endswith("\nkilled: more than 30 processes\n")
    assert python(world, "print('as before')") == (0, "as before")


HYDRA = """
import os
os.setsid()
while True:
    try:
        if os.fork() and os.fork():
            os._exit(0)
    except BlockingIOError:
        pass
"""


def test_processes_that_start_others_faster_than_they_are_killed(
    world: Contained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_USER_PROCESSES", 200)
    result = world.run("bash", "-c", 'python3 -c "$1" "$2" & sleep 60', "-", HYDRA, f"{NAP}4")
    assert result.output == "\nkilled: more than 30 processes\n"
    assert alive(f"{NAP}4") == []


HOG = """
import ctypes, mmap, os, sys, threading, time
MIB = 1024**2
def fill(size, shared=False):
    memory = mmap.mmap(-1, size * MIB, flags=mmap.MAP_SHARED if shared else mmap.MAP_PRIVATE)
    for at in range(0, size * MIB, 4096):
        memory[at] = 1
    return memory
def fork(count):
    for number in range(count):
        if os.fork() == 0:
            return number
def stay():
    time.sleep(1)
    print("it goes on")
"""
TOO_MUCH = (KILLED, "killed: more than 200 MiB of memory")


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("fork(5); memory = fill(60); stay()", id="several processes"),
        pytest.param("memory = fill(250, shared=True); stay()", id="shared pages"),
        pytest.param(
            "fork(5); libc = ctypes.CDLL(None); libc.prctl(4, 0); memory = fill(60); stay()",
            id="hidden from its own user",
        ),
        pytest.param(
            "def work(): time.sleep(0.3); memory = fill(60); stay()\n"
            "fork(5); threading.Thread(target=work).start()\n"
            f"ctypes.CDLL(None).syscall({EXIT_OF_A_THREAD}, 0)",
            id="whose first thread has ended",
        ),
    ],
)
def test_too_much_memory_of_all_processes_together(world: Contained, code: str) -> None:
    assert python(world, HOG + code) == TOO_MUCH


def test_too_much_memory_in_files(world: Contained, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = dataclasses.replace(LIMITS, memory_bytes=40 * MIB)
    monkeypatch.setattr(world.sandbox, "_limits", limits)
    code = """
with open("/dev/shm/hog", "wb", buffering=0) as file:
    os.unlink("/dev/shm/hog")
    for _ in range(50):
        file.write(bytes(MIB))
    stay()"""
    assert python(world, HOG + code) == (KILLED, "killed: more than 40 MiB of memory")


def test_too_much_memory_of_one_process(world: Contained) -> None:
    """It gets to know, and can say so itself."""
    ending = python(world, "x = bytearray(250 * 1024**2)")
    assert ending == (1, "MemoryError")


@pytest.mark.parametrize("how", ["fill(120)", "fill(120, shared=True)"])
def test_memory_that_processes_share_counts_once(world: Contained, how: str) -> None:
    assert python(world, f"{HOG}memory = {how}; fork(4); stay()") == (0, "it goes on")


def test_a_machine_that_runs_out_of_memory(
    world: Contained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MEMORY_LEFT", 1024**5)
    ending = python(world, f"{HOG}stay()")
    assert ending == (KILLED, "killed: less than 1.05e+06 GiB of the machine's memory left")


def test_the_kernel_kills_it_first(world: Contained) -> None:
    assert world.run("cat /proc/self/oom_score_adj").output == "1000\n"


WRITE = """
import ctypes, os, time
def write(directory, size, hide=str):
    path = os.path.join(os.path.expandvars(directory), f"written-{os.getpid()}")
    with open(path, "wb", buffering=0) as file:
        hide(path)
        os.posix_fallocate(file.fileno(), 0, size * 1024**2)
        # Where /tmp is full of other files, it takes long to find this one among them.
        time.sleep(500 if size > 60 else size / 5)
        os.path.exists(path) and os.unlink(path)
def deep(path):
    for _ in range(20):
        os.mkdir("d" * 250)
        os.chdir("d" * 250)
    os.rename(path, "hidden")
"""
TOO_LARGE = (KILLED, "killed: more than 60 MiB of disk")


@pytest.mark.parametrize("directory", [".", "$HOME", "$TMPDIR", "/tmp", "/var/tmp"])
def test_too_much_disk(world: Contained, directory: str) -> None:
    assert python(world, f"{WRITE}write({directory!r}, 90)") == TOO_LARGE
    world.run(f"rm {directory}/written-*")
    assert python(world, f"{WRITE}write({directory!r}, 10)") == (0, "")


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("write('.', 90, hide=os.unlink)", id="without a name"),
        pytest.param("write(os.getcwd(), 90, hide=deep)", id="in very deep directories"),
        pytest.param(
            "ctypes.CDLL(None).prctl(4, 0); write('.', 90, os.unlink)", id="of a hidden process"
        ),
        pytest.param("[os.fork() for _ in range(3)]; write('.', 20)", id="of several processes"),
    ],
)
def test_too_much_disk_however_it_is_hidden(world: Contained, code: str) -> None:
    assert python(world, WRITE + code) == TOO_LARGE
    world.run("rm -rf ./*")


def test_what_others_write_meanwhile_is_not_its_own(world: Contained) -> None:
    """As the layers of an image that the broker builds. A process that has ended hides nothing,
    and neither do others' directories that are too deep to look into.
    """
    old, others = world.workspace / "old", world.workspace / "others"
    with old.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 90 * MIB)
    os.chown(old, *world.sandbox.user)
    script = "import os\nfor _ in range(20): os.mkdir('d' * 250); os.chdir('d' * 250)"
    subprocess.run(("python3", "-c", script), cwd=world.workspace, check=True)
    time.sleep(1.2)
    code = f"{WRITE}os.fork() or os._exit(0)\nprint('begun', flush=True); write('.', 10)"
    with others.open("wb") as file:

        def write(text: str) -> None:
            os.posix_fallocate(file.fileno(), 0, 90 * MIB)

        result = world.sandbox.run(
            ("python3", "-c", code), timeout_s=60, on_output=write, cancelled=threading.Event()
        )
        assert (result.exit_code, result.output) == (0, "begun\n")
    for name in ("others", "old", "d" * 250):
        subprocess.run(("rm", "-rf", world.workspace / name), check=True)


def test_what_others_delete_meanwhile_hides_nothing(world: Contained) -> None:
    """As the layers of an image that an engine removes: the free space does not shrink then."""
    others = world.workspace / "others"
    with others.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 90 * MIB)
    code = f"{WRITE}print('begun', flush=True); time.sleep(3); write('.', 90)"
    result = world.sandbox.run(
        ("python3", "-c", code),
        timeout_s=300,
        on_output=lambda text: others.unlink(missing_ok=True),
        cancelled=threading.Event(),
    )
    assert (result.exit_code, result.output.splitlines()[-1]) == TOO_LARGE
    world.run("rm ./written-*")


def test_too_large_a_file(world: Contained) -> None:
    result = world.run("exec truncate --size 101M file")
    assert result.output == "\nkilled: a file of more than 100 MiB\n"
    assert result.exit_code == 128 + 25
    assert world.run("truncate --size 100M file && rm file").exit_code == 0


def test_too_many_open_files(world: Contained) -> None:
    code = "files = [open('/dev/null') for _ in range(100)]"
    assert python(world, code)[1] == "OSError: [Errno 24] Too many open files: '/dev/null'"
    assert python(world, code.replace("100", "90")) == (0, "")


def test_no_core_files_and_new_files_as_usual(world: Contained) -> None:
    assert world.run("ulimit -c; umask").output == "0\n0022\n"


def test_too_much_processor_time(world: Contained) -> None:
    result = world.run("exec python3 -c 'while True: pass'")
    assert result.exit_code == 128 + 24
    assert result.output == "\nkilled: more than 1 s of processor time\n"


def test_too_much_processor_time_without_an_ear_for_it(
    world: Contained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CPU_GRACE_S", 1)
    result = world.run("trap '' XCPU; exec python3 -c 'while True: pass'")
    assert (result.exit_code, result.timed_out) == (KILLED, False)


@pytest.mark.parametrize(
    "argv",
    [
        pytest.param(
            (
                "python3",
                "-c",
                "import subprocess\nx = bytearray(10**9)\nx[::4096] = b'x' * len(x[::4096])\n"
                "print(subprocess.check_output(['echo', 'done']).decode().strip())",
            ),
            id="python",
        ),
        pytest.param(
            (
                "node",
                "-e",
                "let a = []; for (let i = 0; i < 1e7; i++) a.push({i}); console.log('done')",
            ),
            id="node",  # reserves far more addresses than it has memory
        ),
    ],
)
def test_the_defaults_are_enough_for_large_programs(
    opened: Contained, argv: tuple[str, ...]
) -> None:
    assert opened.run(*argv).output == "done\n"


def test_a_disk_that_is_nearly_full_before(
    world: Contained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the command may use half of what is left: it is not to blame."""
    monkeypatch.setattr(module, "_DISK_LEFT", 1024**6)
    assert world.run("sleep 0.3; echo as before").output == "as before\n"
