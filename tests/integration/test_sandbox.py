"""The sandbox: who the model's code is, what it cannot reach, and that it ends."""

import os
import platform
import stat
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from devkit import shims
from oi_deploy.errors import RunError
from oi_deploy.sandbox import DOCKER_SOCKET, FIXED_ID, Sandbox
from tests.integration.contained import (
    NAP,
    PASSWORD,
    TOKEN,
    Contained,
    alive,
    contained,
    gone,
    needs_root,
    open_directory,
    program,
)

pytestmark = needs_root

OWNER = 64001


@pytest.fixture
def base() -> Iterator[Path]:
    with open_directory() as path:
        yield path


@pytest.fixture
def world(base: Path) -> Iterator[Contained]:
    tool = program(base / "tool", f"sleep {NAP}8")
    with contained(base, docker=tool, kubectl=tool) as opened:
        yield opened


def test_it_is_another_user_without_any_privilege(world: Contained) -> None:
    ours = os.getgroups()
    os.setgroups([*ours, OWNER])
    try:
        status = world.run("cat /proc/self/status").output
    finally:
        os.setgroups(ours)
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert set(fields["Uid"].split()) == set(fields["Gid"].split()) == {str(FIXED_ID)}
    assert fields["Groups"].strip() == ""
    assert fields["NoNewPrivs"] == "1"
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(fields[name], 16) == 0


def test_it_is_the_workspaces_owner_where_that_is_not_root(base: Path) -> None:
    tool = program(base / "tool", "true")
    with contained(base, docker=tool, kubectl=tool, owner=OWNER) as world:
        assert world.sandbox.user == (OWNER, FIXED_ID)
        assert world.run("id -u; touch made").output == f"{OWNER}\n"
    made = (base / "ws" / "made").stat()
    assert (made.st_uid, made.st_gid) == (OWNER, OWNER)


def test_a_shielded_folder_stays_open_for_the_runner(base: Path) -> None:
    tool = program(base / "tool", "true")
    folder = base / "file_commands"
    folder.mkdir(mode=0o755)
    os.chown(folder, OWNER, OWNER)
    with contained(base, docker=tool, kubectl=tool, owner=OWNER, shield=(folder,)) as world:
        assert "Permission denied" in world.run(f"ls {folder}").output
        # A run that is killed here leaves the folder as it is now.
        subprocess.run(
            ["touch", "step"], cwd=folder, user=OWNER, group=OWNER, extra_groups=[], check=True
        )
    found = folder.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (OWNER, OWNER, 0o755)


@pytest.mark.docker
def test_the_docker_socket_cannot_be_opened(world: Contained) -> None:
    script = f"import socket; socket.socket(socket.AF_UNIX).connect({str(DOCKER_SOCKET)!r})"
    assert "PermissionError" in world.run("python3", "-c", script).output


def test_its_environment_is_only_what_it_needs(
    world: Contained, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("INPUT_REGISTRY-PASSWORD", "ACTIONS_RUNTIME_TOKEN", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, "canary")
    output = world.run("env", "-0").output
    names = {line.split("=")[0] for line in output.split("\0") if line}
    assert names == {
        *("PATH", "HOME", "TMPDIR", "LANG", "OI_DEPLOY_BROKER", "GIT_TERMINAL_PROMPT"),
        *("GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0"),
    }


HUNT = """
import glob, os, sys
words = [part.encode() for part in sys.argv[1:]]
words = [a + b for a, b in zip(words[::2], words[1::2])]
def look(path):
    try:
        with open(path, 'rb') as file:
            data = file.read(4_000_000)
    except (OSError, ValueError):
        return
    if any(word in data for word in words):
        print('found', path)
for pid in [p for p in os.listdir('/proc') if p.isdigit() and int(p) != os.getpid()]:
    for name in ('environ', 'cmdline', 'maps', 'mem', 'auxv'):
        look(f'/proc/{pid}/{name}')
    try:
        for fd in os.listdir(f'/proc/{pid}/fd'):
            look(f'/proc/{pid}/fd/{fd}')
    except OSError:
        pass
tops = glob.glob('/tmp/oi-deploy-*') + ['/run', '/dev/shm', os.environ['HOME'], '..']
for top in tops:
    for where, _, names in os.walk(top):
        for name in names:
            if os.path.isfile(os.path.join(where, name)):
                look(os.path.join(where, name))
"""


def test_no_secret_can_be_found_anywhere(world: Contained, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hunt in all processes and temporary files, while the broker runs a command with them."""
    monkeypatch.setenv("INPUT_REGISTRY-PASSWORD", PASSWORD)
    # In halves, so that the hunter's own command line is not what it finds.
    halves = [part for word in (PASSWORD, TOKEN) for part in (word[:8], word[8:])]
    hunt = ("python3", "-c", HUNT, *halves)
    script = 'docker images & sleep 0.5; "$@"'
    assert world.run("bash", "-c", script, "-", *hunt).output == ""
    # The hunt itself works: it finds what does lie open.
    (world.workspace / "open").write_text(f"x{TOKEN}x")
    assert world.run(*hunt).output == "found ../ws/open\n"


DAEMONS = f"""
(setsid setsid sleep {NAP}1 &) ; nohup sleep {NAP}2 & trap '' TERM; sleep {NAP}3 &
python3 -c 'import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: os.execvp("sleep", ["sleep", "{NAP}4"])'
until [ "$(pgrep -fc '^sleep {NAP}[1-4]$')" = 4 ]; do sleep 0.05; done
"""
SLEEPERS = [f"{NAP}{number}" for number in (1, 2, 3, 4)]


def test_nothing_outlives_its_command(world: Contained) -> None:
    assert world.run(f"{DAEMONS} echo all four").output == "all four\n"
    assert [pid for word in SLEEPERS for pid in alive(word)] == []


def test_nothing_outlives_a_timeout(world: Contained) -> None:
    result = world.run(f"echo before; {DAEMONS} sleep {NAP}9", timeout_s=2)
    assert (result.exit_code, result.timed_out) == (None, True)
    assert result.output == "before\n"
    assert [pid for word in (*SLEEPERS, f"{NAP}9") for pid in alive(word)] == []


def test_nothing_outlives_a_cancel(world: Contained) -> None:
    cancelled = threading.Event()
    timer = threading.Timer(1, cancelled.set)
    timer.start()
    result = world.run(f"{DAEMONS} sleep {NAP}9", cancelled=cancelled)
    assert (result.exit_code, result.timed_out) == (None, False)
    assert [pid for word in (*SLEEPERS, f"{NAP}9") for pid in alive(word)] == []


def test_nothing_outlives_a_failure_to_show_its_output(world: Contained) -> None:
    def fail(text: str) -> None:
        raise BrokenPipeError(text)

    with pytest.raises(BrokenPipeError):
        world.sandbox.run(
            ("bash", "-c", f"{DAEMONS} echo all four; sleep {NAP}9"),
            timeout_s=60,
            on_output=fail,
            cancelled=threading.Event(),
        )
    assert [pid for word in (*SLEEPERS, f"{NAP}9") for pid in alive(word)] == []


def test_a_process_that_keeps_forking_away_is_caught(world: Contained) -> None:
    runner = "import os\nos.setsid()\nwhile True:\n    if os.fork(): os._exit(0)\n    os.setsid()"
    world.run("bash", "-c", 'python3 -c "$1" "$2" & sleep 0.5', "-", runner, f"{NAP}7")
    assert alive(f"{NAP}7") == []


def test_a_process_whose_first_thread_has_ended_is_caught(world: Contained) -> None:
    """Then /proc shows it as ended, but its other threads go on."""
    code = f"""import ctypes, os, subprocess, threading, time
def work():
    subprocess.run(["sleep", "{NAP}6"])
readable, writable = os.pipe()
if os.fork() == 0:
    os.setsid()
    threading.Thread(target=work).start()
    os.write(writable, b"x")
    ctypes.CDLL(None).syscall({60 if platform.machine() == "x86_64" else 93}, 0)
os.read(readable, 1)
time.sleep(0.3)
os._exit(0)"""
    assert world.run("python3", "-c", code).exit_code == 0
    assert alive(f"{NAP}6") == []


def test_nothing_outlives_a_run_that_is_killed(base: Path) -> None:
    """The supervisor sees that its parent is gone; nobody has to tell it."""
    tool = program(base / "tool", "true")
    pid = os.fork()
    if pid == 0:
        tempfile.tempdir = str(base)  # what a killed run leaves is removed with it
        with contained(base, docker=tool, kubectl=tool) as world:
            world.run(f"{DAEMONS} sleep {NAP}9")
    while not alive(f"{NAP}9"):
        threading.Event().wait(0.05)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    assert gone(*SLEEPERS, f"{NAP}9")


def test_how_a_command_ends_is_told(world: Contained) -> None:
    assert world.run("exit 3").exit_code == 3
    assert world.run("kill -SEGV $$").exit_code == 139
    assert world.run("no-such-program", "x").exit_code == 127
    assert world.run("cat; yes | head -1").output == "y\n"
    shown: list[str] = []
    result = world.sandbox.run(
        ("bash", "-c", "echo out; echo err >&2; printf '\\xe9\\x83'; sleep 0.2; printf '\\xa8'"),
        timeout_s=60,
        on_output=shown.append,
        cancelled=threading.Event(),
    )
    assert result.output == "".join(shown) == "out\nerr\n部"


def test_its_output_can_be_opened_by_name_but_not_read(world: Contained) -> None:
    assert world.run("echo out > /dev/stdout; echo err > /dev/stderr").output == "out\nerr\n"
    assert "Permission denied" in world.run("exec 3< /dev/stdout").output


def test_the_workspace_is_given_back(base: Path) -> None:
    tool = program(base / "tool", "true")
    workspace, outside = base / "ws", base / "outside"
    (workspace / "dir").mkdir(parents=True)
    (workspace / "dir" / "file").write_text("old")
    outside.write_text("not ours")
    (workspace / "soft").symlink_to(outside)
    (workspace / "hard").hardlink_to(outside)
    with contained(base, docker=tool, kubectl=tool) as world:
        script = (
            "echo new > dir/file && mkdir a && touch a/b && ln -s /etc/passwd p && chmod u+s a/b"
        )
        assert world.run(script).exit_code == 0
        assert outside.stat().st_uid == 0
        assert world.run("echo x > hard || echo x > soft").exit_code == 1
    assert {path.lstat().st_uid for path in (workspace, *workspace.rglob("*"))} == {0}
    assert (workspace / "dir" / "file").read_text() == "new\n"
    assert not (workspace / "a" / "b").stat().st_mode & stat.S_ISUID
    assert outside.read_text() == "not ours"


def test_directories_nested_without_end_are_given_back_and_removed(base: Path) -> None:
    """Python's own ways through a tree end with a RecursionError there."""
    tool = program(base / "tool", "true")
    code = """import os, sys
os.chdir(os.path.expandvars(sys.argv[1]))
for _ in range(1500):
    os.mkdir("d")
    os.chdir("d")
open("last", "w").close()"""
    with contained(base, docker=tool, kubectl=tool) as world:
        for top in ("$HOME", "$TMPDIR", str(world.workspace)):
            assert world.run("python3", "-c", code, top).output == ""
        home = Path(world.run("echo $HOME").output.strip())
    assert not home.parent.exists()
    find = ("find", str(world.workspace), "-user", "root", "-name", "last", "-printf", "found")
    assert subprocess.run(find, capture_output=True, text=True, check=True).stdout == "found"
    subprocess.run(("rm", "-rf", world.workspace / "d"), check=True)


def test_shielded_directories_are_out_of_reach_and_restored(base: Path) -> None:
    tool = program(base / "tool", "true")
    commands = base / "file_commands"
    commands.mkdir()
    (commands / "set_env").write_text("")
    for path in (commands, commands / "set_env"):
        os.chown(path, OWNER, OWNER)
    shield = (commands, base / "missing")
    with contained(base, docker=tool, kubectl=tool, owner=OWNER, shield=shield) as world:
        script = f"cat {commands}/set_env; echo X=1 >> {commands}/set_env; chmod 777 {commands}"
        assert (
            world.run(f"{script}; ls {commands}").output.count("ermitted")
            + world.run(f"{script}; ls {commands}").output.count("denied")
            >= 4
        )
    found = commands.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (OWNER, OWNER, 0o755)
    assert (commands / "set_env").read_text() == ""
    assert not (base / "missing").exists()


def test_a_sandbox_that_leaks_does_not_open(base: Path) -> None:
    (base / "ws").mkdir()
    shims.install(base / "shims")
    secret = base / "secret"
    secret.write_text("x")
    sandbox = Sandbox(
        base / "ws", socket=base / "s", shims=base / "shims", shield=(), private=(secret,)
    )
    with pytest.raises(RunError, match=f"user {FIXED_ID} can reach {secret}"), sandbox:
        pass
    assert (base / "ws").stat().st_uid == 0
    secret.chmod(0o600)
    with sandbox:
        pass


def test_a_sandbox_without_shims_does_not_open(base: Path) -> None:
    (base / "ws").mkdir()
    sandbox = Sandbox(base / "ws", socket=base / "s", shims=base / "shims", shield=())
    with pytest.raises(RunError, match=f"cannot reach {base}/shims/docker"), sandbox:
        pass


def test_home_and_temporary_files_are_private_and_removed(world: Contained) -> None:
    output = world.run('touch "$HOME/a"; mktemp; stat -c %a "$HOME" "$TMPDIR"; echo $HOME').output
    file, home_mode, tmp_mode, home = output.split()
    assert (home_mode, tmp_mode) == ("700", "700")
    assert Path(file).parent == Path(home).parent / "tmp"
    world.sandbox.__exit__(None, None, None)
    assert not Path(home).parent.exists()
    world.sandbox.__enter__()
