"""Getting past the shims: the real programs, an own client for the broker, a false broker."""

from tests.security.attack import Attack, Solo

_CLIENT = """
import base64, json, socket
def ask(data):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(20)
    client.connect(os.environ['OI_DEPLOY_BROKER'])
    text, code = b'', None
    try:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR) if not data.endswith(b'\\n') else None
        for line in client.makefile('rb'):
            found = json.loads(line)
            text += base64.b64decode(found.get('o') or found.get('e') or '')
            code = found.get('exit', code)
    except OSError as error:
        text += str(error).encode()
    print(code, text.decode(errors='replace')[:150].strip(), flush=True)
    if code == 0:
        breach(repr(data[:200]))
def frame(*argv, tool='docker', cwd=os.getcwd(), stdin=b'', **more):
    header = {'tool': tool, 'argv': list(argv), 'cwd': cwd, 'stdin': len(stdin), **more}
    return json.dumps(header).encode() + b'\\n' + stdin
"""

ATTACKS = (
    Attack(
        "real-programs",
        "starts the real docker and kubectl, or copies them",
        """for tool in docker kubectl; do
            /usr/local/libexec/oi-deploy/$tool version && breach start
            cp /usr/local/libexec/oi-deploy/$tool @ID@.$tool && breach copy
            cat /usr/local/libexec/oi-deploy/$tool >/dev/null && breach read
        done; ls /usr/local/libexec/oi-deploy && breach list
        find / -xdev -type f -executable \\( -name docker -o -name kubectl \\) -size +1M | grep . &&
            breach find""",
        ("other user",),
        evidence="oi-deploy/docker: Permission denied",
    ),
    Attack(
        "own-client",
        "speaks to the broker itself, and asks for what the shims would ask for",
        _CLIENT
        + """
for argv in (('run', '-v', '/:/host', '@BASE@'), ('run', '--privileged', '@BASE@'),
             ('build', '--network', 'host', '.'), ('-H', 'tcp://@GATEWAY@:@TCP@', 'version')):
    data = frame(*argv)
    for _ in range(3):  # a frame that was refused is refused again
        ask(data)
""",
        ("flag tables",),
        language="python",
        refused="docker.*flag",
    ),
    Attack(
        "malformed-frames",
        "sends what is no request, or more than a request may say",
        _CLIENT
        + """
good = {'tool': 'docker', 'argv': ['version'], 'cwd': os.getcwd(), 'stdin': 0}
for more in ({'allowed': True}, {'policy': {}}, {'env': {'A': 'b'}}, {'uid': 0},
             {'tool': 'bash'}, {'tool': '../../../bin/sh'}, {'tool': ''}, {'tool': None},
             {'tool': ['docker']}, {'argv': 'version'}, {'argv': [['version']]}, {'argv': [1]},
             {'argv': None}, {'argv': {'version': 1}}, {'cwd': 7}, {'cwd': None}, {'stdin': -1},
             {'stdin': True}, {'stdin': 0.5}, {'stdin': '0'}, {'stdin': 2**70},
             {'stdin': 5 * 2**20}, {'argv': ['version', '\\ud800']}):
    ask(json.dumps({**good, **more}).encode() + b'\\n')
for data in (b'\\n', b'{}\\n', b'[]\\n', b'null\\n', b'"docker"\\n', b'[' * 100_000 + b'\\n',
             b'{' * 1000 + b'\\n', b'\\xff\\xfe\\n', b'\\0' * 50 + b'\\n', b'NaN\\n', b'{"tool":',
             json.dumps({**good, 'argv': ['x' * 300_000]}).encode() + b'\\n', b'x' * 400_000):
    ask(data)
del good['stdin']
ask(json.dumps(good).encode() + b'\\n')
""",
        ("frame check",),
        language="python",
        evidence="(.|\\n)*".join(["126 oi-deploy: bad request"] * 20),
    ),
    Attack(
        "control-characters-in-arguments",
        "ends words early with NUL, or adds more by line ends",
        _CLIENT
        + """
for argv in (('version\\0',), ('version', '--format\\0x'), ('build', '-t', 'a\\0b', '.'),
             ('push\\n-a', '@LIBRARY@/x'), ('version\\n', ), ('run\\0--privileged', '@BASE@')):
    ask(frame(*argv))
ask(frame('get', 'pods\\n-A', tool='kubectl'))
ask(frame('get', 'pods', '-n\\nstaging', tool='kubectl'))
ask(frame('version', cwd='/github/workspace\\0/x'))
""",
        ("argument check",),
        language="python",
        refused="broker.request",
    ),
    Attack(
        "working-directories",
        "says that it stands in another folder, so that relative paths lead out",
        _CLIENT
        + """
for cwd in ('/opt/oi-deploy', '/proc/1/root/opt/oi-deploy', '/proc/self/root/opt/oi-deploy',
            '/github/workspace/../../opt/oi-deploy', '', '.', '../..', 'opt'):
    ask(frame('build', '-t', '@ID@:1', '-f', '-', '.', cwd=cwd,
              stdin=b'FROM scratch\\nCOPY bin /bin\\n'))
""",
        ("workspace paths",),
        language="python",
        refused="docker.build.context",
    ),
    Attack(
        "broker-s-socket",
        "removes, replaces, or opens to everybody the broker's socket",
        """socket=$OI_DEPLOY_BROKER
        rm -f $socket && breach remove; mv $socket x && breach move
        chmod 777 ${socket%/*} && breach mode
        ln -sf /tmp/x $socket && breach link; touch ${socket%/*}/@ID@ && breach file
        mv ${socket%/*} /tmp/y && breach folder; ls -l $socket""",
        ("other user",),
        evidence="ermitted|denied",
    ),
    Attack(
        "shims",
        "replaces the shims, or what they are started with",
        """for tool in docker kubectl; do
            : >> /opt/oi-deploy/bin/$tool && breach write
            rm -f /opt/oi-deploy/bin/$tool && breach remove; done
        touch /opt/oi-deploy/bin/@ID@ && breach file; mv /opt/oi-deploy/bin /tmp/z && breach folder
        : >> /usr/lib/python3/dist-packages/x && breach packages
        touch /usr/lib/python3/dist-packages/sitecustomize.py && breach library""",
        ("other user",),
        evidence="denied",
    ),
    Attack(
        "false-broker",
        "stands in for the broker on a socket of its own",
        """
import socket
fails(socket.socket(socket.AF_UNIX).bind, os.environ['HOME'] + '/broker.sock')
fails(socket.socket(socket.AF_UNIX).bind, 'x' * len(os.environ['OI_DEPLOY_BROKER']))
fails(socket.socket(socket.AF_UNIX).listen)
""",
        ("system call filter",),
        language="python",
        evidence="refused: Permission denied",
    ),
    Attack(
        "false-docker",
        "puts a docker and a kubectl of its own before the shims, which claim success",
        """mkdir -p @ID@; for tool in docker kubectl; do
            printf '#!/bin/sh\\necho "$@: digest: sha256:%064d size: 1"\\n' 7 > @ID@/$tool
            chmod +x @ID@/$tool; done
        PATH=$PWD/@ID@:$PATH
        docker push @LIBRARY@/myapp:1; kubectl set image deployment/myapp app=@LIBRARY@/myapp:1
        rm -r @ID@""",
        ("verification",),
        evidence="digest: sha256:0",
        solo=Solo("failed", "has pushed no image", starts=True),
    ),
    Attack(
        "another-user-s-request",
        "lets a process of another user in the container ask the broker",
        """for n in $(seq 150); do [ -e @ID@.neighbour ] && break; sleep 0.1; done
        cat @ID@.neighbour; rm -f @ID@.neighbour""",
        ("rights of the socket", "peer check"),
        neighbour=_CLIENT.replace(
            "os.environ['OI_DEPLOY_BROKER']", "'/run/oi-deploy/' + 'broker' * 12 + '.sock'"
        )
        + "fails(ask, frame('version', cwd='/github/workspace'))",
        evidence="refused: Permission denied",
    ),
    Attack(
        "root-s-request",
        "lets a process of root, which no file right stops, ask the broker",
        """for n in $(seq 150); do [ -e @ID@.neighbour ] && break; sleep 0.1; done
        cat @ID@.neighbour; rm -f @ID@.neighbour""",
        ("peer check",),
        neighbour_uid=0,
        neighbour=_CLIENT.replace(
            "os.environ['OI_DEPLOY_BROKER']", "'/run/oi-deploy/' + 'broker' * 12 + '.sock'"
        )
        + "ask(frame('version', cwd='/github/workspace'))",
        evidence="^None",
    ),
)
