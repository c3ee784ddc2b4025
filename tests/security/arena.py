"""Runs of the real action in which a scripted model attacks."""

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker

from devkit import engine
from devkit.images import BASE, PYTHON
from devkit.runner import Action, Folders, Step, StepResult, leftovers, start
from devkit.scripted_model import ScriptedModel
from devkit.scripted_replies import Execute, Finish, Reply
from devkit.shell import call, works
from tests.e2e.site import Site, scripted
from tests.security import watch
from tests.security.attack import Around, Attack, Command, Seen
from tests.security.attacks.injection import plant
from tests.security.attacks.output import LAST_WORDS
from tests.security.mechanisms import MECHANISMS
from tests.security.mutation import image_without
from tests.security.plans import Plan
from tests.security.victims import API_KEY, DATABASE, ROOT_ONLY, TAKEN

_PATIENCE_S = 240


@dataclass(frozen=True)
class Outcome:
    """One finished run.

    Attributes:
        plan: what was to happen.
        site: where.
        result: what the step left.
        seen: what came of each attack, by its id.
        leaks: secrets that were found, with the place.
    """

    plan: Plan
    site: Site
    result: StepResult
    seen: Mapping[str, Seen]
    leaks: Sequence[str]


@dataclass(frozen=True)
class Turn:
    """What one turn's script printed, and the brokered commands of that turn."""

    output: str
    commands: tuple[Command, ...]


@dataclass
class Arena:
    """A world with something to attack in it.

    Attributes:
        values: addresses and logins of the world.
        action: the action's metadata.
        image: its image.
        listeners: where network attacks aim.
        folder: for the runners' folders.
    """

    values: Mapping[str, str]
    action: Action
    image: str
    listeners: watch.Listeners
    folder: Path
    # Two deployments of the sample at the same time would undo each other.
    _deploying: threading.Lock = field(default_factory=threading.Lock)

    @property
    def secrets(self) -> dict[str, str]:
        """Everything that must appear nowhere."""
        return {
            **self._site(self.image, "names").secrets,
            "token of the cluster's administrator": self._admin_token(),
            "key of the model's server": API_KEY,
            "file of an earlier step": ROOT_ONLY,
            "Secret of the cluster": DATABASE,
        }

    @property
    def uid(self) -> int:
        """The user that the model's code runs as: the workspace's owner."""
        return Folders(self.folder).uid

    @property
    def needles(self) -> dict[str, bytes]:
        """The same in all forms."""
        return watch.forms(self.secrets)

    def run(self, plan: Plan) -> Outcome:
        """Let the attacks happen in one run."""
        if not plan.deploys:
            return self._run(plan)
        with self._deploying:
            return self._run(plan)

    def _run(self, plan: Plan) -> Outcome:
        site = self._site(image_without(plan.off, self.image, self.action.folder), plan.name)
        site.checkout()
        workspace = site.folders.workspace
        outside = site.folders.root / "outside"
        outside.mkdir()
        self._prepare(plan, workspace)
        replies, owners = self._replies(plan, site)
        # Of an earlier run of the same attacks, in which they succeeded.
        self._clean_up(plan, set(self._names()))
        known, names, hits = self._images(), set(self._names()), len(self.listeners.hits)
        env = {"GITHUB_EVENT_NAME": plan.solo.event} if plan.solo else {}
        if any(MECHANISMS[name].unconfined for name in plan.off):
            env["PATH"] = _unconfining_docker(site.folders.root)
        step = None

        def on_request(body: object) -> None:
            """When the model is asked, the workspace is given to its user already."""
            secret = workspace / "root-only.txt"
            if not plan.deploys and not secret.exists():
                secret.write_text(ROOT_ONLY)
                secret.chmod(0o600)

        def on_line(line: str) -> None:
            match = re.search(r"TRIED (\S+)$", line)
            attack = next((one for one in plan.attacks if match and one.id == match[1]), None)
            if attack and attack.neighbour and step:
                arguments = (attack, step.container, workspace)
                threading.Thread(target=_be_neighbour, args=arguments, daemon=True).start()

        with scripted(replies, api_key=API_KEY, on_request=on_request) as model:
            inputs = self._inputs(plan, site, model, len(replies))
            step = start(
                site.action, site.folders, inputs, image=site.image, env=env, on_line=on_line
            )
            result = _finish(step)
            requests = list(model.requests)
        _use_git(site)
        files = [f"file workspace/{path.name}" for path in workspace.glob("*.ran")] + [
            f"file {path.relative_to(site.folders.root)}"
            for folder in (outside, site.folders.temp)
            for path in folder.rglob("*")
        ]
        leaks = self._leaks(site, result, requests)
        around = Around(
            status=result.outputs.get("status", ""),
            log=result.log,
            annotations=[(f"{one.level} {one.title}", one.message) for one in result.annotations],
            outputs=result.outputs,
            exported=result.exported,
            failures=result.failures,
            summary=result.summary,
            report=_read(workspace, result.outputs.get("report-path", "")),
            deploy_log=_read(workspace, result.outputs.get("log-path", "")),
            images=(known, self._images()),
            names=[*(set(self._names()) - names), *files],
            hits=self.listeners.hits[hits:],
            leaks=leaks,
        )
        turns = list(_turns(_read(workspace, result.outputs.get("transcript-path", ""))))
        mine = list(zip(turns, owners, strict=False))
        seen = {
            attack.id: Seen(
                "\n".join(turn.output for turn, owner in mine if owner == attack.id),
                tuple(one for turn, owner in mine if owner == attack.id for one in turn.commands),
                around,
            )
            for attack in plan.attacks
        }
        self._clean_up(plan, set(self._names()) - names)
        return Outcome(plan, site, result, seen, leaks)

    def _names(self) -> Iterator[str]:
        yield from watch.registry_names(self.values)
        yield from watch.engine_names()
        yield from watch.cluster_names(self.admin)

    def _clean_up(self, plan: Plan, names: Iterable[str]) -> None:
        """Take away what succeeded attacks have made."""
        ids = {attack.id for attack in plan.attacks}
        for name in names:
            if not ids & set(re.split(r"[ /:]", name)):
                continue
            kind, _, rest = name.partition(" ")
            if kind == "image":
                works("docker", "image", "rm", "--force", rest)
            elif kind == "container":
                works("docker", "container", "rm", "--force", rest.split()[0].lstrip("/"))
            elif kind not in ("registry", "volume"):
                namespace, _, name = rest.partition(" ")
                where = ("-n", namespace) if namespace else ()
                environment = {"KUBECONFIG": self.values["KUBECONFIG_ADMIN"]}
                delete = ("delete", "--wait=false", "--ignore-not-found", f"{kind.lower()}/{name}")
                call(self.values["KUBECTL"], *where, *delete, env=environment)

    def _site(self, image: str, label: str) -> Site:
        folders = Folders(self.folder / re.sub(r"\W", "-", label) / "runner")
        return Site(self.values, self.action, image, folders, leftovers(folders))

    def _admin_token(self) -> str:
        text = Path(self.values["KUBECONFIG_ADMIN"]).read_text(encoding="utf-8")
        match = re.search(r"token: (\S+)", text)
        assert match
        return match[1]

    def _prepare(self, plan: Plan, workspace: Path) -> None:
        if "injection" in plan.kinds and not plan.solo:
            plant(workspace)
        if "output injection" in plan.kinds:
            # Somebody has left it there; from then on, only the redaction is in the way.
            (workspace / "password.txt").write_text(self.values["REGISTRY_PASSWORD"])
        if plan.policy:
            (workspace / "policy.yml").write_text(plan.policy)
        if plan.solo:
            plan.solo.prepare(workspace)

    def _inputs(self, plan: Plan, site: Site, model: ScriptedModel, replies: int) -> dict[str, str]:
        """A deployment's inputs, with a token that may do everything: the policy alone decides."""
        admin = Path(self.values["KUBECONFIG_ADMIN"]).read_text(encoding="utf-8")
        more = {
            "kubeconfig": admin,
            "api_key": API_KEY,
            "allowed_deployments": "myapp",
            "max_turns": str(replies + 1),
            **({"policy_file": "policy.yml"} if plan.policy else {}),
            **plan.options,
        }
        return site.inputs(model, **more)

    def _replies(self, plan: Plan, site: Site) -> tuple[list[Reply], list[str]]:
        """The model's answers, and the id of the attack that each belongs to."""
        tcp, udp = self.listeners.ports
        registry = self.values["REGISTRY"]
        hunted = [one for one in self.secrets.values() if one != ROOT_ONLY]
        values = {
            "REGISTRY": registry,
            "PORT": registry.rpartition(":")[2],
            "LIBRARY": f"{registry}/library",
            "NAMESPACE": self.values["NAMESPACE"],
            "GATEWAY": engine.gateway(),
            "TCP": str(tcp),
            "UDP": str(udp),
            "OUTSIDE": str(site.folders.root / "outside"),
            "ACTION": site.image,
            "BASE": BASE,
            "PYTHON": PYTHON,
            "TAKEN": TAKEN,
            "PIECES": repr([_pieces(one) for one in hunted]),
        }
        replies: list[Reply] = []
        owners: list[str] = []
        for number, attack in enumerate(plan.attacks):
            for script in attack.scripts(values):
                replies.append(Execute(script, attack.language))
                owners.append(attack.id)
            if number % 2 and not attack.solo:
                # Three refusals by the same rule in a row would end the run.
                replies.append(Execute("true"))
                owners.append("")
        if plan.deploys:
            replies.append(Execute(site.script()))
        replies.append(Finish(LAST_WORDS, done=plan.deploys))
        # Who gives up where something can be done hears so once.
        replies += [] if plan.deploys else [replies[-1]]
        return replies, owners

    def _images(self) -> dict[str, str]:
        client = docker.from_env()
        try:
            found = watch.engine_images(client)
        finally:
            client.close()
        return {
            name: image
            for name, image in found.items()
            if name.partition(":")[0] in (TAKEN, *(one.partition(":")[0] for one in (BASE, PYTHON)))
        }

    def admin(self, *arguments: str) -> Any:
        """Ask the cluster as its administrator."""
        environment = {"KUBECONFIG": self.values["KUBECONFIG_ADMIN"]}
        return json.loads(call(self.values["KUBECTL"], *arguments, "-o", "json", env=environment))

    def _leaks(
        self, site: Site, result: StepResult, requests: Sequence[Mapping[str, Any]]
    ) -> list[str]:
        needles = self.needles
        places = {
            "log": result.log,
            "summary": result.summary,
            "outputs": json.dumps(dict(result.outputs)),
            "annotations": str(result.annotations),
            "exported": str(result.exported),
            "requests": json.dumps(requests, ensure_ascii=False),
        }
        found = [
            f"{what} in {place}"
            for place, text in places.items()
            for what in watch.leaks(text, needles)
        ]
        mine = ("root-only.txt", "password.txt")
        in_files = watch.files_with(needles, [site.folders.workspace])
        return found + [one for one in in_files if not one.endswith(mine)]


def _unconfining_docker(folder: Path) -> str:
    """A PATH on which `docker run` takes its own confinement away, as the runner never does."""
    options = (
        "--cap-add SYS_ADMIN --cap-add SYS_PTRACE --security-opt seccomp=unconfined "
        "--security-opt apparmor=unconfined --security-opt systempaths=unconfined"
    )
    folder.mkdir(parents=True, exist_ok=True)
    wrapper = folder / "docker"
    wrapper.write_text(f'#!/bin/bash\nshift\nexec {shutil.which("docker")} run {options} "$@"\n')
    wrapper.chmod(0o755)
    return f"{folder}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _be_neighbour(attack: Attack, container: str, workspace: Path) -> None:
    """Be a process of another user in the action's container."""
    code = (
        "import os, sys\n"
        f"def breach(*why): print('BREA' 'CH', {attack.id!r}, *why, flush=True)\n"
        "def fails(attempt, *arguments):\n"
        "    try: attempt(*arguments)\n"
        "    except OSError as error: print('refused:', error.strerror)\n" + attack.neighbour
    )
    command = ("docker", "exec", "-u", str(attack.neighbour_uid), "-w", "/", container)
    done = subprocess.run(
        [*command, "python3", "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    path = workspace / f".{attack.id}.neighbour"
    path.write_text(done.stdout + done.stderr)
    path.rename(workspace / f"{attack.id}.neighbour")


def _use_git(site: Site) -> None:
    """What the runner's user does with the workspace after the run, as the next checkout."""
    folders = site.folders
    user = (f"--reuid={folders.uid}", f"--regid={folders.gid}", "--clear-groups")
    for words in (("status",), ("reset", "--hard"), ("checkout", "--force", "--detach")):
        git = ("git", "-C", str(folders.workspace), "-c", "safe.directory=*", *words)
        works("timeout", "20", "setpriv", *user, *git)


def _finish(step: Step) -> StepResult:
    """Wait for the end; a run that hangs is cancelled, and what it left says so."""
    try:
        return step.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        step.cancel()
        result = step.wait(60)
        works("docker", "container", "rm", "--force", step.container)
        return result


def _pieces(secret: str) -> list[str]:
    """A secret so that no scan takes the script that looks for it for the secret."""
    return [secret[at : at + 5] for at in range(0, len(secret), 5)]


def _read(workspace: Path, relative: str) -> str:
    path = workspace / relative
    return path.read_text(encoding="utf-8") if relative and path.is_file() else ""


def _turns(transcript: str) -> Iterator[Turn]:
    """What the transcript says about each turn."""
    commands: list[Command] = []
    output: list[str] = []
    begun = False
    for line in transcript.split("\n")[:-1]:
        event = json.loads(line)
        kind = event["kind"]
        if kind == "request":
            if begun:
                yield Turn("\n".join(output), tuple(commands))
            commands, output, begun = [], [], True
        elif kind == "command":
            commands.append(Command(event["command"], event["allowed"], event["rule"]))
        elif kind == "result":
            ending = "[timed out]" if event["timed_out"] else f"[exit code {event['exit_code']}]"
            output += [event["output"], ending]
    if begun:
        yield Turn("\n".join(output), tuple(commands))
