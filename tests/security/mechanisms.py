"""What stops attacks: each mechanism in a sentence, and how to switch it off in a copy.

A test switches a mechanism off to see that its attacks then succeed. There is no such switch in the
product: a mutation changes its source in a copy of the action's image.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """One change of a source file.

    Attributes:
        file: below `src/oi_deploy`.
        old: what is there, exactly once.
        new: what takes its place.
    """

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mechanism:
    """One thing that stops attacks.

    Attributes:
        says: how it works, for people.
        off: the edits that switch it off.
        unconfined: whether it is switched off by another `docker run` instead.
    """

    says: str
    off: tuple[Edit, ...] = ()
    unconfined: bool = False


def _off(file: str, *pairs: tuple[str, str]) -> tuple[Edit, ...]:
    return tuple(Edit(file, old, new) for old, new in pairs)


# The sandbox proves all of this when it opens; with a mechanism off, it must not notice.
_UNPROVEN = _off(
    "sandbox_probe.py",
    ('if found["reached"]:', "if False:"),
    ('if found["capabilities"] or not found["no_new_privs"]:', "if False:"),
)
_UNFILTERED = _off("supervisor.py", ('if job["filter"]:', "if False:"))
_UNFILTERED_UNNOTICED = _off(
    "sandbox.py",
    ('raise _NoFilterError("the kernel does not obey the filter of system calls")', "pass"),
)

MECHANISMS: Mapping[str, Mechanism] = {
    # The sandbox.
    "other user": Mechanism(
        "The model's code runs as the workspace's owner (never as root, never with Docker's "
        "group), with no capability. The kernel then keeps it from the action's processes, the "
        "engine's socket, the broker's folder, the logs and the real `docker` and `kubectl`.",
        (
            *_UNPROVEN,
            *_off(
                "supervisor.py",
                ("""(f"--reuid={job['uid']}", f"--regid={job['gid']}")""", '("--reuid=0",)'),
                (
                    '*("--clear-groups", "--no-new-privs", "--inh-caps=-all", '
                    '"--ambient-caps=-all"),',
                    '"--no-new-privs",',
                ),
                ('*("--bounding-set=-all", "--"),', '"--",'),
            ),
        ),
    ),
    "no new privileges": Mechanism(
        "`no_new_privs` is set: a setuid program gives no rights.",
        (
            *_UNPROVEN,
            *_UNFILTERED,
            *_UNFILTERED_UNNOTICED,
            *_off("supervisor.py", ('"--no-new-privs", ', "")),
        ),
    ),
    "clean environment": Mechanism(
        "Its environment is made new, with nine variables; of the action's descriptors it gets "
        "none but its own three.",
        (
            *_off(
                "sandbox.py",
                ('"env": self.environment(),', '"env": {**os.environ, **self.environment()},'),
            ),
            *_off(
                "supervisor.py",
                (
                    "readable, writable = os.pipe()",
                    "readable, writable = os.pipe(); os.set_inheritable(writable, True)",
                ),
            ),
        ),
    ),
    "runner folders": Mechanism(
        "The runner's own folders (file commands, event, RUNNER_TEMP, the home of container "
        "actions) are taken from its user as long as the model's code may run.",
        _off("run.py", ("shielded = surroundings.runner_folders(env, workspace)", "shielded = []")),
    ),
    "system call filter": Mechanism(
        "A seccomp filter refuses every socket but Unix streams, and every address but one as long "
        "as the broker's; ptrace and other processes' memory; io_uring; namespaces and mounts; "
        "keyrings, bpf, perf. Calls by other tables (32 bit, x32) end the process.",
        (*_UNFILTERED, *_UNFILTERED_UNNOTICED),
    ),
    "container": Mechanism(
        "Docker's own default confinement of the action's container (capabilities, seccomp, "
        "read-only /proc/sys), which the action does not loosen.",
        unconfined=True,
    ),
    "end of all descendants": Mechanism(
        "A supervisor adopts every orphan of a command and kills whatever is left when it ends.",
        _off("supervisor.py", ('kill_all(int(job["uid"]))', "pass")),
    ),
    "process limit": Mechanism(
        "All processes and threads of a command together are counted; one too many ends it.",
        _off("supervisor.py", ("> self._processes:", "> 10**6:")),
    ),
    "memory limit": Mechanism(
        "A process's data is limited, and the memory of all of a command's processes together is "
        "watched.",
        (
            *_off(
                "sandbox.py",
                (
                    '"RLIMIT_DATA": (limits.memory_bytes, limits.memory_bytes),',
                    '"RLIMIT_DATA": (1 << 60, 1 << 60),',
                ),
            ),
            *_off(
                "supervisor.py",
                ("if sum(map(upper_bound, found.values())) > self._memory:", "if False:"),
            ),
        ),
    ),
    "disk limit": Mechanism(
        "The free space where it can write is watched; taking too much of it ends the command.",
        _off("supervisor.py", ("for disks in self._disks:", "for disks in ():")),
    ),
    "file size limit": Mechanism(
        "No file can grow over a limit.",
        _off("sandbox.py", ('"RLIMIT_FSIZE": (limits.file_bytes, limits.file_bytes),', "")),
    ),
    "open files limit": Mechanism(
        "A process can open only so many files.",
        _off(
            "sandbox.py",
            ('"RLIMIT_NOFILE": (limits.open_files, limits.open_files),', ""),
        ),
    ),
    "processor limit": Mechanism(
        "A process can use only so much processor time.",
        _off(
            "sandbox.py",
            ('"RLIMIT_CPU": (limits.cpu_seconds, limits.cpu_seconds + _CPU_GRACE_S),', ""),
        ),
    ),
    "output limit": Mechanism(
        "Of a command's output, 8 MiB are shown and 128 KiB kept.",
        _off("output.py", ("_SHOW = 8 * 1024 * 1024", "_SHOW = 1 << 40")),
    ),
    "time limit": Mechanism(
        "A script, and a brokered command, is killed when its time is over (`command-timeout`).",
        (
            *_off(
                "sandbox.py",
                ("timed_out = time.monotonic() - started > timeout_s", "timed_out = False"),
            ),
            *_off("broker/process.py", ("if left <= 0:", "if False:")),
            *_off("broker/process.py", ("if time.monotonic() > deadline:", "if False:")),
        ),
    ),
    "git in the sandbox": Mechanism(
        "What the action itself asks git is asked as the model's user, in the sandbox: a "
        "repository's configuration can name programs that git starts.",
        _off(
            "talk.py",
            (
                "result = sandbox.run(\n            argv,\n            timeout_s=_FACT_TIMEOUT_S,",
                "import subprocess\n        result = (lambda argv, **_: (lambda done: Result("
                "done.returncode, False, 0, done.stdout))(subprocess.run(argv, cwd=folder, "
                "stdout=subprocess.PIPE, text=True)))(\n            argv,\n"
                "            timeout_s=_FACT_TIMEOUT_S,",
            ),
        ),
    ),
    # The broker.
    "credentials in files": Mechanism(
        "Credentials reach docker and kubectl in files of a folder that only root can enter, never "
        "in an argument or a variable.",
        _off(
            "broker/server.py",
            (
                "(str(self._programs[request.tool]), *decision.argv),\n                env",
                '("/bin/sh", "-c", \'"$@"; exit $?\', self._credentials.password, '
                "str(self._programs[request.tool]), *decision.argv),\n                env",
            ),
        ),
    ),
    "own environment of docker and kubectl": Mechanism(
        "docker and kubectl start with an environment that the broker makes; nothing of the "
        "model's, and nothing of the action's, is in it.",
        _off(
            "broker/process.py",
            ("env=dict(env),", "env={**os.environ, **env, **_environment_of(client)},"),
            (
                "class Tail:",
                """\
def _environment_of(client):
    from oi_deploy.broker.rights import rights_of
    pid, uid, gid = __import__("struct").unpack("3i", client.getsockopt(1, 17, 12))
    with rights_of(uid, gid):
        text = Path(f"/proc/{pid}/environ").read_text()
    return dict(pair.split("=", 1) for pair in text.split("\\0") if "=" in pair)

class Tail:""",
            ),
        ),
    ),
    "build arguments": Mechanism(
        "A build argument needs a value: without one, docker would take it from its environment.",
        _off("broker/docker.py", ("if not equals:", "if False:")),
    ),
    "command table": Mechanism(
        "Commands are listed; any other is refused.",
        (
            *_off(
                "broker/docker.py",
                (
                    "raise _unknown(policy, command)",
                    'return Decision(True, "docker.any", argv=request.argv)',
                ),
            ),
            *_off(
                "broker/kubectl.py",
                (
                    "if verb is None:",
                    "if verb is None:\n"
                    '        return Decision(True, "kubectl.any", argv=request.argv)',
                ),
            ),
        ),
    ),
    "flag tables": Mechanism(
        "Each command's flags are listed, read as docker and kubectl read them, and written anew; "
        "any other flag is refused.",
        _off(
            "broker/flags.py",
            ("if found[1].refused:", "if False:"),
            (
                'raise Refused(f"{rule}.flag", f"the flag {word} is not allowed here")',
                'return name, Flag("optional")',
            ),
        ),
    ),
    "argument check": Mechanism(
        "An argument or a working directory with a NUL character is refused.",
        _off(
            "broker/policy.py",
            ('if any("\\0" in word for word in request.argv):', "if False:"),
            ('if "\\0" in request.cwd:', "if False:"),
        ),
    ),
    "image names": Mechanism(
        "Image names are read as the engine reads them, and compared with the policy part by part.",
        _off(
            "broker/images.py",
            ("return _is_under(policy.images, image)", "return True"),
            ("return _is_under(policy.pulls, image)", "return True"),
        ),
    ),
    "images of the run": Mechanism(
        "Only images that the run has built, or may pull, can be tagged, started and inspected.",
        (
            *_off(
                "broker/images.py",
                ("if not mine:", "if False:"),
                ("if not built_id(known, text) and not (image and", "if False and not (image and"),
            ),
            *_off(
                "broker/docker.py", ('if any(kind != "image" for kind in', "if any(False for _ in")
            ),
            *_off(
                "broker/smoke_test.py",
                ("image_id = images.built_id(known, text)", "image_id = text"),
            ),
        ),
    ),
    "local names": Mechanism(
        "A name without a registry that the engine has already is not given away, and the run's "
        "own are removed at its end: whoever builds FROM such a name gets what had it last.",
        (
            *_off(
                "broker/images.py",
                (
                    "if canonical(image) in known.taken and not _is_local(policy, image):",
                    "if False:",
                ),
            ),
            *_off("broker/server.py", ("for name in names:", "for name in ():")),
        ),
    ),
    "the user's rights to files": Mechanism(
        "Files of a request (a build's context, a manifest) are read by the broker with the rights "
        "of the model's user, and docker and kubectl get what was read.",
        _off("broker/rights.py", ("if os.geteuid() != 0:", "if True:")),
    ),
    "git's own files": Mechanism(
        "Configuration, hooks and repositories that git obeys are as before when the run is over: "
        "the next git command is the runner's own, on its host.",
        _off(
            "sandbox.py",
            ("stack.enter_context(git_files.kept(self.workdir))", "[]"),
        ),
    ),
    "bounded judging": Mechanism(
        "The files of a build are packed by a process that ends with the command's time, and no "
        "pattern of ours can be matched in so many ways that it takes longer than the text.",
        (
            *_off(
                "broker/server.py",
                (
                    "        said = bytearray()\n",
                    "        context.pack(wanted, spool)\n        said = bytearray()\n",
                ),
            ),
        ),
    ),
    "links stay links": Mechanism(
        "A link in a build's context is sent as a link, never followed, and is no Dockerfile.",
        _off(
            "broker/context.py",
            ("os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK", "os.O_RDONLY | os.O_NONBLOCK"),
            (
                "info = tar.gettarinfo(path, arcname=name)",
                "path = Path(os.path.realpath(path)); info = tar.gettarinfo(path, arcname=name)",
            ),
        ),
    ),
    "workspace paths": Mechanism(
        "A path that leads out of the workspace, whatever links say, is refused.",
        _off(
            "broker/paths.py",
            ("not resolved.is_relative_to(workspace):\n        raise", "False:\n        raise"),
        ),
    ),
    "Dockerfile check": Mechanism(
        "The Dockerfile that is sent is read as the builder reads it: FROM and COPY --from name "
        "allowed images only, since the engine pulls them with the broker's login; ADD fetches "
        "nothing.",
        _off("broker/server.py", ("dockerfile.check(", "(lambda *_: None)(")),
    ),
    "smoke test limits": Mechanism(
        "`docker run` is written anew: no network, no capabilities, bounded memory, processes and "
        "time, the image by its id, the container removed.",
        _off(
            "broker/smoke_test.py",
            ('"--network=none",', '"--network=bridge",'),
            ('if any(value != "none" for value in', "if any(False for _ in"),
            ('f"--memory={memory}",', ""),
            ('f"--memory-swap={memory}",', ""),
            ("seconds=float(test.seconds)", "seconds=None"),
        ),
    ),
    "namespace rule": Mechanism(
        "A namespace that the policy does not name is refused, however it is written.",
        (
            *_off(
                "broker/kubectl.py",
                ("if namespace not in (policy.document.namespaces or {}):", "if False:"),
            ),
            *_off(
                "broker/resources.py",
                ('if kind == "namespace" and name != policy.namespace:', "if False:"),
            ),
        ),
    ),
    "kind rule": Mechanism(
        "Kinds of resources are listed by every name that kubectl has for them; Secrets are not "
        "among them, and only Deployments can change.",
        (
            *_off(
                "broker/resources.py",
                ("if kind is None:", "kind = kind or word\n        if False:"),
                ('if kind != "deployment":', "if False:"),
            ),
            *_off(
                "broker/kubectl_changes.py",
                (
                    'if resources.kind_of(parsed.arguments[0]) != "deployment" or',
                    "if False and",
                ),
            ),
        ),
    ),
    "resource names": Mechanism(
        "Only the named Deployments can change (`allowed-deployments`).",
        _off(
            "broker/document.py",
            ("and any(_covers(pattern, name) for pattern in rule.names)", ""),
        ),
    ),
    "verb rule": Mechanism(
        "What may be done is listed by kind: unless a policy file says more, reading, and image, "
        "scale and rollout of Deployments.",
        _off("broker/document.py", ("verb in rule.verbs\n", "True\n")),
    ),
    "output formats": Mechanism(
        "Output formats are listed; those that read a file are not among them.",
        _off("broker/resources.py", ("if form not in _OUTPUTS:", "if False:")),
    ),
    "manifest files": Mechanism(
        "A manifest is a file of the workspace or standard input, never an address.",
        _off("broker/kubectl_changes.py", ('if "://" in name:', "if False:")),
    ),
    "strict YAML": Mechanism(
        "YAML that two programs could read differently (repeated keys, aliases, tags) is refused.",
        _off("broker/strict_yaml.py", ("Loader=_Loader", "Loader=yaml.SafeLoader")),
    ),
    "manifest check": Mechanism(
        "A manifest or patch is read strictly, its fields are allowed one by one, and what was "
        "checked is written anew.",
        (
            *_off("broker/manifest.py", ("_object(scope, one)\n", "pass\n")),
            *_off(
                "broker/kubectl_changes.py",
                ("text = manifest.check_patch(scope, texts[0], kinds[0])", "text = texts[0]"),
            ),
        ),
    ),
    "frame check": Mechanism(
        "A request has four fields of fixed types and bounded sizes; anything else is no request.",
        _off(
            "broker/frames.py",
            ("MAX_HEADER = 256 * 1024", "MAX_HEADER = 1 << 30"),
            ("MAX_WORDS = 1000", "MAX_WORDS = 1 << 30"),
            (
                'set(header) != {"tool", "argv", "cwd", "stdin"}',
                'not set(header) >= {"tool", "argv", "cwd", "stdin"}',
            ),
        ),
    ),
    "connection limit": Mechanism(
        "The broker serves sixteen connections at a time, each for a bounded time.",
        _off("broker/server.py", ("_MAX_CLIENTS = 16", "_MAX_CLIENTS = 1000")),
    ),
    "rights of the socket": Mechanism(
        "Only the model's user may open the broker's socket.",
        _off("broker/server.py", ("self._path.chmod(0o600)", "self._path.chmod(0o666)")),
    ),
    "peer check": Mechanism(
        "The broker asks the kernel who is on the other side, and answers the model's user only.",
        _off(
            "broker/server.py",
            ("stranger = _peer_uid(client) != self._user[0]", "stranger = False"),
        ),
    ),
    "refusal limit": Mechanism(
        "Three turns in a row that end in a refusal by the same rule end the run.",
        _off("agent/loop.py", ("_MOST_REFUSALS = 3", "_MOST_REFUSALS = 300")),
    ),
    # What is written.
    "inert output": Mechanism(
        "While words of others are printed, the runner reads no commands "
        "(`::stop-commands::` with a random token).",
        _off(
            "workflow.py",
            ('self._write(f"::stop-commands::{self._token}\\n")', "pass"),
        ),
    ),
    "visible text": Mechanism(
        "Terminal escapes and control characters are taken out, invisible and direction-changing "
        "ones are shown by their code, `##[` is broken.",
        _off(
            "text.py",
            (
                'text = _SEQUENCE.sub("", text.replace("\\r\\n", "\\n").replace("\\r", "\\n"))',
                "return text",
            ),
            ('shown = (self._end + text).replace("##[", "## [")', "shown = (self._end + text)"),
        ),
    ),
    "inert markup": Mechanism(
        "In the job summary, words of others stand in code blocks whose fence they cannot end, or "
        "as entities; a command is one line.",
        (
            *_off(
                "markdown.py",
                ('fence = "`" * max(3, longest + 1)', 'fence = "```"'),
                ("return _SPECIAL.sub(_entity, text)", "return text"),
            ),
            *_off("text.py", ('return visible(text).replace("\\n", "\\\\n")', "return text")),
        ),
    ),
    "escaped report": Mechanism(
        "In the report's page, every text is escaped, and the page may neither load nor run "
        "anything.",
        _off("report/page.py", ("autoescape=True,", "autoescape=False,")),
    ),
    "bounded summary": Mechanism(
        "Long lines and long lists are left out of the summary, and what is left is cut before "
        "GitHub would drop it.",
        (
            *_off(
                "workflow.py",
                ('if len(text.encode(errors="backslashreplace")) > _MOST_SUMMARY:', "if False:"),
            ),
            *_off(
                "report/story.py",
                ("_MOST_BYTES = 96 * 1024", "_MOST_BYTES = 1 << 40"),
                ("_LONGEST_LINE = 8 * 1024", "_LONGEST_LINE = 1 << 40"),
            ),
        ),
    ),
    "redaction": Mechanism(
        "Known secrets, in every usual encoding, and secrets of a known shape are taken out of "
        "everything that is written.",
        _off(
            "redact.py",
            (
                're.compile("|".join([*map(re.escape, longest_first), shapes.SECRET]))',
                're.compile("(?!)")',
            ),
        ),
    ),
    "safe publishing": Mechanism(
        "The logs are kept out of reach until the end, are put in place without following links, "
        "and what was there before is marked as another's.",
        _off(
            "report/publish.py",
            ('return f"# {line}"', "return line"),
            (
                "os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)",
                "os.unlink(temporary, dir_fd=folder); "
                "open(os.open(name, os.O_WRONLY | os.O_CREAT, dir_fd=folder), 'w').write(text)",
            ),
        ),
    ),
    "verification": Mechanism(
        "What a run has achieved is read from the registry and the cluster, with the broker's "
        "journal as the list of claims; no printed word counts.",
        _off("run.py", ("            return record.verdict\n", "            return Verdict(())\n")),
    ),
    # Before anything begins.
    "trigger check": Mechanism(
        "A run does not begin for an event that a stranger can cause.",
        _off("triggers.py", ("if event and not allow_untrusted:", "if False:")),
    ),
    "stored token check": Mechanism(
        "A run does not begin in a checkout that keeps the job's token.",
        _off("run.py", ("surroundings.refuse_stored_token(workspace)", "pass")),
    ),
}
