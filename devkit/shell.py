"""Running programs for the devkit: shown, with progress on long steps, and a clear failure."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".devkit"
# Shared by all clones on a machine: what takes long to fetch or to make.
CACHE = Path(os.environ.get("OI_DEVKIT_CACHE") or Path.home() / ".cache/oi-deploy-devkit")

_SAY_EVERY_S = 15.0


class DevkitError(Exception):
    """The devkit cannot do what it was asked; the text says why and what to do."""


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"devkit: {text}", flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Say what is done now, that it is still going on, and how long it took."""
    begun = time.monotonic()
    over = threading.Event()

    def remind() -> None:
        while not over.wait(_SAY_EVERY_S):
            say(f"{text}: {time.monotonic() - begun:.0f} s")

    say(f"{text} ...")
    thread = threading.Thread(target=remind, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    say(f"{text}: done in {time.monotonic() - begun:.0f} s")


def call(
    *argv: str | Path,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    stdin: bytes | None = None,
) -> str:
    """Run a program to its end and return what it printed.

    Raises:
        DevkitError: it failed; with the end of what it printed.
    """
    result = subprocess.run(
        [str(item) for item in argv],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        input=stdin if stdin is not None else b"",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    output = result.stdout.decode(errors="replace")
    if result.returncode != 0:
        command = " ".join(str(item) for item in argv)
        raise DevkitError(f"`{command[:300]}` failed ({result.returncode}):\n{output[-3000:]}")
    return output


def works(*argv: str | Path) -> bool:
    """Whether a program runs and says yes."""
    command = [str(item) for item in argv]
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def apt_install(*packages: str) -> None:
    """Install Debian packages that are missing.

    Raises:
        DevkitError: this is no Debian or Ubuntu, or we may not install anything.
    """
    missing = [name for name in packages if not _installed(name)]
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise DevkitError(f"please install {', '.join(missing)}: this machine has no apt-get")
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if sudo and not works("sudo", "-n", "true"):
        raise DevkitError(f"please run: sudo apt-get install {' '.join(missing)}")
    with step(f"installing {', '.join(missing)}"):
        call(*sudo, "apt-get", "update")
        options = ["--yes", "--no-install-recommends"]
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        call(*sudo, "apt-get", "install", *options, *missing, env=environment)


def _installed(package: str) -> bool:
    result = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package],
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout == "installed"


def start_detached(argv: Sequence[str | Path], *, name: str) -> None:
    """Start a program that outlives us; its pid and its log are kept under the name."""
    (STATE / "log").mkdir(parents=True, exist_ok=True)
    with (STATE / "log" / f"{name}.log").open("ab") as log:
        child = subprocess.Popen(
            [str(item) for item in argv],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    started = Path(f"/proc/{child.pid}/stat").read_text(encoding="utf-8").split()[21]
    (STATE / f"{name}.pid").write_text(f"{child.pid} {started}\n", encoding="utf-8")


def detached_pid(name: str) -> int | None:
    """The pid of a program of ours that still runs; a reused pid is not taken for it."""
    try:
        pid, started = (STATE / f"{name}.pid").read_text(encoding="utf-8").split()
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return None
    return int(pid) if stat[21] == started and stat[2] != "Z" else None


def stop_detached(name: str, *, grace_s: float = 20.0) -> bool:
    """End a program of ours; return whether there was one."""
    pid = detached_pid(name)
    (STATE / f"{name}.pid").unlink(missing_ok=True)
    if pid is None:
        return False
    os.kill(pid, 15)
    limit = time.monotonic() + grace_s
    while Path(f"/proc/{pid}").exists() and time.monotonic() < limit:
        try:
            if os.waitpid(pid, os.WNOHANG)[0]:
                return True
        except ChildProcessError:
            pass  # started by an earlier process
        time.sleep(0.1)
    if Path(f"/proc/{pid}").exists():
        os.kill(pid, 9)
    return True
