"""Image references, read as the Docker engine reads them, and compared with the policy."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from oi_deploy.broker.request import Known, NamesNeeded, Policy, Refused

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
# The engine looks for an id that begins like this, however short it is (moby, image/store.go).
_IMAGE_ID = re.compile(r"(?:sha256:)?[0-9a-f]{1,64}")


SHORT_ID = 12
_HUB = ("docker.io", "index.docker.io")


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
    def full(self) -> str:
        """The repository with nothing left out: `docker.io/library/python`."""
        path = self.path if self.host or "/" in self.path else f"library/{self.path}"
        return f"{self.host or 'docker.io'}/{path}"

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
    host, path = (first, rest) if slash and _is_host(first) else ("", match["name"])
    if host in ("", *_HUB):
        plain = path.removeprefix("library/")
        path = plain if "/" not in plain else path
        # `docker.io/other.example.com/app` would mean another registry without its host.
        host = "docker.io" if _is_host(path.partition("/")[0]) and "/" in path else ""
    if len(path) > 255:
        return None
    return Image(host, path, match["tag"] or "", match["digest"] or "")


def _is_host(part: str) -> bool:
    """Whether the first part of a name is one (`splitDockerDomain` of distribution/reference)."""
    return "." in part or ":" in part or part == "localhost" or part != part.lower()


def is_image_id(text: str) -> bool:
    """Whether the text could be the id of an image, or the beginning of one."""
    return _IMAGE_ID.fullmatch(text) is not None


def is_allowed(policy: Policy, image: Image) -> bool:
    """Whether the repository may be built, tagged and pushed.

    Whole path parts are compared: `harbor.example.com/library` allows neither
    `harbor.example.com/library-x/app` nor `harbor.example.com.evil.io/library/app`.
    """
    return _is_under(policy.images, image)


def may_pull(policy: Policy, image: Image) -> bool:
    """Whether the repository may be pulled."""
    return _is_under(policy.pulls, image)


def may_be_base(policy: Policy, known: Known, image: Image) -> bool:
    """Whether a Dockerfile may start from the image, or copy out of it.

    The engine pulls it with the broker's login, so in the policy's own registry only what may be
    pulled will do, however many other repositories that login can read.
    """
    if canonical(image) in known.built or may_pull(policy, image):
        return True
    own = {_place(place).partition("/")[0] for place in (policy.registry, *policy.images)}
    own |= {_place(place).partition("/")[0] for place in policy.pulls}
    # Docker Hub is everybody's.
    is_own = image.full.partition("/")[0] in own - {"docker.io"}
    return not is_own and _is_under(policy.document.images.base, image)


def _is_under(places: Iterable[str], image: Image) -> bool:
    return any(_covers(place, image.full) for place in places)


def _covers(place: str, repository: str) -> bool:
    if place == "*":
        return True
    prefix = _place(place)
    return bool(prefix) and (repository == prefix or repository.startswith(f"{prefix}/"))


def _place(text: str) -> str:
    """An entry of a policy with nothing left out: a host, a path below one, or a repository."""
    path = text.removesuffix("/*").rstrip("/")
    if not path:
        return ""
    first, _, rest = path.partition("/")
    if _is_host(first):
        return "/".join(filter(None, ["docker.io" if first in _HUB else first, rest]))
    # Without a host, one word is a repository of Docker Hub's own, unless it is said to go on.
    return f"docker.io/{path}" if "/" in text else f"docker.io/library/{path}"


def canonical(image: Image) -> str:
    """The reference with its tag, as the engine keeps it."""
    return f"{image.repository}:{image.tag or 'latest'}"


def built_id(known: Known, text: str) -> str:
    """The id of an image that this run has built, by reference or id; else empty.

    An id has twelve digits at least, as docker prints it: fewer may be those of another image too.
    """
    wanted = text.removeprefix("sha256:")
    if is_image_id(text) and len(wanted) >= SHORT_ID:
        for image_id in known.built.values():
            found = image_id.removeprefix("sha256:")
            if found.startswith(wanted) or wanted.startswith(found):
                return image_id
    image = read(text)
    return known.built.get(canonical(image), "") if image and not image.digest else ""


def _is_local(policy: Policy, image: Image) -> bool:
    """Whether the name, which has no registry, belongs to the workflow."""
    return not image.host and image.path in policy.document.images.local


def require_free(policy: Policy, known: Known, image: Image, rule: str, advice: str) -> None:
    """Refuse a name without a registry that somebody else's image has in the engine.

    Whoever builds `FROM python:3.11` on the same engine gets what was tagged with that name last.

    Raises:
        NamesNeeded: the engine was not asked for its names yet.
    """
    if known.taken is None:
        raise NamesNeeded
    if canonical(image) in known.taken and not _is_local(policy, image):
        raise Refused(
            rule,
            f"the engine has an image {canonical(image)} that this run did not make",
            *([advice.format(image=under_registry(policy, image))] if policy.images else []),
        )


def require_source(policy: Policy, known: Known, text: str, rule: str) -> None:
    """Refuse an image that may not get another name (and be pushed under it)."""
    image = read(text)
    mine = built_id(known, text) or (
        image and (may_pull(policy, image) or _is_local(policy, image))
    )
    if not mine:
        places = " or ".join(policy.pulls)
        raise Refused(
            rule,
            f"{text} is neither built by this run" + (f" nor under {places}" if places else ""),
        )


def require_visible(policy: Policy, known: Known, text: str, rule: str) -> None:
    """Refuse to show an image that is neither this run's, nor of the registry, nor a base image."""
    image = None if is_image_id(text) else read(text)
    if not built_id(known, text) and not (image and (not image.host or may_pull(policy, image))):
        raise Refused(rule, f"the image {text} is not one that this run may see")


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
