"""Image references, read as Docker reads them."""

import re
from dataclasses import dataclass

_HUB = "docker.io"

# The grammar of https://github.com/distribution/reference (reference.go), without IPv6 hosts.
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]{32,}")


@dataclass(frozen=True)
class Reference:
    """One image reference.

    Attributes:
        registry: host with an optional port; `docker.io` when the text names none.
        repository: path in the registry, with Docker Hub's `library/` filled in.
        tag: may be empty if there is a digest; `latest` if the text has neither.
        digest: `sha256:...`, or empty.
    """

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """Registry and repository, without tag and digest."""
        return f"{self.registry}/{self.repository}"

    @property
    def selector(self) -> str:
        """What names the manifest within the repository: the digest, else the tag."""
        return self.digest or self.tag

    def __str__(self) -> str:
        """The full reference, as a Deployment may name it."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"


def parse(text: str) -> Reference:
    """Read one reference.

    Raises:
        ValueError: it is not one; the message says what is wrong with it.
    """
    rest, at, digest = text.strip().partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise ValueError(f"`{text}` has no valid digest after the @")
    head, slash, last = rest.rpartition("/")
    last, colon, tag = last.partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise ValueError(f"`{text}` has no valid tag after the last colon")
    registry, repository = _split_host(f"{head}{slash}{last}")
    if not _HOST.fullmatch(registry) or not _PATH.fullmatch(repository):
        raise ValueError(f"`{text}` is not an image reference (HOST/REPOSITORY:TAG)")
    if not tag and not digest:
        tag = "latest"
    return Reference(registry, repository, tag, digest)


def _split_host(name: str) -> tuple[str, str]:
    """Docker's rule: the first part is a host if it has a dot or a colon, or is `localhost`."""
    first, slash, rest = name.partition("/")
    if not slash or not (any(mark in first for mark in ".:") or first == "localhost"):
        first, rest = _HUB, name
    if first == "index.docker.io":
        first = _HUB
    if first == _HUB and "/" not in rest:
        rest = f"library/{rest}"
    return first, rest


def same_image(one: str, other: str) -> bool:
    """Whether two texts name the same tag (or, where both have one, digest) of one repository."""
    try:
        left, right = parse(one), parse(other)
    except ValueError:
        return one == other
    if left.name != right.name:
        return False
    if left.digest and right.digest:
        return left.digest == right.digest
    return left.tag == right.tag and left.tag != ""


def digest_of_image_id(image_id: str) -> str:
    """The digest in a pod's `imageID`, or empty.

    Runtimes write `docker-pullable://HOST/REPO@sha256:…`, `HOST/REPO@sha256:…`, `docker://sha256:…`
    or a bare `sha256:…`; the last two are the digest of the image's configuration, not of its
    manifest (https://github.com/kubernetes/kubernetes/issues/46255).
    """
    match = re.search(r"sha256:[0-9a-f]{64}\Z", image_id.strip())
    return match.group(0) if match else ""
