import pytest

from oi_deploy.verify.reference import Reference, digest_of_image_id, parse, same_image

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "harbor.example.com/library/myapp:4aa6db3",
            Reference("harbor.example.com", "library/myapp", "4aa6db3"),
        ),
        ("10.0.0.1:5443/app:1", Reference("10.0.0.1:5443", "app", "1")),
        ("localhost/app", Reference("localhost", "app", "latest")),
        ("nginx", Reference("docker.io", "library/nginx", "latest")),
        ("team/app:1", Reference("docker.io", "team/app", "1")),
        ("index.docker.io/nginx", Reference("docker.io", "library/nginx", "latest")),
        (f"h.io/a/b@{DIGEST}", Reference("h.io", "a/b", "", DIGEST)),
        (f"h.io/a/b:1@{DIGEST}", Reference("h.io", "a/b", "1", DIGEST)),
    ],
)
def test_reads_references_as_docker_does(text: str, expected: Reference) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "h.io/App:1", "h.io/app:", "h.io/app:-1", "h.io/app@sha256:12", "h.io/a//b", "a b"]
)
def test_refuses_what_is_no_reference(text: str) -> None:
    with pytest.raises(ValueError, match=r"reference|digest|tag"):
        parse(text)


def test_same_image_looks_through_the_spelling() -> None:
    assert same_image("nginx", "docker.io/library/nginx:latest")
    assert not same_image("h.io/app:1", "h.io/app:2")
    assert not same_image("h.io/app:1", "h.io:5000/app:1")
    assert not same_image(f"h.io/app@{DIGEST}", f"h.io/app@sha256:{'b' * 64}")


@pytest.mark.parametrize(
    "image_id",
    [
        f"docker-pullable://h.io/app@{DIGEST}",
        f"h.io/app@{DIGEST}",
        f"docker://{DIGEST}",
        DIGEST,
    ],
)
def test_finds_the_digest_in_every_form_of_a_pods_image_id(image_id: str) -> None:
    assert digest_of_image_id(image_id) == DIGEST


def test_an_image_id_without_a_digest_has_none() -> None:
    assert digest_of_image_id("") == ""
    assert digest_of_image_id("h.io/app:1") == ""
