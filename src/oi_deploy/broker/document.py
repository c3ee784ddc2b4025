"""The policy as a document: what a workflow's author can allow, in version 1.

The inputs `registry`, `allowed-images`, `namespace` and `allowed-deployments` are its short form.
What a document leaves out is filled in from them, or with the least that a build, a push and a
rollout need. `policy.schema.json` beside this file is its published JSON schema.
"""

import fnmatch
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from oi_deploy.broker import strict_yaml

Verb = Literal["read", "set-image", "scale", "rollout", "apply", "create", "patch"]
Kind = Literal[
    "*", "deployment", "replicaset", "pod", "service", "configmap", "event", "endpoints",
    "endpointslice", "ingress", "statefulset", "daemonset", "job", "cronjob",
    "horizontalpodautoscaler", "persistentvolumeclaim", "namespace",
]  # fmt: skip
# What can be changed at all, by which kind.
CHANGES: Mapping[str, frozenset[Verb]] = {
    "deployment": frozenset({"set-image", "scale", "rollout", "apply", "create", "patch"}),
    "service": frozenset({"apply", "create"}),
    "configmap": frozenset({"apply", "create"}),
}

_REPOSITORY = re.compile(r"\*|[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?(/[a-z0-9._-]+)*(/\*)?")
_NAME = re.compile(r"[a-z0-9*]([a-z0-9.*-]{0,251}[a-z0-9*])?")
_LOCAL = re.compile(r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
_SIZE = re.compile(r"([0-9]+)(Ki|Mi|Gi)")


def _matching(pattern: re.Pattern[str], what: str) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"`{text}` is not {what}")
        return text

    return AfterValidator(check)


def size(text: str) -> int:
    """Bytes in `512Mi` or `4Gi`."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"`{text}` is not a size such as 512Mi or 4Gi")
    return int(match[1]) << {"Ki": 10, "Mi": 20, "Gi": 30}[match[2]]


def _size(text: str) -> str:
    size(text)
    return text


Repository = Annotated[str, _matching(_REPOSITORY, "a repository with its registry, `…/*`, or `*`")]
Name = Annotated[str, _matching(_NAME, "the name of a resource (`*` stands for any text)")]
LocalName = Annotated[str, _matching(_LOCAL, "the name of an image without registry and tag")]
Size = Annotated[str, AfterValidator(_size)]
Count = Annotated[int, Field(ge=1)]


class Part(BaseModel):
    """A section of the document: unknown fields are mistakes."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=lambda name: name.replace("_", "-")
    )


class Images(Part):
    """Which image repositories may be used, and for what."""

    push: tuple[Repository, ...] | None = Field(
        default=None,
        description="may be built, tagged and pushed; everything under `registry` if left out",
    )
    pull: tuple[Repository, ...] | None = Field(
        default=None, description="may be pulled, or named by FROM; what may be pushed if left out"
    )
    base: tuple[Repository, ...] = Field(
        default=("*",),
        description="images of other registries that FROM and COPY --from may name; any if left "
        "out. What lies in the registry's own host needs `pull`.",
    )
    local: tuple[LocalName, ...] = Field(
        default=(),
        description="names without a registry that belong to this workflow: they may be "
        "overwritten, and stay in the engine after the run",
    )


class Build(Part):
    """How images may be built."""

    network: Literal["default", "none"] = Field(
        default="default", description="the network of RUN steps: the engine's default one, or none"
    )
    arguments: tuple[str, ...] = Field(
        default=("*",), description="names of build arguments that may be given"
    )
    memory: Size = Field(default="4Gi", description="memory of each RUN step")


class SmokeTest(Part):
    """`docker run` of an image that this run has built."""

    allowed: bool = True
    memory: Size = Field(default="512Mi", description="memory of the container")
    seconds: Count = Field(default=60, description="the container is killed after that time")


class Rule(Part):
    """What may be done with some resources of one namespace."""

    kinds: tuple[Kind, ...] = Field(description="kinds of resources; `*` is all readable ones")
    names: tuple[Name, ...] = Field(default=("*",), description="names; `*` stands for any text")
    verbs: tuple[Verb, ...] = Field(description="what may be done")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        for kind in self.kinds:
            for verb in self.verbs:
                if verb != "read" and verb not in CHANGES.get(kind, ()):
                    raise ValueError(f"`{verb}` cannot be allowed for the kind `{kind}`")
        return self


class Manifests(Part):
    """What manifests and patches may name beyond what a Deployment had before the run."""

    secrets: tuple[Name, ...] = Field(
        default=(), description="Secrets that a pod may mount or read"
    )
    service_accounts: tuple[Name, ...] = Field(default=(), description="service accounts of pods")


class Limits(Part):
    """What one script of the model may use."""

    processes: Count = 512
    memory: Size = "4Gi"
    disk: Size = "10Gi"
    file_size: Size = "8Gi"
    open_files: Count = 4096
    cpu_seconds: Count = 3600


class Document(Part):
    """The whole policy."""

    version: Literal[1]
    images: Images = Images()
    build: Build = Build()
    run: SmokeTest = SmokeTest()
    namespaces: Mapping[str, tuple[Rule, ...]] | None = Field(
        default=None,
        description="rules by namespace; reading everything but Secrets, and `set-image`, `scale` "
        "and `rollout` of Deployments in the input `namespace` if left out",
    )
    manifests: Manifests = Manifests()
    network: Literal["none", "open"] = Field(
        default="none", description="the network of the model's code (not of images that are built)"
    )
    limits: Limits = Limits()

    def permits(self, namespace: str, kind: str, name: str, verb: str) -> bool:
        """Whether a rule allows this; an empty name means all resources of the kind."""
        return any(
            verb in rule.verbs
            and any(known in ("*", kind) for known in rule.kinds)
            and any(_covers(pattern, name) for pattern in rule.names)
            for rule in (self.namespaces or {}).get(namespace, ())
        )

    @property
    def digest(self) -> str:
        """A digest of everything that the document says, whatever way it is written."""
        text = json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True)
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _covers(pattern: str, name: str) -> bool:
    return pattern == "*" if not name else fnmatch.fnmatchcase(name, pattern)


def read(text: str) -> Document:
    """Read a policy file.

    Raises:
        ValueError: with one line for each mistake in it.
    """
    documents = strict_yaml.load_all(text)
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise ValueError("it is not a policy: it must begin with `version: 1`")
    try:
        return Document.model_validate(documents[0])
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in item['loc']) or 'policy'}: "
            + str(item["msg"]).removeprefix("Value error, ")
            for item in error.errors()
        ]
        raise ValueError("it is not a valid policy:\n  " + "\n  ".join(lines)) from None


def settle(
    document: Document | None,
    *,
    registry: str,
    namespace: str,
    allowed_images: Sequence[str] = (),
    allowed_deployments: Sequence[str] = (),
) -> Document:
    """Fill in from the inputs what a document leaves out.

    Raises:
        ValueError: the document and the inputs say different things about the same, or it allows
            changes where nothing would verify them.
    """
    given = document or Document(version=1)
    if given.images.push is not None and allowed_images:
        raise ValueError("it says `images.push`, and the input `allowed-images` is given too")
    if given.namespaces is not None and allowed_deployments:
        raise ValueError("it says `namespaces`, and the input `allowed-deployments` is given too")
    push = given.images.push
    if push is None:
        push = tuple(allowed_images) or ((registry,) if registry else ())
    pull = given.images.pull if given.images.pull is not None else push
    namespaces = given.namespaces
    if namespaces is None:
        names = tuple(allowed_deployments) or ("*",)
        changes: tuple[Verb, ...] = ("set-image", "scale", "rollout")
        namespaces = {
            namespace: (
                Rule(kinds=("*",), verbs=("read",)),
                Rule(kinds=("deployment",), names=names, verbs=changes),
            )
        }
    for other, rules in namespaces.items():
        if other != namespace and any(set(rule.verbs) - {"read"} for rule in rules):
            raise ValueError(
                f"it allows changes in the namespace `{other}`, but a run verifies only its own, "
                f"`{namespace}`; use one step for each namespace"
            )
    images = given.images.model_copy(update={"push": push, "pull": pull})
    return given.model_copy(update={"images": images, "namespaces": namespaces})


def schema() -> dict[str, Any]:
    """The JSON schema of a policy file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "oi-deploy policy, version 1",
        **{key: value for key, value in Document.model_json_schema().items() if key != "title"},
    }
