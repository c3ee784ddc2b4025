"""Inputs whose files were read: what the rest of the program works with."""

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from oi_deploy.broker.document import read as read_policy
from oi_deploy.broker.request import Policy
from oi_deploy.inputs import Inputs, problem, refusal

DEFAULT_MODEL_REVISION = "cdbee75f17c01a7cc42f958dc650907174af0554"


@dataclass(frozen=True)
class Loaded:
    """Inputs whose files were read: what the rest of the program works with.

    Attributes:
        inputs: the inputs as given.
        prompt: the prompt's text, whichever way it came.
        kubeconfig: the kubeconfig's text, or empty.
        registry_ca: PEM text, or empty.
        model_revision: the hub revision, or empty for a path.
        namespace: the namespace that the run works in.
        working_directory: an existing folder inside the workspace.
        policy: what the model's code may do.
    """

    inputs: Inputs
    prompt: str
    kubeconfig: str
    registry_ca: str
    model_revision: str
    namespace: str
    working_directory: Path
    policy: Policy


def load(inputs: Inputs, workspace: Path) -> Loaded:
    """Read the files that inputs name and settle what depends on them.

    Raises:
        RunError: with one line for each file that is missing, unreadable or of the wrong kind.
    """
    problems: list[str] = []

    def attempt(name: str, read: Any) -> Any:
        try:
            return read()
        except ValueError as error:
            problems.append(problem(name, str(error)))
            return None

    prompt = inputs.prompt
    if inputs.prompt_file:
        prompt = attempt("prompt-file", lambda: _text_file(workspace, inputs.prompt_file))
    kubeconfig = attempt("kubeconfig", lambda: read_kubeconfig(inputs.kubeconfig, workspace))
    ca = attempt("registry-ca", lambda: _pem(inputs.registry_ca, workspace))
    folder = attempt("working-directory", lambda: _folder(workspace, inputs.working_directory))
    namespace = inputs.namespace
    if kubeconfig:
        found = attempt("kube-context", lambda: context_namespace(kubeconfig, inputs.kube_context))
        namespace = namespace or found or ""
    namespace = namespace or "default"
    policy = attempt("policy-file", lambda: _policy(inputs, workspace, namespace))
    if problems:
        raise refusal(problems)
    revision = inputs.model_revision
    if not revision and inputs.model == Inputs.model_fields["model"].default:
        revision = DEFAULT_MODEL_REVISION
    return Loaded(inputs, prompt, kubeconfig, ca, revision, namespace, folder, policy)


def read_kubeconfig(value: str, workspace: Path) -> str:
    """The kubeconfig's text from content, base64 or a path; empty stays empty.

    Raises:
        ValueError: it is none of the three, or a file that the model's code could read.
    """
    text = value.strip()
    if not text:
        return ""
    if _is_file(text):
        path = Path(text).resolve()
        if path.is_relative_to(workspace.resolve()):
            raise ValueError(
                "is a file in the workspace, where the model's code could read it; pass the content"
            )
        text = path.read_text(encoding="utf-8")
    elif not _is_kubeconfig(text):
        try:
            text = base64.b64decode("".join(text.split()), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise ValueError(
                "is neither a kubeconfig, nor one in base64, nor a file that is visible here"
            ) from None
    if not _is_kubeconfig(text):
        raise ValueError("is not a kubeconfig (no clusters and contexts in it)")
    return text


def context_namespace(kubeconfig: str, context: str) -> str:
    """The namespace of the chosen context, or empty.

    Raises:
        ValueError: there is no such context.
    """
    document = yaml.safe_load(kubeconfig)
    name = context or document.get("current-context", "")
    contexts = {item.get("name"): item.get("context") or {} for item in document["contexts"]}
    if name not in contexts:
        known = ", ".join(f"`{known}`" for known in contexts)
        raise ValueError(f"the kubeconfig has no context `{name}`; it has {known}")
    return str(contexts[name].get("namespace") or "")


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # content is longer than a path may be
        return False


def _is_kubeconfig(text: str) -> bool:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError:
        return False
    return (
        isinstance(document, dict)
        and isinstance(document.get("clusters"), list)
        and isinstance(document.get("contexts"), list)
    )


def _inside(workspace: Path, relative: str) -> Path:
    path = (workspace / relative).resolve()
    if not path.is_relative_to(workspace.resolve()):
        raise ValueError(f"`{relative}` leads out of the workspace")
    return path


def _text_file(workspace: Path, relative: str) -> str:
    path = _inside(workspace, relative)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"`{relative}` is not UTF-8 text") from None
    except OSError as error:
        raise ValueError(f"`{relative}` cannot be read ({error.strerror})") from None
    if not text.strip():
        raise ValueError(f"`{relative}` is empty")
    return text


def _policy(inputs: Inputs, workspace: Path, namespace: str) -> Policy:
    file = inputs.policy_file
    return Policy.of(
        workspace,
        inputs.registry,
        namespace,
        read_policy(_text_file(workspace, file)) if file else None,
        allowed_images=inputs.allowed_images,
        allowed_deployments=inputs.allowed_deployments,
        rollout_timeout_s=int(inputs.rollout_timeout),
    )


def _pem(value: str, workspace: Path) -> str:
    text = value.strip()
    if not text:
        return ""
    if "-----BEGIN" not in text:
        path = workspace / text
        if not _is_file(str(path)):
            raise ValueError("is neither a PEM certificate nor a file that is visible here")
        text = path.read_text(encoding="utf-8", errors="replace")
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise ValueError("holds no PEM certificate")
    return text + "\n"


def _folder(workspace: Path, relative: str) -> Path:
    path = _inside(workspace, relative)
    if not path.is_dir():
        raise ValueError(f"`{relative}` is no folder in the workspace (is there a checkout step?)")
    return path
