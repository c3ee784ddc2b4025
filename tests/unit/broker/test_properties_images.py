"""An image is under an allowed path only if docker itself would look for it there.

The second reading is a transcript of `ParseNormalizedNamed` and `splitDockerDomain` of
https://github.com/distribution/reference/blob/v0.6.0/normalize.go, without regular expressions.
"""

import string
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oi_deploy.broker import images
from oi_deploy.broker.policy import Policy
from tests.unit.broker.settings import steady

LOWER = string.ascii_lowercase + string.digits
ALNUM = string.ascii_letters + string.digits

# An entry of the policy, and the domain and path that everything under it has for docker.
PLACES = {
    "harbor.example.com/library": ("harbor.example.com", "library/"),
    "harbor.example.com/library/*": ("harbor.example.com", "library/"),
    "harbor.example.com/library/": ("harbor.example.com", "library/"),
    "harbor.example.com:8443/team/app": ("harbor.example.com:8443", "team/app/"),
    "harbor.example.com": ("harbor.example.com", ""),
    "localhost/x": ("localhost", "x/"),
    "docker.io/team": ("docker.io", "team/"),
    "index.docker.io/team": ("docker.io", "team/"),
    "team/*": ("docker.io", "team/"),
    "docker.io/library/app": ("docker.io", "library/app/"),
    "app": ("docker.io", "library/app/"),
}
PIECES = (
    *("harbor.example.com", "harbor.example.com:8443", "harbor.example.com.evil.io", "localhost"),
    *("docker.io", "index.docker.io", "HARBOR.example.com", "evil.io", "team", "library", "app"),
    *("library-x", "x", "Harbor", "a_b", "a__b", "a--b", "a..b", "", ".", "..", "%2e", "app:1"),
    *("@sha256:" + "0" * 64, "é", "app\n", " app", "-a", "a-", "a.", "abcdefabcdef", "[::1]"),
)


def is_part(text: str) -> bool:
    """`[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*`, read letter by letter."""
    separator = ""
    for letter in text:
        if letter in LOWER:
            if separator not in ("", ".", "_", "__") and set(separator) != {"-"}:
                return False
            separator = ""
        elif letter in "._-":
            separator += letter
        else:
            return False
    return bool(text) and text[0] in LOWER and not separator


def is_domain(text: str) -> bool:
    """A host name with an optional port; IPv6 is left out, as the broker does."""
    host, colon, port = text.partition(":")
    if colon and not (port and all(digit in string.digits for digit in port)):
        return False
    return all(
        label and set(label) <= {*ALNUM, "-"} and label[0] != "-" and label[-1] != "-"
        for label in host.split(".")
    )


def normalized(text: str) -> tuple[str, str, str, str] | None:
    """Domain, path, tag and digest as docker has them; None for what it refuses."""
    if len(text) == 64 and all(letter in "0123456789abcdef" for letter in text):
        return None
    first, slash, rest = text.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first.lower() != first):
        domain, remainder = first, rest
    else:
        domain, remainder = "docker.io", text
    if domain == "index.docker.io":
        domain = "docker.io"
    if domain == "docker.io" and "/" not in remainder:
        remainder = f"library/{remainder}"
    name, at, digest = remainder.partition("@")
    if at and not (digest.startswith("sha256:") and len(digest) == 71
                   and set(digest[7:]) <= set("0123456789abcdef")):  # fmt: skip
        return None
    path, colon, tag = name.partition(":")
    if colon and not (
        0 < len(tag) <= 128 and tag[0] in ALNUM + "_" and set(tag) <= {*ALNUM, "_", ".", "-"}
    ):
        return None
    if len(path) > 255 or not is_domain(domain):
        return None
    return (domain, path, tag, digest) if all(map(is_part, path.split("/"))) else None


REFERENCES = st.one_of(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("/".join),
    st.tuples(st.sampled_from([*PLACES]), st.sampled_from(PIECES), st.text(max_size=3)).map(
        "".join
    ),
    st.text("ab.-_:/@0A", max_size=12),
)  # fmt: skip


@steady(1500)
@example("a" * 300)
@example("harbor.example.com/library/app\n")
@example("harbor.example.com/library/app:" + "a" * 128)
@example("harbor.example.com/library/app:" + "a" * 129)
@given(REFERENCES)
def test_a_reference_is_read_as_docker_reads_it(text: str) -> None:
    image, second = images.read(text), normalized(text)
    if images.is_image_id(text) and len(text) == 64:
        return  # an id, which is looked at before
    if image is None and second is not None:
        # Without `docker.io/` it would be the name of another image, so it may be refused.
        first = second[1].partition("/")[0]
        assert second[0] == "docker.io" and ("." in first or first == "localhost")
    assert image is None or second is not None
    if image is not None and second is not None:
        assert (image.tag, image.digest) == second[2:]
        assert normalized(image.repository) == (*second[:2], "", "")


@pytest.mark.parametrize("allowed", PLACES)
@steady(400)
@given(text=REFERENCES)
def test_what_is_allowed_really_is_there(allowed: str, text: str) -> None:
    policy = Policy.of(Path("/ws"), "harbor.example.com/library", "x", allowed_images=(allowed,))
    image = images.read(text)
    if image is None or not images.is_allowed(policy, image):
        return
    second = normalized(text)
    assert second is not None
    domain, path = PLACES[allowed]
    assert second[0] == domain and f"{second[1]}/".startswith(path)


@pytest.mark.parametrize("allowed", PLACES)
def test_everything_that_is_there_is_allowed(allowed: str) -> None:
    policy = Policy.of(Path("/ws"), "harbor.example.com/library", "x", allowed_images=(allowed,))
    domain, path = PLACES[allowed]
    for rest in ("app", "a/b", "a/b/c:1"):
        image = images.read(f"{domain}/{path}{rest}")
        assert image is not None and images.is_allowed(policy, image)
    # The entry itself, where it can be a repository.
    if path.count("/") > 1 or (path and domain != "docker.io"):
        image = images.read(f"{domain}/{path.rstrip('/')}:2")
        assert image is not None and images.is_allowed(policy, image)
