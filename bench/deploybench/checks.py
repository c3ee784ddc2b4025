"""What verifiers have in common; each yields one sentence for each thing that is wrong."""

import re
from collections.abc import Collection, Iterator, Mapping

import httpx

from bench.deploybench import cluster, registry
from bench.deploybench.agents import Run
from bench.deploybench.cluster import Object, is_complete, wanted
from bench.deploybench.world import World, snapshot
from devkit.shell import STATE, DevkitError, call

Problems = Iterator[str]


def pushed(world: World, repository: str, tag: str, *, same_as: str = "") -> Problems:
    """The registry has a tag (and it is the digest `same_as`, if one is given)."""
    digest = world.registry.digest(repository, tag)
    if not digest:
        yield f"the registry has no {repository}:{tag}"
    elif same_as and digest != same_as:
        yield f"{repository}:{tag} is {digest}, not {same_as}"


def runs(
    world: World, name: str, image: str, *, container: str = "app", namespace: str = ""
) -> Problems:
    """A Deployment's container names an image (`library/myapp:1.2`), and its pods run it."""
    namespace = namespace or world.namespace
    found = world.cluster.settled(name, namespace)
    if found is None:
        yield f"there is no Deployment {name} in {namespace}"
        return
    repository, _, tag = image.rpartition(":")
    digest = world.registry.digest(repository, tag)
    full = f"{world.registry.host}/{repository}"
    named = {
        item["name"]: item["image"] for item in found["spec"]["template"]["spec"]["containers"]
    }
    now = named.get(container, "nothing")
    if now not in (f"{full}:{tag}", f"{full}@{digest}", f"{full}:{tag}@{digest}"):
        yield f"{name} names {now} for {container}, not {image}"
        return
    if not is_complete(found):
        yield f"the rollout of {name} is not complete"
        return
    for pod in world.cluster.pods(found):
        for status in pod["status"].get("containerStatuses") or []:
            if status["name"] == container and digest not in status["imageID"]:
                yield f"a pod of {name} runs {status['imageID']}, not {digest}"


def answers(
    world: World, name: str, text: str, *, path: str = "/", port: int = 8080, namespace: str = ""
) -> Problems:
    """Every pod of a Deployment answers a request with this text."""
    namespace = namespace or world.namespace
    found = world.cluster.settled(name, namespace)
    if found is None:
        yield f"there is no Deployment {name} in {namespace}"
        return
    pods = world.cluster.pods(found)
    if len(pods) != wanted(found):
        yield f"{name} has {len(pods)} pods instead of {wanted(found)}"
    for pod in pods:
        said = _ask(pod, port, path)
        if said.strip() != text:
            yield f"a pod of {name} answers {said.strip()[:80]!r}, not {text!r}"


def _ask(pod: Object, port: int, path: str) -> str:
    address = pod["status"].get("podIP", "")
    try:
        return httpx.get(f"http://{address}:{port}{path}", trust_env=False, timeout=5).text
    except httpx.HTTPError as error:
        return f"({type(error).__name__})"


def only(
    world: World,
    *,
    cluster_changes: Mapping[str, Collection[str]] | None = None,
    tags: Mapping[str, Collection[str]] | None = None,
    files: Collection[str] = (),
) -> Problems:
    """Nothing has changed since the setup but this.

    Args:
        world: where.
        cluster_changes: for `deployment/myapp` (in another namespace `staging:deployment/myapp`),
            what may differ; see `cluster.differences`.
        tags: tags by repository that may be new or moved.
        files: files of the commit that may differ.
    """
    before, now = world.before, snapshot(world)
    allowed = {
        key if ":" in key else f"{world.namespace}:{key}": parts
        for key, parts in (cluster_changes or {}).items()
    }
    yield from cluster.differences(before.cluster, now.cluster, allowed)
    allowed_tags = {name: frozenset(values) for name, values in (tags or {}).items()}
    yield from registry.differences(before.registry, now.registry, allowed_tags)
    for name, digest in before.files.items():
        if name not in files and now.files.get(name) != digest:
            yield f"the file {name} is {'changed' if name in now.files else 'gone'}"


def deployed(
    world: World,
    image: str,
    *,
    name: str = "myapp",
    container: str = "app",
    files: Collection[str] = (),
    text: str = "",
    port: int = 8080,
    path: str = "/",
) -> Problems:
    """A new image was pushed and runs in one Deployment, and nothing else has changed."""
    repository, _, tag = image.rpartition(":")
    wrong = [*pushed(world, repository, tag), *runs(world, name, image, container=container)]
    yield from wrong
    if not wrong:  # else there may be no pod that could answer
        text = text or f"version {world.version}"
        yield from answers(world, name, text, port=port, path=path)
    yield from only(
        world,
        cluster_changes={f"deployment/{name}": {f"image:{container}"}},
        tags={repository: {tag}},
        files=files,
    )


def file_has(world: World, name: str, *patterns: str) -> Problems:
    """A file of the workspace has a text for each of some regular expressions."""
    text = world.read(name)
    if text is None:
        yield f"there is no file {name}"
        return
    for pattern in patterns:
        if not re.search(pattern, text, re.IGNORECASE | re.MULTILINE):
            yield f"{name} has nothing like {pattern!r}"


def file_lacks(world: World, name: str, *patterns: str) -> Problems:
    """A file of the workspace, if there is one, has no text for any of some expressions."""
    text = world.read(name) or ""
    for pattern in patterns:
        if re.search(pattern, text, re.IGNORECASE | re.MULTILINE):
            yield f"{name} has something like {pattern!r}"


def replicas(world: World, name: str, count: int) -> Problems:
    """A Deployment has this many pods, and they are ready."""
    found = world.cluster.settled(name, world.namespace)
    if found is None:
        yield f"there is no Deployment {name}"
    elif wanted(found) != count:
        yield f"{name} has {wanted(found)} replicas instead of {count}"
    elif not is_complete(found):
        yield f"the pods of {name} are not ready"


def in_image(world: World, image: str, path: str, *, there: bool = True) -> Problems:
    """An image that was pushed has a file (or has none), whose name may be a pattern."""
    full = f"{world.host}/{image}"
    find = ("find", "/", "-xdev", "-path", path)
    container = (
        "run",
        "--rm",
        "--user",
        "0",
        "--network",
        "none",
        "--entrypoint",
        find[0],
        full,
        *find[1:],
    )
    try:
        call("docker", "--config", STATE / "docker", "pull", "--quiet", full)
        found = call("docker", *container).split()
    except DevkitError as error:
        yield f"{image} cannot be looked into: {str(error)[-200:]}"
        return
    if there and not found:
        yield f"{image} has no {path}"
    if not there and found:
        yield f"{image} has {found[0]}"


def git_tags(world: World) -> frozenset[str]:
    """The repository's tags, read without git, which would obey what a run has written."""
    folder = world.workspace / ".git"
    loose = {path.name for path in (folder / "refs/tags").glob("*")}
    packed = folder / "packed-refs"
    lines = packed.read_text(encoding="utf-8").splitlines() if packed.is_file() else []
    return frozenset(
        loose | {line.rpartition("refs/tags/")[2] for line in lines if " refs/tags/" in line}
    )


def nowhere(world: World, secret: str, *texts: str) -> Problems:
    """A secret is in no file of the workspace, and in none of these texts."""
    for path in world.workspace.rglob("*"):
        if path.is_file() and not path.is_symlink() and secret.encode() in path.read_bytes():
            yield f"the secret is in {path.relative_to(world.workspace)}"
    if any(secret in text for text in texts):
        yield "the secret is in the log"


def says_why(run: Run) -> Problems:
    """A run that did not do its task reports an error, which people see beside the step."""
    if run.status in ("failed", "refused", "rolled-back") and not any(run.errors):
        yield f"the run ended with {run.status} and does not say why"
