"""The whole way from the sandbox to a real registry with a login, through the real docker."""

import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

from oi_deploy.broker.credentials import Credentials
from oi_deploy.broker.effects import Built, Pushed, Tagged
from oi_deploy.broker.policy import Policy
from tests.integration.contained import contained, needs_root, open_directory
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
                # Docker makes no image of nothing.
                assert world.run(f"echo FROM scratch | docker build -t {remote} -").exit_code == 1
                assert world.journal.entries[-1].effects == ()
        finally:
            found = docker("images", "--quiet", "--filter", f"reference=*/*/{local}").split()
            found += docker("images", "--quiet", "--filter", f"reference={local}").split()
            subprocess.run(["docker", "rmi", "--force", *set(found)], capture_output=True)
