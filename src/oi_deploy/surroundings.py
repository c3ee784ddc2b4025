"""What a run finds around it: the runner's variables and folders, the engine, registry, cluster."""

import base64
import re
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import docker
from docker.errors import DockerException

from oi_deploy.engine import EngineSettings
from oi_deploy.errors import RunError
from oi_deploy.loaded import Loaded, read_kubeconfig
from oi_deploy.redact import secrets_of_kubeconfig
from oi_deploy.verify.cluster import Cluster
from oi_deploy.verify.registry import Registry
from oi_deploy.verify.state import DeploymentState

# Variables that name the runner's own folders: through the files in them, code could set variables
# and the PATH of later steps.
_RUNNER_FILES = (
    "GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY",
    "GITHUB_EVENT_PATH",
)  # fmt: skip
# Where the image keeps the shims, and the real programs, which only root may run.
SHIMS = Path("/opt/oi-deploy/bin")
PROGRAMS = Path("/usr/local/libexec/oi-deploy")
# Of an unusual length: the filter of system calls lets only addresses as long as this one through
# (`seccomp.py`), and no other socket should happen to have one.
SOCKET = Path(f"/run/oi-deploy/{'broker' * 12}.sock")

_UNTAGGED = "<none>:<none>"

_SECRET_INPUTS = ("INPUT_API-KEY", "INPUT_REGISTRY-PASSWORD")
_SECRET_VARIABLES = ("ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "GITHUB_TOKEN")


def secrets(env: Mapping[str, str]) -> list[str]:
    """The values that must never be shown; also of inputs that turn out to be wrong."""
    known = [env.get(name, "") for name in (*_SECRET_INPUTS, *_SECRET_VARIABLES)]
    kubeconfig = env.get("INPUT_KUBECONFIG", "")
    with suppress(ValueError, OSError):
        # A workspace that no path lies in: whether it may be used is decided later.
        kubeconfig = read_kubeconfig(kubeconfig, Path("/nonexistent"))
    known += secrets_of_kubeconfig(kubeconfig)
    username, password = (env.get(f"INPUT_REGISTRY-{it}", "") for it in ("USERNAME", "PASSWORD"))
    if password.strip():
        known.append(login(username, password))
    return [secret for secret in known if secret.strip()]


def login(username: str, password: str) -> str:
    """The account as docker's `config.json` and a registry's `Authorization` header have it."""
    return base64.b64encode(f"{username}:{password}".encode(errors="surrogateescape")).decode()


def run_url(env: Mapping[str, str]) -> str:
    """The run's page on GitHub, or empty."""
    parts = [env.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY")]
    number = env.get("GITHUB_RUN_ID", "")
    return f"{parts[0]}/{parts[1]}/actions/runs/{number}" if all(parts) and number else ""


def registry(loaded: Loaded, stack: ExitStack) -> Registry | None:
    """The registry that the inputs name, after it has answered; None if they name none.

    Raises:
        RunError: it is unreachable, not trusted, or refuses the account.
    """
    inputs = loaded.inputs
    if not inputs.registry:
        return None
    ca = None
    if loaded.registry_ca:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="oi-deploy-"))
        ca = Path(folder) / "registry-ca.crt"
        ca.write_text(loaded.registry_ca, encoding="utf-8")
    answering = Registry(
        inputs.registry,
        username=inputs.registry_username,
        password=inputs.registry_password,
        ca=ca,
    )
    stack.callback(answering.close)
    answering.ping()
    return answering


def cluster(loaded: Loaded, stack: ExitStack) -> Cluster | None:
    """The cluster that the inputs name, after it has answered; None if they name none.

    Raises:
        RunError: it is unreachable, not trusted, or refuses the account.
    """
    if not loaded.kubeconfig:
        return None
    answering = Cluster(loaded.kubeconfig, loaded.inputs.kube_context, loaded.namespace)
    stack.callback(answering.close)
    answering.ping()
    return answering


def engine_settings(loaded: Loaded, env: Mapping[str, str]) -> EngineSettings:
    """What the engine needs of the inputs, and of the runner's variables."""
    inputs, repository = loaded.inputs, env.get("GITHUB_REPOSITORY", "")
    return EngineSettings(
        kind=inputs.engine_kind,
        model=inputs.model,
        model_revision=loaded.model_revision,
        api_base=inputs.api_base,
        api_key=inputs.api_key,
        vllm_image=inputs.vllm_image,
        vllm_args=inputs.vllm_args,
        gpus=inputs.gpus,
        max_model_len=inputs.max_model_len,
        timeout_s=inputs.engine_timeout,
        keep_warm_s=inputs.keep_warm,
        owner=repository.partition("/")[0],
        user=", run ".join(filter(None, (repository, env.get("GITHUB_RUN_ID")))) or "a run",
    )


def allowed(
    deployments: tuple[DeploymentState, ...], loaded: Loaded
) -> tuple[DeploymentState, ...]:
    """The Deployments that the run may change."""
    names = loaded.inputs.allowed_deployments
    return tuple(item for item in deployments if not names or item.name in names)


def local_images() -> list[str]:
    """References of the engine's images; none if it cannot be asked."""
    try:
        # The list itself: the library's objects cost one more request for each image.
        images = docker.from_env(timeout=30).api.images()
        return [tag for image in images for tag in image["RepoTags"] or () if tag != _UNTAGGED]
    except (DockerException, OSError):
        return []


def refuse_stored_token(workspace: Path) -> None:
    """Refuse a checkout that keeps the job's token where the model's code can read it.

    actions/checkout writes it into `.git/config` as an `extraheader`, unless it is told not to.

    Raises:
        RunError: there is one.
    """
    try:
        config = (workspace / ".git" / "config").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    if re.search(r"^\s*extraheader\s*=\s*\S*authorization", config, re.IGNORECASE | re.MULTILINE):
        raise RunError(
            "The checkout holds the job's token",
            why="`.git/config` has an authorization header, which the model's code could read",
            remedy="Write under `with:` of the checkout step: `persist-credentials: false`",
        )


def runner_folders(env: Mapping[str, str], workspace: Path) -> list[Path]:
    """The runner's folders that the model's code must not reach."""
    named = [Path(env[name]).parent for name in _RUNNER_FILES if env.get(name)]
    # The home of every container action in the job; our own HOME is another one by now.
    named += [Path(env.get("RUNNER_TEMP") or "/"), Path("/github/home")]
    shared = {Path("/"), Path("/tmp")}  # noqa: S108 - act's RUNNER_TEMP; the sandbox needs it
    return [
        path
        for path in dict.fromkeys(named)
        if path.is_dir() and path not in shared and not workspace.is_relative_to(path)
    ]
