"""Reading a real registry that has a login and a CA of its own."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from devkit import tls
from oi_deploy.errors import RunError
from oi_deploy.verify.reference import Reference, parse
from oi_deploy.verify.registry import Registry

from .private_registry import PASSWORD, USERNAME, Site, docker, private_registry

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with private_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def registry(site: Site) -> Iterator[Registry]:
    one = Registry(site.host, username=USERNAME, password=PASSWORD, ca=site.ca)
    yield one
    one.close()


@pytest.fixture(scope="module")
def image(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reference]:
    """A pushed image with nothing but one file in it."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "version").write_text("1")
    with tarfile.open(folder / "root.tar", "w") as archive:
        archive.add(folder / "version", "version")
    name = f"{site.host}/library/tiny:1"
    docker("import", str(folder / "root.tar"), name)
    digest = site.push(name)
    yield parse(f"{name}@{digest}")
    docker("rmi", "--force", name)


def tagged(image: Reference, tag: str) -> Reference:
    return Reference(image.registry, image.repository, tag)


def test_the_digest_is_what_docker_push_printed(registry: Registry, image: Reference) -> None:
    assert registry.digest(tagged(image, "1")) == image.digest
    assert registry.digest(image) == image.digest


def test_the_image_id_that_a_runtime_may_report_is_one_of_its_identities(
    registry: Registry, image: Reference
) -> None:
    image_id = docker("image", "inspect", "--format", "{{.Id}}", str(tagged(image, "1")))
    assert {image.digest, image_id} <= registry.identities(tagged(image, "1"))


def test_what_was_not_pushed_is_not_there(registry: Registry, image: Reference) -> None:
    assert registry.digest(tagged(image, "2")) is None
    assert registry.digest(parse(f"{image.registry}/library/other:1")) is None


def test_tags(registry: Registry, site: Site, image: Reference) -> None:
    names = [f"{site.host}/library/many:{tag}" for tag in ("a", "b", "c")]
    for name in names:
        docker("tag", str(tagged(image, "1")), name)
        site.push(name)
    docker("rmi", *names)
    assert sorted(registry.tags("library/many")) == ["a", "b", "c"]
    assert registry.tags("library/none") == []


def test_the_wrong_password_names_the_inputs(site: Site) -> None:
    with pytest.raises(RunError) as caught:
        Registry(site.host, username=USERNAME, password="wrong-1", ca=site.ca).ping()
    assert "does not accept the login of `robot`" in str(caught.value)
    assert "`registry-password`" in caught.value.remedy
    assert "wrong-1" not in str(caught.value)


def test_no_login_names_the_inputs(site: Site) -> None:
    with pytest.raises(RunError, match="wants a login") as caught:
        Registry(site.host, ca=site.ca).ping()
    assert "`registry-username`" in caught.value.remedy


def test_an_unknown_ca_names_its_input(site: Site, tmp_path: Path) -> None:
    other, _ = tls.ensure_ca(tmp_path)
    for ca in (None, other):
        with pytest.raises(RunError, match="CA that is not known") as caught:
            Registry(site.host, username=USERNAME, password=PASSWORD, ca=ca).ping()
        assert "`registry-ca:" in caught.value.remedy


def test_a_ca_that_is_no_certificate_names_its_input(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("not a certificate")
    with pytest.raises(RunError, match="`registry-ca`"):
        Registry("harbor.example.com", ca=tmp_path / "ca.crt")


def test_nothing_listens(site: Site) -> None:
    host = f"{site.host.partition(':')[0]}:1"
    with pytest.raises(RunError, match="connection refused"):
        Registry(host, ca=site.ca).ping()
