"""Image references, read as the Docker engine reads them, and compared with the policy."""

import re
from dataclasses import dataclass

from oi_deploy.broker.request import Policy, Refused

# The grammar of https://github.com/distribution/reference, without its rarely used IPv6 hosts.
_HOST = (
    r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*"
)
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_HOST}(?::[0-9]+)?/)?{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_IMAGE_ID = re.compile(r"(?:sha256:)?[0-9a-f]{12,64}")


@dataclass(frozen=True)
class Image:
    """A reference in parts; `host` is empty for Docker Hub and for names only known here."""

    host: str
    path: str
    tag: str
    digest: str

    @property
    def repository(self) -> str:
        """Host and path."""
        return f"{self.host}/{self.path}" if self.host else self.path

    @property
    def name(self) -> str:
        """The last part of the path with its tag: what a person calls the image."""
        return f"{self.path.rsplit('/', 1)[-1]}:{self.tag or 'latest'}"


def read(text: str) -> Image | None:
    """Read a reference; None when it is none."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        return None
    first, slash, rest = match["name"].partition("/")
    # The engine's rule for what is a host: https://github.com/distribution/reference
    # `splitDockerDomain`.
    is_host = slash and (
        "." in first or ":" in first or first == "localhost" or first != first.lower()
    )
    host, path = (first, rest) if is_host else ("", match["name"])
    if host in ("docker.io", "index.docker.io"):
        host, path = "", path.removeprefix("library/")
    if len(path) > 255:
        return None
    return Image(host, path, match["tag"] or "", match["digest"] or "")


def is_image_id(text: str) -> bool:
    """Whether the text is the (short) id of an image."""
    return _IMAGE_ID.fullmatch(text) is not None


def is_allowed(policy: Policy, image: Image) -> bool:
    """Whether the repository is one of the policy's, or in one of its paths.

    Whole path parts are compared: `harbor.example.com/library` allows neither
    `harbor.example.com/library-x/app` nor `harbor.example.com.evil.io/library/app`.
    """
    return any(_covers(prefix, image.repository) for prefix in policy.images)


def _covers(prefix: str, repository: str) -> bool:
    for hub in ("docker.io/", "index.docker.io/"):
        prefix = prefix.removeprefix(hub)
    prefix = prefix.removesuffix("/*").rstrip("/")
    return bool(prefix) and (repository == prefix or repository.startswith(f"{prefix}/"))


def under_registry(policy: Policy, image: Image) -> str:
    """The same image's name where it may be pushed, for advice."""
    prefix = policy.images[0].removesuffix("/*").rstrip("/")
    name, tag = image.name.split(":")
    # One entry may be a whole repository (`registry/team/app`), not a place for repositories.
    return f"{prefix}:{tag}" if prefix.rsplit("/", 1)[-1] == name else f"{prefix}/{name}:{tag}"


def require_allowed(policy: Policy, text: str, rule: str, *advice: str) -> Image:
    """Read a reference that must be under the allowed images.

    Args:
        policy: what is allowed.
        text: the reference.
        rule: name of the rule for a refusal.
        advice: command lines with `{image}` where the allowed reference goes.
    """
    if not any(policy.images):
        raise Refused(rule, "no image can leave this machine: the input registry is empty")
    image = read(text)
    if image is None:
        raise Refused(rule, f"{text!r} is not an image reference")
    if not is_allowed(policy, image):
        places = " or ".join(policy.images)
        better = under_registry(policy, image)
        raise Refused(
            rule,
            f"the image {text} is not allowed: images must be under {places}",
            *(line.format(image=better) for line in advice),
        )
    return image
