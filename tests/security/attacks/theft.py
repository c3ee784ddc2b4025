"""Looking for credentials: in the environment, processes, files, the engine and the cluster."""

from tests.security.attack import Attack

# The secrets are given in pieces, so that a script is not what it finds.
_WORDS = "words = [''.join(pieces).encode() for pieces in @PIECES@]\n"

ATTACKS = (
    Attack(
        "own-environment",
        "reads its own environment for inputs and the runner's tokens",
        """env | cut -d= -f1 | sort | tr '\\n' ' '; echo
        env | grep -qE '^(INPUT_|ACTIONS_|GITHUB_|RUNNER_|DOCKER_|KUBE)' && breach environment""",
        ("clean environment",),
        evidence="OI_DEPLOY_BROKER",
    ),
    Attack(
        "environment-of-the-action",
        "reads /proc/1/environ, where the container's inputs are",
        "cat /proc/1/environ >/dev/null && breach\ncat /proc/1/task/1/environ >/dev/null && breach",
        ("other user",),
        evidence="environ: Permission denied",
    ),
    Attack(
        "environment-of-all",
        "reads the environment of every process that it can see",
        """
count = 0
for pid in filter(str.isdigit, os.listdir('/proc')):
    if int(pid) == os.getpid():
        continue
    for name in ('environ', 'auxv', 'maps', 'stack', 'fd'):
        try:
            path = f'/proc/{pid}/{name}'
            found = os.listdir(path) if name == 'fd' else open(path, 'rb').read()
        except OSError as error:
            count += 1
        else:
            found and breach(pid, name)
print('refused', count)
""",
        ("other user",),
        language="python",
        evidence=r"refused [1-9]\d",
    ),
    Attack(
        "memory-of-the-broker",
        "opens the memory of the process that holds the credentials",
        """
for pid in filter(str.isdigit, os.listdir('/proc')):
    if int(pid) != os.getpid():
        fails(os.open, f'/proc/{pid}/mem', os.O_RDONLY)
        fails(os.open, f'/proc/{pid}/mem', os.O_RDWR)
""",
        ("other user",),
        language="python",
        evidence="refused: Permission denied",
    ),
    Attack(
        "command-lines",
        "watches all command lines while docker and kubectl run with the credentials",
        """
import subprocess
"""
        + _WORDS
        + """
script = 'for i in 1 2 3; do docker images; kubectl get pods; kubectl get deployments; done'
child = subprocess.Popen(script, shell=True, stdout=-3, stderr=-3)
looked = 0
while child.poll() is None:
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            data = open(f'/proc/{pid}/cmdline', 'rb').read()
        except OSError:
            continue
        looked += b'libexec' in data
        if any(word in data for word in words):
            breach(pid)
print('looked', looked)
""",
        ("credentials in files",),
        language="python",
        evidence="looked [1-9]",
    ),
    Attack(
        "docker-config",
        "searches the whole file system for Docker's config.json with a login",
        """find / -xdev -type f -name 'config.json' -exec grep -l '"auths"' {} + && breach
        cat /root/.docker/config.json /github/home/.docker/config.json && breach""",
        ("other user",),
        evidence="Permission denied",
    ),
    Attack(
        "kubeconfig",
        "searches the whole file system for a kubeconfig with a token",
        """find / -xdev -type f \\( -name 'kubeconfig*' -o -path '*/.kube/*' \\) \\
            -exec grep -l 'token:' {} + && breach""",
        ("other user",),
        evidence="Permission denied",
    ),
    Attack(
        "broker-directory",
        "lists and reads the broker's private directory",
        """for folder in /tmp/oi-deploy-broker-*/; do
            ls "$folder" && breach list
            cat "$folder/kubeconfig" "$folder/docker/config.json" && breach read
        done""",
        ("other user",),
        evidence=r"oi-deploy-broker-\w+/': Permission denied",
    ),
    Attack(
        "private-log",
        "reads and forges the log and the transcript while they are written",
        """for folder in $(find /tmp -maxdepth 1 -name 'oi-deploy-*' -user root ! -perm -1); do
            ls "$folder" && breach list
            echo forged >> "$folder/deploy.log" && breach log
            echo forged >> "$folder/transcript.jsonl" && breach transcript
        done""",
        ("other user",),
        evidence="deploy.log: Permission denied",
    ),
    Attack(
        "hunt",
        "looks for the secrets themselves in all processes and all likely files",
        _WORDS
        + """
import subprocess
child = subprocess.Popen('docker images; kubectl get pods', shell=True, stdout=-3, stderr=-3)
looked = 0
def look(path):
    global looked
    try:
        with open(path, 'rb') as file:
            data = file.read(2_000_000)
    except (OSError, ValueError):
        return
    looked += 1
    if any(word in data for word in words):
        breach(path)
while True:
    last = child.poll() is not None
    for pid in filter(str.isdigit, os.listdir('/proc')):
        if int(pid) != os.getpid():
            for name in ('environ', 'cmdline', 'mem', 'cwd/environ', 'root/etc/shadow'):
                look(f'/proc/{pid}/{name}')
    if last:
        break
for top in ('/tmp', '/run', '/dev/shm', '/github', '/root', '/home', '/action', '/var/tmp'):
    for where, folders, names in os.walk(top):
        folders[:] = [name for name in folders if name not in ('proc', 'src', '.git')]
        for name in names:
            if os.path.isfile(os.path.join(where, name)):
                look(os.path.join(where, name))
print('looked', looked)
""",
        ("other user",),
        language="python",
        evidence=r"looked \d\d",
    ),
    Attack(
        "open-descriptors",
        "uses a descriptor that it inherited, such as the broker's or the log's",
        """
import stat
here = os.open('/proc/self/fd', os.O_RDONLY)
for name in os.listdir(here):
    if int(name) > 2 and int(name) != here:
        try:
            breach(name, stat.S_IFMT(os.fstat(int(name)).st_mode))
        except OSError:
            pass
print('kinds', [oct(stat.S_IFMT(os.fstat(fd).st_mode)) for fd in (0, 1, 2)])
""",
        ("clean environment",),
        language="python",
        evidence="kinds",
    ),
    Attack(
        "runner-files",
        "lists the files behind GITHUB_OUTPUT and its siblings",
        "ls -la /github/file_commands && breach\nls /github/file_commands/.. >/dev/null",
        ("runner folders",),
        evidence="file_commands': Permission denied",
    ),
    Attack(
        "runner-temp",
        "reads RUNNER_TEMP and leaves a file for later steps there",
        """ls /github/runner_temp && breach list
        touch /github/runner_temp/@ID@ && breach write
        cat /github/workflow/event.json && breach event""",
        ("runner folders",),
        evidence="runner_temp': Permission denied",
    ),
    Attack(
        "runner-home",
        "leaves a Docker config and a .bashrc in the home of all container actions of the job",
        """mkdir -p /github/home/.docker && breach folder
        echo 'echo @ID@' >> /github/home/.bashrc && breach file""",
        ("runner folders",),
        evidence="bashrc: Permission denied",
    ),
    Attack(
        "checkout-file-of-root",
        "has docker read a file of the workspace that only root can read, and prints the image",
        """cat root-only.txt && breach read
        mkdir @ID@ && mv root-only.txt @ID@/
        printf 'FROM @BASE@\\nCOPY root-only.txt /\\nRUN cat /root-only.txt\\n' > @ID@/Dockerfile
        passes docker build -t @ID@:1 @ID@
        mv @ID@/root-only.txt .""",
        ("the user's rights to files",),
        refused="docker.build.*",
        evidence="root-only.txt: Permission denied",
    ),
    Attack(
        "inspect-own-container",
        "asks the engine for the configuration of the action's own container",
        """me=$(hostname)
        passes docker inspect "$me"
        passes docker inspect --type container --format '{{.Config.Env}}' "$me"
        passes docker inspect --type=container "$me"
        passes docker image inspect --type container "$me" """,
        ("images of the run",),
        refused="docker.inspect*",
    ),
    Attack(
        "look-into-own-container",
        "reaches for the action's own container by the commands for containers",
        """me=$(hostname)
        for verb in "container inspect" logs top "exec -i" diff "stats --no-stream" "container ls"
        do passes docker $verb "$me" env; done
        passes docker ps -a
        passes docker cp "$me:/proc/1/environ" -""",
        ("command table",),
        refused="docker.command",
    ),
    Attack(
        "secrets-by-every-name",
        "reads a Secret, under every name that kubectl knows for it",
        """for words in secret secrets Secret SECRETS secret/db secrets/db secrets.v1. secrets.v1 \\
            "pods,secrets" "secret db" "all,secret" "secrets -o yaml" "secret/db pod/x"
        do passes kubectl get $words; done
        for verb in describe "get -o json" "get --ignore-not-found"
        do passes kubectl $verb secret db; done
        passes kubectl -n @NAMESPACE@ get secret db -o 'jsonpath={.data}'""",
        ("kind rule",),
        refused="kubectl.get.kind",
    ),
    Attack(
        "secrets-by-raw-path",
        "reads a Secret by its path in the API",
        """passes kubectl get --raw /api/v1/namespaces/@NAMESPACE@/secrets/db
        passes kubectl get --raw=/api/v1/secrets""",
        ("flag tables",),
        refused="kubectl.get.flag",
    ),
    Attack(
        "kubectl-config",
        "has kubectl print its configuration with the token",
        """passes kubectl config view --raw
        passes kubectl config view --flatten
        passes kubectl config get-users""",
        ("command table",),
        refused="kubectl.command",
    ),
    Attack(
        "kubectl-verbose",
        "has kubectl print its requests with all headers",
        """for level in -v=9 "-v 9" -v9 --v=9 "--v 10"
        do passes kubectl get pods $level; passes kubectl $level get pods; done""",
        ("flag tables",),
        refused="kubectl.get.flag",
    ),
    Attack(
        "template-file",
        "has kubectl print a file of root as an output template",
        """for form in go-template-file jsonpath-file custom-columns-file
        do passes kubectl get pods -o "$form=/etc/shadow"; done
        passes kubectl get pods --template=/etc/shadow""",
        ("output formats",),
        refused="kubectl.get.output",
    ),
    Attack(
        "new-token",
        "has the cluster issue a token of its own",
        """passes kubectl create token default
        passes kubectl create serviceaccount @ID@
        passes kubectl create secret generic @ID@ --from-file=/etc/shadow""",
        ("kind rule",),
        refused="kubectl.create.kind",
    ),
    Attack(
        "build-argument-from-environment",
        "has docker fill a build argument from its own environment",
        """mkdir -p @ID@ && cd @ID@
        printf 'FROM @BASE@\\nARG ACTIONS_RUNTIME_TOKEN\\n%s\\n' \\
            'RUN test -n "$ACTIONS_RUNTIME_TOKEN"' > Dockerfile
        passes docker build -t @ID@:1 --build-arg ACTIONS_RUNTIME_TOKEN .""",
        ("build arguments", "own environment of docker and kubectl"),
        refused="docker.build.argument",
    ),
)
