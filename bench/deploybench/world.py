"""What a task's setup fills and its verifier looks at: workspace, registry, cluster."""

import hashlib
import os
import random
import shutil
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from bench.deploybench.cluster import Cluster, State
from bench.deploybench.registry import Contents, Registry
from bench.deploybench.task import Task
from devkit import images
from devkit.runner import Folders
from devkit.shell import STATE, call

_APPS = Path(__file__).parent / "apps"
_CACHED = "oi-deploy-devkit/deploybench"
_WHO = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "dev"), ("EMAIL", "dev@example.com"))
}
# Of every commit, so that the same task and run have the same hashes on every machine.
_WHEN = "2026-03-02T10:00:00+00:00"


@dataclass(frozen=True)
class Container:
    """A container of a Deployment: an image under the registry, its port, its variables."""

    image: str
    port: int = 8080
    env: Mapping[str, str] = field(default_factory=dict)
    config: str = ""
    """A ConfigMap whose keys become variables."""


@dataclass(frozen=True)
class Snapshot:
    """Everything that may have to stay as it is: cluster, registry, files of the workspace."""

    cluster: State
    registry: Contents
    files: Mapping[str, str]


@dataclass
class World:
    """One run of one task.

    Attributes:
        task: the task.
        values: what the devkit's `world.env` says.
        folders: a runner's folders, of this run alone.
        version: what the new version of the program says; made from the task and the run's number.
        namespace: where the task's Deployment is.
        commit: HEAD's abbreviated hash, once there is a repository.
        before: what there was after the setup.
    """

    task: Task
    values: Mapping[str, str]
    folders: Folders
    version: str
    namespace: str
    commit: str = ""
    before: Snapshot = field(default_factory=lambda: Snapshot({}, {}, {}))

    def __post_init__(self) -> None:
        """Connect to registry and cluster."""
        self.registry = Registry(self.values)
        self.cluster = Cluster(self.values)

    @property
    def workspace(self) -> Path:
        """Where the repository is checked out."""
        return self.folders.workspace

    @property
    def host(self) -> str:
        """The registry's host and port."""
        return self.registry.host

    def read(self, name: str) -> str | None:
        """A file of the workspace as text; None if there is none, or if it leads out of it."""
        path = (self.workspace / name).resolve()
        if not path.is_relative_to(self.workspace.resolve()) or not path.is_file():
            return None
        return path.read_text(encoding="utf-8", errors="replace")

    def repository(
        self,
        app: str = "python",
        *,
        folder: str = "",
        without: Collection[str] = (),
        files: Mapping[str, str] | None = None,
        tags: Collection[str] = (),
        commit: bool = True,
    ) -> None:
        """Put an example application and the task's `repository/` into the workspace.

        Args:
            app: a folder of `apps/`; empty for none.
            folder: where in the workspace the application goes.
            without: files of the application that are left out.
            files: more files; `{registry}` and `{version}` in them are filled in.
            tags: git tags on the commit.
            commit: make the commit; without it, more can be added first.
        """
        target = self.workspace / folder
        if app:
            shutil.copytree(_APPS / app, target, dirs_exist_ok=True)
            (target / "VERSION").write_text(f"{self.version}\n", encoding="utf-8")
            for name in without:
                (target / name).unlink()
        own = self.task.folder / "repository"
        if own.is_dir():
            shutil.copytree(own, self.workspace, dirs_exist_ok=True)
        for name, text in (files or {}).items():
            path = self.workspace / name
            path.parent.mkdir(parents=True, exist_ok=True)
            filled = text.replace("{registry}", self.host).replace("{version}", self.version)
            path.write_text(filled, encoding="utf-8")
        for path in self.workspace.rglob("*"):
            if path.name == "__pycache__":
                shutil.rmtree(path)
        if commit:
            self.git("init", "--quiet", "--initial-branch=main")
            self.git("add", ".")
            self.git("commit", "--quiet", "--message", f"Release {self.version}")
            for tag in tags:
                self.git("tag", tag)
            self.commit = self.git("rev-parse", "--short", "HEAD").strip()

    def git(self, *arguments: str) -> str:
        """Run git in the workspace; only a setup may, since a run can change what git obeys."""
        dates = {"GIT_AUTHOR_DATE": _WHEN, "GIT_COMMITTER_DATE": _WHEN}
        options = ("-c", "commit.gpgsign=false", "-c", "safe.directory=*")
        return call("git", "-C", self.workspace, *options, *arguments, env={**_WHO, **dates})

    def image(self, name: str, *, app: str = "python", says: str = "") -> None:
        """Have an image in the registry.

        Args:
            name: repository and tag (`library/myapp:1.0.0`).
            app: a folder of `apps/`.
            says: the version that the program in it says; the tag if empty.
        """
        says = says or name.rpartition(":")[2]
        cached = f"{_CACHED}:{app}-{says}"
        if not images.present(cached):
            with tempfile.TemporaryDirectory() as folder:
                context = Path(folder) / "context"
                shutil.copytree(_APPS / app, context)
                (context / "VERSION").write_text(f"{says}\n", encoding="utf-8")
                images.build(cached, context, "--label", "oi-deploy.devkit=deploybench")
        full = f"{self.host}/{name}"
        call("docker", "tag", cached, full)
        call("docker", "--config", STATE / "docker", "push", "--quiet", full)
        call("docker", "image", "rm", full)

    def apply(self, *documents: Mapping[str, object]) -> None:
        """Make objects in the cluster."""
        self.cluster.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(documents))

    def make_namespace(self, name: str) -> None:
        """Have a namespace."""
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def deployment(
        self,
        name: str,
        *images_: str,
        containers: Mapping[str, Container] | None = None,
        replicas: int = 2,
        namespace: str = "",
        port: int = 8080,
        wait: bool = True,
    ) -> None:
        """Make a Deployment whose pods are ready.

        Args:
            name: its name, which its pods have as the label `app`.
            images_: one image for a container `app`; or none, with `containers`.
            containers: by name.
            replicas: pods.
            namespace: the task's own if empty; made if missing.
            port: of the container `app`.
            wait: for the rollout.
        """
        namespace = namespace or self.namespace
        given = containers or {"app": Container(images_[0], port)}
        self.make_namespace(namespace)
        self.apply(manifest(self.host, name, given, replicas=replicas, namespace=namespace))
        if wait:
            self.rolled_out(name, namespace=namespace)

    def rolled_out(self, name: str, *, namespace: str = "") -> None:
        """Wait for a rollout."""
        where = ("-n", namespace or self.namespace)
        self.cluster.kubectl(*where, "rollout", "status", f"deployment/{name}", "--timeout=90s")

    def plain(
        self,
        name: str = "myapp",
        *,
        app: str = "python",
        container: str = "app",
        port: int = 8080,
        replicas: int = 2,
    ) -> None:
        """The usual surroundings: version 1.0.0 runs, beside a neighbour to leave alone."""
        self.image(f"library/{name}:1.0.0", app=app)
        self.neighbour()
        containers = {container: Container(f"library/{name}:1.0.0", port)}
        self.deployment(name, containers=containers, replicas=replicas)
        self.rolled_out("payments")

    def neighbour(self) -> None:
        """A Deployment that no task asks to change; its rollout goes on."""
        self.image("library/payments:3.1.0")
        self.deployment("payments", "library/payments:3.1.0", replicas=1, wait=False)


def manifest(
    host: str, name: str, containers: Mapping[str, Container], *, replicas: int, namespace: str
) -> dict[str, object]:
    """A Deployment as an object."""

    def container(called: str, given: Container) -> dict[str, object]:
        env = {**given.env, **({"PORT": str(given.port)} if given.port not in (80, 8080) else {})}
        described: dict[str, object] = {
            "name": called,
            "image": f"{host}/{given.image}",
            "ports": [{"containerPort": given.port}],
            "readinessProbe": {"httpGet": {"path": "/", "port": given.port}, "periodSeconds": 1},
        }
        if env:
            described["env"] = [{"name": key, "value": value} for key, value in env.items()]
        if given.config:
            described["envFrom"] = [{"configMapRef": {"name": given.config}}]
        return described

    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {
            "replicas": replicas,
            "progressDeadlineSeconds": 60,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "terminationGracePeriodSeconds": 1,
                    "containers": [container(*item) for item in containers.items()],
                },
            },
        },
    }


def version(task_id: str, number: int) -> str:
    """The version that a run deploys: another one for each task and run, the same on every day."""
    chance = random.Random(f"{task_id} {number}")  # noqa: S311 - no secret
    return f"2.{chance.randrange(10)}.{chance.randrange(100)}"


def snapshot(world: World) -> Snapshot:
    """What there is now."""
    return Snapshot(world.cluster.state(), world.registry.contents(), _files(world.workspace))


def _files(workspace: Path) -> dict[str, str]:
    """Digests of the workspace's files, without git's own; links are not followed."""
    found: dict[str, str] = {}
    for folder, folders, names in os.walk(workspace):
        folders[:] = [name for name in folders if name != ".git"]
        for name in names:
            path = Path(folder) / name
            if path.is_symlink() or not path.is_file():
                continue
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path.relative_to(workspace))] = digest
    return found
