"""The whole way from the sandbox to a real registry with a login, through the real docker."""

import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from devkit import images
from oi_deploy.broker.credentials import Credentials
from oi_deploy.broker.effects import Built, Pushed, Tagged
from oi_deploy.broker.policy import Policy
from tests.integration.contained import Contained, contained, needs_root, open_directory
from tests.integration.private_registry import PASSWORD, USERNAME, docker, private_registry

pytestmark = [needs_root, pytest.mark.docker]


def test_build_tag_and_push_without_holding_the_login(tmp_path: Path) -> None:
    program = shutil.which("docker")
    assert program
    local = f"oi-deploy-test-{uuid.uuid4().hex[:8]}"
    with private_registry(tmp_path) as site, open_directory() as base:
        workspace = base / "ws"
        workspace.mkdir()
        (workspace / "Dockerfile").write_text("FROM scratch\nCOPY app /app\n")
        (workspace / "app").write_text(local)
        remote = f"{site.host}/library/{local}:1"
        try:
            with contained(
                base,
                docker=Path(program),
                kubectl=Path("/nonexistent"),
                policy=Policy.of(workspace, f"{site.host}/library", "production"),
                credentials=Credentials(f"{site.host}/library", USERNAME, PASSWORD),
            ) as world:
                script = f"docker build -t {local}:1 . && docker tag {local}:1 {remote}"
                assert world.run(f"{script} && docker push {remote}").exit_code == 0
                build, tag, push = world.journal.entries
                assert [type(effect) for effect in build.effects] == [Built]
                assert tag.effects == (Tagged(f"{local}:1", remote),)
                (pushed,) = world.journal.pushed()
                assert push.effects == (pushed,) == (Pushed(remote, pushed.digest),)
                docker("rmi", remote)
                docker("pull", f"{site.host}/library/{local}@{pushed.digest}",
                       config=site.docker_config)  # fmt: skip
                # The real docker, called by its path, has neither the socket nor the login.
                direct = world.run(program, "push", remote)
                assert direct.exit_code == 1
                assert "permission denied" in direct.output
                # A name without a registry is the run's own; it is gone at the end, see below.
                assert local in docker("images", "--format", "{{.Repository}}")
                # Docker makes no image of nothing.
                assert world.run(f"echo FROM scratch | docker build -t {remote} -").exit_code == 1
                assert world.journal.entries[-1].effects == ()
            assert local not in docker("images", "--format", "{{.Repository}}").split()
            assert f"{site.host}/library/{local}" in docker("images", "--format", "{{.Repository}}")
        finally:
            found = docker("images", "--quiet", "--filter", f"reference=*/*/{local}").split()
            found += docker("images", "--quiet", "--filter", f"reference={local}").split()
            subprocess.run(["docker", "rmi", "--force", *set(found)], capture_output=True)


@pytest.fixture
def world() -> Iterator[Contained]:
    """A workspace, and the real docker behind the broker; no registry."""
    program = shutil.which("docker")
    assert program
    with open_directory() as base:
        workspace = base / "ws"
        workspace.mkdir()
        (workspace / "Dockerfile").write_text("FROM scratch\n")
        policy = Policy.of(workspace, "127.0.0.1:1/library", "production")
        with contained(base, docker=Path(program), kubectl=Path("/x"), policy=policy) as opened:
            yield opened


@pytest.fixture
def base_image(tmp_path: Path) -> Iterator[str]:
    """A small image with a shell, which is there before the run."""
    name = f"oi-deploy-base-{uuid.uuid4().hex[:8]}:1"
    (tmp_path / "Dockerfile").write_text(f"FROM {images.PYTHON}\nENV A=before\n")
    docker("build", "-q", "-t", name, str(tmp_path))
    yield name
    docker("rmi", "--force", name)


def test_what_was_built_can_be_tried_without_network_or_privileges(
    world: Contained, base_image: str
) -> None:
    dockerfile = world.workspace / "Dockerfile"
    dockerfile.write_text(f"FROM {base_image}\nRUN echo hello > /hello\n")
    assert world.run("docker build -t try:1 .").exit_code == 0
    shown = world.run("docker run --rm try:1 cat /hello /proc/self/status /proc/net/dev").output
    assert shown.startswith("hello\n")
    assert "CapEff:\t0000000000000000" in shown
    assert "NoNewPrivs:\t1" in shown
    assert "eth0" not in shown
    assert world.run("docker run try:1 sh -c 'exit 7'").exit_code == 7
    assert world.run(f"docker run {base_image} true").exit_code == 126
    names = [entry.decision.container for entry in world.journal.entries]
    left = docker("ps", "--all", "--format", "{{.Names}}").split()
    assert not set(filter(None, names)) & set(left)


def test_a_build_that_fails_leaves_no_container(world: Contained, base_image: str) -> None:
    before = set(docker("ps", "--all", "--quiet").split())
    (world.workspace / "Dockerfile").write_text(
        f"FROM {base_image}\nRUN echo {base_image}; exit 3\n"
    )
    assert world.run("docker build -t try:1 .").exit_code != 0
    assert set(docker("ps", "--all", "--quiet").split()) <= before


def test_a_try_that_does_not_end_is_killed_with_its_container(
    world: Contained, base_image: str
) -> None:
    (world.workspace / "Dockerfile").write_text(f"FROM {base_image}\nENV B=1\n")
    assert world.run("docker build -t try:2 .").exit_code == 0
    world.run("docker run try:2 sleep 3000", timeout_s=4)
    deadline = time.monotonic() + 30
    while not (tried := [entry for entry in world.journal.entries if entry.decision.container]):
        time.sleep(0.2)
    name = tried[0].decision.container
    while docker("ps", "--all", "--quiet", "--filter", f"name={name}").split():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_somebody_else_s_image_keeps_its_name(world: Contained, base_image: str) -> None:
    before = docker("images", "--quiet", base_image)
    (world.workspace / "Dockerfile").write_text(f"FROM {base_image}\nENV A=poisoned\n")
    result = world.run(f"docker build -t {base_image} .")
    assert (result.exit_code, world.journal.entries[-1].decision.rule) == (
        126,
        "docker.build.taken",
    )
    assert world.run(f"docker build -t mine:1 . && docker tag mine:1 {base_image}").exit_code == 126
    assert docker("images", "--quiet", base_image) == before
    # Its own name may be built again.
    assert world.run("docker build -t mine:1 .").exit_code == 0


def test_a_build_sends_only_what_the_model_s_user_may_read(
    world: Contained, base_image: str
) -> None:
    for name, mode in (("private", 0o600), ("public", 0o644)):
        file = world.workspace / name
        file.write_text("root's")
        file.chmod(mode)
    (world.workspace / "Dockerfile").write_text(f"FROM {base_image}\nCOPY public /x\n")
    assert world.run("docker build -t mine:1 .").exit_code == 126
    assert "private cannot be read" in world.journal.entries[-1].output
    (world.workspace / ".dockerignore").write_text("private\n")
    assert world.run("docker build -t mine:1 .").exit_code == 0


def test_a_link_that_is_swapped_in_leads_nowhere(world: Contained, base_image: str) -> None:
    (world.workspace / "Dockerfile").write_text(f"FROM {base_image}\nCOPY data /data\n")
    secret = world.workspace.parent / "secret"
    secret.write_text("only root may read this")
    secret.chmod(0o600)
    script = """
(while :; do ln -sfn SECRET data.new; mv -fT data.new data
 rm -f data; echo mine > data; done) &
# The link is there at any moment with about even odds, and a build that meets it is refused.
built=0
for i in $(seq 64); do
  docker build -q -t swap:$i . >/dev/null 2>&1 || continue
  docker run --rm swap:$i cat /data || true
  built=$((built + 1)); [ $built -lt 4 ] || break
done
kill %1
"""
    output = world.run(script.replace("SECRET", str(secret)), timeout_s=120).output
    assert "mine" in output
    assert "only root" not in output
