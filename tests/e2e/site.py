"""One place to run the action at: a world, the action's image, a runner's folders."""

import base64
import json
import secrets
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from devkit import engine, world
from devkit.runner import CANARIES, Action, Folders, Leftovers, Step, leftovers, start
from devkit.scripted_model import MODEL, ScriptedModel
from devkit.scripted_replies import Reply
from devkit.shell import ROOT, call


@dataclass(frozen=True)
class Site:
    """Everything around one run.

    Attributes:
        values: what `world.env` says.
        action: the action in this repository.
        image: its image, built as GitHub's runner builds it.
        folders: a runner's folders, of this site alone.
        earlier: what was in the engine before.
        version: what the sample application will say.
    """

    values: Mapping[str, str]
    action: Action
    image: str
    folders: Folders
    earlier: Leftovers
    version: str = field(default_factory=lambda: f"2.0.{secrets.randbelow(10**6)}")

    def checkout(self, *, with_dockerfile: bool = True) -> str:
        """Put the sample application into the workspace; return the commit's short hash."""
        owner = (self.folders.uid, self.folders.gid)
        return world.make_repository(
            self.folders.workspace, self.version, with_dockerfile=with_dockerfile, owner=owner
        )

    def inputs(self, model: ScriptedModel, **more: str) -> dict[str, str]:
        """`with:` for a deployment by a scripted model; `_` in a name stands for `-`."""
        given = {
            **self.inputs_without_model(),
            "api-base": model.base_url,
            "model": MODEL,
        }
        return given | {name.replace("_", "-"): value for name, value in more.items()}

    def inputs_without_model(self) -> dict[str, str]:
        """`with:` for a deployment, but for where the model is."""
        return {
            "prompt": "Build this, push it and roll it out as myapp. Write down what was done.",
            "registry": f"{self.values['REGISTRY']}/library",
            "registry-username": self.values["REGISTRY_USERNAME"],
            "registry-password": self.values["REGISTRY_PASSWORD"],
            "registry-ca": Path(self.values["REGISTRY_CA"]).read_text(encoding="utf-8"),
            "kubeconfig": Path(self.values["KUBECONFIG"]).read_text(encoding="utf-8"),
            "namespace": self.values["NAMESPACE"],
        }

    def start(
        self, inputs: Mapping[str, str], *, on_line: Callable[[str], None] = lambda line: None
    ) -> Step:
        """Start the action; nothing is masked but what the action itself asks for."""
        return start(self.action, self.folders, inputs, image=self.image, on_line=on_line)

    @property
    def secrets(self) -> dict[str, str]:
        """Values that must appear nowhere, by what they are."""
        kubeconfig = yaml.safe_load(Path(self.values["KUBECONFIG"]).read_text(encoding="utf-8"))
        password = self.values["REGISTRY_PASSWORD"]
        account = f"{self.values['REGISTRY_USERNAME']}:{password}".encode()
        return {
            "registry password": password,
            "registry login": base64.b64encode(account).decode(),
            "cluster token": kubeconfig["users"][0]["user"]["token"],
            **CANARIES,
        }

    def script(self) -> str:
        """What a good model would write."""
        reference = f"{self.values['REGISTRY']}/library/myapp:$(git rev-parse --short HEAD)"
        return (
            f"docker build -t {reference} .\n"
            f"docker push {reference}\n"
            f"kubectl -n production set image deployment/myapp app={reference}\n"
            "kubectl -n production rollout status deployment/myapp\n"
            f"echo 发布 {reference} >> deploy.log\n"
        )

    def kubectl(self, *arguments: str) -> Any:
        """Ask the cluster, as its administrator, and read the JSON."""
        environment = {"KUBECONFIG": self.values["KUBECONFIG_ADMIN"]}
        options = ("-n", self.values["NAMESPACE"], "-o", "json")
        return json.loads(call(self.values["KUBECTL"], *arguments, *options, env=environment))

    def undo(self, revision: str) -> None:
        """Put the Deployment back, as its administrator."""
        self._roll("rollout", "undo", "deployment/myapp", f"--to-revision={revision}")

    def scale(self, pods: int) -> None:
        """Give the Deployment a number of pods, as its administrator."""
        self._roll("scale", "deployment/myapp", f"--replicas={pods}")

    def _roll(self, *change: str) -> None:
        """Change the Deployment, and wait for what comes of it."""
        environment = {"KUBECONFIG": self.values["KUBECONFIG_ADMIN"]}
        for words in (change, ("rollout", "status", "deployment/myapp")):
            call(self.values["KUBECTL"], "-n", self.values["NAMESPACE"], *words, env=environment)

    def answers(self) -> dict[str, str]:
        """What each pod of the Deployment says over HTTP; those that are ending do not count.

        The API server asks them: pods' addresses mean something on the cluster's own network only.
        """
        pods = self.kubectl("get", "pods", "--selector", "app=myapp")["items"]
        here = [pod["metadata"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        environment = {"KUBECONFIG": self.values["KUBECONFIG_ADMIN"]}
        path = f"/api/v1/namespaces/{self.values['NAMESPACE']}/pods"
        return {
            pod["name"]: call(
                self.values["KUBECTL"], "get", "--raw", f"{path}/{pod['name']}:8080/proxy/",
                env=environment,
            )
            for pod in here
        }  # fmt: skip

    def digest(self, tag: str) -> str:
        """The digest that the registry has for a tag of myapp; empty if it has none."""
        context = ssl.create_default_context(cafile=self.values["REGISTRY_CA"])
        response = httpx.head(
            f"https://{self.values['REGISTRY']}/v2/library/myapp/manifests/{tag}",
            auth=(self.values["REGISTRY_USERNAME"], self.values["REGISTRY_PASSWORD"]),
            headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
            verify=context,
            trust_env=False,
        )
        return response.headers.get("Docker-Content-Digest", "") if response.is_success else ""

    def leftovers(self) -> Leftovers:
        """What runs left since this site was made."""
        return leftovers(self.folders).without(self.earlier)


def site_at(values: Mapping[str, str], image: str, folder: Path) -> Site:
    """A site of its own below a folder, with the sample application checked out."""
    folders = Folders(folder / "runner")
    made = Site(values, Action.load(ROOT), image, folders, leftovers(folders))
    made.checkout()
    return made


def scripted(replies: list[Reply], **options: Any) -> ScriptedModel:
    """A scripted model where the action's container reaches it."""
    return ScriptedModel(replies, host=engine.gateway(), **options)
