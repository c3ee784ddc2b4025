"""What is asked of the broker, what it knows, what it may answer, and what was allowed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from oi_deploy.broker.document import Document, Verb, settle

Tool = Literal["docker", "kubectl"]


@dataclass(frozen=True)
class Policy:
    """What the model's code may do with docker and kubectl, in one run.

    Attributes:
        workspace: directory that build contexts and manifests must be in.
        registry: `host[:port][/path]` that images are pushed to.
        namespace: the namespace that a command works in when it names none.
        document: what is allowed, with nothing left out (`document.settle`).
        rollout_timeout_s: seconds that a `kubectl rollout status` without `--timeout` waits.
    """

    workspace: Path
    registry: str
    namespace: str
    document: Document
    rollout_timeout_s: int = 300

    @classmethod
    def of(
        cls,
        workspace: Path,
        registry: str,
        namespace: str,
        document: Document | None = None,
        *,
        allowed_images: tuple[str, ...] = (),
        allowed_deployments: tuple[str, ...] = (),
        rollout_timeout_s: int = 300,
    ) -> Self:
        """The policy that inputs and, if there is one, a policy file make together.

        Raises:
            ValueError: they contradict each other; see `document.settle`.
        """
        settled = settle(
            document,
            registry=registry,
            namespace=namespace,
            allowed_images=allowed_images,
            allowed_deployments=allowed_deployments,
        )
        return cls(workspace, registry, namespace, settled, rollout_timeout_s)

    @property
    def images(self) -> tuple[str, ...]:
        """The repositories that may be built, tagged and pushed."""
        return self.document.images.push or ()

    @property
    def pulls(self) -> tuple[str, ...]:
        """The repositories that may be pulled."""
        return self.document.images.pull or ()

    def permits(self, kind: str, name: str, verb: Verb) -> bool:
        """Whether a rule of the command's namespace allows this; no name means all of the kind."""
        return self.document.permits(self.namespace, kind, name, verb)


@dataclass(frozen=True)
class Request:
    """One command as the shim sent it; `argv` is without the program's name."""

    tool: Tool
    argv: tuple[str, ...]
    cwd: str
    stdin: bytes = b""


class NamesNeeded(Exception):  # noqa: N818 - not an error: decide again, with `Known.taken`
    """The decision depends on the engine's local names, which most commands do not."""


@dataclass(frozen=True)
class Known:
    """What the broker knows about the world when it decides.

    Attributes:
        taken: names without a registry that the engine has and this run did not make, with tags;
            None as long as the engine was not asked, see `NamesNeeded`.
        built: images that this run has built, or given another name: reference -> image id.
        mounted: what Deployments had when the run began: name -> `secret/NAME` and
            `serviceaccount/NAME`.
        container: the name that a container of this request would get.
        run: the id of the container that the run is in; empty if it is in none.
    """

    taken: frozenset[str] | None = frozenset()
    built: Mapping[str, str] = field(default_factory=dict)
    mounted: Mapping[str, frozenset[str]] = field(default_factory=dict)
    container: str = "oi-deploy-smoke-test"
    run: str = ""


@dataclass(frozen=True)
class BuildContext:
    """What a build sends to the engine.

    Attributes:
        directory: a directory of the workspace; None when there is only a Dockerfile.
        dockerfile: the Dockerfile's path in the context.
        content: the Dockerfile itself, when it comes from elsewhere.
        arguments: the build arguments.
    """

    directory: Path | None
    dockerfile: str
    content: bytes | None
    arguments: Mapping[str, str]


@dataclass(frozen=True)
class Decision:
    """The answer of the policy to one request.

    Attributes:
        allowed: whether the request passes.
        rule: stable name of the rule that decided, for the journal.
        reason: for people and the model; empty for a plain pass.
        alternatives: complete command lines that would be allowed instead.
        argv: what really runs, without the program's name; empty when nothing runs.
        stdin: what the command gets on its standard input.
        context: what a build gets there instead; its Dockerfile is still to be checked.
        mutates: whether the command changes an image store, the registry or the cluster.
        answer: text that is given back without running anything (`docker login`).
        images: references that a build names, a tag creates or a push sends.
        container: name of the container that the command starts; it is removed at the end.
        seconds: time limit of the command; None for that of all commands.
    """

    allowed: bool
    rule: str
    reason: str = ""
    alternatives: tuple[str, ...] = ()
    argv: tuple[str, ...] = ()
    stdin: bytes = b""
    context: BuildContext | None = None
    mutates: bool = False
    answer: str = ""
    images: tuple[str, ...] = ()
    container: str = ""
    seconds: float | None = None


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """A rule says no; `decide` turns it into a Decision."""

    def __init__(self, rule: str, reason: str, *alternatives: str) -> None:
        """Keep the parts of the Decision."""
        self.rule = rule
        self.reason = reason
        self.alternatives = alternatives
        super().__init__(reason)

    @property
    def decision(self) -> Decision:
        """The same as an answer; a file's name in it may be no text."""
        reason, *alternatives = (
            text.encode(errors="backslashreplace").decode()
            for text in (self.reason, *self.alternatives)
        )
        return Decision(False, self.rule, reason, tuple(dict.fromkeys(alternatives)))
